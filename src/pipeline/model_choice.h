/* Which configuration a checkpoint has. */
#ifndef VOX_PIPELINE_MODEL_CHOICE_H
#define VOX_PIPELINE_MODEL_CHOICE_H

#include <stdbool.h>
#include <stddef.h>

#include "model/config.h"
#include "model/weights.h"
#include "util/error.h"

/* Finds the first built-in configuration that fits the checkpoint: true, and *out is that one.
 * Where none does: false, *out is the first and *misfit says why it does not; where memory ran out,
 * that. */
bool vox_builtin_config_find(const struct vox_weights *weights, struct vox_model_config *out,
                             struct vox_err *misfit);

/* The configuration of a file, or (NULL) the built-in one that fits; checked against the
 * checkpoint. The errors of vox_config_load; VOX_E_FORMAT where nothing fits; VOX_E_NOMEM. */
enum vox_code vox_config_choose(const char *path, const struct vox_weights *weights,
                                struct vox_model_config *out, struct vox_err *err) VOX_MUST_USE;

/* The same for the text of a YAML, which goes by `name`. */
enum vox_code vox_config_choose_text(const char *name, const char *yaml, size_t size,
                                     const struct vox_weights *weights,
                                     struct vox_model_config *out,
                                     struct vox_err *err) VOX_MUST_USE;

#endif
