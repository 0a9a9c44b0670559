# Hardening for release builds; _FORTIFY_SOURCE needs optimisation and clashes with sanitizers.
if(VOX_HARDENING)
    target_compile_options(vox_flags INTERFACE
        -fstack-protector-strong -fstack-clash-protection -fcf-protection)
    target_link_options(vox_flags INTERFACE -Wl,-z,relro,-z,now)
    if(NOT VOX_SANITIZE AND NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
        if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
            target_compile_options(vox_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
        else()
            target_compile_options(vox_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
        endif()
    endif()
    set(CMAKE_EXE_LINKER_FLAGS "${CMAKE_EXE_LINKER_FLAGS} -pie")
endif()
