# vox_embed_text(OUT HEADER NAME FILE): writes a C file that defines NAME_text and NAME_size, which HEADER declares, from
# a text file, at configure time and again whenever it changes. "@PROJECT_VERSION@" in it becomes the version.
function(vox_embed_text out header name file)
    file(READ ${file} text)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
    string(CONFIGURE "${text}" text @ONLY)
    set(whole ${CMAKE_CURRENT_BINARY_DIR}/${name}.txt)
    file(CONFIGURE OUTPUT ${whole} CONTENT "@text@" @ONLY)
    file(READ ${whole} hex HEX)
    string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
    string(REGEX REPLACE "((0x..,)(0x..,)?(0x..,)?(0x..,)?(0x..,)?(0x..,)?(0x..,)?(0x..,)?)" "    \\1\n" bytes "${bytes}")
    string(CONCAT code "/* Made by cmake/EmbedText.cmake; do not edit. */\n"
        "#include \"${header}\"\n\n"
        "const char ${name}_text[] = {\n${bytes}    0x00};\n"
        "const size_t ${name}_size = sizeof(${name}_text) - 1;\n")
    file(CONFIGURE OUTPUT ${out} CONTENT "${code}" @ONLY)
endfunction()
