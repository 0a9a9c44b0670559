#include "model/layer_norm.h"

#include <stdio.h>

#include "util/memory.h"

enum vox_code vox_norm_build(const struct vox_builder *builder, const char *name, int64_t columns,
                             float eps, struct vox_norm *out, struct vox_err *err)
{
    *out = (struct vox_norm){.columns = columns, .eps = eps};
    char full[VOX_NAME_MAX];
    snprintf(full, sizeof(full), "%s.weight", name);
    enum vox_code code = vox_build_tensor(builder, full, columns, &out->gamma, err);
    if (code == VOX_OK) {
        snprintf(full, sizeof(full), "%s.bias", name);
        code = vox_build_tensor(builder, full, columns, &out->beta, err);
    }
    if (code != VOX_OK) {
        vox_norm_fini(out);
    }
    return code;
}

void vox_norm_fini(struct vox_norm *norm)
{
    vox_free(norm->gamma);
    vox_free(norm->beta);
    *norm = (struct vox_norm){0};
}

void vox_norm_run(const struct vox_norm *norm, const struct vox_backend *be, int64_t rows,
                  const float *x, enum vox_activation activation, float *y)
{
    be->rows->layer_norm(rows, norm->columns, x, norm->columns, norm->gamma, norm->beta, norm->eps,
                         activation, y, norm->columns);
}
