# Runs before the .deb are written: what Debian wants in a package and elsewhere nobody does.

# vox_gzip(FILE): FILE.gz in its place, the same for the same content.
function(vox_gzip file)
    execute_process(COMMAND gzip -9 -n "${file}" COMMAND_ERROR_IS_FATAL ANY)
endfunction()

# The name and the time of the changelog's entry; SOURCE_DATE_EPOCH sets the time.
string(TIMESTAMP now "%s" UTC)
execute_process(COMMAND ${CMAKE_COMMAND} -E env LC_ALL=C date -u -R -d @${now}
    OUTPUT_VARIABLE date OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
string(CONCAT changelog
    "voxlabel (${CPACK_VOX_VERSION}) unstable; urgency=medium\n\n"
    "  * Packages of this version, made by its own build; changelog.gz says what is\n    new in it.\n\n"
    " -- ${CPACK_DEBIAN_PACKAGE_MAINTAINER}  ${date}\n")

foreach(component IN LISTS CPACK_COMPONENTS_ALL)
    set(folder "${CPACK_TEMPORARY_DIRECTORY}/${component}/usr/share")
    string(TOUPPER ${component} key)
    set(documents "${folder}/doc/${CPACK_DEBIAN_${key}_PACKAGE_NAME}")
    file(MAKE_DIRECTORY "${documents}")
    configure_file("${CPACK_VOX_SOURCE}/cmake/packages/copyright.txt" "${documents}/copyright" COPYONLY)
    configure_file("${CPACK_VOX_SOURCE}/CHANGELOG.md" "${documents}/changelog" COPYONLY)
    file(WRITE "${documents}/changelog.Debian" "${changelog}")
    vox_gzip("${documents}/changelog")
    vox_gzip("${documents}/changelog.Debian")
    file(GLOB pages "${folder}/man/man*/*.[1-9]")
    foreach(page IN LISTS pages)
        vox_gzip("${page}")
    endforeach()
    # zsh of Debian looks for completions of packages here.
    if(EXISTS "${folder}/zsh/site-functions")
        file(RENAME "${folder}/zsh/site-functions" "${folder}/zsh/vendor-completions")
    endif()
endforeach()

file(COPY "${CPACK_VOX_SOURCE}/examples/segment_boxes.c"
    DESTINATION "${CPACK_TEMPORARY_DIRECTORY}/development/usr/share/doc/libvoxlabel-dev/examples")

# Libraries are where the system has them, nowhere else.
file(RPATH_REMOVE FILE "${CPACK_TEMPORARY_DIRECTORY}/program/usr/bin/voxlabel")
