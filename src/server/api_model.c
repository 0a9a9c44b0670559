/* /model/: the checkpoint that the server computes with. It can be looked at and fetched; what
 * others send is never computed with, so it is neither replaced nor deleted. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "server/app_instance.h"
#include "server/http.h"
#include "voxlabel/voxlabel.h"

static const struct vox_served_model *find_model(const struct vox_exchange *x,
                                                 const struct vox_app *app)
{
    const char *name = vox_exchange_param(x, "model");
    const char *spaced = vox_exchange_param_spaced(x, "model");
    const struct vox_served_model *model = vox_app_model_find(app, name);
    return model == NULL && spaced != NULL ? vox_app_model_find(app, spaced) : model;
}

static void fail_unknown(struct vox_exchange *x)
{
    vox_exchange_fail(x, 404, "Model File NOT Found for %s", vox_exchange_param(x, "model"));
}

/* ".pt" or ".safetensors". */
static const char *ending(const char *path)
{
    const char *dot = strrchr(path, '.'), *slash = strrchr(path, '/');
    return dot != NULL && (slash == NULL || dot > slash) ? dot : "";
}

static void get_model(struct vox_exchange *x, struct vox_app *app)
{
    const struct vox_server_settings *settings = vox_app_settings(app);
    const struct vox_served_model *model = find_model(x, app);
    struct vox_err err = {0};
    char name[128];
    if (model == NULL) {
        fail_unknown(x);
        return;
    }
    if (settings->checkpoint[0] == '\0' && settings->weights != NULL) {
        snprintf(name, sizeof(name), "attachment; filename=\"%s.safetensors\"", model->name);
        vox_answer_header(x, "Content-Disposition", name);
        vox_answer_static(x, 200, "application/octet-stream", settings->weights,
                          (size_t)settings->weights_size);
        return;
    }
    snprintf(name, sizeof(name), "%s%s", model->name, ending(settings->checkpoint));
    if (settings->checkpoint[0] == '\0' ||
        vox_answer_file(x, settings->checkpoint, name, &err) != VOX_OK) {
        fail_unknown(x);
    }
}

static void get_model_info(struct vox_exchange *x, struct vox_app *app)
{
    const struct vox_server_settings *settings = vox_app_settings(app);
    const struct vox_served_model *model = find_model(x, app);
    struct vox_model *engine = NULL;
    struct vox_err err = {0};
    struct stat st;
    if (model == NULL) {
        fail_unknown(x);
        return;
    }
    enum vox_model_state state = vox_app_model_wait(app, model, 60.0, &engine, &err);
    if (state == VOX_MODEL_LOADING) {
        vox_answer_header(x, "Retry-After", "5");
        vox_exchange_fail(x, 503, "the model is still being loaded");
        return;
    }
    if (state == VOX_MODEL_FAILED) {
        fail_unknown(x);
        return;
    }
    struct vox_model_facts facts;
    char checksum[80];
    struct vox_json_writer *json = vox_json_writer_new();
    if (json == NULL) {
        vox_exchange_fail(x, 503, "the server has no memory left");
        return;
    }
    vox_model_describe(engine, &facts);
    snprintf(checksum, sizeof(checksum), "SHA256:%s", facts.sha256);
    bool is_file = settings->checkpoint[0] != '\0' && stat(settings->checkpoint, &st) == 0;
    vox_json_begin_object(json, NULL);
    vox_json_put_text(json, "checksum", checksum);
    vox_json_put_int(json, "modified_time", is_file ? (int64_t)st.st_mtime : vox_app_started(app));
    vox_json_put_text(json, "name", settings->model_label);
    vox_json_put_text(json, "config", facts.name);
    vox_json_put_text(json, "backend", facts.backend);
    vox_json_put_int(json, "threads", facts.threads);
    vox_json_end(json);
    vox_answer_writer(x, 200, json);
    vox_json_writer_free(json);
}

static void refuse_change(struct vox_exchange *x, struct vox_app *app)
{
    if (find_model(x, app) == NULL) {
        fail_unknown(x);
        return;
    }
    vox_exchange_fail(x, 403,
                      "the model is not changed by clients; the server is started with another by "
                      "--model");
}

const struct vox_route vox_routes_model[] = {
    {"GET", "/model/{model}", get_model, VOX_ROLE_ADMIN, VOX_BODY_NONE, 0},
    {"GET", "/model/info/{model}", get_model_info, VOX_ROLE_ADMIN, VOX_BODY_NONE, 0},
    {"PUT", "/model/{model}", refuse_change, VOX_ROLE_ANNOTATOR, VOX_BODY_NONE, 0},
    {"DELETE", "/model/{model}", refuse_change, VOX_ROLE_ANNOTATOR, VOX_BODY_NONE, 0},
    {NULL, NULL, NULL, VOX_ROLE_OPEN, VOX_BODY_NONE, 0},
};
