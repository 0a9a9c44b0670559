/* Makes plans for oracle_plan.py: one case per line of standard input, one answer per line of
 * standard output.
 *
 *   {"labels": ["liver"], "size": [w, h, d], "spacing": [x, y, z],
 *    "defaults": {"zoom": 2.5, "broadcast": "box", "passes": "union"},
 *    "params": "TEXT", "masks": {"liver": [[k, j, i0, i1], ...]}}
 *
 * TEXT is the JSON that clients send, a mask's runs hold both their ends; defaults and masks may be
 * missing. The answer is {"plan": {...}, "warnings": ["...", ...]} or {"error": "name of the
 * code", "text": "..."}. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/params_read.h"
#include "pipeline/prompt_plan.h"
#include "util/json.h"
#include "util/json_writer.h"

enum { MAX_LABELS = 16 };

/* A case that this program does not understand is a defect of the caller. */
static void need(bool good, const char *what)
{
    if (!good) {
        fprintf(stderr, "plan_tool: %s is missing or wrong\n", what);
        exit(2);
    }
}

static int64_t read_int(const struct vox_json *list, size_t i)
{
    int64_t value = 0;
    need(vox_json_int(vox_json_at(list, i), &value), "a whole number");
    return value;
}

static void read_labels(const struct vox_json *root, struct vox_labels *out)
{
    const struct vox_json *list = vox_json_get(root, "labels");
    const char *names[MAX_LABELS] = {NULL};
    size_t n = list == NULL ? 0 : vox_json_count(list);
    struct vox_err err = {0};
    need(n <= MAX_LABELS, "labels");
    for (size_t i = 0; i < n; i++) {
        names[i] = vox_json_text(vox_json_at(list, i));
    }
    need(vox_labels_init(out, names, (int)n, &err) == VOX_OK, err.msg);
}

static void read_image(const struct vox_json *root, struct vox_plan_image *out)
{
    for (size_t i = 0; i < 3; i++) {
        out->size[i] = read_int(vox_json_get(root, "size"), i);
        need(vox_json_number(vox_json_at(vox_json_get(root, "spacing"), i), &out->spacing[i]),
             "spacing");
    }
}

static void read_defaults(const struct vox_json *root, struct vox_plan_defaults *out)
{
    const struct vox_json *defaults = vox_json_get(root, "defaults");
    *out = (struct vox_plan_defaults){0};
    if (defaults == NULL) {
        return;
    }
    const struct vox_json *zoom = vox_json_get(defaults, "zoom");
    const char *broadcast = vox_json_text(vox_json_get(defaults, "broadcast"));
    const char *passes = vox_json_text(vox_json_get(defaults, "passes"));
    need(zoom == NULL || vox_json_number(zoom, &out->zoom), "zoom");
    need(broadcast == NULL || vox_broadcast_find(broadcast, &out->broadcast), "broadcast");
    need(passes == NULL || vox_passes_find(passes, &out->passes), "passes");
}

static void set_mask(const struct vox_json *runs, int label, const struct vox_plan_image *image,
                     struct vox_request *request)
{
    size_t w = (size_t)image->size[0], h = (size_t)image->size[1], d = (size_t)image->size[2];
    uint8_t *voxels = calloc(w * h * d, 1);
    need(voxels != NULL, "memory");
    for (size_t r = 0; r < vox_json_count(runs); r++) {
        const struct vox_json *run = vox_json_at(runs, r);
        int64_t k = read_int(run, 0), j = read_int(run, 1);
        for (int64_t i = read_int(run, 2); i <= read_int(run, 3); i++) {
            need(i >= 0 && i < image->size[0] && j >= 0 && j < image->size[1] && k >= 0 &&
                     k < image->size[2],
                 "a run inside the volume");
            voxels[((size_t)k * h + (size_t)j) * w + (size_t)i] = 1;
        }
    }
    struct vox_err err = {0};
    need(vox_request_set_mask(request, label, image->size[0], image->size[1], 0, image->size[2],
                              voxels, &err) == VOX_OK,
         err.msg);
    free(voxels);
}

static void set_masks(const struct vox_json *root, const struct vox_plan_image *image,
                      struct vox_request *request)
{
    const struct vox_json *masks = vox_json_get(root, "masks");
    void *cursor = NULL;
    const char *name;
    const struct vox_json *runs;
    while (masks != NULL && vox_json_next(masks, &cursor, &name, &runs)) {
        int label = vox_labels_find(&request->labels, name);
        need(label >= 0, "a mask's label");
        set_mask(runs, label, image, request);
    }
}

/* One line, whatever the writer's layout. */
static void print_line(struct vox_json_writer *json)
{
    const char *text = NULL;
    size_t size = 0;
    struct vox_err err = {0};
    need(vox_json_writer_text(json, &text, &size, &err) == VOX_OK, "memory");
    for (size_t i = 0; i + 1 < size; i++) {
        putchar(text[i] == '\n' ? ' ' : text[i]);
    }
    putchar('\n');
}

static void print_plan(const struct vox_plan *plan, const struct vox_labels *labels)
{
    struct vox_json_writer *json = vox_json_writer_new();
    need(json != NULL, "memory");
    vox_json_begin_object(json, NULL);
    vox_plan_write_json(plan, labels, json, "plan");
    vox_json_begin_array(json, "warnings");
    for (int i = 0; i < plan->warnings.n; i++) {
        vox_json_put_text(json, NULL, plan->warnings.text[i]);
    }
    vox_json_end(json);
    vox_json_end(json);
    print_line(json);
    vox_json_writer_free(json);
}

static void print_error(const struct vox_err *err)
{
    struct vox_json_writer *json = vox_json_writer_new();
    need(json != NULL, "memory");
    vox_json_begin_object(json, NULL);
    vox_json_put_text(json, "error", vox_code_name(err->code));
    vox_json_put_text(json, "text", err->msg);
    vox_json_end(json);
    print_line(json);
    vox_json_writer_free(json);
}

static void answer(const struct vox_json *root)
{
    struct vox_labels labels = {0};
    struct vox_plan_image image;
    struct vox_plan_defaults defaults;
    struct vox_request *request = NULL;
    struct vox_plan *plan = NULL;
    struct vox_err err = {0};
    read_labels(root, &labels);
    read_image(root, &image);
    read_defaults(root, &defaults);
    const char *params = vox_json_text(vox_json_get(root, "params"));
    need(params != NULL, "params");
    need(vox_request_new(&labels, &request, &err) == VOX_OK, "memory");
    enum vox_code code = vox_params_read(request, params, strlen(params), &err);
    if (code == VOX_OK) {
        set_masks(root, &image, request);
        code = vox_plan_new(request, &image, &defaults, &plan, &err);
    }
    if (code == VOX_OK) {
        print_plan(plan, &labels);
    } else {
        print_error(&err);
    }
    vox_plan_free(plan);
    vox_request_free(request);
    vox_labels_fini(&labels);
}

int main(void)
{
    static const struct vox_json_limits limits = {.bytes = 1 << 26, .depth = 64, .values = 1 << 22};
    char *line = NULL;
    size_t room = 0;
    ssize_t size;
    while ((size = getline(&line, &room, stdin)) > 0) {
        struct vox_json *root = NULL;
        struct vox_err err = {0};
        need(vox_json_parse(line, (size_t)size, &limits, &root, &err) == VOX_OK, err.msg);
        answer(root);
        vox_json_free(root);
    }
    free(line);
    return ferror(stdin) || fflush(stdout) != 0 ? 1 : 0;
}
