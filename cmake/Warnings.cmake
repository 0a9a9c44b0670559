# vox_flags: every target of the project links it; it carries the warnings both compilers understand.
add_library(vox_flags INTERFACE)
target_compile_options(vox_flags INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition
    -Wundef -Wvla -Wformat=2 -Wpointer-arith -Wcast-qual -Wcast-align -Wwrite-strings -Wconversion
    -Wsign-conversion -Wdouble-promotion -Wimplicit-fallthrough -Wnull-dereference -Wunused-result)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    target_compile_options(vox_flags INTERFACE -Wlogical-op -Wduplicated-cond -Wduplicated-branches)
endif()
if(VOX_WERROR)
    target_compile_options(vox_flags INTERFACE -Werror)
endif()
target_compile_definitions(vox_flags INTERFACE _GNU_SOURCE)
