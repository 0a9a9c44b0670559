/* Whether a file is a checkpoint that this program can run, and a model the one that it was. */
#ifndef VOX_APP_MODEL_CHECK_H
#define VOX_APP_MODEL_CHECK_H

#include <stddef.h>

#include "app/model_folder.h"
#include "app/verdict.h"
#include "model/embedded_model.h"
#include "util/error.h"

/* Reads all tensors' descriptions and compares them with a YAML, or (NULL) finds the built-in
 * configuration that they fit. Writes the configuration's name. */
enum vox_code vox_model_file_check(const char *path, const char *yaml, char config[64],
                                   struct vox_err *err) VOX_MUST_USE;
enum vox_code vox_model_bytes_check(const void *data, size_t size, const char *yaml,
                                    char config[64], const char **container,
                                    struct vox_err *err) VOX_MUST_USE;

/* SHA-256 and size of a file. */
enum vox_code vox_model_file_hash(const char *path, char sha256[65], size_t *size,
                                  struct vox_err *err) VOX_MUST_USE;

/* What a model of the folder is like. */
struct vox_model_finding {
    enum vox_verdict verdict; /* a warning where nothing is recorded to compare with */
    char sha256[65];          /* empty: could not be read */
    char config[64];          /* empty: none fits */
    struct vox_err why;       /* where the verdict is not VOX_VERDICT_OK */
};

/* Compares a model with what was recorded, or published, of it, and with its configuration. */
struct vox_model_finding vox_model_examine(const struct vox_model_entry *entry);

/* The same of a model inside the program: is it the file that the build took, and does its
 * configuration fit it? */
struct vox_model_finding vox_embedded_model_examine(const struct vox_embedded_model *model);

#endif
