# vox_needs_real_scans(TEST): the test reads CT scans with lesion masks from the folder that the environment variable
# VOXLABEL_REAL_SCANS names when the build is configured (NAME.nii.gz with NAME.mask.nii.gz). The project does not carry
# them; without the folder CTest lists the test as "Not Run (Disabled)" and never as passed.
set(VOX_REAL_SCANS "$ENV{VOXLABEL_REAL_SCANS}" CACHE PATH "Folder of real CT scans with lesion masks")
function(vox_needs_real_scans test)
    if(VOX_REAL_SCANS AND IS_DIRECTORY "${VOX_REAL_SCANS}")
        set_property(TEST ${test} APPEND PROPERTY ENVIRONMENT "VOXLABEL_REAL_SCANS=${VOX_REAL_SCANS}")
    else()
        set_tests_properties(${test} PROPERTIES DISABLED TRUE)
    endif()
endfunction()
