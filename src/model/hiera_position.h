/* The trunk's learned position field (modeling/backbones/hieradet.py Hiera._get_pos_embed). */
#ifndef VOX_MODEL_HIERA_POSITION_H
#define VOX_MODEL_HIERA_POSITION_H

#include "model/builder.h"
#include "model/grid_layout.h"

/* pos_embed resized bicubically to the grid plus the tiled pos_embed_window: tokens of `layout` x
 * embed_dim, for the caller to vox_free. The resize is PyTorch's (A = -0.75, no antialiasing, pixel
 * centres at one half). */
enum vox_code vox_hiera_position(const struct vox_builder *builder,
                                 const struct vox_grid_layout *layout, float **out,
                                 struct vox_err *err) VOX_MUST_USE;

#endif
