/* The tensors that a configuration's checkpoint must hold: exactly these names, each with exactly
 * this shape. */
#ifndef VOX_MODEL_SCHEMA_H
#define VOX_MODEL_SCHEMA_H

#include "model/config.h"
#include "model/weights.h"

/* Called once per tensor in the order of the reference's state dict; a non-zero return stops the
 * visit. */
typedef enum vox_code (*vox_schema_fn)(void *context, const char *name, int rank,
                                       const int64_t *shape, struct vox_err *err);

enum vox_code vox_schema_visit(const struct vox_model_config *config, vox_schema_fn fn,
                               void *context, struct vox_err *err) VOX_MUST_USE;

/* Compares a checkpoint with a configuration: VOX_E_FORMAT names the first tensor that is missing,
 * superfluous or of the wrong shape (with both shapes), and how many there are in all. */
enum vox_code vox_schema_check(const struct vox_model_config *config,
                               const struct vox_weights *weights, struct vox_err *err) VOX_MUST_USE;

#endif
