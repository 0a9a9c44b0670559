#include <stdlib.h>

#include "pipeline/plan_parts.h"
#include "util/memory.h"

static void sort_pair(double *a, double *b)
{
    if (*a > *b) {
        double kept = *a;
        *a = *b;
        *b = kept;
    }
}

static enum vox_code fit_rect(struct vox_plan_work *work, const struct vox_box_ask *ask,
                              struct vox_rect *out, struct vox_err *err)
{
    struct vox_rect rect = {ask->corners[0], ask->corners[1], ask->corners[2], ask->corners[3]};
    double w = (double)work->image->size[0];
    double h = (double)work->image->size[1];
    const char *what = ask->roi ? "roi" : "box";
    sort_pair(&rect.i0, &rect.i1);
    sort_pair(&rect.j0, &rect.j1);
    if (!(vox_plan_round(rect.i1) >= 0.0 && vox_plan_round(rect.i0) < w &&
          vox_plan_round(rect.j1) >= 0.0 && vox_plan_round(rect.j0) < h)) {
        return vox_fail(err, VOX_E_ARG,
                        "the %s of '%s' lies outside the slice; i is 0 to %lld and j is 0 to %lld",
                        what, work->name, (long long)work->image->size[0] - 1,
                        (long long)work->image->size[1] - 1);
    }
    if (vox_plan_round(rect.i0) < 0.0 || vox_plan_round(rect.i1) >= w ||
        vox_plan_round(rect.j0) < 0.0 || vox_plan_round(rect.j1) >= h) {
        vox_warn(work->warnings, "the %s of '%s' reached beyond the slice and was cut to it", what,
                 work->name);
    }
    *out = vox_rect_clamp(&rect, work->image);
    return VOX_OK;
}

static enum vox_code fit_roi_slices(struct vox_plan_work *work, const struct vox_box_ask *ask,
                                    struct vox_plan_box *out, struct vox_err *err)
{
    double first = vox_plan_round(ask->first);
    double last = vox_plan_round(ask->last);
    double end = (double)work->image->size[2];
    sort_pair(&first, &last);
    if (!(last >= 0.0 && first < end)) {
        return vox_fail(err, VOX_E_ARG, "the roi of '%s' has no slice of the image; give 0 to %lld",
                        work->name, (long long)work->image->size[2] - 1);
    }
    bool cut = first < 0.0 || last >= end;
    out->first = first < 0.0 ? 0 : (int64_t)first;
    out->last = last >= end ? work->image->size[2] - 1 : (int64_t)last;
    out->key = (out->first + out->last) / 2;
    if (cut) {
        vox_warn(work->warnings,
                 "the roi of '%s' reached beyond the image and was cut to slices %lld to %lld",
                 work->name, (long long)out->first, (long long)out->last);
    }
    return VOX_OK;
}

static enum vox_code fit_slice(const struct vox_plan_work *work, double k, int64_t *out,
                               struct vox_err *err)
{
    double slice = vox_plan_round(k);
    if (!(slice >= 0.0 && slice < (double)work->image->size[2])) {
        return vox_fail(err, VOX_E_ARG,
                        "slice %.15g of the box of '%s' is not there; slices are 0 to %lld", k,
                        work->name, (long long)work->image->size[2] - 1);
    }
    *out = (int64_t)slice;
    return VOX_OK;
}

static enum vox_code fit_box_slices(struct vox_plan_work *work, const struct vox_box_ask *ask,
                                    struct vox_plan_box *out, struct vox_err *err)
{
    enum vox_code code = fit_slice(work, ask->key, &out->key, err);
    if (code == VOX_OK && !ask->bounded) {
        out->first = out->key;
        out->last = out->key;
        return VOX_OK;
    }
    double first = ask->first;
    double last = ask->last;
    sort_pair(&first, &last);
    if (code == VOX_OK) {
        code = fit_slice(work, first, &out->first, err);
    }
    return code == VOX_OK ? fit_slice(work, last, &out->last, err) : code;
}

