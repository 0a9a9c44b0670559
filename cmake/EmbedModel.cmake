# vox_embed_model(SOURCE WEIGHTS): the C file SOURCE puts the file WEIGHTS into the object (src/model/embedded_model.c).
# Size and SHA-256 are taken when CMake runs, which it does again whenever the file changes.
function(vox_embed_model source weights)
    if(NOT EXISTS ${weights})
        file(RELATIVE_PATH name ${PROJECT_SOURCE_DIR} ${weights})
        message(FATAL_ERROR "${name} is missing: take it from the repository, or configure with -DVOX_EMBED_MODEL=OFF "
            "for a program without a model of its own")
    endif()
    file(SIZE ${weights} size)
    file(SHA256 ${weights} sha256)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${weights})
    set_property(SOURCE ${source} APPEND PROPERTY OBJECT_DEPENDS ${weights})
    set_property(SOURCE ${source} APPEND PROPERTY COMPILE_DEFINITIONS
        VOX_EMBEDDED_WEIGHTS="${weights}" VOX_EMBEDDED_SIZE=${size} VOX_EMBEDDED_SHA256="${sha256}")
endfunction()
