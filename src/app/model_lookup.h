/* What --model names: a model inside the program, or of the folder, else a file. */
#ifndef VOX_APP_MODEL_LOOKUP_H
#define VOX_APP_MODEL_LOOKUP_H

#include "model/embedded_model.h"
#include "model/weights.h"
#include "util/error.h"

struct vox_model_place {
    const struct vox_embedded_model *embedded; /* NULL: a file */
    char *checkpoint;                          /* its path */
    char *yaml; /* path of its own configuration; NULL: a built-in one fits */
};

/* Finds a model by the text of --model and of --models (NULL: not given). A text with a slash is a
 * file; another is the model of this name inside the program, else that of the folder, else a file.
 * The caller ends *out with vox_model_place_free. Returns 0, or the exit status after it said that
 * there is neither. */
int vox_model_lookup(const char *models, const char *text, struct vox_model_place *out);
void vox_model_place_free(struct vox_model_place *place);

/* Opens its weights, for the caller to vox_weights_close. */
enum vox_code vox_model_place_weights(const struct vox_model_place *place, struct vox_weights **out,
                                      struct vox_err *err) VOX_MUST_USE;

#endif
