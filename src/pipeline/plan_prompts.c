#include <stdlib.h>

#include "pipeline/plan_parts.h"
#include "util/memory.h"

static bool prompts_each_slice(const struct vox_plan_work *work)
{
    enum vox_broadcast broadcast = work->request->broadcast != VOX_BROADCAST_DEFAULT
                                       ? work->request->broadcast
                                       : work->defaults->broadcast;
    return broadcast == VOX_BROADCAST_BOX;
}

/* Rule 3. */
static void ask_for_rects(struct vox_plan_work *work)
{
    const struct vox_plan_object *object = work->object;
    bool each = prompts_each_slice(work);
    for (int64_t m = 0; m < object->n_pieces; m++) {
        const struct vox_plan_piece *piece = &object->pieces[m];
        if (!piece->boxed) {
            continue;
        }
        vox_plan_cover_add(&work->asked, each ? piece->first : piece->key,
                           each ? piece->last : piece->key, &piece->rect);
        /* The key slice of a piece of two neighbouring slices is the last one of the piece before.
         */
        if (!each && !piece->roi && m > 0 && piece[-1].boxed && piece[-1].last == piece->key) {
            vox_plan_cover_add(&work->asked, piece->key, piece->key, &piece[-1].rect);
        }
    }
    for (size_t n = 0; n < work->n_boxes; n++) {
        if (!work->boxes[n].roi) {
            vox_plan_cover_add(&work->asked, work->boxes[n].key, work->boxes[n].key,
                               &work->boxes[n].rect);
        }
    }
    vox_plan_cover_settle(&work->asked);
    for (int64_t k = object->first; k <= object->last; k++) {
        if (!vox_rect_is_empty(vox_plan_cover_at(&work->asked, k))) {
            work->prompted[k - object->first] |= VOX_PLAN_BOX;
        }
    }
}

/* Rule 5. */
static void ask_for_mask(struct vox_plan_work *work)
{
    const struct vox_plan_mask *mask = &work->mask;
    uint8_t *prompted = work->prompted + (mask->n > 0 ? mask->first - work->object->first : 0);
    int64_t largest = 0;
    for (int64_t s = 1; s < mask->n; s++) {
        largest = mask->areas[s] > mask->areas[largest] ? s : largest;
    }
    if (mask->n > 0 && work->request->n_mask_slices == 0) {
        prompted[largest] |= VOX_PLAN_MASK;
        return;
    }
    for (size_t n = 0; n < work->request->n_mask_slices; n++) {
        int64_t k = work->request->mask_slices[n];
        if (k >= mask->first && k < mask->first + mask->n && mask->areas[k - mask->first] > 0) {
            prompted[k - mask->first] |= VOX_PLAN_MASK;
        }
    }
}

/* The points of both slices of a piece, on its key slice. `at` is where to look for them and only
 * grows, as pieces do. */
static void add_piece(struct vox_plan_work *work, const struct vox_plan_piece *piece, size_t *at)
{
    while (work->positive[*at].k < piece->first) {
        (*at)++;
    }
    for (size_t n = *at; n < work->n_positive && work->positive[n].k <= piece->last; n++) {
        work->clicks[work->n_clicks] = work->positive[n];
        work->clicks[work->n_clicks++].k = piece->key;
    }
}

/* Rules 1 and 4: positive points that are clicks. */
static void add_positive(struct vox_plan_work *work)
{
    const struct vox_plan_object *object = work->object;
    bool pieces = object->n_pieces > 0 && !object->pieces[0].roi;
    size_t at = 0;
    for (int64_t m = 0; pieces && m < object->n_pieces; m++) {
        if (!object->pieces[m].boxed) {
            add_piece(work, &object->pieces[m], &at);
        }
    }
    for (size_t n = 0; !pieces && !work->points_are_box && n < work->n_positive; n++) {
        work->clicks[work->n_clicks++] = work->positive[n];
    }
    for (size_t n = 0; n < work->n_clicks; n++) {
        work->prompted[work->clicks[n].k - object->first] |= VOX_PLAN_CLICKS;
    }
}

/* All clicks of the object in their order, negative ones too, whether their slice is prompted or
 * not. */
static enum vox_code gather_clicks(struct vox_plan_work *work, struct vox_err *err)
{
    size_t twice, room;
    if (!vox_mul(work->n_positive, 2, &twice) || !vox_add(twice, work->n_negative, &room)) {
        return vox_fail(err, VOX_E_LIMIT, "there are too many points");
    }
    work->clicks = vox_calloc(room, sizeof(*work->clicks));
    if (work->clicks == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    add_positive(work);
    for (size_t n = 0; n < work->n_negative; n++) {
        work->clicks[work->n_clicks++] = work->negative[n];
    }
    qsort(work->clicks, work->n_clicks, sizeof(*work->clicks), vox_plan_point_compare);
    return VOX_OK;
}

static enum vox_code allocate(struct vox_plan_work *work, struct vox_err *err)
{
    struct vox_plan_object *object = work->object;
    size_t clicks = work->n_clicks;
    size_t slices = 0;
    for (size_t n = 0; n < work->request->n_corrections; n++) {
        const struct vox_correction_ask *ask = &work->request->corrections[n];
        if (ask->label == object->label && !vox_add(clicks, ask->n_clicks, &clicks)) {
            return vox_fail(err, VOX_E_LIMIT, "there are too many points");
        }
    }
    for (int64_t s = 0; s < vox_plan_slices(object); s++) {
        slices += work->prompted[s] != 0;
    }
    object->clicks = vox_calloc(clicks, sizeof(*object->clicks));
    object->prompts = vox_calloc(slices, sizeof(*object->prompts));
    if (object->clicks == NULL || object->prompts == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    return VOX_OK;
}

static void fill(struct vox_plan_work *work)
{
    struct vox_plan_object *object = work->object;
    size_t at = 0;
    for (int64_t k = object->first; k <= object->last; k++) {
        int how = work->prompted[k - object->first];
        if (how == 0) {
            continue;
        }
        struct vox_plan_prompt *prompt = &object->prompts[object->n_prompts++];
        prompt->k = k;
        prompt->masked = (how & VOX_PLAN_MASK) != 0;
        prompt->boxed = (how & VOX_PLAN_BOX) != 0;
        if (prompt->boxed) {
            prompt->box = *vox_plan_cover_at(&work->asked, k);
        }
        prompt->clicks = &object->clicks[object->n_clicks];
        while (at < work->n_clicks && work->clicks[at].k < k) {
            at++;
        }
        for (; at < work->n_clicks && work->clicks[at].k == k; at++) {
            object->clicks[object->n_clicks++] = work->clicks[at].click;
            prompt->n_clicks++;
        }
    }
}

enum vox_code vox_plan_make_prompts(struct vox_plan_work *work, struct vox_err *err)
{
    struct vox_plan_object *object = work->object;
    work->prompted = vox_calloc((size_t)vox_plan_slices(object), 1);
    if (work->prompted == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    enum vox_code code = vox_plan_cover_init(&work->asked, object->first, object->last, err);
    if (code != VOX_OK) {
        return code;
    }
    ask_for_rects(work);
    ask_for_mask(work);
    code = gather_clicks(work, err);
    if (code == VOX_OK) {
        code = allocate(work, err);
    }
    if (code == VOX_OK) {
        fill(work);
    }
    return code;
}
