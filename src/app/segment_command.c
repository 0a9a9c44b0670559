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
#include "app/segment_report.h"
#include "app/signals.h"
#include "pipeline/recipe.h"
#include "pipeline/stopwatch.h"
#include "util/file.h"

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
    "Exit status: 0 done, 1 failed, 2 wrong argument, 130 cancelled. Nothing is left of a file "
    "that\n"
    "could not be written in full.\n";

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

/* Finds out before the long work whether an output can be written: by beginning to write it. */
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
    struct vox_err err = {0};
    struct vox_file_writer *file;
    if (vox_file_create(path, &file, &err) != VOX_OK) {
        return vox_say_error(path, &err);
    }
    vox_file_abandon(file);
    return 0;
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
        vox_say("cancelled; nothing was written");
        return VOX_EXIT_CANCELLED;
    }
    if (code != VOX_OK) {
        return vox_say_error(job->options.image, &err);
    }
    for (int i = 0; i < job->segmentation->warnings.n; i++) {
        vox_say("warning: %s", job->segmentation->warnings.text[i]);
    }
    return 0;
}

static int write_volume(const struct job *job, const char *path, enum vox_voxel_type type,
                        const void *voxels)
{
    struct vox_err err = {0};
    if (vox_volume_write(path, &job->volume->geometry, job->volume->size, type, voxels, &err) !=
        VOX_OK) {
        (void)vox_say_error(path, &err);
        return VOX_EXIT_FAILURE;
    }
    return 0;
}

static int write_outputs(struct job *job)
{
    double start = vox_seconds();
    int status = write_volume(job, job->options.mask, VOX_VOXEL_U8, job->segmentation->mask);
    if (status == 0 && job->options.logits != NULL) {
        status = write_volume(job, job->options.logits, VOX_VOXEL_F32, job->segmentation->logits);
    }
    job->write_seconds = vox_seconds() - start;
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

static int report(const struct job *job)
{
    const struct vox_segment_report content = {
        .options = &job->options,
        .volume = job->volume,
        .model = &job->model,
        .segmentation = job->segmentation,
        .read_seconds = job->read_seconds,
        .load_seconds = job->load_seconds,
        .write_seconds = job->write_seconds,
        .total_seconds = vox_seconds() - job->start,
    };
    int status = job->options.json == NULL ? 0 : vox_report_write(&content);
    if (status == 0 && !job->options.quiet) {
        print_summary(job, &content);
    }
    return status;
}

static int run_job(struct job *job)
{
    const char *const outputs[3] = {job->options.mask, job->options.logits, job->options.json};
    for (int i = 0; i < 3; i++) {
        int status = try_output(job, outputs[i]);
        if (status != 0) {
            return status;
        }
    }
    static int (*const steps[])(struct job *) = {read_image, load_model, segment, write_outputs};
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        if (atomic_load(job->cancel) != 0) {
            vox_say("cancelled; nothing was written");
            return VOX_EXIT_CANCELLED;
        }
        int status = steps[i](job);
        if (status != 0) {
            return status;
        }
    }
    return report(job);
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
