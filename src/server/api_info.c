/* GET /info/: what the server offers. The order of its members is the one that MONAI Label has. */
#include <stddef.h>

#include "pipeline/labels.h"
#include "server/app_instance.h"
#include "server/http.h"
#include "server/infer_info.h"
#include "store/datastore.h"
#include "store/strategy.h"
#include "util/memory.h"
#include "voxlabel/voxlabel.h"

static void put_empty(struct vox_json_writer *json, const char *key)
{
    vox_json_begin_object(json, key);
    vox_json_end(json);
}

/* The names that clients make segments of. */
static void put_labels(struct vox_json_writer *json, const struct vox_labels *labels)
{
    vox_json_begin_array(json, "labels");
    for (int i = 0; i < labels->n; i++) {
        vox_json_put_text(json, NULL, labels->names[i]);
    }
    vox_json_put_text(json, NULL, "background");
    vox_json_put_text(json, NULL, "uncertain");
    vox_json_end(json);
}

static void put_models(struct vox_json_writer *json, const struct vox_app *app)
{
    const struct vox_served_model *model;
    vox_json_begin_object(json, "models");
    for (int i = 0; (model = vox_app_model_at(app, i)) != NULL; i++) {
        vox_infer_put_info(json, model->name, model, vox_app_settings(app));
    }
    vox_json_end(json);
}

static enum vox_code put_strategies(struct vox_json_writer *json, struct vox_app *app,
                                    struct vox_err *err)
{
    char *text;
    if (!vox_app_settings(app)->offer_strategies) {
        put_empty(json, "strategies");
        return VOX_OK;
    }
    enum vox_code code = vox_strategies_info_json(vox_app_strategies(app), &text, err);
    if (code == VOX_OK) {
        vox_json_put_raw(json, "strategies", text);
        vox_free(text);
    }
    return code;
}

static enum vox_code put_datastore(struct vox_json_writer *json, struct vox_app *app,
                                   struct vox_err *err)
{
    char *text;
    enum vox_code code = vox_datastore_stats_json(vox_app_datastore(app), &text, err);
    if (code == VOX_OK) {
        vox_json_put_raw(json, "datastore", text);
        vox_free(text);
    }
    return code;
}

static void get_info(struct vox_exchange *x, struct vox_app *app)
{
    const struct vox_server_settings *settings = vox_app_settings(app);
    struct vox_err err = {0};
    struct vox_json_writer *json = vox_json_writer_new();
    if (json == NULL) {
        vox_exchange_fail(x, 503, "the server has no memory left");
        return;
    }
    vox_json_begin_object(json, NULL);
    vox_json_put_text(json, "name", settings->app_name);
    vox_json_put_text(json, "description", settings->app_description);
    vox_json_put_text(json, "version", vox_version());
    put_labels(json, vox_app_model_at(app, 0)->labels);
    put_models(json, app);
    put_empty(json, "trainers");
    enum vox_code code = put_strategies(json, app, &err);
    put_empty(json, "scoring");
    put_empty(json, "train_stats");
    if (code == VOX_OK) {
        code = put_datastore(json, app, &err);
    }
    vox_json_end(json);
    if (code == VOX_OK) {
        vox_answer_writer(x, 200, json);
    } else {
        vox_exchange_fail_err(x, &err);
    }
    vox_json_writer_free(json);
}

const struct vox_route vox_routes_info[] = {
    {"GET", "/info", get_info, VOX_ROLE_USER, VOX_BODY_NONE, 0},
    {NULL, NULL, NULL, VOX_ROLE_OPEN, VOX_BODY_NONE, 0},
};
