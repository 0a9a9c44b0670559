/* The weights of a layer norm, read from a checkpoint. */
#ifndef VOX_MODEL_LAYER_NORM_H
#define VOX_MODEL_LAYER_NORM_H

#include "model/builder.h"

struct vox_norm {
    float *gamma, *beta; /* `columns` values each */
    int64_t columns;
    float eps;
};

/* Reads NAME.weight and NAME.bias. *out is all zero on failure. */
enum vox_code vox_norm_build(const struct vox_builder *builder, const char *name, int64_t columns,
                             float eps, struct vox_norm *out, struct vox_err *err) VOX_MUST_USE;
void vox_norm_fini(struct vox_norm *norm); /* all zero is allowed */

/* y = activation(norm(x)), rows without gaps; in place is allowed. */
void vox_norm_run(const struct vox_norm *norm, const struct vox_backend *be, int64_t rows,
                  const float *x, enum vox_activation activation, float *y);

#endif
