/* /batch/infer: inference over many images. */
#include <stddef.h>

#include "server/answer.h"
#include "server/app_instance.h"
#include "server/batch.h"
#include "server/exchange.h"
#include "server/infer_answer.h"
#include "server/router.h"
#include "store/datastore.h"
#include "util/memory.h"

/* False: answered. */
static bool is_enabled(struct vox_exchange *x, struct vox_app *app)
{
    bool enabled = vox_app_settings(app)->batch && vox_app_batch(app) != NULL;
    if (!enabled) {
        vox_exchange_fail(x, 404, "batch inference is switched off on this server");
    }
    return enabled;
}

static void answer_task(struct vox_exchange *x, struct vox_app *app)
{
    char *task = NULL;
    struct vox_err err = {0};
    if (vox_batch_show(vox_app_batch(app), false, &task, &err) != VOX_OK) {
        vox_infer_fail(x, &err);
        return;
    }
    vox_answer_json(x, 200, task != NULL ? task : "null");
    vox_free(task);
}

/* A client that waits for the results. */
struct waiter {
    struct vox_exchange *x;
    struct vox_batch *batch;
};

static void end_waiter(struct waiter *waiter)
{
    vox_exchange_resume(waiter->x);
    vox_free(waiter);
}

static void answer_results(void *context, const char *results)
{
    struct waiter *waiter = context;
    vox_answer_json(waiter->x, 200, results);
    end_waiter(waiter);
}

static void refuse(struct vox_exchange *x, const struct vox_err *err)
{
    if (err->code == VOX_E_BUSY) {
        vox_exchange_fail(x, 429, "%s", err->msg);
        vox_answer_header(x, "Retry-After", "30");
    } else {
        vox_infer_fail(x, err);
    }
}

static void client_left(void *context)
{
    struct waiter *waiter = context;
    vox_batch_give_up(waiter->batch, waiter);
}

/* The answer comes when all is done; a client that leaves stops the task. */
static void start_and_wait(struct vox_exchange *x, struct vox_app *app, const char *images,
                           const struct vox_json *body)
{
    struct vox_err err = {0};
    struct waiter *waiter = vox_calloc(1, sizeof(*waiter));
    if (waiter == NULL) {
        vox_exchange_fail(x, 503, "out of memory");
        return;
    }
    *waiter = (struct waiter){x, vox_app_batch(app)};
    vox_exchange_suspend(x, client_left, waiter);
    if (vox_batch_start(waiter->batch, images, body, answer_results, waiter, &err) != VOX_OK) {
        refuse(x, &err);
        end_waiter(waiter);
    }
}

static void post_batch(struct vox_exchange *x, struct vox_app *app)
{
    const char *images = vox_exchange_query(x, "images");
    const char *spaced = vox_exchange_param_spaced(x, "model");
    const struct vox_json *body;
    struct vox_err err = {0};
    bool sync;
    if (!vox_exchange_query_bool(x, "run_sync", false, &sync) || !vox_exchange_json(x, &body) ||
        !is_enabled(x, app)) {
        return;
    }
    if (vox_app_model_find(app, vox_exchange_param(x, "model")) == NULL &&
        (spaced == NULL || vox_app_model_find(app, spaced) == NULL)) {
        vox_exchange_fail(x, 404, "there is no model of that name; /info/ lists them");
        return;
    }
    if (vox_datastore_read_only(vox_app_datastore(app))) {
        vox_exchange_fail(x, 403, "the studies are read-only, so labels cannot be stored");
        return;
    }
    if (sync) {
        start_and_wait(x, app, images, body);
        return;
    }
    if (vox_batch_start(vox_app_batch(app), images, body, NULL, NULL, &err) != VOX_OK) {
        refuse(x, &err);
        return;
    }
    answer_task(x, app);
}

static void answer_list(struct vox_exchange *x, const char *task)
{
    struct vox_json_writer *json = vox_json_writer_new();
    if (json != NULL) {
        vox_json_begin_array(json, NULL);
        vox_json_put_raw(json, NULL, task);
        vox_json_end(json);
    }
    vox_answer_writer(x, 200, json);
    vox_json_writer_free(json);
}

static void get_batch(struct vox_exchange *x, struct vox_app *app)
{
    bool all, running;
    char *task = NULL;
    struct vox_err err = {0};
    if (!vox_exchange_query_bool(x, "all", false, &all) ||
        !vox_exchange_query_bool(x, "check_if_running", false, &running) || !is_enabled(x, app)) {
        return;
    }
    if (vox_batch_show(vox_app_batch(app), running, &task, &err) != VOX_OK) {
        vox_infer_fail(x, &err);
    } else if (task == NULL) {
        vox_exchange_fail(x, 404,
                          running ? "No Batch_infer Tasks are currently Running"
                                  : "No Batch_infer Tasks Found");
    } else if (all) {
        answer_list(x, task);
    } else {
        vox_answer_json(x, 200, task);
    }
    vox_free(task);
}

static void delete_batch(struct vox_exchange *x, struct vox_app *app)
{
    char *task = NULL;
    struct vox_err err = {0};
    if (!is_enabled(x, app)) {
        return;
    }
    if (vox_batch_stop(vox_app_batch(app), &task, &err) != VOX_OK) {
        vox_infer_fail(x, &err);
        return;
    }
    vox_answer_json(x, 200, task != NULL ? task : "null");
    vox_free(task);
}

extern const struct vox_route vox_routes_batch[];

const struct vox_route vox_routes_batch[] = {
    {"GET", "/batch/infer", get_batch, VOX_ROLE_USER, VOX_BODY_NONE, 0},
    {"DELETE", "/batch/infer", delete_batch, VOX_ROLE_ADMIN, VOX_BODY_NONE, 0},
    {"POST", "/batch/infer/{model}", post_batch, VOX_ROLE_ADMIN, VOX_BODY_JSON, 0},
    {NULL, NULL, NULL, VOX_ROLE_OPEN, VOX_BODY_NONE, 0},
};
