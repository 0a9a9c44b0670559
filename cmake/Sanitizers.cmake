if(VOX_SANITIZE)
    target_compile_options(vox_flags INTERFACE
        -fsanitize=${VOX_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    target_link_options(vox_flags INTERFACE -fsanitize=${VOX_SANITIZE})
endif()
if(VOX_COVERAGE)
    target_compile_options(vox_flags INTERFACE --coverage)
    target_link_options(vox_flags INTERFACE --coverage)
endif()
