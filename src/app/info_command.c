#include "app/info_command.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "app/info_facts.h"
#include "app/message.h"
#include "app/report_output.h"

/* Bytes of the decoded voxels; beyond 64 bits no file has them. */
static uint64_t decoded_bytes(const struct vox_volume *volume)
{
    return (uint64_t)vox_voxel_size(volume->type) * (uint64_t)volume->size[0] *
           (uint64_t)volume->size[1] * (uint64_t)volume->size[2];
}

static const char *direction_name(char letter)
{
    switch (letter) {
    case 'R':
        return "right";
    case 'L':
        return "left";
    case 'A':
        return "front";
    case 'P':
        return "back";
    case 'S':
        return "head";
    default:
        return "feet";
    }
}

static void print_bytes(uint64_t bytes)
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes;
    int unit = 0;
    while (value >= 1024 && unit < 4) {
        value /= 1024;
        unit++;
    }
    printf("%.4g %s", value, units[unit]);
}

static void print_values(const struct vox_info *info)
{
    const struct vox_volume *volume = &info->volume;
    if (volume->slope != 1 || volume->intercept != 0) {
        printf("  scaling   %.10g * stored + %.10g\n", volume->slope, volume->intercept);
    }
    if (info->min <= info->max) {
        printf("  values    %.10g to %.10g\n", info->min, info->max);
    } else {
        puts("  values    none are finite");
    }
    if (info->nan + info->infinite > 0) {
        printf("  no number %" PRId64 " NaN, %" PRId64 " infinite\n", info->nan, info->infinite);
    }
    if (info->has_window) {
        printf("  window    %s, %.10g to %.10g\n", vox_window_rule_name(info->intensity.rule),
               info->intensity.low, info->intensity.high);
    }
}

static void print_info(const char *path, const struct vox_info *info)
{
    const struct vox_volume *volume = &info->volume;
    const double *spacing = volume->geometry.spacing;
    printf("%s\n  format    %s, %s, ", path, vox_info_format_name(volume->geometry.source),
           vox_voxel_name(volume->type));
    print_bytes(decoded_bytes(volume));
    printf(" decoded\n  grid      %" PRId64 " x %" PRId64 " x %" PRId64
           " voxels of %.8g x %.8g x %.8g mm\n",
           volume->size[0], volume->size[1], volume->size[2], spacing[0], spacing[1], spacing[2]);
    printf("  extent    %.6g x %.6g x %.6g mm\n", (double)volume->size[0] * spacing[0],
           (double)volume->size[1] * spacing[1], (double)volume->size[2] * spacing[2]);
    printf("  axes      %s: i to the %s, j to the %s, k to the %s\n", info->axes,
           direction_name(info->axes[0]), direction_name(info->axes[1]),
           direction_name(info->axes[2]));
    print_values(info);
    for (int i = 0; i < info->warnings.n; i++) {
        printf("  warning   %s\n", info->warnings.text[i]);
    }
}

static void put_three(struct vox_json_writer *json, const char *key, const double values[3])
{
    vox_json_begin_array(json, key);
    for (int axis = 0; axis < 3; axis++) {
        vox_json_put_real(json, NULL, values[axis]);
    }
    vox_json_end(json);
}

static void put_grid(struct vox_json_writer *json, const struct vox_info *info)
{
    const struct vox_volume *volume = &info->volume;
    vox_json_begin_array(json, "size");
    for (int axis = 0; axis < 3; axis++) {
        vox_json_put_int(json, NULL, volume->size[axis]);
    }
    vox_json_end(json);
    put_three(json, "spacing", volume->geometry.spacing);
    vox_json_put_text(json, "axes", info->axes);
    vox_json_put_real(json, "skew_degrees", info->skew);
    vox_json_put_real(json, "anisotropy", info->anisotropy);
    if (info->forms_apart == -1) {
        vox_json_put_null(json, "forms_apart_voxels");
    } else {
        vox_json_put_real(json, "forms_apart_voxels", info->forms_apart);
    }
}

