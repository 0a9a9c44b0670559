/* /v1/jobs: inferences that are asked for, watched, and fetched when they are done. */
#include <stddef.h>
#include <string.h>

#include "server/answer.h"
#include "server/app_instance.h"
#include "server/event_log.h"
#include "server/exchange.h"
#include "server/infer_answer.h"
#include "server/infer_request.h"
#include "server/router.h"
#include "util/json_writer.h"
#include "util/memory.h"

enum { JOBS_LISTED = 256 };

/* ---- asking ---- */

struct save {
    struct vox_app *app;
    struct vox_infer_request ask;
};

static void free_save(struct save *save)
{
    if (save != NULL) {
        vox_infer_request_fini(&save->ask);
        vox_free(save);
    }
}

static void store_result(void *context, struct vox_job *job)
{
    struct save *save = context;
    struct vox_job_facts facts;
    struct vox_err err = {0};
    vox_job_describe(job, &facts);
    if (facts.state == VOX_JOB_DONE && save->ask.save &&
        vox_infer_save(vox_app_datastore(save->app), save->ask.model->name, job, save->ask.id,
                       save->ask.tag, &err) != VOX_OK) {
        vox_event(vox_app_log(save->app), VOX_EVENT_ERROR, "jobs",
                  "the label of a finished job could not be stored: %s", err.msg);
    }
    free_save(save);
}

static void submit(struct vox_exchange *x, struct vox_app *app, struct vox_infer_request *ask)
{
    struct vox_job *job;
    struct vox_err err = {0};
    struct save *save = vox_calloc(1, sizeof(*save));
    if (save == NULL) {
        vox_exchange_fail(x, 503, "out of memory");
        vox_infer_request_drop(ask);
        return;
    }
    *save = (struct save){app, *ask};
    struct vox_job_setup setup = ask->job;
    setup.masks = true;
    setup.finished = store_result;
    setup.context = save;
    if (vox_job_submit(vox_app_queue(app), &setup, &job, &err) != VOX_OK) {
        vox_infer_fail_submit(x, &err);
        free_save(save);
        return;
    }
    vox_infer_answer_state(x, job);
    vox_job_release(job);
}

static void post_job(struct vox_exchange *x, struct vox_app *app)
{
    const char *model = vox_exchange_query(x, "model");
    struct vox_infer_request ask;
    if (vox_infer_request_read(x, app, model != NULL ? model : "", NULL, &ask)) {
        submit(x, app, &ask);
    }
}

/* ---- looking ---- */

/* NULL: answered. */
static struct vox_job *find_job(struct vox_exchange *x, struct vox_app *app)
{
    struct vox_job *job = vox_job_find(vox_app_queue(app), vox_exchange_param(x, "id"));
    if (job == NULL) {
        vox_exchange_fail(x, 404, "there is no job of that id; finished ones are kept for a while");
    }
    return job;
}

static void get_jobs(struct vox_exchange *x, struct vox_app *app)
{
    struct vox_job_queue *queue = vox_app_queue(app);
    struct vox_json_writer *json = vox_json_writer_new();
    struct vox_job *job;
    if (json != NULL) {
        vox_json_begin_array(json, NULL);
        for (int i = 0; i < JOBS_LISTED && (job = vox_job_at(queue, i)) != NULL; i++) {
            vox_infer_put_state(json, job);
            vox_job_release(job);
        }
        vox_json_end(json);
    }
    vox_answer_writer(x, 200, json);
    vox_json_writer_free(json);
}

static void get_job(struct vox_exchange *x, struct vox_app *app)
{
    struct vox_job *job = find_job(x, app);
    if (job != NULL) {
        vox_infer_answer_state(x, job);
        vox_job_release(job);
    }
}

static void delete_job(struct vox_exchange *x, struct vox_app *app)
{
    struct vox_job *job = find_job(x, app);
    if (job != NULL) {
        vox_job_cancel(job);
        vox_infer_answer_state(x, job);
        vox_job_release(job);
    }
}

static void get_result(struct vox_exchange *x, struct vox_app *app)
{
    enum vox_infer_output output;
    if (!vox_infer_output_read(x, &output)) {
        return;
    }
    struct vox_job *job = find_job(x, app);
    if (job != NULL) {
        vox_infer_answer(x, job, output);
        vox_job_release(job);
    }
}

/* ---- following ---- */

struct follower {
    struct vox_feed *feed;
    struct vox_job *job;
};

/* Passes an event on; ends the stream with the job's last one, or where nobody reads any more. */
static bool pass_on(void *context, int64_t number, const char *kind, const char *json)
{
    struct follower *follower = context;
    (void)number;
    bool last =
        strcmp(kind, "done") == 0 || strcmp(kind, "failed") == 0 || strcmp(kind, "cancelled") == 0;
    if (vox_feed_send(follower->feed, kind, json) && !last) {
        return true;
    }
    vox_feed_end(follower->feed);
    vox_job_release(follower->job);
    vox_free(follower);
    return false;
}

static void get_events(struct vox_exchange *x, struct vox_app *app)
{
    struct vox_job_listener *listener;
    struct vox_err err = {0};
    int64_t after;
    if (!vox_exchange_query_int(x, "after", 0, 0, INT64_MAX, &after)) {
        return;
    }
    struct vox_job *job = find_job(x, app);
    if (job == NULL) {
        return;
    }
    struct follower *follower = vox_calloc(1, sizeof(*follower));
    if (follower == NULL || vox_answer_feed(x, &follower->feed, &err) != VOX_OK) {
        vox_exchange_fail(x, 503, "out of memory");
        vox_free(follower);
        vox_job_release(job);
        return;
    }
    follower->job = job;
    vox_job_hold(job); /* the follower may be gone when this returns */
    if (vox_job_listen(job, after, pass_on, follower, &listener, NULL) != VOX_OK) {
        vox_feed_end(follower->feed);
        vox_job_release(job);
        vox_free(follower);
    }
    vox_job_release(job);
}

extern const struct vox_route vox_routes_jobs[];

const struct vox_route vox_routes_jobs[] = {
    {"POST", "/v1/jobs", post_job, VOX_ROLE_USER, VOX_BODY_FORM, 0},
    {"GET", "/v1/jobs", get_jobs, VOX_ROLE_USER, VOX_BODY_NONE, 0},
    {"GET", "/v1/jobs/{id}", get_job, VOX_ROLE_USER, VOX_BODY_NONE, 0},
    {"DELETE", "/v1/jobs/{id}", delete_job, VOX_ROLE_USER, VOX_BODY_NONE, 0},
    {"GET", "/v1/jobs/{id}/result", get_result, VOX_ROLE_USER, VOX_BODY_NONE, 0},
    {"GET", "/v1/jobs/{id}/events", get_events, VOX_ROLE_USER, VOX_BODY_NONE, 0},
    {NULL, NULL, NULL, VOX_ROLE_OPEN, VOX_BODY_NONE, 0},
};
