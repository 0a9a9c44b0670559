/* Writes checkpoints with formula-made weights (support/formula.h) in the containers that this
 * program reads. */
#ifndef VOX_SUPPORT_CHECKPOINT_WRITER_H
#define VOX_SUPPORT_CHECKPOINT_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "model/config.h"
#include "tensor/dtype.h"
#include "util/error.h"

struct vox_checkpoint_options {
    const char *salt;     /* goes before each name in the hash; NULL is "" */
    bool present;         /* object-score bias 1.0: the object is predicted present */
    bool safetensors;     /* else .pt, as torch.save writes {"model": state_dict} */
    enum vox_dtype dtype; /* of all tensors; narrower ones are rounded to nearest even */
};

struct vox_checkpoint_totals {
    int64_t tensors;
    int64_t values;
    double sum; /* of all values before they are narrowed */
};

/* Writes all tensors of the configuration's schema to `path`. totals may be NULL. */
enum vox_code vox_checkpoint_write(const char *path, const struct vox_model_config *config,
                                   const struct vox_checkpoint_options *options,
                                   struct vox_checkpoint_totals *totals,
                                   struct vox_err *err) VOX_MUST_USE;

/* Rounding to the nearest IEEE half, ties to even; beyond its range, infinity. */
uint16_t vox_f32_to_f16(float value);

#endif
