#include "app/compare_command.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "app/arguments.h"
#include "app/compare_labels.h"
#include "app/compare_measure.h"
#include "app/compare_report.h"
#include "app/message.h"
#include "app/report_output.h"
#include "util/memory.h"
#include "volume/geometry.h"

static const char command[] = "compare";
static const double default_tolerance = 1.0;
static const double largest_tolerance = 1e6;
static const double largest_shift = 0.01; /* voxels, of two grids that count as one */

static const char usage[] =
    "usage: voxlabel compare A B [options]\n"
    "\n"
    "Compares two label files of one grid, label by label: Dice, Jaccard, 95 % Hausdorff\n"
    "distance, surface Dice, volumes.\n"
    "\n"
    "  --label LIST     these labels only: values as '1,3', or '1:2' to compare A's label 1\n"
    "                   with B's label 2 (default: every value in A or B but 0)\n"
    "  --tolerance MM   surfaces this near count as one in the surface Dice (default 1)\n"
    "  --per-slice      measure each slice too, in its plane\n"
    "  --json FILE      write the numbers as JSON; '-' is standard output, without the table\n"
    "\n"
    "A and B: .nii, .nii.gz, .nrrd, .seg.nrrd with whole numbers, of the same size and place.\n";

struct job {
    const char *path_a, *path_b, *list, *json;
    double tolerance;
    bool per_slice;
    struct vox_label_file a, b;
    struct vox_comparison comparison;
};

static bool read_pair(const char **at, struct vox_compared *out)
{
    if (!vox_read_int(at, &out->value_a)) {
        return false;
    }
    out->value_b = out->value_a;
    return (!vox_read_char(at, ':') || vox_read_int(at, &out->value_b)) && out->value_a != 0 &&
           out->value_b != 0;
}

/* N or N:M, more after commas. */
static int read_list(struct job *job)
{
    size_t most = 1;
    for (const char *c = job->list; *c != '\0'; c++) {
        most += *c == ',';
    }
    job->comparison.labels = vox_calloc(most, sizeof(job->comparison.labels[0]));
    if (job->comparison.labels == NULL || most > VOX_LABELS_MAX) {
        vox_say("--label lists too many labels");
        return VOX_EXIT_FAILURE;
    }
    const char *at = job->list;
    bool good;
    do {
        good = read_pair(&at, &job->comparison.labels[job->comparison.n]);
        job->comparison.n += good;
    } while (good && vox_read_char(&at, ','));
    if (!good || *at != '\0') {
        return vox_say_usage(
            command, "--label %s is not a list of values as 1,3 or 1:2, none of them 0", job->list);
    }
    return VOX_EXIT_OK;
}

static int read_arguments(int argc, char **argv, struct job *job, bool *help)
{
    const char *tolerance = NULL;
    const struct vox_option options[] = {
        {"--label", &job->list, NULL}, {"--tolerance", &tolerance, NULL},
        {"--json", &job->json, NULL},  {"--per-slice", NULL, &job->per_slice},
        {"--help", NULL, help},        {"-h", NULL, help},
    };
    const char *files[2];
    int n = 0;
    int status =
        vox_arguments_read(argc, argv, options, sizeof(options) / sizeof(options[0]), files, 2, &n);
    if (status != VOX_EXIT_OK || *help) {
        return status;
    }
    if (n < 2) {
        return vox_say_usage(command, "name the two label files to compare");
    }
    job->path_a = files[0];
    job->path_b = files[1];
    job->tolerance = default_tolerance;
    const char *at = tolerance;
    if (tolerance != NULL && (!vox_read_real(&at, &job->tolerance) || *at != '\0' ||
                              !(job->tolerance >= 0) || job->tolerance > largest_tolerance)) {
        return vox_say_usage(command, "--tolerance %s is not a number of millimetres", tolerance);
    }
    return job->list == NULL ? VOX_EXIT_OK : read_list(job);
}

