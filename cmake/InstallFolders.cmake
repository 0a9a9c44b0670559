# The folders of GNUInstallDirs, with Debian's folder for libraries whatever the prefix: its loader, its pkg-config and
# CMake look there below /usr and /usr/local alike, and packages of two architectures can be installed side by side.
if(NOT DEFINED CMAKE_INSTALL_LIBDIR AND CMAKE_LIBRARY_ARCHITECTURE AND EXISTS /etc/debian_version
        AND NOT CMAKE_CROSSCOMPILING)
    set(CMAKE_INSTALL_LIBDIR lib/${CMAKE_LIBRARY_ARCHITECTURE} CACHE PATH "Folder of libraries")
endif()
include(GNUInstallDirs)
