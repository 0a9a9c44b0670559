/* Cutting the tokens of a map into tiles of one size, so that every operator needs one plan. */
#ifndef VOX_MODEL_TOKEN_TILES_H
#define VOX_MODEL_TOKEN_TILES_H

#include "tensor/backend.h"

/* The largest number of rows, at most `most`, that cuts `rows` into equal tiles. */
int64_t vox_tile_rows(int64_t rows, int64_t most);

/* Plans every operator of a list for calls of `rows` rows that lie ld_x and ld_y apart; 0 means as
 * far as the operator has inputs and outputs. */
struct vox_planned {
    struct vox_linear *linear;
    int64_t rows, ld_x, ld_y;
};
enum vox_code vox_plan_all(const struct vox_planned *list, int64_t n,
                           struct vox_err *err) VOX_MUST_USE;

/* Runs an operator on rows without gaps. */
enum vox_code vox_linear_rows(const struct vox_linear *linear, struct vox_lane *lane, int64_t rows,
                              const float *x, float *y, struct vox_err *err) VOX_MUST_USE;

#endif
