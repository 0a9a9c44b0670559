/* The tensors of a checkpoint while it is being read; what the readers of the containers fill. */
#ifndef VOX_MODEL_WEIGHTS_LIST_H
#define VOX_MODEL_WEIGHTS_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/weights.h"
#include "util/error.h"

enum { VOX_WEIGHTS_MAX = 65536, VOX_WEIGHT_MAX_NAME = 255 };

struct vox_weight_list {
    struct vox_weight *items; /* names are owned */
    size_t count;
    size_t room;
    char *metadata; /* JSON object of texts that the container holds besides, or NULL */
};

/* Adds a copy of `weight` under a copy of the name. Names are 1 to 255 printable ASCII characters.
 */
enum vox_code vox_weight_list_add(struct vox_weight_list *list, const char *name, size_t length,
                                  const struct vox_weight *weight,
                                  struct vox_err *err) VOX_MUST_USE;

void vox_weight_list_clear(struct vox_weight_list *list);

/* Sets rank, shape and numel. False if there are too many dimensions, one is negative, or the
 * number of values does not fit into an int64_t or a size_t of bytes. */
bool vox_weight_set_shape(struct vox_weight *weight, size_t rank, const int64_t *shape);

/* Sets row-major strides for the shape. */
void vox_weight_set_contiguous(struct vox_weight *weight);

/* Whether the values lie in memory in row-major order without gaps. */
bool vox_weight_is_contiguous(const struct vox_weight *weight);

#endif
