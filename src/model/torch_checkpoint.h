/* The tensors of a .pt file: what torch.save writes for a dict with an entry `model`, or for a
 * state dict itself. */
#ifndef VOX_MODEL_TORCH_CHECKPOINT_H
#define VOX_MODEL_TORCH_CHECKPOINT_H

#include "model/weights_list.h"

/* Adds all tensors of the file's bytes, which must outlive them, to `list`. */
enum vox_code vox_torch_read(const uint8_t *data, size_t size, struct vox_weight_list *list,
                             struct vox_err *err) VOX_MUST_USE;

#endif