static int by_number(double a, double b)
{
    return a < b ? -1 : a > b ? 1 : 0;
}

/* By first and last slice; the rest is so that no two orders are possible. */
static int compare_boxes(const void *a, const void *b)
{
    const struct vox_plan_box *p = a;
    const struct vox_plan_box *q = b;
    const double pairs[][2] = {
        {(double)p->first, (double)q->first},
        {(double)p->last, (double)q->last},
        {(double)p->key, (double)q->key},
        {p->rect.i0, q->rect.i0},
        {p->rect.j0, q->rect.j0},
        {p->rect.i1, q->rect.i1},
        {p->rect.j1, q->rect.j1},
    };
    int order = 0;
    for (size_t n = 0; order == 0 && n < sizeof(pairs) / sizeof(pairs[0]); n++) {
        order = by_number(pairs[n][0], pairs[n][1]);
    }
    return order;
}

enum vox_code vox_plan_fit_boxes(struct vox_plan_work *work, struct vox_err *err)
{
    const struct vox_object_ask *ask = work->ask;
    work->boxes = vox_calloc(ask->n_boxes, sizeof(*work->boxes));
    if (work->boxes == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    for (size_t n = 0; n < ask->n_boxes; n++) {
        struct vox_plan_box box = {.roi = ask->boxes[n].roi};
        enum vox_code code = fit_rect(work, &ask->boxes[n], &box.rect, err);
        if (code == VOX_OK) {
            code = box.roi ? fit_roi_slices(work, &ask->boxes[n], &box, err)
                           : fit_box_slices(work, &ask->boxes[n], &box, err);
        }
        if (code != VOX_OK) {
            return code;
        }
        work->boxes[work->n_boxes++] = box;
    }
    qsort(work->boxes, work->n_boxes, sizeof(*work->boxes), compare_boxes);
    return VOX_OK;
}

/* Counts one row and widens the rectangle by it. */
static int64_t look_at_row(const uint8_t *row, int64_t w, int64_t j, struct vox_rect *rect)
{
    int64_t area = 0;
    for (int64_t i = 0; i < w; i++) {
        area += row[i] != 0;
    }
    if (area > 0) {
        int64_t first = 0;
        int64_t last = w - 1;
        while (row[first] == 0) {
            first++;
        }
        while (row[last] == 0) {
            last--;
        }
        struct vox_rect own = {(double)first, (double)j, (double)last, (double)j};
        vox_rect_add(rect, &own);
    }
    return area;
}

enum vox_code vox_plan_look_at_mask(struct vox_plan_work *work, struct vox_err *err)
{
    const struct vox_mask_ask *ask = &work->ask->mask;
    const int64_t *size = work->image->size, depth = work->ask->mask_depth;
    if (ask->n <= 0) {
        return VOX_OK;
    }
    if (ask->width != size[0] || ask->height != size[1] || ask->first < 0 || ask->n > size[2] ||
        ask->first > size[2] - ask->n || (depth != 0 && depth != size[2])) {
        return vox_fail(err, VOX_E_ARG,
                        "the mask of '%s' is not on the image's grid of %lld x %lld x %lld voxels",
                        work->name, (long long)size[0], (long long)size[1], (long long)size[2]);
    }
    work->mask.areas = vox_calloc((size_t)ask->n, sizeof(*work->mask.areas));
    if (work->mask.areas == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    work->mask.rect = vox_rect_empty();
    const uint8_t *row = ask->voxels;
    for (int64_t s = 0; s < ask->n; s++) {
        for (int64_t j = 0; j < size[1]; j++, row += size[0]) {
            work->mask.areas[s] += look_at_row(row, size[0], j, &work->mask.rect);
        }
    }
    if (!vox_rect_is_empty(&work->mask.rect)) {
        work->mask.first = ask->first;
        work->mask.n = ask->n;
    }
    return VOX_OK;
}
