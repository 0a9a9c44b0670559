/* The FPN neck (modeling/backbones/image_encoder.py FpnNeck: 1 x 1 lateral convolutions, the
 * coarser level added to the next finer one) and the mask decoder's high-resolution projections.
 * Two 1 x 1 convolutions in a row are one: conv_s0 and conv_s1 are multiplied into their laterals
 * when the neck is built, for nothing else reads those. */
#ifndef VOX_MODEL_FPN_NECK_H
#define VOX_MODEL_FPN_NECK_H

#include "model/builder.h"
#include "model/features.h"
#include "model/grid_layout.h"

enum { VOX_LEVELS = 4 }; /* stride 4, 8, 16, 32 */

struct vox_fpn_neck;

/* Builds and plans. layouts: the token order of every stage's output, finest first; borrowed. */
enum vox_code vox_fpn_neck_new(struct vox_builder *builder,
                               const struct vox_grid_layout *const layouts[VOX_LEVELS],
                               struct vox_fpn_neck **out, struct vox_err *err) VOX_MUST_USE;
void vox_fpn_neck_free(struct vox_fpn_neck *neck); /* NULL is allowed */

/* Takes one stage's output (tokens in its layout x channels); to be called for the levels in order,
 * 0 first. After level 3 *out is complete, in raster order. One call at a time. */
enum vox_code vox_fpn_neck_run(struct vox_fpn_neck *neck, int level, const float *x,
                               const struct vox_features *out, struct vox_err *err) VOX_MUST_USE;

#endif
