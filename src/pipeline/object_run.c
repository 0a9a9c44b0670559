#include "pipeline/object_run.h"

#include <stddef.h>
#include <string.h>

#include "pipeline/object_parts.h"
#include "pipeline/stopwatch.h"
#include "util/memory.h"

/* ---- making and ending ---- */

static void shape_stages(struct vox_object_run *run)
{
    int64_t last = run->slab_first + run->slab - 1;
    for (int s = 0; s < run->n_stages; s++) {
        vox_run_shape_stage(run, s, run->slab_first, last);
    }
}

static int64_t ahead(const struct vox_object_run *run)
{
    int64_t slices = 0;
    for (int s = 0; s < run->n_stages; s++) {
        slices += vox_run_stage_ahead(run, s);
    }
    return slices;
}

static enum vox_code check_plan(const struct vox_object_setup *setup, struct vox_err *err)
{
    const struct vox_plan_object *plan = setup->plan;
    int64_t depth = setup->image->size[2];
    bool good =
        plan->n_prompts > 0 && plan->first >= 0 && plan->first <= plan->last && plan->last < depth;
    for (int64_t p = 0; p < plan->n_prompts && good; p++) {
        int64_t k = plan->prompts[p].k;
        good = k >= plan->first && k <= plan->last && (p == 0 || k > plan->prompts[p - 1].k);
    }
    return good ? VOX_OK : vox_fail(err, VOX_E_ARG, "the plan's slices are not those of the image");
}

