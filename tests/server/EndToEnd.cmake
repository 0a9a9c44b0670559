# The server as its users start it: real processes and real clients on the loopback interface, driven from Python, with the
# smallest network that there is.
set(server_folder ${CMAKE_CURRENT_LIST_DIR})
set(server_config ${PROJECT_SOURCE_DIR}/tests/pipeline/tiny64.yaml)

add_test(NAME server/tiny64_checkpoint COMMAND make_checkpoint server_tiny64.pt --present --config ${server_config})
set_tests_properties(server/tiny64_checkpoint PROPERTIES
    LABELS quick TIMEOUT 300 FIXTURES_SETUP server_tiny64 WORKING_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR})

# vox_server_test(NAME SCRIPT LABEL TIMEOUT [VARIABLE=VALUE...]): SCRIPT.py of tests/server.
function(vox_server_test name script label timeout)
    if(VOX_SANITIZE)
        math(EXPR timeout "${timeout} * 5")
    endif()
    add_test(NAME server/${name} COMMAND ${VOX_PYTHON} ${server_folder}/${script}.py)
    set_tests_properties(server/${name} PROPERTIES
        LABELS ${label} TIMEOUT ${timeout} FIXTURES_REQUIRED server_tiny64)
    set_property(TEST server/${name} PROPERTY ENVIRONMENT
        PYTHONDONTWRITEBYTECODE=1
        PYTHONPATH=${PROJECT_SOURCE_DIR}/tests/support
        VOXLABEL_PROGRAM=$<TARGET_FILE:voxlabel>
        VOXLABEL_SHARE=${PROJECT_BINARY_DIR}/share
        VOXLABEL_CHECKPOINT=${CMAKE_CURRENT_BINARY_DIR}/server_tiny64.pt
        VOXLABEL_CONFIG=${server_config}
        VOXLABEL_SAMPLES=${PROJECT_SOURCE_DIR}/samples
        VOXLABEL_SANITIZE=${VOX_SANITIZE}
        ${ARGN})
endfunction()

# With a client that is not there in this build's Python the test fails, as it should: run_tests.sh installs it.
vox_server_test(monailabel_client test_monailabel_client quick 600)
vox_server_test(slicer test_slicer quick 600)
vox_server_test(ohif test_ohif quick 600)
vox_server_test(annotation_life test_annotation_life quick 600)
vox_server_test(serving test_serving quick 600)
vox_server_test(studies_routes test_studies_routes quick 600)
vox_server_test(quiet_pages test_quiet_pages quick 600)
vox_server_test(jobs test_jobs quick 600)
vox_server_test(batch test_batch_routes quick 600)
vox_server_test(many_clients test_many_clients quick 900)
vox_server_test(lose_nothing test_lose_nothing quick 1200)
vox_server_test(every_address test_every_address quick 900)
vox_server_test(sample_dice test_sample_dice full 600)
vox_server_test(load test_load full 600)

# The same for minutes.
vox_server_test(lose_nothing_long test_lose_nothing all 3600 VOXLABEL_WHOLE=1)
vox_server_test(batch_long test_batch_routes all 3600 VOXLABEL_WHOLE=1)
vox_server_test(load_long test_load all 1800 VOXLABEL_WHOLE=1)
vox_server_test(many_clients_long test_many_clients all 3600 VOXLABEL_WHOLE=1)
vox_server_test(every_address_long test_every_address all 3600 VOXLABEL_WHOLE=1)
