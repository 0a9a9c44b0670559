/* The names of what a model segments. Values are contiguous: label i has the value i + 1, voxels of
 * which the passes do not agree the value n + 1, the background 0. */
#ifndef VOX_PIPELINE_LABELS_H
#define VOX_PIPELINE_LABELS_H

#include <stdint.h>

#include "util/error.h"

enum {
    VOX_LABELS_MAX = 1024,
    VOX_LABEL_BYTES = 64 /* of a name, with its NUL */
};

struct vox_labels {
    int n; /* foreground labels, at least 1 */
    char (*names)[VOX_LABEL_BYTES];
};

/* What the registered model has unless it is configured otherwise: "intersection" alone. */
enum vox_code vox_labels_default(struct vox_labels *out, struct vox_err *err) VOX_MUST_USE;

/* Takes n names, which are copied. VOX_E_ARG for an empty list, a name that is empty, too long, not
 * UTF-8, with control characters, used twice, or the name of a parameter (background, uncertain,
 * box, mask, roi, zoom and the others of vox_params_is_key). VOX_E_LIMIT, VOX_E_NOMEM. End it with
 * vox_labels_fini. */
enum vox_code vox_labels_init(struct vox_labels *out, const char *const *names, int n,
                              struct vox_err *err) VOX_MUST_USE;
enum vox_code vox_labels_copy(struct vox_labels *out, const struct vox_labels *from,
                              struct vox_err *err) VOX_MUST_USE;
void vox_labels_fini(struct vox_labels *labels); /* all zero is allowed */

/* The index of a name, or -1. */
int vox_labels_find(const struct vox_labels *labels, const char *name);

static inline int64_t vox_label_value(int label)
{
    return (int64_t)label + 1;
}

static inline int64_t vox_uncertain_value(const struct vox_labels *labels)
{
    return (int64_t)labels->n + 1;
}

#endif
