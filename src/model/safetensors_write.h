/* Writing a .safetensors file. */
#ifndef VOX_MODEL_SAFETENSORS_WRITE_H
#define VOX_MODEL_SAFETENSORS_WRITE_H

#include <stdatomic.h>

#include "model/weights.h"
#include "util/file.h"

/* Appends a whole .safetensors file: the tensors in the order of their names, all as *dtype
 * (VOX_F32 or VOX_BF16, rounded to the nearest, ties to even), or as they are where dtype is NULL.
 * The texts of a .safetensors file are kept; for a .pt they say {"format": "pt"}, as PyTorch's own
 * writers do. VOX_E_CANCELLED once *cancel is not 0 (NULL: never), VOX_E_LIMIT
 * beyond 64 GiB: tensors of a .pt may share their bytes, and here each has its own. */
enum vox_code vox_safetensors_write(const struct vox_weights *weights, const enum vox_dtype *dtype,
                                    struct vox_file_writer *file, const atomic_int *cancel,
                                    struct vox_err *err) VOX_MUST_USE;

#endif
