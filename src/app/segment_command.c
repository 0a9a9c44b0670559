#include "app/segment_command.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "app/message.h"
#include "app/model_files.h"
#include "app/progress.h"
#include "app/segment_options.h"
#include "app/segment_outputs.h"
#include "app/segment_report.h"
#include "app/signals.h"
#include "pipeline/recipe.h"
#include "pipeline/stopwatch.h"
#include "util/json_writer.h"

static const char help[] =
    "usage: voxlabel segment IMAGE --model FILE --box K:I0,J0,I1,J1[:Z0,Z1] [options]\n"
    "\n"
    "Segments one structure in a 3D image (.nii, .nii.gz, .nrrd) from a box on one slice. The box "
    "is\n"
    "tracked from its slice to both ends; the mask is the largest connected part of what was "
    "found.\n"
    "\n"
    "  --model FILE       checkpoint of a MedSAM2 model, .pt or .safetensors\n"
    "  --box K:I0,J0,I1,J1[:Z0,Z1]\n"
    "                     slice K, and the box's corners there as voxel indices from 0, both "
    "inside\n"
    "                     the box; with Z0,Z1 the slices beyond them stay empty\n"
    "  --config FILE      the model's YAML; without it a built-in configuration that fits\n"
    "  --window LOW,HIGH  grey values that the network sees from black to white; 'auto' (the "
    "default)\n"
    "                     takes bytes as they are, -160,240 for CT, else the 0.5 and 99.5 "
    "percentile\n"
    "  --passes from_key  tracks from the box's slice to both ends (the only way yet)\n"
    "  -o FILE            the mask: uint8, 1 in the structure, on the image's grid; .nii.gz, .nii "
    "or\n"
    "                     .nrrd; without it IMAGE's name with -mask.nii.gz in the current folder\n"
    "  --logits FILE      the network's certainty per voxel as float32; NaN where it did not look\n"
    "  --json FILE        a report; '-' for standard output\n"
    "  --threads N        compute threads; without it one per CPU that the process may use\n"
    "  --backend NAME     what computes; 'voxlabel version' lists the names, best first\n"
    "  --quiet            no progress and no summary\n"
    "\n"
    "Exit status: 0 done, 1 failed, 2 wrong argument, 130 cancelled. The files are written all "
    "or\n"
    "none.\n";

struct job {
    struct vox_segment_options options;
    const atomic_int *cancel;
    struct vox_volume *volume;
    struct vox_opened_model model;
    struct vox_segmentation *segmentation;
    double start, read_seconds, load_seconds, write_seconds;
};

