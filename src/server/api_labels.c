/* /datastore/label: labels of images and what is known of them. */
#include <stddef.h>
#include <string.h>

#include "server/app_instance.h"
#include "server/http.h"
#include "server/study_answer.h"
#include "server/user_name.h"
#include "store/datastore.h"
#include "util/memory.h"

static const char final_tag[] = "final";

static void put_label(struct vox_exchange *x, struct vox_app *app)
{
    const struct vox_upload *upload = vox_exchange_upload(x, "label", 0);
    const char *tag = vox_exchange_query(x, "tag");
    struct vox_incoming incoming;
    struct vox_err err = {0};
    char ext[VOX_EXT_MAX + 1];
    const char *id;
    if (!vox_exchange_query_needed(x, "image", &id) ||
        !vox_study_incoming(x, app, upload, "label", ext, &incoming)) {
        return;
    }
    if (tag == NULL || tag[0] == '\0') {
        tag = final_tag;
    }
    if (vox_datastore_save_label(vox_app_datastore(app), id, tag, &incoming, &err) != VOX_OK) {
        vox_exchange_fail_err(x, &err);
    } else {
        vox_study_answer_names(x, id, id);
    }
}

static void fail_no_label(struct vox_exchange *x)
{
    vox_exchange_fail(x, 404, "Label NOT Found or is a directory");
}

static void answer_label(struct vox_exchange *x, struct vox_app *app, const char *id,
                         const char *tag)
{
    struct vox_label_record label = {0};
    struct vox_err err = {0};
    int64_t version;
    if (!vox_exchange_query_int(x, "version", 0, 0, INT32_MAX, &version)) {
        return;
    }
    if (vox_datastore_label(vox_app_datastore(app), id, tag, (int)version, &label, &err) !=
            VOX_OK ||
        vox_answer_file(x, label.path, label.file_name, &err) != VOX_OK) {
        fail_no_label(x);
    }
    vox_label_record_free(&label);
}

static void get_label(struct vox_exchange *x, struct vox_app *app)
{
    const char *id, *tag;
    if (vox_exchange_query_needed(x, "label", &id) && vox_exchange_query_needed(x, "tag", &tag)) {
        answer_label(x, app, id, tag);
    }
}

/* MONAI Label asks for "image" here and for "label" elsewhere; both do. */
static void head_label(struct vox_exchange *x, struct vox_app *app)
{
    const char *id = vox_exchange_query(x, "image"), *tag;
    if (id == NULL) {
        id = vox_exchange_query(x, "label");
    }
    if (id == NULL) {
        vox_exchange_missing(x, "query", "image");
    } else if (vox_exchange_query_needed(x, "tag", &tag)) {
        answer_label(x, app, id, tag);
    }
}

/* {} whether there was one or not. */
static void delete_label(struct vox_exchange *x, struct vox_app *app)
{
    struct vox_err err = {0};
    const char *id, *tag;
    if (!vox_exchange_query_needed(x, "id", &id) || !vox_exchange_query_needed(x, "tag", &tag) ||
        !vox_study_may_write(x, app)) {
        return;
    }
    enum vox_code code = vox_datastore_delete_label(vox_app_datastore(app), id, tag, &err);
    if (code == VOX_OK || code == VOX_E_NOT_FOUND) {
        vox_answer_json(x, 200, "{}");
    } else {
        vox_exchange_fail_err(x, &err);
    }
}

static void get_label_info(struct vox_exchange *x, struct vox_app *app)
{
    struct vox_err err = {0};
    const char *id, *tag;
    char *text;
    if (!vox_exchange_query_needed(x, "label", &id) || !vox_exchange_query_needed(x, "tag", &tag)) {
        return;
    }
    if (vox_datastore_label_info_json(vox_app_datastore(app), id, tag, &text, &err) != VOX_OK) {
        vox_study_answer_unknown(x, &err);
    } else {
        vox_answer_json(x, 200, text);
        vox_free(text);
    }
}

static void update_info(struct vox_exchange *x, struct vox_app *app, const char *field)
{
    struct vox_err err = {0};
    const char *id, *tag, *info;
    if (!vox_exchange_query_needed(x, "label", &id) || !vox_exchange_query_needed(x, "tag", &tag) ||
        !vox_study_info(x, field, &info) || !vox_study_may_write(x, app)) {
        return;
    }
    if (vox_datastore_update_label_info(vox_app_datastore(app), id, tag, info != NULL ? info : "{}",
                                        VOX_USER_NAME, &err) != VOX_OK) {
        vox_exchange_fail_err(x, &err);
    } else {
        vox_answer_json(x, 200, "null");
    }
}

static void put_label_info(struct vox_exchange *x, struct vox_app *app)
{
    update_info(x, app, "info");
}

/* The older form, which the Reviewer of 3D Slicer sends. */
static void put_updatelabelinfo(struct vox_exchange *x, struct vox_app *app)
{
    update_info(x, app, "params");
}

/* {"versions": [1, 2]}: labels that this one has replaced; GET .../label?version=2 fetches one. */
static void get_label_versions(struct vox_exchange *x, struct vox_app *app)
{
    struct vox_err err = {0};
    const char *id, *tag;
    int *versions;
    size_t n;
    if (!vox_exchange_query_needed(x, "label", &id) || !vox_exchange_query_needed(x, "tag", &tag)) {
        return;
    }
    if (vox_datastore_versions(vox_app_datastore(app), id, tag, &versions, &n, &err) != VOX_OK) {
        vox_exchange_fail_err(x, &err);
        return;
    }
    struct vox_json_writer *json = vox_json_writer_new();
    if (json != NULL) {
        vox_json_begin_object(json, NULL);
        vox_json_begin_array(json, "versions");
        for (size_t i = 0; i < n; i++) {
            vox_json_put_int(json, NULL, versions[i]);
        }
        vox_json_end(json);
        vox_json_end(json);
    }
    vox_answer_writer(x, 200, json);
    vox_json_writer_free(json);
    vox_free(versions);
}

const struct vox_route vox_routes_labels[] = {
    {"GET", "/datastore/label", get_label, VOX_ROLE_USER, VOX_BODY_NONE, 0},
    {"HEAD", "/datastore/label", head_label, VOX_ROLE_USER, VOX_BODY_NONE, 0},
    {"PUT", "/datastore/label", put_label, VOX_ROLE_ANNOTATOR, VOX_BODY_FORM, 0},
    {"DELETE", "/datastore/label", delete_label, VOX_ROLE_ADMIN, VOX_BODY_NONE, 0},
    {"GET", "/datastore/label/info", get_label_info, VOX_ROLE_USER, VOX_BODY_NONE, 0},
    {"PUT", "/datastore/label/info", put_label_info, VOX_ROLE_ANNOTATOR, VOX_BODY_FORM, 0},
    {"GET", "/datastore/label/versions", get_label_versions, VOX_ROLE_USER, VOX_BODY_NONE, 0},
    {"PUT", "/datastore/updatelabelinfo", put_updatelabelinfo, VOX_ROLE_ANNOTATOR, VOX_BODY_FORM,
     0},
    {NULL, NULL, NULL, VOX_ROLE_OPEN, VOX_BODY_NONE, 0},
};
