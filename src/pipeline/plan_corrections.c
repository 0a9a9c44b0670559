#include "pipeline/plan_parts.h"
#include "util/memory.h"

static bool is_prompted(const struct vox_plan_work *work, int64_t k)
{
    const struct vox_plan_object *object = work->object;
    return k >= object->first && k <= object->last && work->prompted[k - object->first] != 0;
}

static bool is_beyond(const struct vox_plan_object *object, int64_t k)
{
    return !object->free && (k < object->first || k > object->last);
}

/* Where the clicks of the slice end that begin at `at`. */
static size_t end_of_slice(const struct vox_plan_work *work, size_t at)
{
    int64_t k = work->clicks[at].k;
    while (at < work->n_clicks && work->clicks[at].k == k) {
        at++;
    }
    return at;
}

static struct vox_plan_correction *begin(struct vox_plan_work *work, int64_t k)
{
    struct vox_plan_object *object = work->object;
    struct vox_plan_correction *correction = &object->corrections[object->n_corrections++];
    correction->k = k;
    correction->on_prompt = is_prompted(work, k);
    correction->clicks = &object->clicks[object->n_clicks];
    return correction;
}

static void add_click(struct vox_plan_work *work, struct vox_plan_correction *correction,
                      const struct vox_plan_click *click)
{
    work->object->clicks[work->object->n_clicks++] = *click;
    correction->n_clicks++;
}

static void note_beyond(struct vox_plan_work *work, struct vox_plan_numbers *slices,
                        const char *what)
{
    if (slices->n > 0) {
        vox_warn(work->warnings,
                 "%s of '%s' on slice%s %s lie outside slices %lld to %lld and are left out", what,
                 work->name, slices->n == 1 ? "" : "s", vox_plan_numbers_text(slices),
                 (long long)work->object->first, (long long)work->object->last);
    }
}

/* Negative points on slices that are not prompted. */
static void add_negative(struct vox_plan_work *work)
{
    struct vox_plan_numbers beyond = {.n = 0};
    for (size_t at = 0; at < work->n_clicks;) {
        int64_t k = work->clicks[at].k;
        size_t end = end_of_slice(work, at);
        if (is_beyond(work->object, k)) {
            vox_plan_numbers_add(&beyond, k);
        } else if (!is_prompted(work, k)) {
            struct vox_plan_correction *correction = begin(work, k);
            for (size_t n = at; n < end; n++) {
                add_click(work, correction, &work->clicks[n].click);
            }
        }
        at = end;
    }
    note_beyond(work, &beyond, "negative points");
}

/* One correction of the request; the points of it that are inside the image. */
static void add_asked(struct vox_plan_work *work, const struct vox_correction_ask *ask,
                      struct vox_plan_numbers *beyond)
{
    struct vox_plan_correction *correction = NULL;
    struct vox_plan_numbers outside = {.n = 0};
    bool dropped = false;
    for (size_t n = 0; n < ask->n_clicks; n++) {
        struct vox_plan_point point;
        struct vox_click click = ask->clicks[n];
        click.at[2] = ask->k;
        if (!vox_plan_place(work->image, &click, &point)) {
            vox_plan_numbers_add(&outside, (int64_t)n);
        } else if (is_beyond(work->object, point.k)) {
            if (!dropped) {
                vox_plan_numbers_add(beyond, point.k);
            }
            dropped = true;
        } else {
            correction = correction == NULL ? begin(work, point.k) : correction;
            add_click(work, correction, &point.click);
        }
    }
    if (outside.n > 0) {
        vox_warn(work->warnings,
                 "point%s %s of a correction of '%s' on slice %.15g %s outside the image and %s "
                 "left out",
                 outside.n == 1 ? "" : "s", vox_plan_numbers_text(&outside), work->name, ask->k,
                 outside.n == 1 ? "lies" : "lie", outside.n == 1 ? "is" : "are");
    }
}

enum vox_code vox_plan_make_corrections(struct vox_plan_work *work, struct vox_err *err)
{
    struct vox_plan_object *object = work->object;
    size_t room = 0;
    for (size_t at = 0; at < work->n_clicks; at = end_of_slice(work, at)) {
        room += !is_prompted(work, work->clicks[at].k);
    }
    for (size_t n = 0; n < work->request->n_corrections; n++) {
        room += work->request->corrections[n].label == object->label;
    }
    object->corrections = vox_calloc(room, sizeof(*object->corrections));
    if (object->corrections == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    add_negative(work);
    struct vox_plan_numbers beyond = {.n = 0};
    for (size_t n = 0; n < work->request->n_corrections; n++) {
        if (work->request->corrections[n].label == object->label) {
            add_asked(work, &work->request->corrections[n], &beyond);
        }
    }
    note_beyond(work, &beyond, "corrections");
    return VOX_OK;
}
