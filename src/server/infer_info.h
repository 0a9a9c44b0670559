/* What /info/ says of a model: its type, labels and the options that clients show. */
#ifndef VOX_SERVER_INFER_INFO_H
#define VOX_SERVER_INFER_INFO_H

#include "util/error.h"

struct vox_json_writer;
struct vox_served_model;
struct vox_server_settings;

/* Writes the members of one entry of "models": type, description, labels (name to value), dimension
 * and config, lists of texts with the default first. `key` is the model's name, NULL inside an
 * array. */
void vox_infer_put_info(struct vox_json_writer *json, const char *key,
                        const struct vox_served_model *model,
                        const struct vox_server_settings *settings);

#endif
