#include "model/mlp.h"

#include <stdio.h>

#include "model/token_tiles.h"

enum vox_code vox_mlp_build(const struct vox_builder *builder, const char *name, int64_t in,
                            int64_t hidden, int64_t out, struct vox_mlp *mlp, struct vox_err *err)
{
    *mlp = (struct vox_mlp){.hidden = hidden};
    const int64_t widths[VOX_MLP_LAYERS + 1] = {in, hidden, hidden, out};
    enum vox_code code = VOX_OK;
    for (int i = 0; i < VOX_MLP_LAYERS && code == VOX_OK; i++) {
        char full[VOX_NAME_MAX];
        snprintf(full, sizeof(full), "%s.layers.%d", name, i);
        struct vox_linear_desc desc = {.in = widths[i],
                                       .out = widths[i + 1],
                                       .activation =
                                           i + 1 < VOX_MLP_LAYERS ? VOX_ACT_RELU : VOX_ACT_NONE,
                                       .compute = VOX_F32};
        code = vox_build_linear(builder, full, &desc, &mlp->layers[i], err);
        if (code == VOX_OK) {
            code = vox_linear_plan(mlp->layers[i], 1, desc.in, desc.out, err);
        }
    }
    if (code != VOX_OK) {
        vox_mlp_fini(mlp);
    }
    return code;
}

void vox_mlp_fini(struct vox_mlp *mlp)
{
    for (int i = 0; i < VOX_MLP_LAYERS; i++) {
        vox_linear_free(mlp->layers[i]);
    }
    *mlp = (struct vox_mlp){0};
}

enum vox_code vox_mlp_run(const struct vox_mlp *mlp, struct vox_lane *lane, const float *x,
                          float *y, struct vox_err *err)
{
    size_t used = lane->used;
    float *first = vox_lane_take(lane, (size_t)mlp->hidden);
    float *second = vox_lane_take(lane, (size_t)mlp->hidden);
    enum vox_code code = vox_linear_rows(mlp->layers[0], lane, 1, x, first, err);
    if (code == VOX_OK) {
        code = vox_linear_rows(mlp->layers[1], lane, 1, first, second, err);
    }
    if (code == VOX_OK) {
        code = vox_linear_rows(mlp->layers[2], lane, 1, second, y, err);
    }
    lane->used = used;
    return code;
}
