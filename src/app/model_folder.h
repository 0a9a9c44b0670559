/* The folder in which models are kept by name.
 *
 * A model NAME is NAME.safetensors or NAME.pt; beside it lie NAME.json, a record of what it was
 * when it came, and NAME.yaml where it has a configuration of its own. A checkpoint that somebody
 * put there by hand has no record and is a model all the same. */
#ifndef VOX_APP_MODEL_FOLDER_H
#define VOX_APP_MODEL_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

enum { VOX_MODEL_NAME_MAX = 64, VOX_MODEL_TEXT_MAX = 256 };

/* What is recorded of a model when it comes. */
struct vox_model_record {
    uint64_t size; /* bytes of the checkpoint */
    char sha256[65];
    char config[64];                 /* of the configuration that fits it */
    char source[VOX_MODEL_TEXT_MAX]; /* where it came from */
};

/* A model in the folder. */
struct vox_model_entry {
    char name[VOX_MODEL_NAME_MAX + 1];
    char *checkpoint; /* paths */
    char *record_file;
    char *yaml;    /* NULL: a built-in configuration fits */
    uint64_t size; /* of the checkpoint now */
    bool recorded;
    struct vox_model_record record;
};

/* The folder: of the option --models (NULL: not given), else of the environment's VOXLABEL_MODELS,
 * else the user's. The caller frees *out with vox_free. Returns 0, or the exit status after it said
 * what is wrong. The folder need not be there. */
int vox_model_folder_find(const char *option, char **out);

/* Makes the folder and those above it. */
enum vox_code vox_model_folder_make(const char *folder, struct vox_err *err) VOX_MUST_USE;

/* Whether a text may be a model's name: letters, digits, dots, hyphens and underscores, the first a
 * letter or digit. */
bool vox_model_name_is_valid(const char *name);

/* FOLDER/NAME + SUFFIX; NULL where there is no memory. The caller frees it with vox_free. */
char *vox_model_path(const char *folder, const char *name, const char *suffix);

/* The model of that name: VOX_E_NOT_FOUND where there is none. The caller ends *out with
 * vox_model_entry_free. */
enum vox_code vox_model_entry_find(const char *folder, const char *name,
                                   struct vox_model_entry *out, struct vox_err *err) VOX_MUST_USE;
void vox_model_entry_free(struct vox_model_entry *entry);

/* All models, by name; none where the folder is not there. The caller ends *out with
 * vox_model_entries_free. */
struct vox_model_entries {
    struct vox_model_entry *at;
    int n;
};
enum vox_code vox_model_entries_list(const char *folder, struct vox_model_entries *out,
                                     struct vox_err *err) VOX_MUST_USE;
void vox_model_entries_free(struct vox_model_entries *entries);

/* Writes the record of a model whose files are complete. */
enum vox_code vox_model_record_write(const char *folder, const char *name,
                                     const struct vox_model_record *record,
                                     struct vox_err *err) VOX_MUST_USE;

#endif
