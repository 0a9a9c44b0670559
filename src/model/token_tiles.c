#include "model/token_tiles.h"

#include "tensor/plan.h"

int64_t vox_tile_rows(int64_t rows, int64_t most)
{
    int64_t tile = most < rows ? most : rows;
    while (tile > 1 && rows % tile != 0) {
        tile--;
    }
    return tile < 1 ? 1 : tile;
}

enum vox_code vox_plan_all(const struct vox_planned *list, int64_t n, struct vox_err *err)
{
    enum vox_code code = VOX_OK;
    for (int64_t i = 0; i < n && code == VOX_OK; i++) {
        const struct vox_linear_desc *desc = &list[i].linear->desc;
        int64_t ld_x = list[i].ld_x != 0 ? list[i].ld_x : desc->in;
        int64_t ld_y = list[i].ld_y != 0 ? list[i].ld_y : desc->out;
        code = vox_linear_plan(list[i].linear, list[i].rows, ld_x, ld_y, err);
    }
    return code;
}

enum vox_code vox_linear_rows(const struct vox_linear *linear, struct vox_lane *lane, int64_t rows,
                              const float *x, float *y, struct vox_err *err)
{
    return vox_linear_run(linear, lane, rows, x, linear->desc.in, y, linear->desc.out, err);
}
