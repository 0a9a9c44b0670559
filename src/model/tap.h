/* Looking at tensors inside the network, for parity checks. NULL costs one comparison; a tap may
 * slow a run down (results that are otherwise never written out are then computed), never change
 * it. */
#ifndef VOX_MODEL_TAP_H
#define VOX_MODEL_TAP_H

#include <stdint.h>

struct vox_tap {
    /* Rows row ... row + rows - 1 of tensor `name` (token order: raster), `columns` values each.
     * Calls for different rows may come from several threads at once. */
    void (*rows)(void *context, const char *name, int64_t row, int64_t rows, int64_t columns,
                 const float *data, int64_t ld);
    void *context;
};

#endif
