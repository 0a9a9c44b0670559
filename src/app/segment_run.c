#include "app/segment_run.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "app/arguments.h"
#include "app/message.h"
#include "app/progress.h"
#include "app/segment_request.h"
#include "app/signals.h"
#include "app/sizes.h"
#include "voxlabel/voxlabel.h"

static const char command[] = "segment";

struct run {
    const struct vox_arguments *arguments;
    const struct vox_segment_jobs *jobs;
    const atomic_int *cancel;
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

static int say_cancelled(void)
{
    vox_say("cancelled; nothing was written");
    return VOX_EXIT_CANCELLED;
}

/* ---- outputs ---- */

/* True where both names are one existing file. */
static bool same_file(const char *a, const char *b)
{
    struct stat first, second;
    return stat(a, &first) == 0 && stat(b, &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

static int check_output(const struct run *run, const struct vox_segment_job *job, const char *path)
{
    if (path == NULL) {
        return 0;
    }
    const char *const inputs[] = {
        job->image,
        job->prompt_mask != NULL ? job->prompt_mask : vox_argument(run->arguments, "--mask", 0),
        vox_argument(run->arguments, "--model", 0),
        vox_argument(run->arguments, "--config", 0),
        vox_argument(run->arguments, "--params", 0),
        vox_argument(run->arguments, "--points", 0),
        vox_argument(run->arguments, "--batch", 0),
    };
    for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++) {
        if (inputs[i] != NULL && same_file(inputs[i], path)) {
            vox_say("%s: is an input, name another file for the output", path);
            return VOX_EXIT_USAGE;
        }
    }
    struct stat st;
    bool there = stat(path, &st) == 0;
    if (there && S_ISDIR(st.st_mode)) {
        vox_say("%s: is a folder, name a file in it", path);
        return VOX_EXIT_USAGE;
    }
    if (there && !S_ISREG(st.st_mode)) {
        /* Renaming the finished file would put it in the place of a device. */
        vox_say("%s: is no regular file, name another", path);
        return VOX_EXIT_USAGE;
    }
    return 0;
}

static bool prints_json(const struct vox_segment_job *job)
{
    return job->json != NULL && strcmp(job->json, "-") == 0;
}

static struct vox_files files_of(const struct vox_segment_job *job)
{
    return (struct vox_files){
        .mask = job->mask,
        .logits = job->logits,
        .json = prints_json(job) ? NULL : job->json,
        .preview = job->preview,
    };
}

static int check_outputs(const struct run *run, const struct vox_segment_job *job)
{
    struct vox_files files = files_of(job);
    const char *const outputs[] = {files.mask, files.logits, files.json, files.preview};
    for (size_t i = 0; i < sizeof(outputs) / sizeof(outputs[0]); i++) {
        int status = check_output(run, job, outputs[i]);
        if (status != 0) {
            return status;
        }
    }
    struct vox_err err = {0};
    const char *which = NULL;
    vox_signals_hold();
    enum vox_code code = vox_files_check(&files, &which, &err);
    vox_signals_release();
    return code == VOX_OK ? 0 : vox_say_error(which, &err);
}

/* ---- one job ---- */

static void show(void *context, const struct vox_progress *progress)
{
    vox_progress_show(context, progress->done, progress->total, progress->seconds);
}

struct watched {
    struct vox_progress_display display;
    const atomic_int *cancel;
};

static void show_watched(void *context, const struct vox_progress *progress)
{
    struct watched *watched = context;
    show(&watched->display, progress);
}

static int is_cancelled(void *context)
{
    const struct watched *watched = context;
    return atomic_load(watched->cancel) != 0;
}

static int explain(struct run *run, struct vox_image *image, const struct vox_segment_job *job,
                   const struct vox_request *request)
{
    struct vox_err err = {0};
    char *text;
    if (vox_explain(run->model, image, request, &text, &err) != VOX_OK) {
        return vox_say_error(job->image, &err);
    }
    if (run->jobs->n > 1) {
        printf("%s\n", job->image);
    }
    bool printed = fputs(text, stdout) >= 0 && fflush(stdout) == 0;
    vox_text_free(text);
    if (!printed) {
        vox_say("cannot write the output");
        return VOX_EXIT_FAILURE;
    }
    return 0;
}

static int print_json(struct vox_result *result, const struct vox_files *files, const char *path)
{
    struct vox_err err = {0};
    const char *text;
    size_t size;
    if (vox_result_json(result, files, &text, &size, &err) != VOX_OK) {
        return vox_say_error(NULL, &err);
    }
    if (fwrite(text, 1, size, stdout) != size || fflush(stdout) != 0) {
        vox_say("%s: cannot write the report to standard output", path);
        return VOX_EXIT_FAILURE;
    }
    return 0;
}

/* A report for standard output comes first: when it cannot be printed, no file is written. */
static int write_outputs(struct run *run, const struct vox_segment_job *job,
                         struct watched *watched, struct vox_result *result)
{
    struct vox_err err = {0};
    const char *which = NULL;
    struct vox_files files = files_of(job);
    const struct vox_callbacks callbacks = {.cancelled = is_cancelled, .context = watched};
    int status = 0;
    if (prints_json(job)) {
        status =
            atomic_load(run->cancel) != 0 ? say_cancelled() : print_json(result, &files, job->json);
    }
    if (status != 0) {
        return status;
    }
    vox_signals_hold();
    enum vox_code code =
        vox_result_save(result, &files, prints_json(job) ? NULL : &callbacks, &which, &err);
    vox_signals_release();
    if (code == VOX_E_CANCELLED) {
        return say_cancelled();
    }
    if (code == VOX_OK) {
        return 0;
    }
    (void)vox_say_error(which, &err);
    return VOX_EXIT_FAILURE;
}

static void print_summary(struct run *run, const struct vox_segment_job *job,
                          const struct vox_result *result, double seconds)
{
    struct vox_result_facts facts;
    vox_result_describe(result, &facts);
    for (int i = 0; i < facts.n_warnings; i++) {
        vox_say("warning: %s", vox_result_warning(result, i));
    }
    if (!facts.valid) {
        run->blank++;
        vox_say("warning: %s: an empty mask was written: %s", job->mask, facts.reason);
    } else if (!run->quiet) {
        vox_say("%s: %lld voxels, %.2f ml, %.1f s", job->mask, (long long)facts.voxels,
                facts.volume_ml, seconds);
    }
}

static int segment(struct run *run, struct vox_image *image, const struct vox_segment_job *job,
                   const struct vox_request *request)
{
    struct watched watched = {vox_progress_begin(run->quiet), run->cancel};
    const struct vox_callbacks callbacks = {show_watched, is_cancelled, &watched};
    struct vox_err err = {0};
    struct vox_result *result;
    double start = seconds_now();
    enum vox_code code = vox_segment(run->model, image, request, &callbacks, &result, &err);
    vox_progress_end(&watched.display);
    if (code == VOX_E_CANCELLED) {
        return say_cancelled();
    }
    if (code != VOX_OK) {
        return vox_say_error(job->image, &err);
    }
    int status = write_outputs(run, job, &watched, result);
    if (status == 0) {
        print_summary(run, job, result, seconds_now() - start);
    }
    vox_result_close(result);
    return status;
}

static int do_job(struct run *run, const struct vox_segment_job *job)
{
    struct vox_err err = {0};
    struct vox_image *image;
    if (atomic_load(run->cancel) != 0) {
        return say_cancelled();
    }
    int status = run->explain ? 0 : check_outputs(run, job);
    if (status != 0) {
        return status;
    }
    if (vox_image_open(run->model, job->image, &image, &err) != VOX_OK) {
        return vox_say_error(job->image, &err);
    }
    struct vox_request *request = NULL;
    status = vox_segment_request_open(run->arguments, job, image, &request);
    if (status == 0) {
        status =
            run->explain ? explain(run, image, job, request) : segment(run, image, job, request);
    }
    vox_request_close(request);
    vox_image_close(image);
    return status;
}

/* ---- all jobs ---- */

static int read_threads(const char *text, int *out)
{
    const char *at = text;
    int64_t threads;
    if (text == NULL) {
        return 0;
    }
    if (!vox_read_int(&at, &threads) || *at != '\0' || threads < 1 || threads > 1024) {
        return vox_say_usage(command, "--threads %s is not a number from 1 to 1024", text);
    }
    *out = (int)threads;
    return 0;
}

static int read_bytes(const struct vox_arguments *arguments, const char *option, uint64_t *out)
{
    const char *text = vox_argument(arguments, option, 0);
    if (text != NULL && !vox_read_bytes(text, out)) {
        return vox_say_usage(command, "%s %s is no size; write 512M or 2G", option, text);
    }
    return 0;
}

static int read_model_options(const struct vox_arguments *arguments, struct vox_model_options *out)
{
    *out = (struct vox_model_options){
        .config = vox_argument(arguments, "--config", 0),
        .backend = vox_argument(arguments, "--backend", 0),
        .cache_dir = vox_argument(arguments, "--cache-dir", 0),
    };
    int status = read_threads(vox_argument(arguments, "--threads", 0), &out->threads);
    if (status == 0) {
        status = read_bytes(arguments, "--cache-memory", &out->cache_memory);
    }
    if (status == 0) {
        status = read_bytes(arguments, "--cache-size", &out->cache_disk);
    }
    if (status == 0) {
        status = read_bytes(arguments, "--max-memory", &out->max_memory);
    }
    if (vox_argument_given(arguments, "--cache-memory") && out->cache_memory == 0) {
        out->cache_memory = 1; /* the library's word for none */
    }
    return status;
}

/* All outputs are looked at before the model is loaded. */
static int check_jobs(const struct run *run)
{
    for (int i = 0; i < run->jobs->n && !run->explain; i++) {
        const struct vox_segment_job *job = &run->jobs->at[i];
        struct stat st;
        int status = check_outputs(run, job);
        if (status == 0 && run->jobs->n == 1 && stat(job->image, &st) != 0) {
            vox_say("%s: cannot open the file: no such file", job->image);
            status = VOX_EXIT_USAGE;
        }
        if (status != 0) {
            return status;
        }
    }
    return 0;
}

static int load_model(struct run *run)
{
    struct vox_model_options options;
    struct vox_err err = {0};
    const char *checkpoint = vox_argument(run->arguments, "--model", 0);
    int status = read_model_options(run->arguments, &options);
    if (status != 0) {
        return status;
    }
    if (checkpoint == NULL) {
        /* A plan needs no network. */
        return run->explain ? 0
                            : vox_say_usage(command, "name the model's checkpoint with --model");
    }
    status = check_jobs(run);
    if (status != 0) {
        return status;
    }
    if (vox_model_open(checkpoint, &options, &run->model, &err) != VOX_OK) {
        return vox_say_error(checkpoint, &err);
    }
    struct vox_model_facts facts;
    vox_model_describe(run->model, &facts);
    if (options.backend == NULL && strcmp(facts.backend, "ref") == 0) {
        vox_say("warning: the slow backend 'ref' computes, as no faster one is there or works; "
                "'voxlabel version' lists those of this program");
    }
    return 0;
}

static int do_jobs(struct run *run)
{
    int worst = 0;
    for (int i = 0; i < run->jobs->n; i++) {
        int status = do_job(run, &run->jobs->at[i]);
        if (status == VOX_EXIT_CANCELLED) {
            return status;
        }
        if (status != 0) {
            run->failed++;
            worst = status > worst || worst == 0 ? status : worst;
        } else {
            run->done++;
        }
    }
    if (run->jobs->n > 1 && !run->explain) {
        vox_say("%d of %d images done, %d of them with an empty mask, %d failed", run->done,
                run->jobs->n, run->blank, run->failed);
        /* Several causes have one status. */
        worst = run->failed > 0 ? VOX_EXIT_FAILURE : 0;
    }
    return worst;
}

int vox_segment_run(const struct vox_arguments *arguments, const struct vox_segment_jobs *jobs)
{
    struct run run = {
        .arguments = arguments,
        .jobs = jobs,
        .quiet = vox_argument_given(arguments, "--quiet"),
        .explain = vox_argument_given(arguments, "--explain"),
    };
    run.cancel = vox_signals_catch();
    int status = vox_segment_request_check(arguments);
    if (status == 0) {
        status = load_model(&run);
    }
    if (status == 0) {
        status = do_jobs(&run);
    }
    vox_model_close(run.model);
    return status;
}
