/* The skeletons inside the program; the build turns each file of skeletons/, and that
 * of models/voxlabel-nano/, into an array (cmake/EmbedSkeletons.cmake). */
#ifndef VOX_MODEL_CONFIG_BUILTIN_H
#define VOX_MODEL_CONFIG_BUILTIN_H

#include <stddef.h>

enum { VOX_BUILTIN_SKELETONS = 2 };

struct vox_builtin_skeleton {
    const char *name; /* the file's stem */
    const char *text; /* YAML, not NUL-terminated */
    size_t size;
};

extern const struct vox_builtin_skeleton vox_builtin_skeletons[VOX_BUILTIN_SKELETONS];

#endif
