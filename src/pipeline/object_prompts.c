/* What a run takes from the plan, and how it gives that to its trackers. */
#include <stddef.h>
#include <string.h>

#include "pipeline/object_parts.h"
#include "util/memory.h"

/* ---- copies ---- */

static enum vox_code copy_clicks(const struct vox_plan_click *clicks, int64_t n,
                                 struct vox_plan_click **out, struct vox_err *err)
{
    struct vox_plan_click *copy = vox_calloc((size_t)n, sizeof(*copy));
    if (copy == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    if (n > 0) {
        memcpy(copy, clicks, (size_t)n * sizeof(*copy));
    }
    *out = copy;
    return VOX_OK;
}

static enum vox_code copy_prompts(struct vox_object_run *run, const struct vox_plan_object *plan,
                                  struct vox_err *err)
{
    run->plan.prompts = vox_calloc((size_t)plan->n_prompts, sizeof(*run->plan.prompts));
    run->masks = vox_calloc((size_t)plan->n_prompts, sizeof(*run->masks));
    run->prompted_frames = vox_calloc((size_t)plan->n_prompts, sizeof(*run->prompted_frames));
    if (run->plan.prompts == NULL || run->masks == NULL || run->prompted_frames == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    enum vox_code code = VOX_OK;
    for (int64_t p = 0; p < plan->n_prompts && code == VOX_OK; p++) {
        struct vox_plan_prompt *prompt = &run->plan.prompts[p];
        *prompt = plan->prompts[p];
        prompt->clicks = NULL;
        run->prompted_frames[p] = prompt->k - run->slab_first;
        run->plan.n_prompts = p + 1;
        code = copy_clicks(plan->prompts[p].clicks, prompt->n_clicks, &prompt->clicks, err);
    }
    return code;
}

/* The part of a slice of the mask that the window shows; nothing lies outside of the slice. */
static enum vox_code copy_mask(const struct vox_object_run *run, const struct vox_mask_ask *mask,
                               int64_t k, uint8_t **out, struct vox_err *err)
{
    const struct vox_zoom_window *window = &run->window;
    struct vox_slice_patch patch = vox_slice_patch(window, run->image.size);
    if (mask == NULL || k < mask->first || k >= mask->first + mask->n ||
        mask->width != run->image.size[0] || mask->height != run->image.size[1]) {
        return vox_fail(err, VOX_E_ARG, "slice %lld of the mask is prompted, but not there",
                        (long long)k);
    }
    uint8_t *copy = vox_calloc((size_t)window->size[1], (size_t)window->size[0]);
    if (copy == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    for (int64_t j = patch.lo[1]; j < patch.lo[1] + patch.size[1]; j++) {
        const uint8_t *from =
            mask->voxels + ((k - mask->first) * mask->height + j) * mask->width + patch.lo[0];
        memcpy(copy + (j - window->origin[1]) * window->size[0] + patch.lo[0] - window->origin[0],
               from, (size_t)patch.size[0]);
    }
    *out = copy;
    return VOX_OK;
}

static enum vox_code copy_cuts(struct vox_object_run *run, const struct vox_plan_object *plan,
                               struct vox_err *err)
{
    size_t n = (size_t)(plan->last - plan->first + 1);
    if (plan->cuts == NULL) {
        return VOX_OK;
    }
    run->plan.cuts = vox_calloc(n, sizeof(*run->plan.cuts));
    if (run->plan.cuts == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    memcpy(run->plan.cuts, plan->cuts, n * sizeof(*plan->cuts));
    return VOX_OK;
}

enum vox_code vox_run_copy_plan(struct vox_object_run *run, const struct vox_plan_object *plan,
                                const struct vox_mask_ask *mask, struct vox_err *err)
{
    run->plan = *plan;
    run->plan.pieces = NULL;
    run->plan.n_pieces = 0;
    run->plan.prompts = NULL;
    run->plan.n_prompts = 0;
    run->plan.corrections = NULL;
    run->plan.n_corrections = 0;
    run->plan.clicks = NULL;
    run->plan.n_clicks = 0;
    run->plan.cuts = NULL;
    run->window = plan->window;
    run->length = plan->length;
    run->grows = plan->grows;
    enum vox_code code = copy_prompts(run, plan, err);
    if (code == VOX_OK) {
        code = copy_cuts(run, plan, err);
    }
    for (int64_t p = 0; p < plan->n_prompts && code == VOX_OK; p++) {
        if (plan->prompts[p].masked) {
            code = copy_mask(run, mask, plan->prompts[p].k, &run->masks[p], err);
            run->grows = false; /* the mask was cut to this window */
        }
    }
    if (code == VOX_OK) {
        code = vox_run_add_corrections(run, plan->corrections, plan->n_corrections, err);
    }
    return code;
}

void vox_run_free_plan(struct vox_object_run *run)
{
    for (int64_t p = 0; p < run->plan.n_prompts; p++) {
        vox_free(run->plan.prompts[p].clicks);
        vox_free(run->masks[p]);
    }
    for (int64_t c = 0; c < run->n_corrections; c++) {
        vox_free(run->corrections[c].clicks);
    }
    vox_free(run->plan.prompts);
    vox_free(run->masks);
    vox_free(run->prompted_frames);
    vox_free(run->plan.cuts);
    vox_free(run->corrections);
}

static bool is_prompted(const struct vox_object_run *run, int64_t k)
{
    for (int64_t p = 0; p < run->plan.n_prompts; p++) {
        if (run->plan.prompts[p].k == k) {
            return true;
        }
    }
    return false;
}

/* Room for n more corrections and for their marks. */
static enum vox_code make_room(struct vox_object_run *run, int64_t n, struct vox_err *err)
{
    size_t had = (size_t)run->n_corrections, has = had + (size_t)n, slab = (size_t)run->slab;
    size_t marks;
    if (!vox_mul(has, slab, &marks)) {
        return vox_fail(err, VOX_E_LIMIT, "there are too many corrections");
    }
    struct vox_plan_correction *corrections =
        vox_realloc(run->corrections, had * sizeof(*corrections), has * sizeof(*corrections));
    if (corrections != NULL) {
        run->corrections = corrections;
    }
    uint8_t *again = vox_realloc(run->again, had * slab, marks);
    if (again != NULL) {
        run->again = again;
    }
    if (corrections == NULL || again == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    memset(again + had * slab, 0, marks - had * slab);
    return VOX_OK;
}

enum vox_code vox_run_add_corrections(struct vox_object_run *run,
                                      const struct vox_plan_correction *corrections, int64_t n,
                                      struct vox_err *err)
{
    enum vox_code code = make_room(run, n, err);
    for (int64_t c = 0; c < n && code == VOX_OK; c++) {
        struct vox_plan_correction *copy = &run->corrections[run->n_corrections];
        *copy = corrections[c];
        copy->on_prompt = is_prompted(run, copy->k);
        code = copy_clicks(corrections[c].clicks, copy->n_clicks, &copy->clicks, err);
        run->n_corrections += code == VOX_OK;
    }
    return code;
}

/* ---- to the trackers ---- */

/* Clicks as a tracker takes them: pixels of the window. */
struct points {
    float *xy;
    enum vox_point_label *labels;
};

static enum vox_code points_of(const struct vox_object_run *run,
                               const struct vox_plan_click *clicks, int64_t n,
                               struct points *points, struct vox_err *err)
{
    points->xy = vox_calloc((size_t)n, 2 * sizeof(*points->xy));
    points->labels = vox_calloc((size_t)n, sizeof(*points->labels));
    if (points->xy == NULL || points->labels == NULL) {
        vox_free(points->xy);
        vox_free(points->labels);
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    for (int64_t i = 0; i < n; i++) {
        points->xy[2 * i] = (float)(clicks[i].i - (double)run->window.origin[0]);
        points->xy[2 * i + 1] = (float)(clicks[i].j - (double)run->window.origin[1]);
        points->labels[i] = clicks[i].positive ? VOX_POINT_POSITIVE : VOX_POINT_NEGATIVE;
    }
    return VOX_OK;
}

static enum vox_code add(struct vox_object_run *run, struct vox_run_pass *pass, int64_t k,
                         const struct vox_plan_click *clicks, int64_t n, const float *box,
                         struct vox_err *err)
{
    struct points points;
    enum vox_code code = vox_watch_check(run->watch, err);
    if (code == VOX_OK) {
        code = points_of(run, clicks, n, &points, err);
    }
    if (code != VOX_OK) {
        return code;
    }
    code = vox_tracker_add_points(pass->tracker, k - run->slab_first, VOX_RUN_OBJECT, points.xy,
                                  points.labels, n, box, box != NULL, err);
    vox_free(points.xy);
    vox_free(points.labels);
    return code;
}

enum vox_code vox_run_give_clicks(struct vox_object_run *run, struct vox_run_pass *pass,
                                  const struct vox_plan_correction *correction, struct vox_err *err)
{
    return add(run, pass, correction->k, correction->clicks, correction->n_clicks, NULL, err);
}

/* The mask first. What the box and the clicks are given on top of it are its logits: a box replaces
 * earlier points, of which there are none, and not the logits. */
static enum vox_code give_prompt(struct vox_object_run *run, struct vox_run_pass *pass, int64_t p,
                                 struct vox_err *err)
{
    const struct vox_plan_prompt *prompt = &run->plan.prompts[p];
    const double *origin =
        (const double[2]){(double)run->window.origin[0], (double)run->window.origin[1]};
    const float box[4] = {(float)(prompt->box.i0 - origin[0]), (float)(prompt->box.j0 - origin[1]),
                          (float)(prompt->box.i1 - origin[0]), (float)(prompt->box.j1 - origin[1])};
    enum vox_code code = vox_watch_check(run->watch, err);
    if (code == VOX_OK && run->masks[p] != NULL) {
        code = vox_tracker_add_mask(pass->tracker, prompt->k - run->slab_first, VOX_RUN_OBJECT,
                                    run->masks[p], err);
    }
    if (code == VOX_OK && (prompt->boxed || prompt->n_clicks > 0)) {
        code = add(run, pass, prompt->k, prompt->clicks, prompt->n_clicks,
                   prompt->boxed ? box : NULL, err);
    }
    for (int64_t c = 0; c < run->n_given && code == VOX_OK; c++) {
        const struct vox_plan_correction *correction = &run->corrections[c];
        if (correction->k == prompt->k && correction->n_clicks > 0) {
            code = vox_run_give_clicks(run, pass, correction, err);
        }
    }
    return code;
}

enum vox_code vox_run_give_prompts(struct vox_object_run *run, struct vox_run_stage *stage,
                                   struct vox_err *err)
{
    enum vox_code code = VOX_OK;
    for (int64_t p = 0; p < run->plan.n_prompts && code == VOX_OK; p++) {
        for (int i = 0; i < stage->n_passes && code == VOX_OK; i++) {
            code = give_prompt(run, &stage->passes[i], p, err);
        }
    }
    return code;
}
