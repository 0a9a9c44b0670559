# vox_test(NAME ROOM [LABELS ...] [TIMEOUT seconds] [LIBRARIES ...]): builds test_NAME.c of the current folder, links the
# whole ROOM and registers it. Labels: "quick" (default) runs everywhere; "full" needs the published shape and runs once
# in the development build; "all" runs with ./run_tests.sh --all only.
function(vox_test name room)
    cmake_parse_arguments(TEST "" "TIMEOUT" "LABELS;LIBRARIES" ${ARGN})
    if(NOT TEST_LABELS)
        set(TEST_LABELS quick)
    endif()
    if(NOT TEST_TIMEOUT)
        set(TEST_TIMEOUT 120)
    endif()
    if(VOX_SANITIZE)
        math(EXPR TEST_TIMEOUT "${TEST_TIMEOUT} * 5")
    endif()
    add_executable(test_${name} test_${name}.c)
    target_link_libraries(test_${name} PRIVATE vox_flags vox_${room} vox_test_support PkgConfig::CMOCKA ${TEST_LIBRARIES})
    add_test(NAME ${room}/${name} COMMAND test_${name})
    set_tests_properties(${room}/${name} PROPERTIES LABELS "${TEST_LABELS}" TIMEOUT ${TEST_TIMEOUT})
endfunction()

# vox_fuzz(NAME LIBRARIES...): fuzz_NAME.c defines LLVMFuzzerTestOneInput. With VOX_FUZZ it becomes a libFuzzer program;
# always it is built with a plain driver too and replays corpora/NAME as a test.
function(vox_fuzz name)
    add_executable(replay_${name} fuzz_${name}.c replay.c)
    target_link_libraries(replay_${name} PRIVATE vox_flags ${ARGN})
    add_test(NAME fuzz/${name} COMMAND replay_${name} ${CMAKE_CURRENT_SOURCE_DIR}/corpora/${name})
    set_tests_properties(fuzz/${name} PROPERTIES LABELS quick TIMEOUT 300)
    if(VOX_FUZZ)
        add_executable(fuzz_${name} fuzz_${name}.c)
        target_compile_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
        target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
        target_link_libraries(fuzz_${name} PRIVATE vox_flags ${ARGN})
    endif()
endfunction()
