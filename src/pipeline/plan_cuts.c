#include "pipeline/plan_parts.h"
#include "util/memory.h"

enum { LEAST_GROWTH = 5 /* voxels */ };

static void cut_axis(double low, double high, int64_t growth, int64_t size, int64_t *lo,
                     int64_t *hi)
{
    *lo = (int64_t)low - growth;
    *hi = (int64_t)high + growth;
    *lo = *lo < 0 ? 0 : *lo;
    *hi = *hi > size - 1 ? size - 1 : *hi;
}

static struct vox_plan_cut cut_of(const struct vox_plan_work *work, const struct vox_rect *rect)
{
    struct vox_plan_cut cut = {.cut = true};
    double i0 = vox_plan_round(rect->i0);
    double j0 = vox_plan_round(rect->j0);
    double i1 = vox_plan_round(rect->i1);
    double j1 = vox_plan_round(rect->j1);
    int64_t growth = 0;
    if (work->object->clip == VOX_CLIP_LOOSE) {
        double width = i1 - i0 + 1.0;
        double height = j1 - j0 + 1.0;
        double quarter = (width > height ? width : height) / 4.0;
        growth = (int64_t)vox_plan_round(quarter > LEAST_GROWTH ? quarter : LEAST_GROWTH);
    }
    cut_axis(i0, i1, growth, work->image->size[0], &cut.lo[0], &cut.hi[0]);
    cut_axis(j0, j1, growth, work->image->size[1], &cut.lo[1], &cut.hi[1]);
    return cut;
}

static void hold_rects(const struct vox_plan_work *work, struct vox_plan_cover *held)
{
    const struct vox_plan_object *object = work->object;
    for (int64_t m = 0; m < object->n_pieces; m++) {
        const struct vox_plan_piece *piece = &object->pieces[m];
        if (piece->boxed) {
            vox_plan_cover_add(held, piece->first, piece->last, &piece->rect);
        }
    }
    for (size_t n = 0; n < work->n_boxes; n++) {
        const struct vox_plan_box *box = &work->boxes[n];
        if (!box->roi) {
            vox_plan_cover_add(held, box->first, box->last, &box->rect);
        }
    }
    vox_plan_cover_settle(held);
}

static void fill(struct vox_plan_work *work, const struct vox_plan_cover *held)
{
    struct vox_plan_object *object = work->object;
    for (int64_t k = object->first; k <= object->last; k++) {
        const struct vox_rect *rect = vox_plan_cover_at(held, k);
        if (!vox_rect_is_empty(rect)) {
            object->cuts[k - object->first] = cut_of(work, rect);
        }
    }
    for (int64_t m = 0; m < object->n_pieces; m++) {
        const struct vox_plan_piece *piece = &object->pieces[m];
        for (int64_t k = piece->first; !piece->boxed && k <= piece->last; k++) {
            object->cuts[k - object->first] = (struct vox_plan_cut){.cut = false};
        }
    }
}

enum vox_code vox_plan_make_cuts(struct vox_plan_work *work, struct vox_err *err)
{
    struct vox_plan_object *object = work->object;
    object->clip = work->request->clip;
    if (object->clip == VOX_CLIP_DEFAULT) {
        object->clip = object->n_pieces > 0 ? VOX_CLIP_LOOSE : VOX_CLIP_OFF;
    }
    object->cuts = vox_calloc((size_t)vox_plan_slices(object), sizeof(*object->cuts));
    if (object->cuts == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    if (object->clip == VOX_CLIP_OFF) {
        return VOX_OK;
    }
    struct vox_plan_cover held;
    enum vox_code code = vox_plan_cover_init(&held, object->first, object->last, err);
    if (code == VOX_OK) {
        hold_rects(work, &held);
        fill(work, &held);
        vox_plan_cover_fini(&held);
    }
    return code;
}

static bool equal(const struct vox_plan_cut *a, const struct vox_plan_cut *b)
{
    return a->cut == b->cut && a->lo[0] == b->lo[0] && a->lo[1] == b->lo[1] &&
           a->hi[0] == b->hi[0] && a->hi[1] == b->hi[1];
}

int64_t vox_plan_cut_run(const struct vox_plan_object *object, int64_t k)
{
    const struct vox_plan_cut *cuts = object->cuts;
    int64_t end = k + 1;
    while (end <= object->last && equal(&cuts[end - object->first], &cuts[k - object->first])) {
        end++;
    }
    return end;
}
