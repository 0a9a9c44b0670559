# Read by cpack once for each kind of package.
if(CPACK_GENERATOR STREQUAL "DEB")
    set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
else()
    # In this order: the libraries are those of the program that is there.
    list(GET CPACK_INSTALL_CMAKE_PROJECTS 0 build)
    set(CPACK_INSTALL_CMAKE_PROJECTS
        ${build} ${CPACK_PACKAGE_NAME} program / ${build} ${CPACK_PACKAGE_NAME} carried /)
    set(CPACK_PRE_BUILD_SCRIPTS)
    set(CPACK_POST_BUILD_SCRIPTS)
endif()
