/* /session/: images that clients upload to work on for a while. */
#include <stddef.h>
#include <unistd.h>

#include "server/answer.h"
#include "server/app_instance.h"
#include "server/exchange.h"
#include "server/router.h"
#include "server/sessions.h"
#include "util/json_writer.h"
#include "util/memory.h"

/* False: answered. */
static bool is_enabled(struct vox_exchange *x, struct vox_app *app)
{
    bool enabled = vox_app_settings(app)->sessions && vox_app_sessions(app) != NULL;
    if (!enabled) {
        vox_exchange_fail(x, 406, "Session Feature is Not Enabled");
    }
    return enabled;
}

static void put_facts(struct vox_json_writer *json, const char *key,
                      const struct vox_session_facts *facts)
{
    vox_json_begin_object(json, key);
    vox_json_put_text(json, "name", facts->id);
    vox_json_put_text(json, "path", facts->folder);
    vox_json_put_text(json, "image", facts->image);
    vox_json_begin_object(json, "meta");
    vox_json_end(json);
    vox_json_put_int(json, "create_ts", facts->created);
    vox_json_put_int(json, "last_access_ts", facts->last_access);
    vox_json_put_int(json, "expiry", facts->expiry);
    vox_json_end(json);
}

static void answer_facts(struct vox_exchange *x, const struct vox_session_facts *facts)
{
    struct vox_json_writer *json = vox_json_writer_new();
    if (json != NULL) {
        put_facts(json, NULL, facts);
    }
    vox_answer_writer(x, 200, json);
    vox_json_writer_free(json);
}

static void answer_created(struct vox_exchange *x, const struct vox_session_facts *facts)
{
    struct vox_json_writer *json = vox_json_writer_new();
    if (json != NULL) {
        vox_json_begin_object(json, NULL);
        vox_json_put_text(json, "session_id", facts->id);
        put_facts(json, "session_info", facts);
        vox_json_end(json);
    }
    vox_answer_writer(x, 200, json);
    vox_json_writer_free(json);
}

static int count_files(struct vox_exchange *x)
{
    int n = 0;
    while (n <= VOX_SESSION_FILES_MAX && vox_exchange_upload(x, "files", (size_t)n) != NULL) {
        n++;
    }
    return n;
}

static void create(struct vox_exchange *x, struct vox_app *app, int n, int64_t expiry)
{
    struct vox_session_facts facts;
    struct vox_err err = {0};
    struct vox_session_file *files = vox_calloc((size_t)n, sizeof(*files));
    if (files == NULL) {
        vox_exchange_fail(x, 503, "out of memory");
        return;
    }
    for (int i = 0; i < n; i++) {
        const struct vox_upload *upload = vox_exchange_upload(x, "files", (size_t)i);
        vox_exchange_take_upload(x, upload);
        files[i] = (struct vox_session_file){.path = upload->path, .name = upload->name};
    }
    enum vox_code code = vox_sessions_create(vox_app_sessions(app), files, n, expiry, &facts, &err);
    if (code != VOX_OK) {
        for (int i = 0; i < n; i++) {
            (void)unlink(files[i].path);
        }
        vox_exchange_fail_err(x, &err);
    } else {
        answer_created(x, &facts);
        vox_session_facts_fini(&facts);
    }
    vox_free(files);
}

static void put_session(struct vox_exchange *x, struct vox_app *app)
{
    bool uncompress;
    int64_t expiry;
    if (!is_enabled(x, app) || !vox_exchange_query_bool(x, "uncompress", false, &uncompress) ||
        !vox_exchange_query_int(x, "expiry", 0, INT32_MIN, INT32_MAX, &expiry)) {
        return;
    }
    int n = count_files(x);
    if (n == 0) {
        vox_exchange_missing(x, "body", "files");
        return;
    }
    if (uncompress) {
        vox_exchange_fail(x, 415,
                          "archives are not unpacked here; upload one image, "
                          ".nii.gz .nii .nrrd or .mha");
        return;
    }
    create(x, app, n, expiry);
}

static void answer_image(struct vox_exchange *x, const struct vox_session_facts *facts)
{
    struct vox_err err = {0};
    const char *name = facts->image;
    for (const char *at = facts->image; *at != '\0'; at++) {
        name = *at == '/' ? at + 1 : name;
    }
    if (!facts->single || vox_answer_file(x, facts->image, name, &err) != VOX_OK) {
        vox_exchange_fail(x, 404, "the session has several files, which are no image here");
    }
}

static void get_session(struct vox_exchange *x, struct vox_app *app)
{
    const char *id = vox_exchange_param(x, "id");
    bool update, image;
    struct vox_session_facts facts;
    if (!is_enabled(x, app) || !vox_exchange_query_bool(x, "update_ts", false, &update) ||
        !vox_exchange_query_bool(x, "image", false, &image)) {
        return;
    }
    if (vox_sessions_find(vox_app_sessions(app), id, update, &facts, NULL) != VOX_OK) {
        vox_exchange_fail(x, 404, "Session (%.64s) Not Found", id);
        return;
    }
    if (image) {
        answer_image(x, &facts);
    } else {
        answer_facts(x, &facts);
    }
    vox_session_facts_fini(&facts);
}

static void delete_session(struct vox_exchange *x, struct vox_app *app)
{
    struct vox_session_facts facts;
    const char *id = vox_exchange_param(x, "id");
    if (!is_enabled(x, app)) {
        return;
    }
    if (vox_sessions_remove(vox_app_sessions(app), id, &facts, NULL) != VOX_OK) {
        vox_exchange_fail(x, 404, "Session Not Found");
        return;
    }
    answer_facts(x, &facts);
    vox_session_facts_fini(&facts);
}

extern const struct vox_route vox_routes_session[];

const struct vox_route vox_routes_session[] = {
    {"PUT", "/session", put_session, VOX_ROLE_USER, VOX_BODY_FORM, 0},
    {"GET", "/session/{id}", get_session, VOX_ROLE_USER, VOX_BODY_NONE, 0},
    {"DELETE", "/session/{id}", delete_session, VOX_ROLE_USER, VOX_BODY_NONE, 0},
    {NULL, NULL, NULL, VOX_ROLE_OPEN, VOX_BODY_NONE, 0},
};
