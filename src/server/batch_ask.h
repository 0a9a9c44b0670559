/* What a batch is asked to do, and which images and prompts follow from it. */
#ifndef VOX_SERVER_BATCH_ASK_H
#define VOX_SERVER_BATCH_ASK_H

#include <stdbool.h>
#include <stdint.h>

#include "store/datastore.h"
#include "util/json.h"

struct vox_request;
struct vox_labels;

enum vox_batch_rule { VOX_BATCH_STORED, VOX_BATCH_CENTRE_BOX, VOX_BATCH_PREVIOUS_LABEL };

struct vox_batch_ask {
    enum vox_image_choice images;
    char **ids; /* instead; sorted */
    size_t n_ids;
    enum vox_batch_rule rule;
    char label_from[VOX_TAG_MAX + 1]; /* "": any */
    char tag[VOX_TAG_MAX + 1];
    char *params; /* JSON; NULL: none */
    bool save;
    int64_t most;  /* images; 0: all */
    char *request; /* the body as JSON */
};

/* VOX_E_ARG, VOX_E_NOMEM. The caller ends *out. */
enum vox_code vox_batch_ask_read(const char *images, const struct vox_json *body,
                                 struct vox_batch_ask *out, struct vox_err *err) VOX_MUST_USE;
void vox_batch_ask_fini(struct vox_batch_ask *ask); /* all zero is allowed */

/* The images that the task is about now, in ascending order; vox_batch_images_free. */
enum vox_code vox_batch_images(struct vox_datastore *store, const struct vox_batch_ask *ask,
                               char ***out, size_t *n, struct vox_err *err) VOX_MUST_USE;
void vox_batch_images_free(char **ids, size_t n);

/* What an image is segmented with. */
struct vox_batch_prompts {
    struct vox_request *request;
    char *mask; /* label file; NULL: none */
    bool raw;
};

/* VOX_E_NOT_FOUND for an image without prompts. `before` is the id of the image before it, or NULL.
 * The caller ends *out. */
enum vox_code vox_batch_prompts_find(struct vox_datastore *store, const struct vox_labels *labels,
                                     const struct vox_batch_ask *ask,
                                     const struct vox_image_record *image, const char *before,
                                     struct vox_batch_prompts *out,
                                     struct vox_err *err) VOX_MUST_USE;

#endif
