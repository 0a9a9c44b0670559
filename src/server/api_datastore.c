/* /datastore/: what there is, images and what is known of them. Labels are in api_labels.c. */
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "server/app_instance.h"
#include "server/http.h"
#include "server/study_answer.h"
#include "server/user_name.h"
#include "store/datastore.h"
#include "util/memory.h"

static void get_datastore(struct vox_exchange *x, struct vox_app *app)
{
    static const struct {
        const char *name;
        enum vox_code (*json)(struct vox_datastore *store, char **out, struct vox_err *err);
    } outputs[] = {
        {"stats", vox_datastore_stats_json},
        {"all", vox_datastore_all_json},
        {"train", vox_datastore_train_json},
    };
    const char *output = vox_exchange_query(x, "output");
    struct vox_err err = {0};
    char *text;
    size_t i = 0;
    while (output != NULL && i < 3 && strcmp(output, outputs[i].name) != 0) {
        i++;
    }
    if (i == 3) {
        vox_exchange_invalid(x, "query", "output", "enum", output,
                             "Input should be 'stats', 'all' or 'train'");
    } else if (outputs[i].json(vox_app_datastore(app), &text, &err) != VOX_OK) {
        vox_exchange_fail_err(x, &err);
    } else {
        vox_answer_json(x, 200, text);
        vox_free(text);
    }
}

/* ---- images ---- */

/* The id of an upload: what the client says, else of the file's name. The caller frees it; NULL:
 * answered. */
static char *upload_id(struct vox_exchange *x, const struct vox_upload *upload)
{
    const char *given = vox_exchange_query(x, "image");
    char *id = NULL;
    if (given != NULL && given[0] != '\0') {
        id = vox_strdup(given);
        if (id == NULL) {
            vox_exchange_fail(x, 503, "the server has no memory left");
        }
    } else if (!vox_id_from_name(upload->name, &id)) {
        vox_exchange_missing(x, "query", "image");
    }
    return id;
}

static void put_image(struct vox_exchange *x, struct vox_app *app)
{
    const struct vox_upload *upload = vox_exchange_upload(x, "file", 0);
    struct vox_incoming incoming;
    struct vox_err err = {0};
    char ext[VOX_EXT_MAX + 1];
    if (!vox_study_incoming(x, app, upload, "file", ext, &incoming)) {
        return;
    }
    char *id = upload_id(x, upload);
    if (id == NULL) {
        return;
    }
    incoming.user = VOX_USER_NAME;
    if (vox_datastore_add_image(vox_app_datastore(app), id, &incoming, &err) != VOX_OK) {
        vox_exchange_fail_err(x, &err);
    } else {
        vox_study_answer_names(x, id, NULL);
    }
    vox_free(id);
}

static void delete_image(struct vox_exchange *x, struct vox_app *app)
{
    struct vox_err err = {0};
    const char *id;
    if (!vox_exchange_query_needed(x, "id", &id) || !vox_study_may_write(x, app)) {
        return;
    }
    if (vox_datastore_delete_image(vox_app_datastore(app), id, &err) != VOX_OK) {
        vox_exchange_fail_err(x, &err);
    } else {
        vox_answer_json(x, 200, "{}");
    }
}

static void fail_no_image(struct vox_exchange *x)
{
    vox_exchange_fail(x, 404, "Image NOT Found or is a directory");
}

/* The file of an image; HEAD is answered by the same. */
static void get_image(struct vox_exchange *x, struct vox_app *app)
{
    struct vox_image_record image = {0};
    struct vox_err err = {0};
    const char *id;
    if (!vox_exchange_query_needed(x, "image", &id)) {
        return;
    }
    if (vox_datastore_image(vox_app_datastore(app), id, &image, &err) != VOX_OK ||
        vox_answer_file(x, image.path, image.file_name, &err) != VOX_OK) {
        fail_no_image(x);
    }
    vox_image_record_free(&image);
}

/* Whether a client's "SHA256:<hex>", or the digits alone, are those of the image. */
static bool checksum_fits(const char *given, const char *known)
{
    const char *digits = strchr(known, ':');
    return strcasecmp(given, known) == 0 || (digits != NULL && strcasecmp(given, digits + 1) == 0);
}

static void head_image(struct vox_exchange *x, struct vox_app *app)
{
    const char *given = vox_exchange_query(x, "check_sum");
    char known[VOX_CHECKSUM_SIZE];
    struct vox_err err = {0};
    const char *id;
    if (!vox_exchange_query_needed(x, "image", &id)) {
        return;
    }
    if (given != NULL && given[0] != '\0' &&
        (vox_datastore_checksum(vox_app_datastore(app), id, known, &err) != VOX_OK ||
         !checksum_fits(given, known))) {
        fail_no_image(x);
        return;
    }
    get_image(x, app);
}

static void get_image_info(struct vox_exchange *x, struct vox_app *app)
{
    struct vox_err err = {0};
    const char *id;
    char *text;
    if (!vox_exchange_query_needed(x, "image", &id)) {
        return;
    }
    if (vox_datastore_info_json(vox_app_datastore(app), id, &text, &err) != VOX_OK) {
        vox_study_answer_unknown(x, &err);
    } else {
        vox_answer_json(x, 200, text);
        vox_free(text);
    }
}

static void put_image_info(struct vox_exchange *x, struct vox_app *app)
{
    struct vox_err err = {0};
    const char *id, *info;
    if (!vox_exchange_query_needed(x, "image", &id) || !vox_study_info(x, "info", &info) ||
        !vox_study_may_write(x, app)) {
        return;
    }
    if (vox_datastore_update_image_info(vox_app_datastore(app), id, info != NULL ? info : "{}",
                                        VOX_USER_NAME, &err) != VOX_OK) {
        vox_exchange_fail_err(x, &err);
    } else {
        vox_answer_json(x, 200, "null");
    }
}

const struct vox_route vox_routes_datastore[] = {
    {"GET", "/datastore", get_datastore, VOX_ROLE_USER, VOX_BODY_NONE, 0},
    {"PUT", "/datastore", put_image, VOX_ROLE_ANNOTATOR, VOX_BODY_FORM, 0},
    {"DELETE", "/datastore", delete_image, VOX_ROLE_ADMIN, VOX_BODY_NONE, 0},
    {"GET", "/datastore/image", get_image, VOX_ROLE_USER, VOX_BODY_NONE, 0},
    {"HEAD", "/datastore/image", head_image, VOX_ROLE_USER, VOX_BODY_NONE, 0},
    {"PUT", "/datastore/image", put_image, VOX_ROLE_ANNOTATOR, VOX_BODY_FORM, 0},
    {"DELETE", "/datastore/image", delete_image, VOX_ROLE_ADMIN, VOX_BODY_NONE, 0},
    {"GET", "/datastore/image/info", get_image_info, VOX_ROLE_USER, VOX_BODY_NONE, 0},
    {"PUT", "/datastore/image/info", put_image_info, VOX_ROLE_ANNOTATOR, VOX_BODY_FORM, 0},
    {NULL, NULL, NULL, VOX_ROLE_OPEN, VOX_BODY_NONE, 0},
};
