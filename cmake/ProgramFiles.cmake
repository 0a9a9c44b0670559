# The program as it is installed: with man pages and completion, which it prints itself.
include(InstallFolders)

install(TARGETS voxlabel RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT program)

if(CMAKE_CROSSCOMPILING)
    return()
endif()

set(share ${PROJECT_BINARY_DIR}/share)
set(program_pages)

# vox_program_page(FOLDER NAME ARGUMENTS...): what the program prints with these arguments becomes FOLDER/NAME of the
# folder for data.
function(vox_program_page folder name)
    set(page ${share}/${folder}/${name})
    add_custom_command(
        OUTPUT ${page}
        COMMAND ${CMAKE_COMMAND} -E make_directory ${share}/${folder}
        COMMAND voxlabel ${ARGN} > ${page}
        DEPENDS voxlabel
        VERBATIM)
    install(FILES ${page} DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/${folder} COMPONENT program)
    set(program_pages ${program_pages} ${page} PARENT_SCOPE)
endfunction()

vox_program_page(man/man1 voxlabel.1 help --man)
foreach(command serve start_server segment info compare model doctor version help completion)
    vox_program_page(man/man1 voxlabel-${command}.1 help --man ${command})
endforeach()
vox_program_page(bash-completion/completions voxlabel completion bash)
vox_program_page(zsh/site-functions _voxlabel completion zsh)
vox_program_page(fish/vendor_completions.d voxlabel.fish completion fish)
add_custom_target(voxlabel_pages ALL DEPENDS ${program_pages})
