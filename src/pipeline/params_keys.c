#include <stddef.h>
#include <string.h>

#include "pipeline/params_read.h"

/* Keys of docs/prompts.md, and those that clients of the MONAI Label protocol send or that the
 * server reads beside them: a label of such a name would take the value of another. */
static const char *const keys[] = {
    "background",
    "background_scribbles",
    "box",
    "broadcast",
    "cache_image",
    "client_id",
    "clip",
    "corrections",
    "device",
    "extent",
    "file",
    "fill_holes",
    "foreground",
    "foreground_scribbles",
    "image",
    "keep_uncertain",
    "label",
    "label_info",
    "label_prompt",
    "label_tag",
    "largest_cc",
    "location",
    "logits",
    "mask",
    "mask_from",
    "mask_slices",
    "min_box",
    "model",
    "output",
    "params",
    "passes",
    "point_labels",
    "points",
    "points_as",
    "pylab",
    "refine",
    "reset_state",
    "restore_label_idx",
    "result_compress",
    "result_dtype",
    "result_extension",
    "result_write_to_file",
    "roi",
    "save_label",
    "selected_label_name",
    "session",
    "session_id",
    "slice",
    "space",
    "uncertain",
    "user",
    "window",
    "zoom",
};

bool vox_params_is_key(const char *name)
{
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (strcmp(keys[i], name) == 0) {
            return true;
        }
    }
    return false;
}
