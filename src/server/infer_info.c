#include "server/infer_info.h"

#include <stddef.h>

#include "pipeline/choices.h"
#include "pipeline/labels.h"
#include "server/app_instance.h"
#include "util/json_writer.h"

static void put_list(struct vox_json_writer *json, const char *key, const char *const *texts,
                     size_t n)
{
    vox_json_begin_array(json, key);
    for (size_t i = 0; i < n; i++) {
        vox_json_put_text(json, NULL, texts[i]);
    }
    vox_json_end(json);
}

/* Foreground first: clients preselect the first one. */
static void put_labels(struct vox_json_writer *json, const struct vox_labels *labels)
{
    vox_json_begin_object(json, "labels");
    for (int i = 0; i < labels->n; i++) {
        vox_json_put_int(json, labels->names[i], vox_label_value(i));
    }
    vox_json_put_int(json, "background", 0);
    vox_json_put_int(json, "uncertain", vox_uncertain_value(labels));
    vox_json_end(json);
}

/* Clients show lists of texts alone as choices, and send what is chosen as a parameter. */
static void put_config(struct vox_json_writer *json, const char *network)
{
    static const char *const windows[] = {"auto", "full",  "abdomen",    "lung",
                                          "bone", "brain", "mediastinum"};
    static const char *const zooms[] = {"default", "off", "1.5", "2", "2.5", "3", "4"};
    static const char *const flags[] = {"true", "false"};
    vox_json_begin_object(json, "config");
    put_list(json, "model", &network, 1);
    put_list(json, "extent", vox_extent_choices.names, (size_t)vox_extent_choices.n);
    put_list(json, "passes", vox_passes_choices.names, (size_t)vox_passes_choices.n);
    put_list(json, "window", windows, sizeof(windows) / sizeof(windows[0]));
    put_list(json, "zoom", zooms, sizeof(zooms) / sizeof(zooms[0]));
    put_list(json, "keep_uncertain", flags, 2);
    put_list(json, "largest_cc", flags, 2);
    vox_json_end(json);
}

void vox_infer_put_info(struct vox_json_writer *json, const char *key,
                        const struct vox_served_model *model,
                        const struct vox_server_settings *settings)
{
    const char *network = settings->model_label[0] != '\0' ? settings->model_label : model->name;
    vox_json_begin_object(json, key);
    vox_json_put_text(json, "type", model->type);
    vox_json_put_text(json, "description", model->description);
    put_labels(json, model->labels);
    vox_json_put_int(json, "dimension", model->dimension);
    put_config(json, network);
    vox_json_end(json);
}
