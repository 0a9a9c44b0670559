#include "server/infer_request.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "pipeline/params_read.h"
#include "server/answer.h"
#include "server/app_instance.h"
#include "server/exchange.h"
#include "server/infer_answer.h"
#include "server/sessions.h"
#include "util/memory.h"

/* ---- the model ---- */

static const struct vox_served_model *find_model(struct vox_exchange *x, struct vox_app *app,
                                                 const char *name, const char *spaced)
{
    const struct vox_served_model *model = vox_app_model_find(app, name);
    if (model == NULL && spaced != NULL) {
        model = vox_app_model_find(app, spaced);
    }
    if (model == NULL) {
        vox_exchange_fail(x, 404, "there is no model of that name; /info/ lists them");
    }
    return model;
}

/* One that is still loading will do: jobs wait for it. */
static bool check_state(struct vox_exchange *x, struct vox_app *app,
                        const struct vox_served_model *model)
{
    struct vox_err err = {0};
    if (vox_app_model_state(app, model, NULL, &err) != VOX_MODEL_FAILED) {
        return true;
    }
    vox_exchange_fail(x, 503, "the model could not be opened: %s", err.msg);
    return false;
}

/* A network that is asked for by name must be the one that is there. */
static bool check_network(struct vox_exchange *x, struct vox_app *app,
                          const struct vox_served_model *model, const struct vox_json *params)
{
    const char *name = vox_json_text(vox_json_get(params, "model"));
    const char *label = vox_app_settings(app)->model_label;
    if (name == NULL || name[0] == '\0' || strcmp(name, label) == 0 ||
        strcmp(name, model->name) == 0) {
        return true;
    }
    vox_exchange_fail(x, 404,
                      "'model' names a network that this server does not have; /info/ "
                      "lists those of its models");
    return false;
}

/* ---- parameters ---- */

static const char *text_of(const struct vox_json *params, const char *key)
{
    const char *text = vox_json_text(vox_json_get(params, key));
    return text != NULL && text[0] != '\0' ? text : NULL;
}

static bool read_prompts(struct vox_exchange *x, struct vox_infer_request *out)
{
    struct vox_err err = {0};
    const char *text = vox_exchange_field(x, "params");
    enum vox_code code = vox_request_new(out->model->labels, &out->job.request, &err);
    if (code == VOX_OK && text != NULL && text[0] != '\0' && strcmp(text, "null") != 0) {
        code = vox_params_read(out->job.request, text, strlen(text), &err);
    }
    if (code == VOX_E_FORMAT) {
        vox_exchange_fail(x, 422, "params: %s", err.msg);
    } else if (code != VOX_OK) {
        vox_infer_fail(x, &err);
    }
    return code == VOX_OK;
}

static bool read_save(struct vox_exchange *x, struct vox_app *app, const struct vox_json *params,
                      struct vox_infer_request *out)
{
    const char *tag = text_of(params, "label_tag");
    struct vox_err err = {0};
    bool save = false;
    if (!vox_json_bool(vox_json_get(params, "save_label"), &save) || !save) {
        return true;
    }
    if (vox_datastore_read_only(vox_app_datastore(app))) {
        vox_exchange_fail(x, 403, "the studies are read-only; ask without 'save_label'");
        return false;
    }
    tag = tag != NULL ? tag : "original";
    if (vox_tag_check(tag, strlen(tag), &err) != VOX_OK) {
        vox_infer_fail(x, &err);
        return false;
    }
    if (strcmp(tag, "final") == 0) {
        vox_exchange_fail(x, 400,
                          "'label_tag' cannot be final: that label is a person's; submit "
                          "it with PUT /datastore/label");
        return false;
    }
    snprintf(out->tag, sizeof(out->tag), "%s", tag);
    out->save = true;
    return true;
}

static void read_names(struct vox_exchange *x, const struct vox_json *params,
                       const struct vox_server_settings *settings, struct vox_infer_request *out)
{
    const char *client = text_of(params, "client_id");
    out->job.class = VOX_JOB_CLICK;
    out->job.id = text_of(params, "job");
    out->job.refine = text_of(params, "refine");
    out->job.client = client != NULL ? client : vox_exchange_peer(x);
    out->job.timeout = (double)settings->infer_timeout;
}

/* ---- the image ---- */

static bool copy_path(struct vox_exchange *x, const char *path, char **out)
{
    *out = vox_strdup(path);
    if (*out == NULL) {
        vox_exchange_fail(x, 503, "out of memory");
    }
    return *out != NULL;
}

/* 1: found, 0: not there, -1: answered. */
static int find_session(struct vox_exchange *x, struct vox_app *app, const char *id,
                        struct vox_infer_request *out)
{
    struct vox_session_facts facts;
    struct vox_sessions *sessions = vox_app_sessions(app);
    if (sessions == NULL || vox_sessions_find(sessions, id, true, &facts, NULL) != VOX_OK) {
        return 0;
    }
    int found = -1;
    if (!facts.single) {
        vox_exchange_fail(x, 415, "the session has several files, which are no image here");
    } else if (copy_path(x, facts.image, &out->image)) {
        found = 1;
    }
    vox_session_facts_fini(&facts);
    return found;
}

