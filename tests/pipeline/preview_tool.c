/* Draws a preview of an image and its label file, for test_preview.py and for the eye.
 * preview_tool OUT.png IMAGE LABELS LOW HIGH [choose MOST] [slice K]... [box K I0 J0 I1 J1]...
 * [click K I J SIGN]... [view I0 J0 I1 J1] [frame] [orient] [mirror I J]: see pipeline/preview.h */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/intensity.h"
#include "pipeline/preview.h"
#include "util/file.h"
#include "util/memory.h"
#include "volume/volume.h"

enum { MOST = 64 };

struct tool {
    struct vox_volume *image, *labels;
    struct vox_slice_source *source;
    struct vox_intensity intensity;
    double *work;
    struct vox_preview preview;
    int64_t slices[VOX_PREVIEW_SLICES_MAX];
    struct vox_preview_box boxes[MOST];
    struct vox_preview_click clicks[MOST];
    int choose;
    bool frame, orient;
};

static double number(char **at)
{
    return strtod(*at, NULL);
}

static enum vox_code give(void *context, int64_t k, uint8_t *grey, uint16_t *labels,
                          struct vox_err *err)
{
    struct tool *tool = context;
    if (k >= tool->image->size[2]) {
        return vox_fail(err, VOX_E_ARG, "no slice");
    }
    vox_volume_slice(tool->labels, k, tool->work);
    for (int64_t n = 0; n < tool->preview.width * tool->preview.height; n++) {
        labels[n] = (uint16_t)tool->work[n];
    }
    return vox_intensity_slice(tool->source, &tool->intensity, k, tool->work, grey, err);
}

/* Takes one option with its numbers from the arguments; how many, or 0. */
static int take(struct tool *tool, char **at, int left)
{
    struct vox_preview *preview = &tool->preview;
    if (strcmp(at[0], "slice") == 0 && left > 1) {
        tool->slices[preview->n_slices++] = (int64_t)number(at + 1);
        return 2;
    }
    if (strcmp(at[0], "choose") == 0 && left > 1) {
        tool->choose = (int)number(at + 1);
        return 2;
    }
    if (strcmp(at[0], "box") == 0 && left > 5) {
        tool->boxes[preview->n_boxes++] =
            (struct vox_preview_box){(int64_t)number(at + 1), number(at + 2), number(at + 3),
                                     number(at + 4), number(at + 5)};
        return 6;
    }
    if (strcmp(at[0], "click") == 0 && left > 4) {
        tool->clicks[preview->n_clicks++] = (struct vox_preview_click){
            (int64_t)number(at + 1), number(at + 2), number(at + 3), number(at + 4) > 0};
        return 5;
    }
    if (strcmp(at[0], "view") == 0 && left > 4) {
        preview->view = (struct vox_preview_view){(int64_t)number(at + 1), (int64_t)number(at + 2),
                                                  (int64_t)number(at + 3), (int64_t)number(at + 4)};
        return 5;
    }
    if (strcmp(at[0], "mirror") == 0 && left > 2) {
        preview->mirror_i = number(at + 1) > 0;
        preview->mirror_j = number(at + 2) > 0;
        return 3;
    }
    tool->frame = tool->frame || strcmp(at[0], "frame") == 0;
    tool->orient = tool->orient || strcmp(at[0], "orient") == 0;
    return strcmp(at[0], "frame") == 0 || strcmp(at[0], "orient") == 0;
}

/* The box of the labels, and with `choose` the slices between its ends. */
static void arrange(struct tool *tool)
{
    struct vox_preview *preview = &tool->preview;
    const int64_t *size = tool->image->size;
    double low[2] = {1e9, 1e9}, high[2] = {-1, -1};
    int64_t first = size[2], last = -1;
    for (int64_t k = 0; k < size[2]; k++) {
        vox_volume_slice(tool->labels, k, tool->work);
        for (int64_t n = 0; n < size[0] * size[1]; n++) {
            if (tool->work[n] > 0) {
                double at[2] = {(double)(n % size[0]), (double)(n / size[0])};
                for (int a = 0; a < 2; a++) {
                    low[a] = at[a] < low[a] ? at[a] : low[a];
                    high[a] = at[a] > high[a] ? at[a] : high[a];
                }
                first = k < first ? k : first;
                last = k;
            }
        }
    }
    int64_t prompted[2 * MOST];
    int n = 0;
    for (int b = 0; b < preview->n_boxes; b++) {
        prompted[n++] = preview->boxes[b].k;
    }
    for (int c = 0; c < preview->n_clicks; c++) {
        prompted[n++] = preview->clicks[c].k;
    }
    if (tool->choose > 0) {
        preview->n_slices =
            vox_preview_choose(first, last, prompted, n, tool->choose, tool->slices);
    }
    if (tool->frame) {
        vox_preview_frame(size[0], size[1], preview->spacing, low, high, &preview->view);
    }
    if (tool->orient) {
        vox_preview_orient(tool->image->geometry.affine, preview);
    }
}

static enum vox_code run(struct tool *tool, int argc, char **argv, struct vox_err *err)
{
    const struct vox_volume_limits limits = vox_volume_limits_default();
    enum vox_code code = vox_volume_read(argv[2], &limits, &tool->image, err);
    if (code == VOX_OK) {
        code = vox_volume_read(argv[3], &limits, &tool->labels, err);
    }
    if (code == VOX_OK) {
        code = vox_slice_source_borrow(tool->image, &tool->source, err);
    }
    const struct vox_window window = {.low = number(argv + 4), .high = number(argv + 5)};
    if (code == VOX_OK) {
        code = vox_intensity_prepare(tool->source, &window, &tool->intensity, err);
    }
    if (code != VOX_OK) {
        return code;
    }
    const struct vox_volume *image = tool->image;
    tool->work = vox_calloc((size_t)(image->size[0] * image->size[1]), sizeof(double));
    tool->preview = (struct vox_preview){
        .width = image->size[0],
        .height = image->size[1],
        .spacing = {image->geometry.spacing[0], image->geometry.spacing[1]},
        .slice = give,
        .context = tool,
        .slices = tool->slices,
        .boxes = tool->boxes,
        .clicks = tool->clicks,
    };
    for (int at = 6; at < argc;) {
        int taken = take(tool, argv + at, argc - at);
        if (taken == 0) {
            return vox_fail(err, VOX_E_ARG, "what is %s?", argv[at]);
        }
        at += taken;
    }
    arrange(tool);
    struct vox_file_writer *file;
    code = vox_preview_prepare(argv[1], &tool->preview, &file, err);
    return code == VOX_OK ? vox_file_commit(file, err) : code;
}

int main(int argc, char **argv)
{
    if (argc < 6) {
        fprintf(stderr, "preview_tool OUT IMAGE LABELS LOW HIGH ...\n");
        return 2;
    }
    static struct tool tool;
    struct vox_err err = {0};
    enum vox_code code = run(&tool, argc, argv, &err);
    if (code != VOX_OK) {
        fprintf(stderr, "%s: %s\n", vox_code_name(code), err.msg);
    } else {
        for (int n = 0; n < tool.preview.n_slices; n++) {
            printf("%lld\n", (long long)tool.slices[n]);
        }
    }
    vox_slice_source_close(tool.source);
    vox_volume_free(tool.image);
    vox_volume_free(tool.labels);
    vox_free(tool.work);
    return code == VOX_OK ? 0 : 1;
}
