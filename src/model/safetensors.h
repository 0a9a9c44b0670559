/* The .safetensors container: the length of a JSON header in 8 bytes, the header, and the tensors'
 * bytes (https://github.com/huggingface/safetensors, README, "Format"). */
#ifndef VOX_MODEL_SAFETENSORS_H
#define VOX_MODEL_SAFETENSORS_H

#include "model/weights_list.h"

/* Whether bytes begin as a .safetensors file does, cut short or not. */
bool vox_safetensors_recognise(const uint8_t *data, size_t size);

/* Adds all tensors of the file's bytes, which must outlive them, to `list`. The tensors must cover
 * the bytes behind the header exactly once. The entry __metadata__ is kept if it is an object of
 * texts, and ignored otherwise. */
enum vox_code vox_safetensors_read(const uint8_t *data, size_t size, struct vox_weight_list *list,
                                   struct vox_err *err) VOX_MUST_USE;

#endif
