#include "app/segment_run.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#include "app/message.h"
#include "app/progress.h"
#include "app/segment_ask.h"
#include "app/segment_check.h"
#include "app/segment_model.h"
#include "app/segment_request.h"
#include "app/segment_summary.h"
#include "app/signals.h"
#include "voxlabel/voxlabel.h"

struct run {
    const struct vox_arguments *arguments;
    struct vox_segment_ask ask;
    struct vox_segment_jobs *jobs;
    const atomic_int *cancel;
    struct vox_model_place place;
    struct vox_model *model;
    bool quiet;
    bool explain;
    int done, blank, failed;
};

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static bool is_cancelled(const struct run *run)
{
    return atomic_load(run->cancel) != 0;
}

/* ---- one job ---- */

struct watched {
    struct vox_progress_display display;
    const struct run *run;
};

static void show(void *context, const struct vox_progress *progress)
{
    struct watched *watched = context;
    if (progress->restarted) {
        vox_progress_restart(&watched->display, progress->done, progress->seconds);
    } else {
        vox_progress_show(&watched->display, progress->done, progress->total, progress->seconds);
    }
}

static int ask_cancelled(void *context)
{
    const struct watched *watched = context;
    return is_cancelled(watched->run);
}

static int explain(const struct run *run, const struct vox_segment_job *job,
                   struct vox_image *image, const struct vox_request *request)
{
    struct vox_err err = {0};
    char *text;
    if (vox_explain(run->model, image, request, &text, &err) != VOX_OK) {
        return vox_say_error(job->image, &err);
    }
    bool printed = run->jobs->n == 1 || printf("%s\n", job->image) > 0;
    printed = fputs(text, stdout) >= 0 && fflush(stdout) == 0 && printed;
    vox_text_free(text);
    if (!printed) {
        vox_say("cannot write the output");
        return VOX_EXIT_FAILURE;
    }
    return 0;
}

static int print_json(struct vox_result *result, const struct vox_files *files)
{
    struct vox_err err = {0};
    const char *text;
    size_t size;
    if (vox_result_json(result, files, &text, &size, &err) != VOX_OK) {
        return vox_say_error(NULL, &err);
    }
    if (fwrite(text, 1, size, stdout) != size || fflush(stdout) != 0) {
        vox_say("-: cannot write the report to standard output");
        return VOX_EXIT_FAILURE;
    }
    return 0;
}

/* A report for standard output comes first: when it cannot be printed, no file is written. */
static int write_outputs(struct watched *watched, const struct vox_segment_job *job,
                         struct vox_result *result)
{
    struct vox_err err = {0};
    const char *which = NULL;
    struct vox_files files = vox_segment_files(job);
    const struct vox_callbacks callbacks = {.cancelled = ask_cancelled, .context = watched};
    bool prints = vox_segment_prints(job);
    if (is_cancelled(watched->run)) {
        return VOX_EXIT_CANCELLED;
    }
    int status = prints ? print_json(result, &files) : 0;
    if (status != 0) {
        return status;
    }
    vox_signals_hold();
    enum vox_code code = vox_result_save(result, &files, prints ? NULL : &callbacks, &which, &err);
    vox_signals_release();
    if (code == VOX_OK) {
        return 0;
    }
    if (code == VOX_E_CANCELLED) {
        return VOX_EXIT_CANCELLED;
    }
    (void)vox_say_error(which, &err);
    return VOX_EXIT_FAILURE;
}

static int segment(struct run *run, const struct vox_segment_job *job, struct vox_image *image,
                   const struct vox_request *request)
{
    struct watched watched = {vox_progress_begin(run->quiet), run};
    const struct vox_callbacks callbacks = {show, ask_cancelled, &watched};
    struct vox_err err = {0};
    struct vox_result *result;
    double start = seconds_now();
    enum vox_code code = vox_segment(run->model, image, request, &callbacks, &result, &err);
    vox_progress_end(&watched.display);
    if (code == VOX_E_CANCELLED) {
        return VOX_EXIT_CANCELLED;
    }
    if (code != VOX_OK) {
        return vox_say_error(job->image, &err);
    }
    int status = write_outputs(&watched, job, result);
    if (status == 0) {
        bool several = run->jobs->n > 1 && run->jobs->list == NULL;
        vox_segment_warn(job, several ? job->image : NULL, result);
        vox_say_context(NULL);
        if (!run->quiet) {
            vox_segment_summarize(job, result, seconds_now() - start);
        }
        run->blank += vox_segment_is_blank(result);
    }
    vox_result_close(result);
    return status;
}

