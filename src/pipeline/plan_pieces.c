#include "pipeline/plan_parts.h"
#include "util/memory.h"

struct vox_rect vox_rect_empty(void)
{
    double all = (double)INFINITY;
    return (struct vox_rect){all, all, -all, -all};
}

bool vox_rect_is_empty(const struct vox_rect *rect)
{
    return !(rect->i0 <= rect->i1);
}

void vox_rect_add(struct vox_rect *rect, const struct vox_rect *other)
{
    rect->i0 = other->i0 < rect->i0 ? other->i0 : rect->i0;
    rect->j0 = other->j0 < rect->j0 ? other->j0 : rect->j0;
    rect->i1 = other->i1 > rect->i1 ? other->i1 : rect->i1;
    rect->j1 = other->j1 > rect->j1 ? other->j1 : rect->j1;
}

static double clamp(double value, int64_t size)
{
    double last = (double)(size - 1);
    return value > 0.0 ? (value < last ? value : last) : 0.0;
}

struct vox_rect vox_rect_clamp(const struct vox_rect *rect, const struct vox_plan_image *image)
{
    const int64_t *size = image->size;
    return (struct vox_rect){clamp(rect->i0, size[0]), clamp(rect->j0, size[1]),
                             clamp(rect->i1, size[0]), clamp(rect->j1, size[1])};
}

/* The points of one slice, from `begin` on: where the next slice begins, and their rectangle. */
static size_t look_at_slice(const struct vox_plan_work *work, size_t begin, struct vox_rect *rect)
{
    size_t at = begin;
    *rect = vox_rect_empty();
    for (; at < work->n_positive && work->positive[at].k == work->positive[begin].k; at++) {
        const struct vox_plan_click *click = &work->positive[at].click;
        struct vox_rect own = {click->i, click->j, click->i, click->j};
        vox_rect_add(rect, &own);
    }
    return at;
}

static size_t count_slices(const struct vox_plan_work *work)
{
    size_t n = 0;
    for (size_t at = 0; at < work->n_positive; at++) {
        n += at == 0 || work->positive[at].k != work->positive[at - 1].k;
    }
    return n;
}

static void note_unboxed(struct vox_plan_work *work)
{
    const struct vox_plan_object *object = work->object;
    struct vox_plan_numbers keys = {.n = 0};
    for (int64_t m = 0; m < object->n_pieces; m++) {
        if (!object->pieces[m].boxed) {
            vox_plan_numbers_add(&keys, object->pieces[m].key);
        }
    }
    if (keys.n > 0) {
        vox_warn(work->warnings,
                 "points of '%s' lie too close together for a box; they are clicks on slice%s %s",
                 work->name, keys.n == 1 ? "" : "s", vox_plan_numbers_text(&keys));
    }
}

/* Rule 1. */
static enum vox_code pieces_of_points(struct vox_plan_work *work, size_t slices,
                                      struct vox_err *err)
{
    struct vox_plan_object *object = work->object;
    object->pieces = vox_calloc(slices - 1, sizeof(*object->pieces));
    if (object->pieces == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    struct vox_rect before, rect;
    int64_t k = work->positive[0].k;
    size_t at = look_at_slice(work, 0, &before);
    while (at < work->n_positive) {
        struct vox_plan_piece *piece = &object->pieces[object->n_pieces++];
        piece->first = k;
        piece->last = work->positive[at].k;
        piece->key = (piece->first + piece->last) / 2;
        k = piece->last;
        at = look_at_slice(work, at, &rect);
        vox_rect_add(&before, &rect);
        piece->rect = vox_rect_clamp(&before, work->image);
        piece->boxed = !(piece->rect.i1 - piece->rect.i0 + 1.0 < work->request->min_box ||
                         piece->rect.j1 - piece->rect.j0 + 1.0 < work->request->min_box);
        before = rect;
    }
    note_unboxed(work);
    return VOX_OK;
}

/* Rule 4, points_as "box". */
static enum vox_code box_of_points(struct vox_plan_work *work, struct vox_err *err)
{
    struct vox_plan_box *box = vox_calloc(1, sizeof(*box));
    if (box == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    struct vox_rect rect;
    (void)look_at_slice(work, 0, &rect);
    box->rect = vox_rect_clamp(&rect, work->image);
    box->key = work->positive[0].k;
    box->first = box->key;
    box->last = box->key;
    vox_free(work->boxes);
    work->boxes = box;
    work->n_boxes = 1;
    work->points_are_box = true;
    return VOX_OK;
}

/* Rule 2. */
static enum vox_code pieces_of_rois(struct vox_plan_work *work, struct vox_err *err)
{
    struct vox_plan_object *object = work->object;
    object->pieces = vox_calloc(work->n_boxes, sizeof(*object->pieces));
    if (object->pieces == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    for (size_t n = 0; n < work->n_boxes; n++) {
        const struct vox_plan_box *box = &work->boxes[n];
        if (box->roi) {
            object->pieces[object->n_pieces++] = (struct vox_plan_piece){.first = box->first,
                                                                         .last = box->last,
                                                                         .key = box->key,
                                                                         .rect = box->rect,
                                                                         .boxed = true,
                                                                         .roi = true};
        }
    }
    return VOX_OK;
}

enum vox_code vox_plan_make_pieces(struct vox_plan_work *work, struct vox_err *err)
{
    if (work->n_boxes > 0 || work->mask.n > 0) {
        return pieces_of_rois(work, err);
    }
    size_t slices = count_slices(work);
    if (slices > 1) {
        return pieces_of_points(work, slices, err);
    }
    return work->request->points_as == VOX_POINTS_AS_BOX ? box_of_points(work, err) : VOX_OK;
}

static void reach(struct vox_plan_object *object, int64_t k)
{
    object->first = k < object->first ? k : object->first;
    object->last = k > object->last ? k : object->last;
}

void vox_plan_find_borders(struct vox_plan_work *work)
{
    struct vox_plan_object *object = work->object;
    struct vox_rect all = vox_rect_empty();
    object->first = INT64_MAX;
    object->last = -1;
    for (size_t n = 0; n < work->n_positive; n++) {
        reach(object, work->positive[n].k);
    }
    for (size_t n = 0; n < work->n_boxes; n++) {
        reach(object, work->boxes[n].key);
        reach(object, work->boxes[n].first);
        reach(object, work->boxes[n].last);
        vox_rect_add(&all, &work->boxes[n].rect);
    }
    for (int64_t m = 0; m < object->n_pieces; m++) {
        if (object->pieces[m].boxed) {
            vox_rect_add(&all, &object->pieces[m].rect);
        }
    }
    if (work->mask.n > 0) {
        reach(object, work->mask.first);
        reach(object, work->mask.first + work->mask.n - 1);
        vox_rect_add(&all, &work->mask.rect);
    }
    object->has_rects = !vox_rect_is_empty(&all);
    object->rects = object->has_rects ? all : (struct vox_rect){0.0, 0.0, 0.0, 0.0};
    enum vox_extent asked = work->request->extent;
    object->free =
        asked == VOX_EXTENT_FREE || (asked == VOX_EXTENT_DEFAULT && object->first == object->last);
}
