# cpack: three .deb, where Debian's tools are, and a .tar.gz that carries its libraries. docs/installing.md says how they
# are used. The version is that of the project.
set(VOX_PACKAGES OFF)
# A program that is passed on does not tell where it was built.
if(CMAKE_BUILD_TYPE STREQUAL "Release")
    target_compile_options(vox_flags INTERFACE -fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=)
endif()

find_program(VOX_DPKG_DEB dpkg-deb DOC "Writes .deb")
find_program(VOX_DPKG_QUERY dpkg-query DOC "Knows whose a library is, and its licence")
find_program(VOX_DPKG_SHLIBDEPS dpkg-shlibdeps DOC "Knows the packages that a program needs")
find_program(VOX_FILE file DOC "Tells programs from other files")
if(CMAKE_CROSSCOMPILING OR NOT VOX_DPKG_DEB OR NOT VOX_DPKG_QUERY OR NOT VOX_DPKG_SHLIBDEPS OR NOT VOX_FILE)
    message(STATUS "cpack makes no packages here: it needs dpkg-deb, dpkg-query, dpkg-shlibdeps and file")
    return()
endif()
set(VOX_PACKAGES ON)

set(VOX_PACKAGE_MAINTAINER "Voxlabel maintainers <maintainers@voxlabel.invalid>" CACHE STRING
    "Whom the packages name as their maintainer: name and address")
set(VOX_PACKAGE_REVISION 1 CACHE STRING "Number of the packages of one version")

# In the tarball the program finds its libraries beside itself; the older kind of path holds for the libraries of
# libraries too. Elsewhere that folder does not exist, and the .deb have no such path.
set_property(TARGET voxlabel APPEND_STRING PROPERTY LINK_FLAGS
    " -Wl,-rpath,'$ORIGIN/../lib/voxlabel',--disable-new-dtags")
install(CODE "
    set(vox_source \"${PROJECT_SOURCE_DIR}\")
    set(vox_version \"${PROJECT_VERSION}\")
    set(vox_dpkg_query \"${VOX_DPKG_QUERY}\")"
    COMPONENT carried EXCLUDE_FROM_ALL)
install(SCRIPT ${PROJECT_SOURCE_DIR}/cmake/packages/CarryLibraries.cmake COMPONENT carried EXCLUDE_FROM_ALL)

string(TOLOWER "${CMAKE_SYSTEM_NAME}-${CMAKE_SYSTEM_PROCESSOR}" system)
set(version ${PROJECT_VERSION}-${VOX_PACKAGE_REVISION})
set(CPACK_GENERATOR DEB TGZ)
set(CPACK_PACKAGE_NAME ${PROJECT_NAME})
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_FILE_NAME ${PROJECT_NAME}-${PROJECT_VERSION}-${system})
set(CPACK_PACKAGE_VENDOR ${PROJECT_NAME})
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_STRIP_FILES ON)
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_THREADS 0)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_PROJECT_CONFIG_FILE ${PROJECT_SOURCE_DIR}/cmake/packages/ConfigureGenerator.cmake)
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/cmake/packages/AddDebianFiles.cmake)
set(CPACK_POST_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/cmake/packages/AmendControl.cmake)
set(CPACK_COMPONENTS_ALL program library development)
# For the scripts.
set(CPACK_VOX_SOURCE ${PROJECT_SOURCE_DIR})
set(CPACK_VOX_VERSION ${version})
set(CPACK_VOX_DPKG_DEB ${VOX_DPKG_DEB})

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE ${VOX_PACKAGE_REVISION})
set(CPACK_DEBIAN_PACKAGE_MAINTAINER ${VOX_PACKAGE_MAINTAINER})
set(CPACK_DEBIAN_PACKAGE_SOURCE ${PROJECT_NAME})
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY >=)

set(summary "masks of structures in 3D medical images from clicks and boxes")
set(about "Voxlabel segments structures in CT, MR and other 3D medical images from a
box, a few clicks or a mask. It runs MedSAM2, a network of the SAM 2 family
that carries an object from slice to slice, on the CPU, and reads and
writes NIfTI, NRRD, MetaImage and the segmentations of 3D Slicer.
.
For research, never for diagnosis.")

set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME voxlabel)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_RECOMMENDS ca-certificates)
set(CPACK_DEBIAN_PROGRAM_DESCRIPTION "${summary}\n${about}")

set(CPACK_DEBIAN_LIBRARY_PACKAGE_NAME libvoxlabel${VOX_ABI})
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_LIBRARY_DESCRIPTION "${summary} - library
${about}
.
This package holds the shared library.")

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libvoxlabel-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "libvoxlabel${VOX_ABI} (= ${version})")
set(CPACK_DEBIAN_DEVELOPMENT_DESCRIPTION "${summary} - headers
${about}
.
This package holds headers, an example, and files for pkg-config and CMake.")

include(CPack)