static void put_info(struct vox_json_writer *json, const char *path, const struct vox_info *info)
{
    const struct vox_volume *volume = &info->volume;
    vox_json_begin_object(json, NULL);
    vox_json_put_text(json, "file", path);
    vox_json_put_text(json, "format", vox_info_format_name(volume->geometry.source));
    put_grid(json, info);
    vox_json_put_text(json, "type", vox_voxel_name(volume->type));
    vox_json_put_real(json, "slope", volume->slope);
    vox_json_put_real(json, "intercept", volume->intercept);
    vox_json_put_int(json, "decoded_bytes", (int64_t)decoded_bytes(volume));
    vox_json_put_real(json, "min", info->min); /* infinite, so null, where there is none */
    vox_json_put_real(json, "max", info->max);
    vox_json_put_int(json, "nan", info->nan);
    vox_json_put_int(json, "infinite", info->infinite);
    if (info->has_window) {
        vox_json_begin_object(json, "window");
        vox_json_put_text(json, "rule", vox_window_rule_name(info->intensity.rule));
        vox_json_put_real(json, "low", info->intensity.low);
        vox_json_put_real(json, "high", info->intensity.high);
        vox_json_end(json);
    } else {
        vox_json_put_null(json, "window");
    }
    vox_json_begin_array(json, "warnings");
    for (int i = 0; i < info->warnings.n; i++) {
        vox_json_put_text(json, NULL, info->warnings.text[i]);
    }
    vox_json_end(json);
    vox_json_end(json);
}

static const struct vox_option_row options[] = {
    {"--json", VOX_OPTION_SWITCH, NULL, NULL, "print JSON instead of text"},
};

const struct vox_command vox_info_command = {
    .name = "info",
    .summary = "show what an image file holds, and what in it asks for care",
    .usage = "IMAGE...",
    .text = "Shows an image's grid, directions, voxel type, range of values and the window that "
            "'auto' chooses for it, and warns where its geometry may be shown in different ways. "
            "Nothing that names a patient is read out.\n\n"
            "Files may be .nii, .nii.gz, .nrrd, .mha or .mhd; those larger than 256 MiB are read "
            "slice by slice.",
    .options = options,
    .n_options = (int)(sizeof(options) / sizeof(options[0])),
    .examples = "  voxlabel info ct.nii.gz\n",
    .run = vox_app_info,
};

/* Looks at every file, also after one that cannot be read; the first failure is the status. */
static int show_all(const struct vox_arguments *arguments, struct vox_json_writer *json)
{
    int status = VOX_EXIT_OK;
    bool first = true;
    for (int i = 0; i < vox_positional_count(arguments); i++) {
        const char *path = vox_positional(arguments, i);
        struct vox_err err = {0};
        struct vox_info info;
        if (vox_info_read(path, &info, &err) != VOX_OK) {
            int failed = vox_say_error(path, &err);
            status = status == VOX_EXIT_OK ? failed : status;
            continue;
        }
        if (json != NULL) {
            put_info(json, path, &info);
        } else {
            printf("%s", first ? "" : "\n");
            print_info(path, &info);
        }
        first = false;
    }
    return status;
}

static int show_json(const struct vox_arguments *arguments)
{
    struct vox_json_writer *json = vox_json_writer_new();
    int status = VOX_EXIT_OK;
    if (json != NULL) {
        vox_json_begin_object(json, NULL);
        vox_json_put_text(json, "version", VOX_VERSION);
        vox_json_begin_array(json, "images");
        status = show_all(arguments, json);
        vox_json_end(json);
        vox_json_end(json);
    }
    int written = vox_report_write(json, "-");
    return written == VOX_EXIT_OK ? status : written;
}

int vox_app_info(int argc, char **argv)
{
    struct vox_arguments *arguments;
    int status = vox_arguments_open(&vox_info_command, argc, argv, &arguments);
    if (status != VOX_EXIT_OK || arguments == NULL) {
        return status;
    }
    if (vox_positional_count(arguments) == 0) {
        status = vox_say_usage(vox_info_command.name, "name the images to look at");
    } else if (vox_argument_given(arguments, "--json")) {
        status = vox_stdout_finish(show_json(arguments));
    } else {
        status = vox_stdout_finish(show_all(arguments, NULL));
    }
    vox_arguments_free(arguments);
    return status;
}