/* Two masks that were drawn on one image have its grid; comparing others voxel by voxel would give
 * numbers that mean nothing. */
static int check_grids(struct job *job)
{
    for (int axis = 0; axis < 3; axis++) {
        if (job->a.size[axis] != job->b.size[axis]) {
            vox_say("%s: is %" PRId64 " x %" PRId64 " x %" PRId64 " voxels and %s %" PRId64
                    " x %" PRId64 " x %" PRId64 "; only files of one grid can be compared",
                    job->path_b, job->b.size[0], job->b.size[1], job->b.size[2], job->path_a,
                    job->a.size[0], job->a.size[1], job->a.size[2]);
            return VOX_EXIT_USAGE;
        }
    }
    double shift = vox_corner_distance(job->a.geometry.affine, job->b.geometry.affine, job->a.size);
    if (!(shift <= largest_shift)) {
        vox_say("%s: lies elsewhere than %s, by %.3g voxels in a corner; resample one to the "
                "other's grid first",
                job->path_b, job->path_a, shift);
        return VOX_EXIT_USAGE;
    }
    return VOX_EXIT_OK;
}

static int read_files(struct job *job)
{
    struct vox_err err = {0};
    if (vox_label_file_open(job->path_a, &job->a, &err) != VOX_OK) {
        return vox_say_error(job->path_a, &err);
    }
    if (vox_label_file_open(job->path_b, &job->b, &err) != VOX_OK) {
        return vox_say_error(job->path_b, &err);
    }
    return check_grids(job);
}

/* A label that the user named and that is nowhere may be a slip of the pen. */
static void warn_about_absent(const struct job *job)
{
    for (int i = 0; i < job->comparison.n; i++) {
        const struct vox_compared *label = &job->comparison.labels[i];
        if (label->whole.a + label->whole.b == 0) {
            vox_say("warning: label %" PRId64 " is in neither file", label->value_a);
        }
    }
}

static int compare(struct job *job)
{
    struct vox_err err = {0};
    enum vox_code code = VOX_OK;
    if (job->list == NULL) {
        code = vox_comparison_all(&job->a, &job->b, &job->comparison, &err);
    }
    if (code == VOX_OK) {
        code = vox_comparison_measure(&job->a, &job->b, job->tolerance, job->per_slice,
                                      &job->comparison, &err);
    }
    if (code != VOX_OK) {
        return vox_say_error(NULL, &err);
    }
    warn_about_absent(job);
    return VOX_EXIT_OK;
}

static int report(const struct job *job)
{
    const struct vox_compare_report content = {
        .path_a = job->path_a,
        .path_b = job->path_b,
        .a = &job->a,
        .comparison = &job->comparison,
        .tolerance = job->tolerance,
        .per_slice = job->per_slice,
    };
    int status = VOX_EXIT_OK;
    if (job->json != NULL) {
        status = vox_report_write(vox_compare_json(&content), job->json);
    }
    if (job->json == NULL || strcmp(job->json, "-") != 0) {
        vox_compare_print(&content);
    }
    return vox_stdout_finish(status);
}

int vox_app_compare(int argc, char **argv)
{
    struct job job = {0};
    bool help = false;
    int status = read_arguments(argc, argv, &job, &help);
    if (status == VOX_EXIT_OK && help) {
        fputs(usage, stdout);
        return vox_stdout_finish(status);
    }
    if (status == VOX_EXIT_OK) {
        const char *const inputs[2] = {job.path_a, job.path_b};
        status = vox_report_try(job.json, inputs, 2);
    }
    if (status == VOX_EXIT_OK) {
        status = read_files(&job);
    }
    if (status == VOX_EXIT_OK) {
        status = compare(&job);
    }
    if (status == VOX_EXIT_OK) {
        status = report(&job);
    }
    vox_label_file_close(&job.a);
    vox_label_file_close(&job.b);
    vox_comparison_free(&job.comparison);
    return status;
}
