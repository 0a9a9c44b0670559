/* What --model names: a model of the folder, else a file. */
#ifndef VOX_APP_MODEL_LOOKUP_H
#define VOX_APP_MODEL_LOOKUP_H

struct vox_model_place {
    char *checkpoint; /* path */
    char *yaml;       /* path of its own configuration; NULL: a built-in one fits */
};

/* Finds a model by the text of --model and of --models (NULL: not given). A text with a slash is a
 * file; another is a model of the folder if there is one of this name, else a file. The caller ends
 * *out with vox_model_place_free. Returns 0, or the exit status after it said that there is
 * neither. */
int vox_model_lookup(const char *models, const char *text, struct vox_model_place *out);
void vox_model_place_free(struct vox_model_place *place);

#endif
