# vox_embed_skeletons(OUT FILE ...): writes a C file that defines vox_builtin_skeletons (src/model/config_builtin.h)
# from YAML files, at configure time and again whenever one of them changes.
function(vox_embed_skeletons out)
    set(arrays "")
    set(rows "")
    set(i 0)
    foreach(file IN LISTS ARGN)
        file(READ ${file} hex HEX)
        set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
        string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
        string(REGEX REPLACE "((0x..,)(0x..,)?(0x..,)?(0x..,)?(0x..,)?(0x..,)?(0x..,)?(0x..,)?)" "    \\1\n" bytes "${bytes}")
        get_filename_component(name ${file} NAME)
        string(REGEX REPLACE "\\.yaml$" "" name "${name}")
        string(APPEND arrays "static const char skeleton_${i}[] = {\n${bytes}};\n\n")
        string(APPEND rows "    {\"${name}\", skeleton_${i}, sizeof(skeleton_${i})},\n")
        math(EXPR i "${i} + 1")
    endforeach()
    string(CONCAT text "/* Made by cmake/EmbedSkeletons.cmake; do not edit. */\n"
        "#include \"model/config_builtin.h\"\n\n${arrays}"
        "const struct vox_builtin_skeleton vox_builtin_skeletons[VOX_BUILTIN_SKELETONS] = {\n${rows}};\n"
        "_Static_assert(VOX_BUILTIN_SKELETONS == ${i}, \"the header counts the skeletons\");\n")
    file(CONFIGURE OUTPUT ${out} CONTENT "${text}" @ONLY)
endfunction()
