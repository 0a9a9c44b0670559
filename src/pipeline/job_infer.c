/* One job, from its image to the result's file and JSON. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pipeline/job_parts.h"
#include "pipeline/late_correction.h"
#include "pipeline/result.h"
#include "pipeline/stopwatch.h"
#include "util/json_writer.h"
#include "util/memory.h"

struct work {
    struct vox_job *job;
    struct vox_turn *turn;
    struct vox_turn_seat *seat;
    double deadline; /* 0: none */
    bool late;
    struct vox_job_run run;
    struct vox_watch idle;    /* without the turn */
    struct vox_watch working; /* with it */
};

/* ---- watching ---- */

static bool must_stop(void *context)
{
    struct work *work = context;
    if (atomic_load(&work->job->cancel) != 0) {
        return true;
    }
    work->late = work->late || (work->deadline > 0.0 && vox_seconds() > work->deadline);
    return work->late;
}

static bool must_stop_or_yield(void *context)
{
    struct work *work = context;
    if (!must_stop(work)) {
        vox_turn_offer(work->turn, work->seat);
    }
    return must_stop(work);
}

static void take_or_give(void *context, bool begins)
{
    struct work *work = context;
    if (begins) {
        vox_turn_give(work->turn, work->seat);
    } else {
        vox_turn_take(work->turn, work->seat);
    }
}

static void see(void *context, const struct vox_event *event)
{
    struct work *work = context;
    struct vox_job *job = work->job;
    if (event->kind == VOX_EVENT_PLAN) {
        vox_job_log_plan(job, event->plan);
        return;
    }
    pthread_mutex_lock(&job->lock);
    job->done = event->done;
    job->total = event->total;
    pthread_mutex_unlock(&job->lock);
    vox_job_log_progress(job, event);
}

static void begin_work(struct work *work, struct vox_job *job, struct vox_turn_seat *seat)
{
    *work = (struct work){.job = job, .turn = &job->queue->turn, .seat = seat};
    work->deadline = job->timeout > 0.0 ? vox_seconds() + job->timeout : 0.0;
    work->idle = (struct vox_watch){.cancelled = must_stop, .context = work};
    work->working = (struct vox_watch){
        .event = see, .cancelled = must_stop_or_yield, .waits = take_or_give, .context = work};
}

/* ---- running ---- */

/* What takes long and needs no turn: reading, and finding the range of the grey values. */
static enum vox_code prepare(struct work *work, struct vox_err *err)
{
    struct vox_job *job = work->job;
    struct vox_slice_source *slices;
    struct vox_intensity intensity;
    enum vox_code code = vox_image_open(job->queue->model, job->image->path, &work->run.image, err);
    if (code == VOX_OK) {
        code = vox_image_load(work->run.image, &work->idle, &slices, err);
    }
    if (code == VOX_OK && job->mask != NULL) {
        code = vox_job_take_mask(job, work->run.image, err);
    }
    if (code == VOX_OK) {
        code = vox_image_intensity(work->run.image, &job->request->window, &work->idle, &intensity,
                                   err);
    }
    return code;
}

static enum vox_code run_fresh(struct work *work, struct vox_err *err)
{
    struct vox_job *job = work->job;
    enum vox_code code = prepare(work, err);
    if (code != VOX_OK) {
        return code;
    }
    const struct vox_infer_input input = {
        .task = &vox_sam_task,
        .model = job->queue->model,
        .image = work->run.image,
        .request = job->request,
        .watch = &work->working,
    };
    vox_turn_take(work->turn, work->seat);
    code = vox_infer_run(&input, &work->run.data, err);
    vox_turn_give(work->turn, work->seat);
    return code;
}

static enum vox_code apply(struct work *work, const struct vox_correction_ask *correction,
                           struct vox_err *err)
{
    size_t n = correction->n_clicks;
    double(*ij)[2] = vox_calloc(n, sizeof(*ij));
    int *labels = vox_calloc(n, sizeof(*labels));
    enum vox_code code = VOX_OK;
    if (ij == NULL || labels == NULL) {
        code = vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < n && code == VOX_OK; i++) {
        ij[i][0] = correction->clicks[i].at[0];
        ij[i][1] = correction->clicks[i].at[1];
        labels[i] = correction->clicks[i].positive ? 1 : 0;
    }
    if (code == VOX_OK) {
        /* A slice that is not there is refused there. */
        bool slice = fabs(correction->k) < 1e9;
        const struct vox_late_clicks clicks = {.label = correction->label,
                                               .k = slice ? (int64_t)correction->k : -1,
                                               .ij = (const double(*)[2])ij,
                                               .labels = labels,
                                               .n = (int64_t)n};
        code = vox_late_correction_apply(work->run.data, &clicks, &work->working, err);
    }
    vox_free(ij);
    vox_free(labels);
    return code;
}

/* Goes on from an earlier run with the request's corrections from number `first` on. */
static enum vox_code run_on(struct work *work, size_t first, struct vox_err *err)
{
    const struct vox_request *request = work->job->request;
    enum vox_code code = VOX_OK;
    vox_job_take_file_options(work->run.data->request, request);
    vox_turn_take(work->turn, work->seat);
    vox_job_log_plan(work->job, work->run.data->plan);
    for (size_t c = first; c < request->n_corrections && code == VOX_OK; c++) {
        code = apply(work, &request->corrections[c], err);
    }
    vox_turn_give(work->turn, work->seat);
    return code;
}

