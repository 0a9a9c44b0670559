# libvoxlabel.so: the pipeline and what lies right of it, behind include/voxlabel/. All but what the public headers
# mark with VOX_API is hidden.
include(InstallFolders)
include(CMakePackageConfigHelpers)

add_library(libvoxlabel SHARED $<TARGET_OBJECTS:vox_pipeline>)
set_target_properties(libvoxlabel PROPERTIES
    OUTPUT_NAME voxlabel EXPORT_NAME voxlabel
    VERSION ${VOX_ABI}.${PROJECT_VERSION} SOVERSION ${VOX_ABI})
target_include_directories(libvoxlabel INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_link_libraries(libvoxlabel PRIVATE vox_flags
    $<BUILD_INTERFACE:vox_model> $<BUILD_INTERFACE:vox_tensor> $<BUILD_INTERFACE:vox_volume> $<BUILD_INTERFACE:vox_util> m)

set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/voxlabel)
# From the folder of voxlabel.pc to the prefix, however deep the folder of libraries lies.
string(REGEX REPLACE "[^/]+" ".." PC_PARENT "${CMAKE_INSTALL_LIBDIR}")
configure_file(${PROJECT_SOURCE_DIR}/cmake/voxlabel.pc.in ${PROJECT_BINARY_DIR}/voxlabel.pc @ONLY)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/voxlabel-config-version.cmake COMPATIBILITY SameMinorVersion)
install(TARGETS libvoxlabel EXPORT voxlabel
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT library NAMELINK_COMPONENT development)
install(EXPORT voxlabel NAMESPACE voxlabel:: FILE voxlabel-config.cmake
    DESTINATION ${package_folder} COMPONENT development)
install(FILES ${PROJECT_BINARY_DIR}/voxlabel-config-version.cmake
    DESTINATION ${package_folder} COMPONENT development)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/voxlabel
    DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development)
install(FILES ${PROJECT_BINARY_DIR}/voxlabel.pc
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)
