#include <stdlib.h>

#include "pipeline/plan_parts.h"
#include "util/memory.h"

bool vox_plan_place(const struct vox_plan_image *image, const struct vox_click *click,
                    struct vox_plan_point *out)
{
    for (int a = 0; a < 3; a++) {
        double place = vox_plan_round(click->at[a]);
        if (!(place >= 0.0 && place < (double)image->size[a])) {
            return false;
        }
    }
    out->k = (int64_t)vox_plan_round(click->at[2]);
    /* Adding 0 leaves no -0, which would equal 0 and yet print otherwise. */
    out->click.i = click->at[0] + 0.0;
    out->click.j = click->at[1] + 0.0;
    out->click.positive = click->positive;
    return true;
}

int vox_plan_point_compare(const void *a, const void *b)
{
    const struct vox_plan_point *p = a;
    const struct vox_plan_point *q = b;
    if (p->k != q->k) {
        return p->k < q->k ? -1 : 1;
    }
    if (p->click.j != q->click.j) {
        return p->click.j < q->click.j ? -1 : 1;
    }
    if (p->click.i != q->click.i) {
        return p->click.i < q->click.i ? -1 : 1;
    }
    return (int)p->click.positive - (int)q->click.positive;
}

static void add_own(struct vox_plan_work *work)
{
    struct vox_plan_numbers outside = {.n = 0};
    for (size_t n = 0; n < work->ask->n_clicks; n++) {
        struct vox_plan_point point;
        if (!vox_plan_place(work->image, &work->ask->clicks[n], &point)) {
            vox_plan_numbers_add(&outside, (int64_t)n);
            work->dropped_positive = work->dropped_positive || work->ask->clicks[n].positive;
        } else if (point.click.positive) {
            work->positive[work->n_positive++] = point;
        } else {
            work->negative[work->n_negative++] = point;
        }
    }
    vox_plan_note_outside(work->warnings, &outside, work->name);
}

enum vox_code vox_plan_gather_points(struct vox_plan_work *work, struct vox_err *err)
{
    size_t all;
    if (!vox_add(work->ask->n_clicks, work->request->n_background, &all)) {
        return vox_fail(err, VOX_E_LIMIT, "there are too many points");
    }
    work->positive = vox_calloc(work->ask->n_clicks, sizeof(*work->positive));
    work->negative = vox_calloc(all, sizeof(*work->negative));
    if (work->positive == NULL || work->negative == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    add_own(work);
    for (size_t n = 0; n < work->request->n_background; n++) {
        struct vox_plan_point point;
        if (vox_plan_place(work->image, &work->request->background[n], &point)) {
            point.click.positive = false;
            work->negative[work->n_negative++] = point;
        }
    }
    qsort(work->positive, work->n_positive, sizeof(*work->positive), vox_plan_point_compare);
    qsort(work->negative, work->n_negative, sizeof(*work->negative), vox_plan_point_compare);
    return VOX_OK;
}

void vox_plan_note_background(const struct vox_request *request, const struct vox_plan_image *image,
                              struct vox_warnings *warnings)
{
    struct vox_plan_numbers outside = {.n = 0};
    for (size_t n = 0; n < request->n_background; n++) {
        struct vox_plan_point point;
        if (!vox_plan_place(image, &request->background[n], &point)) {
            vox_plan_numbers_add(&outside, (int64_t)n);
        }
    }
    vox_plan_note_outside(warnings, &outside, "background");
}