/* Takes the run of the job that is refined, where it is still there. */
static struct vox_job_run take_run(struct vox_job *base)
{
    struct vox_job_queue *queue = base->queue;
    pthread_mutex_lock(&queue->lock);
    struct vox_job_run run = base->run;
    base->run = (struct vox_job_run){0};
    pthread_mutex_unlock(&queue->lock);
    if (run.data != NULL && run.data->stale) {
        vox_job_run_free(&run);
    }
    return run;
}

/* The same comes out where the earlier run is gone, or where it takes a correction that a run from
 * the start leaves out with a warning for an error. */
static enum vox_code refine(struct work *work, struct vox_err *err)
{
    struct vox_job *job = work->job, *base = job->base;
    struct vox_request *merged;
    size_t first;
    enum vox_code code = vox_job_refined(base->request, job->request, &merged, &first, err);
    if (code != VOX_OK) {
        return code;
    }
    vox_request_free(job->request);
    job->request = merged;
    work->run = take_run(base);
    if (work->run.data == NULL) {
        return run_fresh(work, err);
    }
    code = run_on(work, first, err);
    if (code == VOX_E_ARG) {
        vox_job_run_free(&work->run);
        code = run_fresh(work, err);
    }
    return code;
}

/* ---- the result ---- */

static const char *choose_extension(const struct work *work)
{
    const char *asked = work->run.data->request->result_extension;
    if (asked[0] == '\0') {
        return vox_image_extension(work->run.image);
    }
    return strcmp(asked, ".mhd") == 0 ? ".mha" : asked;
}

/* Files have numbers, so that one whose job is still held never has a newer one's name. */
static char *new_path(struct vox_job_queue *queue, const char *extension)
{
    static atomic_llong number;
    const char *folder = vox_private_folder_path(queue->folder);
    size_t size = strlen(folder) + strlen(extension) + 32;
    char *path = vox_alloc(size);
    if (path != NULL) {
        snprintf(path, size, "%s/%lld%s", folder, atomic_fetch_add(&number, 1), extension);
    }
    return path;
}

static enum vox_code write_mask(struct work *work, char **path, uint64_t *bytes,
                                struct vox_err *err)
{
    char *made = new_path(work->job->queue, choose_extension(work));
    if (made == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    const struct vox_files files = {.mask = made};
    enum vox_code code = vox_result_write_files(work->run.data, &files, &work->idle, NULL, err);
    if (code != VOX_OK) {
        vox_free(made);
        return vox_err_prefix(err, code, "the result");
    }
    struct stat st;
    *bytes = stat(made, &st) == 0 && st.st_size > 0 ? (uint64_t)st.st_size : 0;
    *path = made;
    return VOX_OK;
}

/* The result's JSON with the job's id in front. */
static enum vox_code write_json(const struct work *work, char **out, size_t *out_size,
                                struct vox_err *err)
{
    struct vox_json_writer *json;
    const char *text;
    size_t size;
    enum vox_code code = vox_result_write_json(work->run.data, NULL, &json, err);
    if (code != VOX_OK) {
        return code;
    }
    code = vox_json_writer_text(json, &text, &size, err);
    if (code == VOX_OK) {
        size_t room = size + VOX_JOB_ID_BYTES + 32;
        char *made = vox_alloc(room);
        if (made == NULL) {
            code = vox_fail(err, VOX_E_NOMEM, "out of memory");
        } else {
            VOX_ASSERT(text[0] == '{');
            *out_size =
                (size_t)snprintf(made, room, "{\n\"job\": \"%s\",%s", work->job->id, text + 1);
            *out = made;
        }
    }
    vox_json_writer_free(json);
    return code;
}

static enum vox_code show_result(struct work *work, struct vox_err *err)
{
    struct vox_job *job = work->job;
    char *path = NULL, *json;
    uint64_t bytes = 0;
    size_t size;
    enum vox_code code = write_mask(work, &path, &bytes, err);
    if (code != VOX_OK) {
        return code;
    }
    code = write_json(work, &json, &size, err);
    if (code != VOX_OK) {
        (void)unlink(path);
        vox_free(path);
        return code;
    }
    pthread_mutex_lock(&job->lock);
    job->file = path;
    job->file_bytes = bytes;
    job->json = json;
    job->json_size = size;
    job->valid = work->run.data->outcome.valid;
    job->encoded = work->run.data->encoded_slices;
    job->cached = work->run.data->cached_slices;
    snprintf(job->extension, sizeof(job->extension), "%s", choose_extension(work));
    pthread_mutex_unlock(&job->lock);
    return VOX_OK;
}

enum vox_code vox_job_infer(struct vox_job *job, struct vox_turn_seat *seat, struct vox_err *err)
{
    struct work work;
    begin_work(&work, job, seat);
    enum vox_code code = job->base != NULL ? refine(&work, err) : run_fresh(&work, err);
    if (code == VOX_OK) {
        code = show_result(&work, err);
    }
    if (code == VOX_E_CANCELLED && work.late) {
        code = vox_fail(err, VOX_E_BUSY, "the job took longer than %g seconds", job->timeout);
    }
    if (code != VOX_OK) {
        vox_job_run_free(&work.run);
        return code;
    }
    pthread_mutex_lock(&job->queue->lock);
    job->run = work.run;
    pthread_mutex_unlock(&job->queue->lock);
    return VOX_OK;
}
