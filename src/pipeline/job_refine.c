/* From the points that a client sends all over again to the corrections that are new. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "pipeline/job_parts.h"
#include "util/memory.h"

enum { EVERY_LABEL = -1 };

/* A point that an earlier request had. */
struct had {
    int label; /* EVERY_LABEL: of the background */
    double i, j, k;
    bool positive, used;
};

struct diff {
    struct had *had;
    size_t n_had;
    struct vox_request *out;
    struct vox_click *group; /* clicks that become one correction: one label, one slice */
    size_t n_group;
    int group_label;
    double group_k;
};

static double slice_of(double k)
{
    return floor(k + 0.5);
}

static void remember(struct diff *diff, int label, const struct vox_click *click)
{
    diff->had[diff->n_had++] = (struct had){
        label, click->at[0], click->at[1], slice_of(click->at[2]), click->positive, false};
}

static enum vox_code list_had(struct diff *diff, const struct vox_request *before,
                              struct vox_err *err)
{
    diff->had = vox_calloc(before->n_points + 1, sizeof(*diff->had));
    if (diff->had == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    for (int l = 0; l < before->labels.n; l++) {
        for (size_t i = 0; i < before->objects[l].n_clicks; i++) {
            remember(diff, l, &before->objects[l].clicks[i]);
        }
    }
    for (size_t i = 0; i < before->n_background; i++) {
        remember(diff, EVERY_LABEL, &before->background[i]);
    }
    for (size_t c = 0; c < before->n_corrections; c++) {
        const struct vox_correction_ask *correction = &before->corrections[c];
        for (size_t i = 0; i < correction->n_clicks; i++) {
            remember(diff, correction->label, &correction->clicks[i]);
        }
    }
    return VOX_OK;
}

/* A point of the background may have become one of each object. */
static bool is_same(const struct had *had, int label, const struct vox_click *click)
{
    bool labels = had->label == label || (label == EVERY_LABEL && !had->positive);
    return labels && had->positive == click->positive && had->i == click->at[0] &&
           had->j == click->at[1] && had->k == slice_of(click->at[2]);
}

static bool is_new(struct diff *diff, int label, const struct vox_click *click)
{
    bool found = false;
    for (size_t i = 0; i < diff->n_had; i++) {
        struct had *had = &diff->had[i];
        if (!had->used && is_same(had, label, click)) {
            had->used = true;
            found = true;
            if (had->label == label) {
                break;
            }
        }
    }
    return !found;
}

static enum vox_code end_group(struct diff *diff, struct vox_err *err)
{
    size_t n = diff->n_group;
    diff->n_group = 0;
    return n == 0 ? VOX_OK
                  : vox_request_add_correction(diff->out, diff->group_label, diff->group_k,
                                               diff->group, n, err);
}

static enum vox_code add(struct diff *diff, int label, const struct vox_click *click,
                         struct vox_err *err)
{
    double k = slice_of(click->at[2]);
    enum vox_code code = VOX_OK;
    if (diff->n_group > 0 && (diff->group_label != label || diff->group_k != k)) {
        code = end_group(diff, err);
    }
    diff->group_label = label;
    diff->group_k = k;
    diff->group[diff->n_group++] = *click;
    return code;
}

static bool has_object(const struct vox_request *request, int label)
{
    const struct vox_object_ask *object = &request->objects[label];
    bool found = object->n_boxes > 0 || object->mask.n > 0;
    for (size_t i = 0; i < object->n_clicks && !found; i++) {
        found = object->clicks[i].positive;
    }
    return found;
}

static enum vox_code add_clicks(struct diff *diff, const struct vox_request *now,
                                struct vox_err *err)
{
    enum vox_code code = VOX_OK;
    for (int l = 0; l < now->labels.n && code == VOX_OK; l++) {
        for (size_t i = 0; i < now->objects[l].n_clicks && code == VOX_OK; i++) {
            const struct vox_click *click = &now->objects[l].clicks[i];
            if (is_new(diff, l, click)) {
                code = add(diff, l, click, err);
            }
        }
    }
    return code == VOX_OK ? end_group(diff, err) : code;
}

static enum vox_code add_corrections(struct diff *diff, const struct vox_request *now,
                                     struct vox_err *err)
{
    enum vox_code code = VOX_OK;
    for (size_t c = 0; c < now->n_corrections && code == VOX_OK; c++) {
        const struct vox_correction_ask *correction = &now->corrections[c];
        for (size_t i = 0; i < correction->n_clicks && code == VOX_OK; i++) {
            if (is_new(diff, correction->label, &correction->clicks[i])) {
                code = add(diff, correction->label, &correction->clicks[i], err);
            }
        }
        code = code == VOX_OK ? end_group(diff, err) : code;
    }
    return code;
}

static enum vox_code add_background(struct diff *diff, const struct vox_request *now,
                                    const struct vox_request *before, struct vox_err *err)
{
    size_t n = 0;
    struct vox_click *fresh = vox_calloc(now->n_background + 1, sizeof(*fresh));
    if (fresh == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < now->n_background; i++) {
        if (is_new(diff, EVERY_LABEL, &now->background[i])) {
            fresh[n++] = now->background[i];
        }
    }
    enum vox_code code = VOX_OK;
    for (int l = 0; l < before->labels.n && code == VOX_OK; l++) {
        for (size_t i = 0; i < n && code == VOX_OK && has_object(before, l); i++) {
            code = add(diff, l, &fresh[i], err);
        }
        code = code == VOX_OK ? end_group(diff, err) : code;
    }
    vox_free(fresh);
    return code;
}

void vox_job_take_file_options(struct vox_request *out, const struct vox_request *now)
{
    memcpy(out->result_extension, now->result_extension, sizeof(out->result_extension));
    memcpy(out->result_dtype, now->result_dtype, sizeof(out->result_dtype));
    out->result_compress = now->result_compress;
    out->result_compress_given = now->result_compress_given;
}

static enum vox_code find_new(struct diff *diff, const struct vox_request *before,
                              const struct vox_request *now, struct vox_err *err)
{
    size_t most = now->n_points + 1;
    diff->group = vox_calloc(most, sizeof(*diff->group));
    enum vox_code code =
        diff->group != NULL ? list_had(diff, before, err) : vox_fail(err, VOX_E_NOMEM, "no memory");
    if (code == VOX_OK) {
        code = add_clicks(diff, now, err);
    }
    if (code == VOX_OK) {
        code = add_corrections(diff, now, err);
    }
    if (code == VOX_OK) {
        code = add_background(diff, now, before, err);
    }
    return code;
}

enum vox_code vox_job_refined(const struct vox_request *before, const struct vox_request *now,
                              struct vox_request **out, size_t *first, struct vox_err *err)
{
    struct diff diff = {0};
    if (before->labels.n != now->labels.n) {
        return vox_fail(err, VOX_E_ARG, "the job to refine is of another model");
    }
    enum vox_code code = vox_request_copy(before, &diff.out, err);
    if (code != VOX_OK) {
        return code;
    }
    vox_job_take_file_options(diff.out, now);
    code = find_new(&diff, before, now, err);
    vox_free(diff.had);
    vox_free(diff.group);
    if (code != VOX_OK) {
        vox_request_free(diff.out);
        return code;
    }
    *out = diff.out;
    *first = before->n_corrections;
    return VOX_OK;
}
