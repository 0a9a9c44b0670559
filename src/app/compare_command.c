#include "app/compare_command.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "app/arguments.h"
#include "app/compare_grid.h"
#include "app/compare_labels.h"
#include "app/compare_measure.h"
#include "app/compare_report.h"
#include "app/message.h"
#include "app/report_output.h"

static const double default_tolerance = 1.0;
static const double largest_tolerance = 1e6;

struct job {
    const char *path_a, *path_b, *list, *json;
    double tolerance;
    bool per_slice;
    struct vox_label_map *a, *b;
    struct vox_common_grid common;
    struct vox_label_pairs pairs;
    struct vox_comparison comparison;
};

static int read_arguments(const struct vox_arguments *arguments, struct job *job)
{
    const char *command = vox_compare_command.name;
    const char *tolerance = vox_argument(arguments, "--tolerance", 0);
    job->list = vox_argument(arguments, "--label", 0);
    job->json = vox_argument(arguments, "--json", 0);
    job->per_slice = vox_argument_given(arguments, "--per-slice");
    int n = vox_positional_count(arguments);
    if (n < 2) {
        return vox_say_usage(command, "name the two label files to compare");
    }
    if (n > 2) {
        return vox_say_usage(command, "one argument too many: %s", vox_positional(arguments, 2));
    }
    job->path_a = vox_positional(arguments, 0);
    job->path_b = vox_positional(arguments, 1);
    job->tolerance = default_tolerance;
    const char *at = tolerance;
    if (tolerance != NULL && (!vox_read_real(&at, &job->tolerance) || *at != '\0' ||
                              !(job->tolerance >= 0) || job->tolerance > largest_tolerance)) {
        return vox_say_usage(command, "--tolerance %s is not a number of millimetres", tolerance);
    }
    return VOX_EXIT_OK;
}

static int read_files(struct job *job)
{
    const struct vox_volume_limits limits = vox_volume_limits_default();
    struct vox_err err = {0};
    if (vox_label_map_read(job->path_a, &limits, &job->a, &err) != VOX_OK) {
        return vox_say_error(job->path_a, &err);
    }
    if (vox_label_map_read(job->path_b, &limits, &job->b, &err) != VOX_OK) {
        return vox_say_error(job->path_b, &err);
    }
    if (vox_common_grid_find(job->a, job->b, &job->common, &err) != VOX_OK) {
        return vox_say_error(job->path_b, &err);
    }
    return VOX_EXIT_OK;
}

static int choose_labels(struct job *job)
{
    struct vox_err err = {0};
    if (job->list == NULL) {
        if (vox_label_pairs_all(job->a, job->b, &job->pairs, &err) != VOX_OK) {
            return vox_say_error(NULL, &err);
        }
        return VOX_EXIT_OK;
    }
    if (vox_label_pairs_read(job->list, job->a, job->b, &job->pairs, &err) != VOX_OK) {
        char subject[64];
        snprintf(subject, sizeof(subject), "--label %s", job->list);
        return vox_say_error(subject, &err);
    }
    return VOX_EXIT_OK;
}

/* A label that the user named and that is nowhere may be a slip of the pen; segments that all have
 * other names are to be paired by hand. */
static void warn(const struct job *job)
{
    bool all_named = job->comparison.n > 0, any_shared = false;
    for (int i = 0; i < job->comparison.n; i++) {
        const struct vox_compared *label = &job->comparison.labels[i];
        if (label->whole.a + label->whole.b == 0) {
            char name[128];
            vox_label_pair_text(&label->pair, name, sizeof(name));
            vox_say("warning: label %s is in neither file", name);
        }
        bool shared = label->pair.a.has_value && label->pair.b.has_value;
        all_named = all_named && (label->pair.a.name != NULL || label->pair.b.name != NULL);
        any_shared = any_shared || shared;
    }
    if (job->list == NULL && all_named && !any_shared) {
        vox_say("warning: no segment of the one file has the name of one of the other; pair them "
                "with --label NAME:NAME");
    }
}

static int compare(struct job *job)
{
    struct vox_err err = {0};
    if (vox_comparison_measure(job->a, job->b, &job->common, &job->pairs, job->tolerance,
                               job->per_slice, &job->comparison, &err) != VOX_OK) {
        return vox_say_error(NULL, &err);
    }
    warn(job);
    return VOX_EXIT_OK;
}

static int report(const struct job *job)
{
    const struct vox_compare_report content = {
        .path_a = job->path_a,
        .path_b = job->path_b,
        .grid = &job->common.grid,
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

static const struct vox_option_row options[] = {
    {"--label", VOX_OPTION_ONCE, "LIST", NULL,
     "these labels only, values or names of segments: '1,3', or '1:tumour' to compare A's label 1 "
     "with B's segment; without it all labels of A and B"},
    {"--tolerance", VOX_OPTION_ONCE, "MM", NULL,
     "surfaces this near to each other count as one in the surface Dice; 1"},
    {"--per-slice", VOX_OPTION_SWITCH, NULL, NULL, "measure each slice too, in its plane"},
    {"--json", VOX_OPTION_ONCE, "FILE", NULL,
     "write the numbers as JSON; '-' for standard output, without the table"},
};

const struct vox_command vox_compare_command = {
    .name = "compare",
    .summary = "say how well two label files agree",
    .usage = "A B",
    .text = "Compares two label files of one grid, label by label: Dice, Jaccard, 95 % Hausdorff "
            "distance, surface Dice, volumes.\n\n"
            "A and B are .nii, .nii.gz, .nrrd, .seg.nrrd, .mha or .mhd files with whole numbers, "
            "of the same size and place; a .seg.nrrd may be cropped, and its segments are "
            "compared by their names.",
    .options = options,
    .n_options = (int)(sizeof(options) / sizeof(options[0])),
    .examples = "  voxlabel compare expert.nii.gz lesion.nii.gz\n"
                "  voxlabel compare expert.seg.nrrd lesion.nii.gz --label tumour:1 --per-slice\n",
    .run = vox_app_compare,
};

static int run(struct job *job)
{
    const char *const inputs[2] = {job->path_a, job->path_b};
    int status = vox_report_try(job->json, inputs, 2);
    if (status == VOX_EXIT_OK) {
        status = read_files(job);
    }
    if (status == VOX_EXIT_OK) {
        status = choose_labels(job);
    }
    if (status == VOX_EXIT_OK) {
        status = compare(job);
    }
    return status == VOX_EXIT_OK ? report(job) : status;
}

int vox_app_compare(int argc, char **argv)
{
    struct vox_arguments *arguments;
    int status = vox_arguments_open(&vox_compare_command, argc, argv, &arguments);
    if (status != VOX_EXIT_OK || arguments == NULL) {
        return status;
    }
    struct job job = {0};
    status = read_arguments(arguments, &job);
    if (status == VOX_EXIT_OK) {
        status = run(&job);
    }
    vox_label_map_free(job.a);
    vox_label_map_free(job.b);
    vox_label_pairs_free(&job.pairs);
    vox_comparison_free(&job.comparison);
    vox_arguments_free(arguments);
    return status;
}
