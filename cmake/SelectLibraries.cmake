# One imported target per third-party library; docs/dependencies.md says why each is here and who includes it.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
pkg_check_modules(YAML REQUIRED IMPORTED_TARGET yaml-0.1)
pkg_check_modules(GNUTLS REQUIRED IMPORTED_TARGET gnutls)
pkg_check_modules(DEFLATE REQUIRED IMPORTED_TARGET libdeflate)
pkg_check_modules(ZLIB REQUIRED IMPORTED_TARGET zlib)
# 7.87: a download that is cancelled need not wait for a name that is being looked up.
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl>=7.87)
# 0.9.75: answers made of several stretches, requests checked strictly.
pkg_check_modules(MICROHTTPD REQUIRED IMPORTED_TARGET libmicrohttpd>=0.9.75)
pkg_check_modules(PNG REQUIRED IMPORTED_TARGET libpng)
pkg_check_modules(ZIP REQUIRED IMPORTED_TARGET libzip)
if(VOX_ONEDNN)
    find_package(dnnl REQUIRED)
endif()