static int find_image(struct vox_exchange *x, struct vox_app *app, const char *id,
                      struct vox_infer_request *out)
{
    struct vox_image_record record;
    struct vox_err err = {0};
    enum vox_code code = vox_datastore_image(vox_app_datastore(app), id, &record, &err);
    if (code == VOX_E_NOT_FOUND || code == VOX_E_ARG) {
        return 0;
    }
    if (code != VOX_OK) {
        vox_infer_fail(x, &err);
        return -1;
    }
    int found = -1;
    if (!record.decodable) {
        vox_exchange_fail(x, 415, "the image is of a format that is not read here");
    } else if (copy_path(x, record.path, &out->image)) {
        found = 1;
    }
    vox_image_record_free(&record);
    out->id = found == 1 ? vox_strdup(id) : NULL;
    if (found == 1 && out->id == NULL) {
        vox_exchange_fail(x, 503, "out of memory");
        found = -1;
    }
    return found;
}

static bool use_upload(struct vox_exchange *x, const struct vox_upload *upload,
                       struct vox_infer_request *out)
{
    if (!copy_path(x, upload->path, &out->image)) {
        return false;
    }
    vox_exchange_take_upload(x, upload);
    out->job.own_image = true;
    return true;
}

/* A session's image goes before an upload, that before an image by id: clients that have a session
 * send a name of their own as the image. */
static bool choose_image(struct vox_exchange *x, struct vox_app *app, struct vox_infer_request *out)
{
    const char *session = vox_exchange_query(x, "session_id");
    const char *image = vox_exchange_query(x, "image");
    const struct vox_upload *upload = vox_exchange_upload(x, "file", 0);
    bool by_session = session != NULL && session[0] != '\0';
    bool by_id = image != NULL && image[0] != '\0';
    int found = by_session ? find_session(x, app, session, out) : 0;
    if (found == 0 && upload != NULL) {
        return use_upload(x, upload, out);
    }
    if (found == 0 && by_id) {
        found = find_image(x, app, image, out);
    }
    if (found == 0 && by_session && !by_id) {
        vox_exchange_fail(x, 404, "Session (%.64s) Not Found", session);
    } else if (found == 0 && by_id) {
        vox_exchange_fail(
            x, 404, by_session ? "neither the session nor the image is there" : "Image NOT Found");
    } else if (found == 0 && out->job.refine != NULL) {
        return true;
    } else if (found == 0) {
        vox_exchange_fail(x, 400, "Neither Image nor File not Session ID input is provided");
    }
    return found == 1;
}

/* ---- a mask as prompt ---- */

static bool use_stored(struct vox_exchange *x, struct vox_app *app, const char *tag,
                       struct vox_infer_request *out)
{
    struct vox_label_record label;
    struct vox_err err = {0};
    if (out->id == NULL) {
        vox_exchange_fail(x, 400, "'mask_from' is for images of the datastore");
        return false;
    }
    enum vox_code code = vox_datastore_label(vox_app_datastore(app), out->id, tag, 0, &label, &err);
    if (code == VOX_E_NOT_FOUND) {
        vox_exchange_fail(x, 404, "the image has no label of the tag that 'mask_from' names");
        return false;
    }
    if (code != VOX_OK) {
        vox_infer_fail(x, &err);
        return false;
    }
    bool copied = copy_path(x, label.path, &out->mask);
    out->job.raw_mask = strcasecmp(label.ext, ".bin") == 0;
    vox_label_record_free(&label);
    return copied;
}

/* Bare bytes are what some browsers send. */
static bool is_raw(const char *name)
{
    size_t length = strlen(name);
    return length > 4 && strcasecmp(name + length - 4, ".bin") == 0;
}

static bool choose_mask(struct vox_exchange *x, struct vox_app *app, const struct vox_json *params,
                        struct vox_infer_request *out)
{
    const struct vox_upload *upload = vox_exchange_upload(x, "label", 0);
    const char *stored = text_of(params, "mask_from");
    if (upload == NULL) {
        return stored == NULL || use_stored(x, app, stored, out);
    }
    if (!copy_path(x, upload->path, &out->mask)) {
        return false;
    }
    vox_exchange_take_upload(x, upload);
    out->job.own_mask = true;
    out->job.raw_mask = is_raw(upload->name);
    return true;
}

/* ---- */

bool vox_infer_request_read(struct vox_exchange *x, struct vox_app *app, const char *model,
                            const char *spaced, struct vox_infer_request *out)
{
    const struct vox_json *params;
    *out = (struct vox_infer_request){.model = find_model(x, app, model, spaced)};
    if (out->model == NULL || !check_state(x, app, out->model) ||
        !vox_exchange_field_json(x, "params", &params) ||
        !check_network(x, app, out->model, params)) {
        return false;
    }
    read_names(x, params, vox_app_settings(app), out);
    if (!read_save(x, app, params, out) || !choose_image(x, app, out) ||
        !choose_mask(x, app, params, out) || !read_prompts(x, out)) {
        vox_infer_request_drop(out);
        return false;
    }
    out->save = out->save && out->id != NULL;
    out->job.image = out->image;
    out->job.mask = out->mask;
    return true;
}

void vox_infer_request_fini(struct vox_infer_request *request)
{
    vox_free(request->image);
    vox_free(request->mask);
    vox_free(request->id);
    *request = (struct vox_infer_request){0};
}

void vox_infer_request_drop(struct vox_infer_request *request)
{
    if (request->job.own_image && request->image != NULL) {
        (void)unlink(request->image);
    }
    if (request->job.own_mask && request->mask != NULL) {
        (void)unlink(request->mask);
    }
    vox_request_free(request->job.request);
    vox_infer_request_fini(request);
}
