# VOX_PYTHON runs the gates and the oracles of the tests; the program itself needs no Python. A virtual environment of
# ./run_tests.sh is taken where there is one, because the oracles need the packages of tests/requirements.txt.
set(default_python python3)
if(VOX_TESTS AND NOT DEFINED CACHE{VOX_PYTHON})
    if(EXISTS "${PROJECT_SOURCE_DIR}/.venv/bin/python3")
        set(default_python "${PROJECT_SOURCE_DIR}/.venv/bin/python3")
    else()
        find_package(Python3 COMPONENTS Interpreter QUIET)
        if(Python3_EXECUTABLE)
            set(default_python "${Python3_EXECUTABLE}")
        endif()
    endif()
endif()
set(VOX_PYTHON "${default_python}" CACHE FILEPATH "Python that runs the gates and the oracles of the tests")
