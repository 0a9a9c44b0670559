/* A checkpoint file as a list of named tensors.
 *
 * Two containers are read, told apart by their content: PyTorch's .pt (a zip archive with a pickle,
 * which is interpreted with an allow-list and never executed; format as written by torch.save
 * since 1.6) and .safetensors. The file is mapped; tensors point into the mapping where their
 * alignment allows. Every size and offset in the file is checked against the file before use, and
 * memory is bounded by the file's size.
 *
 * A struct vox_weights is immutable once open and may be read by several threads. */
#ifndef VOX_MODEL_WEIGHTS_H
#define VOX_MODEL_WEIGHTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tensor/dtype.h"
#include "util/error.h"

enum { VOX_WEIGHT_MAX_RANK = 8 };

struct vox_weight {
    const char *name; /* owned by the vox_weights */
    enum vox_dtype dtype;
    int rank;
    int64_t shape[VOX_WEIGHT_MAX_RANK];
    int64_t strides[VOX_WEIGHT_MAX_RANK]; /* elements, >= 0 */
    int64_t numel;                        /* product of shape; 1 for rank 0 */
    const uint8_t *data; /* first element, little endian, in the mapping; any alignment */
};

struct vox_weights;

/* Opens a checkpoint. Of a .pt the entry `model` of the top-level dict is read (or, where there is
 * none, the dict itself if its values are tensors); other entries are skipped. The caller owns
 * *out. VOX_E_FORMAT for a damaged or hostile file, VOX_E_UNSUPPORTED for a valid one that is not
 * handled (an element type other than f32, f16, bf16; a compressed member), VOX_E_LIMIT beyond a
 * bound, VOX_E_NOT_FOUND, VOX_E_IO. */
enum vox_code vox_weights_open(const char *path, struct vox_weights **out,
                               struct vox_err *err) VOX_MUST_USE;

/* The same for bytes in memory, which are borrowed until vox_weights_close. */
enum vox_code vox_weights_from_memory(const void *data, size_t size, struct vox_weights **out,
                                      struct vox_err *err) VOX_MUST_USE;

void vox_weights_close(struct vox_weights *weights); /* NULL is allowed */

/* "pt" or "safetensors"; static. */
const char *vox_weights_container(const struct vox_weights *weights);

/* Number of tensors, and the i-th in the order of the file (borrowed). */
int64_t vox_weights_count(const struct vox_weights *weights);
const struct vox_weight *vox_weights_at(const struct vox_weights *weights, int64_t i);

/* The i-th in the order of the names' bytes (borrowed). */
const struct vox_weight *vox_weights_by_name(const struct vox_weights *weights, int64_t i);

/* The texts that a .safetensors file carries besides its tensors, as a JSON object; NULL where
 * there are none. Borrowed. */
const char *vox_weights_metadata(const struct vox_weights *weights);

/* The tensor of that name, or NULL. */
const struct vox_weight *vox_weights_find(const struct vox_weights *weights, const char *name);

/* The tensor as contiguous row-major float32. Where the file holds it so and aligned to 4 bytes,
 * *data points into the mapping and *owned is NULL; else *owned is a widened copy for the caller to
 * vox_free and *data equals it. */
enum vox_code vox_weight_f32(const struct vox_weight *weight, const float **data, float **owned,
                             struct vox_err *err) VOX_MUST_USE;

/* SHA-256 of the whole file as 64 lower-case hexadecimal digits and a NUL. Reads the file once. */
enum vox_code vox_weights_sha256(const struct vox_weights *weights, char hex[65],
                                 struct vox_err *err) VOX_MUST_USE;

/* Lets the mapped pages leave the resident set; they come back when read. */
void vox_weights_unload(const struct vox_weights *weights);

#endif
