#include <stdlib.h>

#include "pipeline/plan_parts.h"

static int by_place(const void *a, const void *b)
{
    const struct vox_plan_click *p = &((const struct vox_plan_point *)a)->click;
    const struct vox_plan_click *q = &((const struct vox_plan_point *)b)->click;
    if (p->i != q->i) {
        return p->i < q->i ? -1 : 1;
    }
    return p->j < q->j ? -1 : p->j > q->j ? 1 : 0;
}

/* The sum is rounded, so its order is a part of the rule; points that differ in k alone add the
 * same in any order. */
static void find_mean(struct vox_plan_work *work, double mean[2])
{
    double sum[2] = {0.0, 0.0};
    qsort(work->positive, work->n_positive, sizeof(*work->positive), by_place);
    for (size_t n = 0; n < work->n_positive; n++) {
        sum[0] += work->positive[n].click.i;
        sum[1] += work->positive[n].click.j;
    }
    mean[0] = sum[0] / (double)work->n_positive;
    mean[1] = sum[1] / (double)work->n_positive;
}

enum vox_code vox_plan_set_zoom(struct vox_plan_work *work, struct vox_err *err)
{
    struct vox_plan_object *object = work->object;
    const double *spacing = work->image->spacing;
    double factor = work->request->zoom.given ? work->request->zoom.factor : work->defaults->zoom;
    if (!(factor > 0.0)) {
        object->window = vox_zoom_whole(work->image->size);
        return VOX_OK;
    }
    if (!(spacing[0] > 0.0 && spacing[1] > 0.0 && isfinite(spacing[0]) && isfinite(spacing[1]))) {
        return vox_fail(err, VOX_E_ARG,
                        "the image has no voxel spacing, which a zoom needs; ask for zoom off");
    }
    if (object->has_rects) {
        const double corners[4] = {
            vox_plan_round(object->rects.i0), vox_plan_round(object->rects.j0),
            vox_plan_round(object->rects.i1), vox_plan_round(object->rects.j1)};
        object->centre[0] = (corners[0] + corners[2]) / 2.0;
        object->centre[1] = (corners[1] + corners[3]) / 2.0;
        object->length = vox_zoom_length(corners, factor, spacing);
    } else {
        find_mean(work, object->centre);
        object->length = VOX_ZOOM_CLICK_LENGTH;
        object->grows = true;
    }
    object->window = vox_zoom_around(object->centre, object->length, spacing, work->image->size);
    return VOX_OK;
}
