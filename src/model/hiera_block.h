/* One block of the Hiera trunk (modeling/backbones/hieradet.py MultiScaleBlock): attention within
 * windows or over the whole grid, then an MLP; a block that begins a stage widens the channels and
 * pools its queries 2 x 2. */
#ifndef VOX_MODEL_HIERA_BLOCK_H
#define VOX_MODEL_HIERA_BLOCK_H

#include "model/builder.h"
#include "model/grid_layout.h"

struct vox_hiera_block;

struct vox_block_shape {
    int64_t in, out; /* channels */
    int64_t heads;
    bool global; /* one window for the whole grid, whatever the layout */
    bool pooled; /* begins a stage: the output grid has half the side */
};

/* Memory that the blocks of a trunk share during a run. */
struct vox_block_buffers {
    float *qkv;      /* tokens x 3 out */
    float *attended; /* output tokens x out */
    float *shortcut; /* tokens x out */
    void *keys;      /* packed keys of all heads of a global block */
    void *values;
};

/* What this block needs of each, in floats (bytes for keys and values); `most` is raised, never
 * lowered. */
struct vox_block_needs {
    size_t qkv, attended, shortcut, keys, values;
};

/* Builds and plans the block PREFIX ("image_encoder.trunk.blocks.3"). Tokens lie in `layout`, a
 * pooled output in the layout of half the side and half the window. The layout is borrowed. */
enum vox_code vox_hiera_block_new(struct vox_builder *builder, const char *prefix,
                                  const struct vox_block_shape *shape,
                                  const struct vox_grid_layout *layout,
                                  struct vox_block_needs *most, struct vox_hiera_block **out,
                                  struct vox_err *err) VOX_MUST_USE;
void vox_hiera_block_free(struct vox_hiera_block *block); /* NULL is allowed */

/* x (tokens x in) becomes y (output tokens x out); without pooling y must be x. */
enum vox_code vox_hiera_block_run(const struct vox_hiera_block *block, const float *x, float *y,
                                  const struct vox_block_buffers *buffers,
                                  struct vox_err *err) VOX_MUST_USE;

#endif