/* True where both names are one existing file. */
static bool same_file(const char *a, const char *b)
{
    struct stat first, second;
    return stat(a, &first) == 0 && stat(b, &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

static int say_cancelled(void)
{
    vox_say("cancelled; nothing was written");
    return VOX_EXIT_CANCELLED;
}

static int try_output(const struct job *job, const char *path)
{
    if (path == NULL || strcmp(path, "-") == 0) {
        return 0;
    }
    const char *const inputs[3] = {job->options.image, job->options.model, job->options.config};
    for (int i = 0; i < 3; i++) {
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
    return vox_outputs_try(path);
}

static int try_outputs(struct job *job)
{
    const char *const outputs[3] = {job->options.mask, job->options.logits, job->options.json};
    int status = 0;
    vox_signals_hold();
    for (int i = 0; i < 3 && status == 0; i++) {
        status = try_output(job, outputs[i]);
    }
    vox_signals_release();
    return status;
}

static int read_image(struct job *job)
{
    struct vox_err err = {0};
    struct vox_volume_limits limits = vox_volume_limits_default();
    double start = vox_seconds();
    if (vox_volume_read(job->options.image, &limits, &job->volume, &err) != VOX_OK) {
        return vox_say_error(job->options.image, &err);
    }
    job->read_seconds = vox_seconds() - start;
    /* Here already, so that a wrong box does not cost the loading of a model. */
    struct vox_box_prompt prompt = job->options.prompt;
    if (vox_box_prompt_fit(&prompt, job->volume->size, NULL, &err) != VOX_OK) {
        return vox_say_error("--box", &err);
    }
    return 0;
}

static int load_model(struct job *job)
{
    const struct vox_segment_options *options = &job->options;
    const struct vox_model_request request = {
        .checkpoint = options->model,
        .config = options->config,
        .backend = options->backend,
        .threads = options->threads,
        .sha256 = options->json != NULL,
    };
    double start = vox_seconds();
    int status = vox_opened_model_open(&request, &job->model);
    job->load_seconds = vox_seconds() - start;
    return status;
}

/* The plain C backend is the last choice, and many times slower than the one before it. */
static void warn_about_backend(struct job *job)
{
    const char *name = job->model.backend->ops->name;
    if (job->options.backend == NULL && strcmp(name, "ref") == 0) {
        vox_warn(&job->segmentation->warnings,
                 "the slow backend 'ref' computed, as no faster one is there or works; 'voxlabel "
                 "version' lists those of this program");
    }
}

static int segment(struct job *job)
{
    struct vox_progress_display display = vox_progress_begin(job->options.quiet);
    const struct vox_recipe recipe = {
        .network = job->model.network,
        .volume = job->volume,
        .prompt = job->options.prompt,
        .window = job->options.window,
        .keep_logits = job->options.logits != NULL,
        .progress = {vox_progress_show, &display},
        .cancel = job->cancel,
    };
    struct vox_err err = {0};
    enum vox_code code = vox_recipe_run(&recipe, &job->segmentation, &err);
    vox_progress_end(&display);
    if (code == VOX_E_CANCELLED) {
        return say_cancelled();
    }
    if (code != VOX_OK) {
        return vox_say_error(job->options.image, &err);
    }
    warn_about_backend(job);
    for (int i = 0; i < job->segmentation->warnings.n; i++) {
        vox_say("warning: %s", job->segmentation->warnings.text[i]);
    }
    return 0;
}

static int write_volumes(struct job *job, struct vox_outputs *outputs)
{
    const struct vox_segmentation *seg = job->segmentation;
    double start = vox_seconds();
    int status = vox_outputs_add_volume(outputs, job->options.mask, job->volume, VOX_VOXEL_U8,
                                        seg->mask, job->cancel);
    if (status == 0 && job->options.logits != NULL) {
        status = vox_outputs_add_volume(outputs, job->options.logits, job->volume, VOX_VOXEL_F32,
                                        seg->logits, job->cancel);
    }
    job->write_seconds = vox_seconds() - start;
    return status;
}

static int write_report(const struct job *job, const struct vox_segment_report *report,
                        struct vox_outputs *outputs)
{
    const char *path = job->options.json;
    struct vox_json_writer *json;
    const char *text;
    size_t size;
    if (path == NULL) {
        return 0;
    }
    int status = vox_report_make(report, &json, &text, &size);
    if (status != 0) {
        return status;
    }
    if (strcmp(path, "-") != 0) {
        status = vox_outputs_add_text(outputs, path, text, size);
    } else if (atomic_load(job->cancel) != 0) {
        status = VOX_EXIT_CANCELLED;
    } else if (fwrite(text, 1, size, stdout) != size || fflush(stdout) != 0) {
        vox_say("%s: cannot write the report to standard output", path);
        status = VOX_EXIT_FAILURE;
    }
    vox_json_writer_free(json);
    return status;
}

static void print_summary(const struct job *job, const struct vox_segment_report *report)
{
    double ml = vox_report_volume_ml(report);
    char volume[48] = "";
    if (isfinite(ml)) {
        snprintf(volume, sizeof(volume), ", %.2f ml", ml);
    }
    vox_say("%s: %lld voxels%s, %.1f s", job->options.mask, (long long)job->segmentation->voxels,
            volume, report->total_seconds);
}

/* Everything that takes long or is likely to fail comes before the first file has its name. */
static int write_all(struct job *job)
{
    struct vox_outputs outputs = {0};
    int status = write_volumes(job, &outputs);
    const struct vox_segment_report report = {
        .options = &job->options,
        .volume = job->volume,
        .model = &job->model,
        .segmentation = job->segmentation,
        .read_seconds = job->read_seconds,
        .load_seconds = job->load_seconds,
        .write_seconds = job->write_seconds,
        .total_seconds = vox_seconds() - job->start,
    };
    if (status == 0) {
        status = write_report(job, &report, &outputs);
    }
    bool printed = job->options.json != NULL && strcmp(job->options.json, "-") == 0;
    if (status == 0 && !printed && atomic_load(job->cancel) != 0) {
        status = VOX_EXIT_CANCELLED;
    }
    if (status == 0) {
        status = vox_outputs_commit(&outputs);
    }
    vox_outputs_abandon(&outputs);
    if (status == 0 && !job->options.quiet) {
        print_summary(job, &report);
    }
    return status == VOX_EXIT_CANCELLED ? say_cancelled() : status;
}

static int write_outputs(struct job *job)
{
    vox_signals_hold();
    int status = write_all(job);
    vox_signals_release();
    return status;
}

static int run_job(struct job *job)
{
    static int (*const steps[])(struct job *) = {try_outputs, read_image, load_model, segment,
                                                 write_outputs};
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        if (atomic_load(job->cancel) != 0) {
            return say_cancelled();
        }
        int status = steps[i](job);
        if (status != 0) {
            return status;
        }
    }
    return 0;
}

int vox_app_segment(int argc, char **argv)
{
    struct job job = {.start = vox_seconds()};
    int status = vox_segment_options_read(argc, argv, &job.options);
    if (status != 0) {
        return status;
    }
    if (job.options.help) {
        fputs(help, stdout);
        return fflush(stdout) == 0 ? VOX_EXIT_OK : VOX_EXIT_FAILURE;
    }
    job.cancel = vox_signals_catch();
    status = run_job(&job);
    vox_segmentation_free(job.segmentation);
    vox_opened_model_close(&job.model);
    vox_volume_free(job.volume);
    return status;
}
