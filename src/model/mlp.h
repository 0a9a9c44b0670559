/* Three linear layers with ReLU between them, as the mask decoder's heads have them
 * (modeling/sam2_utils.py MLP), on one row. */
#ifndef VOX_MODEL_MLP_H
#define VOX_MODEL_MLP_H

#include "model/builder.h"

enum { VOX_MLP_LAYERS = 3 };

struct vox_mlp {
    struct vox_linear *layers[VOX_MLP_LAYERS];
    int64_t hidden;
};

/* Reads NAME.layers.0 (hidden x in), .1 (hidden x hidden), .2 (out x hidden). *out is all zero on
 * failure. A run takes 2 * hidden floats of lane scratch in two pieces, which the caller announces.
 */
enum vox_code vox_mlp_build(const struct vox_builder *builder, const char *name, int64_t in,
                            int64_t hidden, int64_t out, struct vox_mlp *mlp,
                            struct vox_err *err) VOX_MUST_USE;
void vox_mlp_fini(struct vox_mlp *mlp); /* all zero is allowed */

/* y = MLP(x) for one row. The scratch is given back. */
enum vox_code vox_mlp_run(const struct vox_mlp *mlp, struct vox_lane *lane, const float *x,
                          float *y, struct vox_err *err) VOX_MUST_USE;

#endif