enum vox_code vox_object_run_new(const struct vox_object_setup *setup, struct vox_object_run **out,
                                 struct vox_err *err)
{
    enum vox_code code = check_plan(setup, err);
    if (code != VOX_OK) {
        return code;
    }
    struct vox_object_run *run = vox_calloc(1, sizeof(*run));
    if (run == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    run->setup = *setup;
    run->setup.plan = NULL;
    run->setup.image = NULL;
    run->setup.mask = NULL;
    run->image = *setup->image;
    bool whole = setup->plan->free;
    run->slab_first = whole ? 0 : setup->plan->first;
    run->slab = whole ? setup->image->size[2] : setup->plan->last - setup->plan->first + 1;
    code = vox_run_copy_plan(run, setup->plan, setup->mask, err);
    if (code == VOX_OK) {
        code = vox_run_set_axes(run, err);
    }
    if (code != VOX_OK) {
        vox_object_run_free(run);
        return code;
    }
    bool two = run->plan.passes == VOX_PASSES_INTERSECTION || run->plan.passes == VOX_PASSES_UNION;
    run->n_stages = two && run->plan.free ? 2 : 1;
    shape_stages(run);
    run->total = ahead(run);
    *out = run;
    return VOX_OK;
}

void vox_object_run_free(struct vox_object_run *run)
{
    if (run == NULL) {
        return;
    }
    for (int s = 0; s < run->n_stages; s++) {
        vox_run_discard_stage(run, s);
    }
    vox_run_free_retracked(run);
    vox_free(run->again);
    vox_free(run->rows);
    vox_free(run->columns);
    vox_run_free_plan(run);
    vox_free(run);
}

int64_t vox_object_run_total(const struct vox_object_run *run)
{
    return run->total;
}

/* ---- a call ---- */

static enum vox_code open_features(struct vox_object_run *run, struct vox_err *err)
{
    const struct vox_slice_features_setup setup = {
        .network = run->setup.network,
        .slices = run->setup.slices,
        .intensity = run->setup.intensity,
        .window = run->window,
        .first = run->slab_first,
        .frames = run->slab,
        .store = run->setup.features,
        .watch = run->watch,
    };
    enum vox_code code = vox_slice_features_new(&setup, &run->features, err);
    if (code == VOX_OK) {
        vox_slice_features_keep(run->features, run->prompted_frames, run->plan.n_prompts);
    }
    return code;
}

static void close_features(struct vox_object_run *run)
{
    if (run->features == NULL) {
        return;
    }
    struct vox_slice_features_work work = vox_slice_features_work(run->features);
    run->work.encoded += work.encoded;
    run->work.cached += work.cached;
    run->work.window_seconds += work.window_seconds;
    run->work.encode_seconds += work.encode_seconds;
    run->work.track_seconds -= work.window_seconds + work.encode_seconds;
    vox_slice_features_free(run->features);
    run->features = NULL;
}

static enum vox_code begin_call(struct vox_object_run *run, const struct vox_watch *watch,
                                struct vox_err *err)
{
    run->start = vox_seconds();
    if (run->failed) {
        return vox_fail(err, VOX_E_ARG, "this run has failed; begin a new one");
    }
    run->watch = watch;
    run->done = 0;
    vox_slice_source_plan(run->setup.slices, run->slab_first, run->slab_first + run->slab - 1);
    return open_features(run, err);
}

static enum vox_code end_call(struct vox_object_run *run, enum vox_code code, struct vox_err *err)
{
    close_features(run);
    run->work.track_seconds += vox_seconds() - run->start;
    run->watch = NULL;
    if (code == VOX_OK) {
        code = vox_run_list_retracked(run, err);
    }
    run->failed = code != VOX_OK;
    return code;
}

/* ---- stages ---- */

/* A second stage that has other borders than those begins anew. */
static void set_borders(struct vox_object_run *run, int64_t low, int64_t high)
{
    struct vox_run_stage *stage = &run->stages[1];
    int64_t before = vox_run_stage_ahead(run, 1);
    if (stage->passes[0].first != low || stage->passes[0].last != high || !stage->built) {
        vox_run_discard_stage(run, 1);
        vox_run_shape_stage(run, 1, low, high);
    }
    run->total += vox_run_stage_ahead(run, 1) - before;
}

static enum vox_code bring_stage(struct vox_object_run *run, int s, struct vox_err *err)
{
    enum vox_code code = run->stages[s].built ? VOX_OK : vox_run_build_stage(run, s, err);
    return code == VOX_OK ? vox_run_correct_stage(run, s, err) : code;
}

/* Brings all stages to where the first n_given corrections are in them. */
static enum vox_code bring_stages(struct vox_object_run *run, struct vox_err *err)
{
    run->total = run->done + ahead(run);
    enum vox_code code = bring_stage(run, 0, err);
    if (code == VOX_OK && run->n_stages == 2) {
        int64_t low, high;
        code = vox_run_find_borders(run, &low, &high, err);
        if (code == VOX_OK) {
            set_borders(run, low, high);
            code = bring_stage(run, 1, err);
        }
    }
    return code;
}

static void discard_stages(struct vox_object_run *run)
{
    for (int s = 0; s < run->n_stages; s++) {
        vox_run_discard_stage(run, s);
    }
    shape_stages(run);
}

/* Applies all corrections; `from` is the first that is new. Those of a conditioning slice are part
 * of its prompt: then all begins anew, as it does where the trackers are gone. */
static enum vox_code give_corrections(struct vox_object_run *run, int64_t from, struct vox_err *err)
{
    bool anew = run->settled;
    for (int64_t c = from; c < run->n_corrections; c++) {
        anew = anew || run->corrections[c].on_prompt;
    }
    if (anew) {
        discard_stages(run);
        run->settled = false;
    }
    run->n_given = run->n_corrections;
    return bring_stages(run, err);
}

/* ---- the window ---- */

static enum vox_code restart(struct vox_object_run *run, struct vox_err *err)
{
    discard_stages(run);
    run->restarts++;
    run->length *= 2.0;
    run->window =
        vox_zoom_around(run->plan.centre, run->length, run->image.spacing, run->image.size);
    close_features(run);
    enum vox_code code = vox_run_set_axes(run, err);
    if (code == VOX_OK) {
        code = open_features(run, err);
    }
    run->done = 0;
    run->total = ahead(run);
    if (code == VOX_OK && run->watch != NULL && run->watch->event != NULL) {
        const struct vox_event event = {.kind = VOX_EVENT_RESTART,
                                        .step = "track",
                                        .total = run->total,
                                        .seconds = vox_seconds() - run->start};
        run->watch->event(run->watch->context, &event);
    }
    return code;
}

/* The window follows from the prompts alone, so that further corrections do not move it. */
static enum vox_code grow(struct vox_object_run *run, struct vox_err *err)
{
    run->n_given = 0;
    enum vox_code code = bring_stages(run, err);
    while (code == VOX_OK && run->restarts < VOX_ZOOM_MAX_GROWTH) {
        bool touches = false;
        code = vox_run_touches_rim(run, &touches, err);
        if (code != VOX_OK || !touches) {
            break;
        }
        code = restart(run, err);
        if (code == VOX_OK) {
            code = bring_stages(run, err);
        }
    }
    return code;
}

enum vox_code vox_object_run_go(struct vox_object_run *run, const struct vox_watch *watch,
                                struct vox_err *err)
{
    enum vox_code code = begin_call(run, watch, err);
    if (code == VOX_OK && run->grows) {
        code = grow(run, err);
    }
    if (code == VOX_OK) {
        code = give_corrections(run, 0, err);
    }
    return end_call(run, code, err);
}

enum vox_code vox_object_run_correct(struct vox_object_run *run,
                                     const struct vox_plan_correction *corrections, int64_t n,
                                     const struct vox_watch *watch, struct vox_err *err)
{
    int64_t had = run->n_corrections;
    enum vox_code code = begin_call(run, watch, err);
    if (code == VOX_OK) {
        code = vox_run_add_corrections(run, corrections, n, err);
    }
    if (code == VOX_OK) {
        code = give_corrections(run, had, err);
    }
    return end_call(run, code, err);
}

void vox_object_run_settle(struct vox_object_run *run)
{
    vox_run_free_trackers(run);
    run->settled = true;
}

static uint64_t pass_bytes(const struct vox_object_run *run, const struct vox_run_pass *pass)
{
    const struct vox_model_config *config = vox_network_config(run->setup.network);
    uint64_t side = (uint64_t)config->image_size / 16;
    uint64_t low = 16 * side * side * sizeof(float);
    uint64_t tracked = low + ((uint64_t)config->neck.d_model +
                              side * side * (uint64_t)config->memory_encoder.out_dim) *
                                 sizeof(float);
    uint64_t bytes = 0;
    for (int64_t k = pass->first; k <= pass->last && pass->low != NULL; k++) {
        bool made = pass->low[k - pass->first] != NULL;
        bytes += made ? low + (pass->tracker != NULL ? tracked : 0) : 0;
    }
    return bytes;
}

uint64_t vox_object_run_bytes(const struct vox_object_run *run)
{
    uint64_t bytes = sizeof(*run);
    for (int s = 0; s < run->n_stages; s++) {
        for (int i = 0; i < run->stages[s].n_passes; i++) {
            bytes += pass_bytes(run, &run->stages[s].passes[i]);
        }
    }
    return bytes;
}

/* ---- results ---- */

static const struct vox_run_stage *result_stage(const struct vox_object_run *run)
{
    return &run->stages[run->n_stages - 1];
}

struct vox_object_outcome vox_object_run_outcome(const struct vox_object_run *run)
{
    const struct vox_run_stage *stage = result_stage(run);
    struct vox_object_outcome outcome = {
        .window = run->window,
        .n_passes = stage->n_passes,
        .combine_union =
            run->plan.passes == VOX_PASSES_UNION || run->plan.passes == VOX_PASSES_FROM_KEY,
        .restarts = run->restarts,
    };
    vox_run_bounds(run, &outcome.first, &outcome.last);
    for (int i = 0; i < stage->n_passes; i++) {
        const struct vox_run_pass *pass = &stage->passes[i];
        outcome.passes[i] = (struct vox_pass){.reverse = pass->reverse,
                                              .first = pass->first,
                                              .n = pass->last - pass->first + 1,
                                              .scores = pass->scores,
                                              .visited = pass->visited};
    }
    return outcome;
}

enum vox_code vox_object_run_logits(const struct vox_object_run *run, int pass, int64_t k,
                                    float *out, struct vox_err *err)
{
    (void)err;
    vox_run_logits(run, &result_stage(run)->passes[pass], k, out);
    return VOX_OK;
}

bool vox_object_run_blank(const struct vox_object_run *run, int pass, int64_t k)
{
    return vox_run_blank(run, &result_stage(run)->passes[pass], k);
}

struct vox_object_work vox_object_run_work(const struct vox_object_run *run)
{
    return run->work;
}

const struct vox_retracked *vox_object_run_retracked(const struct vox_object_run *run, int64_t *n)
{
    *n = run->n_retracked;
    return run->retracked;
}
