/* POST /infer/{model}: an inference whose result is the answer.
 *
 * The request waits suspended while its job goes through the queue; a client that leaves cancels
 * it. */
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include "server/answer.h"
#include "server/app_instance.h"
#include "server/exchange.h"
#include "server/infer_answer.h"
#include "server/infer_request.h"
#include "server/router.h"
#include "util/memory.h"

/* A client that waits. Two have it: the handler, until it has submitted the job, and the job, until
 * it has ended. */
struct ticket {
    atomic_int refs;
    struct vox_exchange *x;
    struct vox_app *app;
    struct vox_infer_request ask;
    enum vox_infer_output output;
    pthread_mutex_t lock;
    struct vox_job *job; /* once it is known */
    bool left;
};

static void release_ticket(struct ticket *ticket)
{
    if (atomic_fetch_sub(&ticket->refs, 1) > 1) {
        return;
    }
    vox_job_release(ticket->job);
    vox_infer_request_fini(&ticket->ask);
    pthread_mutex_destroy(&ticket->lock);
    vox_free(ticket);
}

static void client_left(void *context)
{
    struct ticket *ticket = context;
    pthread_mutex_lock(&ticket->lock);
    ticket->left = true;
    struct vox_job *job = ticket->job;
    if (job != NULL) {
        vox_job_cancel(job);
    }
    pthread_mutex_unlock(&ticket->lock);
}

/* The label is stored before anybody hears of the result. */
static void job_ended(void *context, struct vox_job *job)
{
    struct ticket *ticket = context;
    struct vox_job_facts facts;
    struct vox_err err = {0};
    enum vox_code code = VOX_OK;
    vox_job_describe(job, &facts);
    if (facts.state == VOX_JOB_DONE && ticket->ask.save) {
        code = vox_infer_save(vox_app_datastore(ticket->app), ticket->ask.model->name, job,
                              ticket->ask.id, ticket->ask.tag, &err);
    }
    if (code == VOX_OK) {
        vox_infer_answer(ticket->x, job, ticket->output);
    } else {
        vox_infer_fail(ticket->x, &err);
    }
    vox_exchange_resume(ticket->x);
    release_ticket(ticket);
}

static struct ticket *new_ticket(struct vox_exchange *x, struct vox_app *app,
                                 const struct vox_infer_request *ask, enum vox_infer_output output)
{
    struct ticket *ticket = vox_calloc(1, sizeof(*ticket));
    if (ticket == NULL || pthread_mutex_init(&ticket->lock, NULL) != 0) {
        vox_free(ticket);
        return NULL;
    }
    atomic_init(&ticket->refs, 2);
    ticket->x = x;
    ticket->app = app;
    ticket->ask = *ask;
    ticket->output = output;
    return ticket;
}

/* The exchange is not touched after the job was submitted. */
static void wait_for(struct vox_exchange *x, struct ticket *ticket)
{
    struct vox_job_setup setup = ticket->ask.job;
    struct vox_job *job;
    struct vox_err err = {0};
    setup.finished = job_ended;
    setup.context = ticket;
    vox_exchange_suspend(x, client_left, ticket);
    if (vox_job_submit(vox_app_queue(ticket->app), &setup, &job, &err) != VOX_OK) {
        vox_infer_fail_submit(x, &err);
        vox_exchange_resume(x);
        release_ticket(ticket);
        release_ticket(ticket);
        return;
    }
    pthread_mutex_lock(&ticket->lock);
    ticket->job = job;
    if (ticket->left) {
        vox_job_cancel(job);
    }
    pthread_mutex_unlock(&ticket->lock);
    release_ticket(ticket);
}

static void infer(struct vox_exchange *x, struct vox_app *app, const char *model,
                  const char *spaced)
{
    enum vox_infer_output output;
    struct vox_infer_request ask;
    if (!vox_infer_output_read(x, &output) ||
        !vox_infer_request_read(x, app, model, spaced, &ask)) {
        return;
    }
    struct ticket *ticket = new_ticket(x, app, &ask, output);
    if (ticket == NULL) {
        vox_exchange_fail(x, 503, "out of memory");
        vox_infer_request_drop(&ask);
        return;
    }
    wait_for(x, ticket);
}

static void post_infer(struct vox_exchange *x, struct vox_app *app)
{
    infer(x, app, vox_exchange_param(x, "model"), vox_exchange_param_spaced(x, "model"));
}

/* Clients that have no model chosen ask so. */
static void post_infer_default(struct vox_exchange *x, struct vox_app *app)
{
    infer(x, app, "", NULL);
}

static void post_wsi(struct vox_exchange *x, struct vox_app *app)
{
    (void)app;
    vox_exchange_fail(x, 501, "whole slide images are not for this server, which segments volumes");
}

extern const struct vox_route vox_routes_infer[];

const struct vox_route vox_routes_infer[] = {
    {"POST", "/infer", post_infer_default, VOX_ROLE_USER, VOX_BODY_FORM, 0},
    {"POST", "/infer/{model}", post_infer, VOX_ROLE_USER, VOX_BODY_FORM, 0},
    {"POST", "/infer/wsi/{model}", post_wsi, VOX_ROLE_USER, VOX_BODY_NONE, VOX_ROUTE_QUICK},
    {"POST", "/infer/wsi_v2/{model}", post_wsi, VOX_ROLE_USER, VOX_BODY_NONE, VOX_ROUTE_QUICK},
    {NULL, NULL, NULL, VOX_ROLE_OPEN, VOX_BODY_NONE, 0},
};