static int do_job(struct run *run, const struct vox_segment_job *job)
{
    struct vox_err err = {0};
    struct vox_image *image;
    struct vox_request *request = NULL;
    if (is_cancelled(run)) {
        return VOX_EXIT_CANCELLED;
    }
    if (vox_image_open(run->model, job->image, &image, &err) != VOX_OK) {
        return vox_say_error(job->image, &err);
    }
    int status = vox_segment_request_open(&run->ask, job, image, &request);
    if (status == 0) {
        status = vox_segment_request_masks(&run->ask, job, image, request);
    }
    if (status == 0) {
        status =
            run->explain ? explain(run, job, image, request) : segment(run, job, image, request);
    }
    vox_request_close(request);
    vox_image_close(image);
    return status;
}

/* ---- all jobs ---- */

static int say_cancelled(const struct run *run)
{
    if (run->jobs->n == 1 || run->done == 0) {
        vox_say("cancelled; nothing was written");
    } else {
        vox_say("cancelled; %d of %d images were done before", run->done, run->jobs->n);
    }
    return VOX_EXIT_CANCELLED;
}

static int do_jobs(struct run *run)
{
    int status = 0;
    for (int i = 0; i < run->jobs->n; i++) {
        const struct vox_segment_job *job = &run->jobs->at[i];
        int one = VOX_EXIT_FAILURE;
        if (!job->failed) {
            vox_segment_say_line(run->jobs, job);
            one = do_job(run, job);
            vox_say_context(NULL);
        }
        if (one == VOX_EXIT_CANCELLED) {
            return say_cancelled(run);
        }
        run->done += one == 0;
        run->failed += one != 0;
        status = one != 0 ? one : status;
    }
    bool several = run->jobs->n > 1 || run->jobs->list != NULL;
    if (several && !run->explain && !run->quiet) {
        vox_say("%d of %d images done, %d of them with an empty mask, %d failed", run->done,
                run->jobs->n, run->blank, run->failed);
    }
    /* Several causes have one status. */
    return several && status != 0 ? VOX_EXIT_FAILURE : status;
}

static bool any_left(const struct vox_segment_jobs *jobs)
{
    for (int i = 0; i < jobs->n; i++) {
        if (!jobs->at[i].failed) {
            return true;
        }
    }
    return false;
}

/* What the flags say is read once without an image, so that it is complained about once. */
static int check_flags(const struct vox_segment_ask *ask)
{
    struct vox_request *request = NULL;
    int status = vox_segment_request_open(ask, NULL, NULL, &request);
    vox_request_close(request);
    return status;
}

static int run_jobs(struct run *run)
{
    struct vox_model_options options;
    struct vox_model_place *place = &run->place;
    int status = vox_segment_ask_init(run->arguments, &run->ask);
    if (status == 0) {
        status = check_flags(&run->ask);
    }
    if (status == 0) {
        status = vox_segment_model_find(run->arguments, place);
    }
    bool named = place->checkpoint != NULL || place->embedded != NULL;
    if (status == 0 && !named && !run->explain) {
        status = vox_say_usage("segment", "name the model's checkpoint with --model");
    }
    if (status == 0) {
        status = vox_segment_model_options(run->arguments, place, &options);
    }
    if (status == 0) {
        status = vox_segment_check(&run->ask, place->checkpoint, !run->explain, run->jobs);
    }
    /* A plan needs no network. */
    if (status == 0 && named && any_left(run->jobs)) {
        status = vox_segment_model_open(run->arguments, place, &options, &run->model);
    }
    return status == 0 ? do_jobs(run) : status;
}

int vox_segment_run(const struct vox_arguments *arguments, struct vox_segment_jobs *jobs)
{
    struct run run = {
        .arguments = arguments,
        .jobs = jobs,
        .quiet = vox_argument_given(arguments, "--quiet"),
        .explain = vox_argument_given(arguments, "--explain"),
        .cancel = vox_signals_catch(),
    };
    int status = run_jobs(&run);
    vox_segment_ask_fini(&run.ask);
    vox_model_close(run.model);
    vox_model_place_free(&run.place);
    return status;
}
