/* Passes: trackers that go through the slab. */
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "pipeline/object_parts.h"
#include "pipeline/stopwatch.h"
#include "util/memory.h"

static const float absent_logit = -1024.0F;

/* ---- shape ---- */

static void add_pass(struct vox_run_stage *stage, bool reverse, bool open, int64_t first,
                     int64_t last)
{
    stage->passes[stage->n_passes++] =
        (struct vox_run_pass){.reverse = reverse, .free = open, .first = first, .last = last};
}

/* Up from the lowest prompted slice and down from the highest. */
static void shape_from_key(struct vox_object_run *run, struct vox_run_stage *stage)
{
    int64_t last = run->slab_first + run->slab - 1;
    add_pass(stage, false, run->plan.free, vox_run_lowest(run), last);
    add_pass(stage, true, run->plan.free, run->slab_first, vox_run_highest(run));
}

void vox_run_shape_stage(struct vox_object_run *run, int s, int64_t low, int64_t high)
{
    struct vox_run_stage *stage = &run->stages[s];
    enum vox_passes passes = run->plan.passes;
    bool single = passes == VOX_PASSES_FORWARD || passes == VOX_PASSES_BACKWARD;
    bool searches = run->n_stages == 2 && s == 0;
    *stage = (struct vox_run_stage){0};
    if (passes == VOX_PASSES_FROM_KEY || searches) {
        shape_from_key(run, stage);
        return;
    }
    if (single && run->plan.free) {
        shape_from_key(run, stage);
        stage->passes[0] = stage->passes[passes == VOX_PASSES_FORWARD ? 0 : 1];
        stage->n_passes = 1;
        return;
    }
    if (passes != VOX_PASSES_BACKWARD) {
        add_pass(stage, false, false, low, high);
    }
    if (passes != VOX_PASSES_FORWARD) {
        add_pass(stage, true, false, low, high);
    }
}

static void free_logits(struct vox_run_pass *pass)
{
    for (int64_t k = pass->first; k <= pass->last && pass->low != NULL; k++) {
        vox_free(pass->low[k - pass->first]);
    }
    vox_free(pass->low);
    pass->low = NULL;
}

static void discard_pass(struct vox_run_pass *pass)
{
    free_logits(pass);
    vox_tracker_free(pass->tracker);
    vox_free(pass->scores);
    vox_free(pass->visited);
    vox_free(pass->prompted);
    pass->tracker = NULL;
    pass->scores = NULL;
    pass->visited = NULL;
    pass->prompted = NULL;
}

void vox_run_discard_stage(struct vox_object_run *run, int s)
{
    struct vox_run_stage *stage = &run->stages[s];
    for (int i = 0; i < stage->n_passes; i++) {
        discard_pass(&stage->passes[i]);
    }
    stage->built = false;
    stage->n_given = 0;
    vox_run_clear_marks(run, s);
}

void vox_run_free_trackers(struct vox_object_run *run)
{
    for (int s = 0; s < run->n_stages; s++) {
        for (int i = 0; i < run->stages[s].n_passes; i++) {
            struct vox_run_pass *pass = &run->stages[s].passes[i];
            vox_tracker_free(pass->tracker);
            pass->tracker = NULL;
            if (s < run->n_stages - 1) {
                free_logits(pass);
            }
        }
    }
}

/* ---- building ---- */

/* The features come from the call under way, the trackers stay. */
static enum vox_code supply(void *context, int64_t frame, const struct vox_features **out,
                            struct vox_err *err)
{
    struct vox_object_run *run = context;
    struct vox_feature_source source = vox_slice_features_source(run->features);
    return source.features(source.context, frame, out, err);
}

static enum vox_code open_pass(struct vox_object_run *run, struct vox_run_pass *pass,
                               struct vox_err *err)
{
    size_t n = (size_t)(pass->last - pass->first + 1);
    pass->low = vox_calloc(n, sizeof(*pass->low));
    pass->scores = vox_calloc(n, sizeof(*pass->scores));
    pass->visited = vox_calloc(n, sizeof(*pass->visited));
    pass->prompted = vox_calloc(n, sizeof(*pass->prompted));
    if (pass->low == NULL || pass->scores == NULL || pass->visited == NULL ||
        pass->prompted == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < n; i++) {
        pass->scores[i] = NAN;
    }
    for (int64_t p = 0; p < run->plan.n_prompts; p++) {
        int64_t k = run->plan.prompts[p].k;
        if (k >= pass->first && k <= pass->last) {
            pass->prompted[k - pass->first] = true;
        }
    }
    pass->must = pass->reverse ? vox_run_lowest(run) : vox_run_highest(run);
    const struct vox_feature_source source = {supply, run};
    return vox_tracker_new(run->setup.network, run->slab, run->window.size[1], run->window.size[0],
                           &source, &pass->tracker, err);
}

enum vox_code vox_run_build_stage(struct vox_object_run *run, int s, struct vox_err *err)
{
    struct vox_run_stage *stage = &run->stages[s];
    enum vox_code code = VOX_OK;
    for (int i = 0; i < stage->n_passes && code == VOX_OK; i++) {
        code = open_pass(run, &stage->passes[i], err);
    }
    if (code == VOX_OK) {
        code = vox_run_give_prompts(run, stage, err);
    }
    for (int i = 0; i < stage->n_passes && code == VOX_OK; i++) {
        struct vox_run_pass *pass = &stage->passes[i];
        code = vox_run_follow(run, pass, pass->reverse ? pass->last : pass->first, NULL, 0, err);
    }
    if (code == VOX_OK) {
        stage->built = true;
        vox_run_mark_prompts(run, s);
    }
    return code;
}

/* ---- going through ---- */

bool vox_run_visited(const struct vox_run_pass *pass, int64_t k)
{
    return k >= pass->first && k <= pass->last && pass->visited[k - pass->first];
}

int64_t vox_run_ahead(const struct vox_run_pass *pass, int64_t k)
{
    if (k < pass->first || k > pass->last) {
        return 0;
    }
    return pass->reverse ? k - pass->first + 1 : pass->last - k + 1;
}

static void report(struct vox_object_run *run, const struct vox_run_pass *pass, int64_t k)
{
    run->done++;
    run->latest = pass;
    run->latest_k = k;
    if (run->watch != NULL && run->watch->event != NULL) {
        const struct vox_event event = {.kind = VOX_EVENT_SLICE,
                                        .step = "track",
                                        .done = run->done,
                                        .total = run->total,
                                        .seconds = vox_seconds() - run->start,
                                        .run = run};
        run->watch->event(run->watch->context, &event);
    }
}

static int64_t grid_side(const struct vox_object_run *run)
{
    return vox_network_config(run->setup.network)->image_size / 4;
}

static enum vox_code note(struct vox_object_run *run, struct vox_run_pass *pass, int64_t k,
                          struct vox_err *err)
{
    struct vox_frame_result result;
    enum vox_code code = vox_tracker_result(pass->tracker, k - run->slab_first, 0, &result, err);
    if (code != VOX_OK) {
        return code;
    }
    float **low = &pass->low[k - pass->first];
    size_t bytes = (size_t)(grid_side(run) * grid_side(run)) * sizeof(**low);
    if (*low == NULL) {
        *low = vox_alloc(bytes);
    }
    if (*low == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    memcpy(*low, result.low_logits, bytes);
    pass->scores[k - pass->first] = result.score;
    pass->visited[k - pass->first] = true;
    run->work.tracked++;
    return VOX_OK;
}

/* Whether a free pass ends on slice k: the object is absent there and on the slices before, and all
 * of them lie beyond what is prompted. */
static bool ends(const struct vox_run_pass *pass, int64_t k)
{
    int64_t back = pass->reverse ? 1 : -1;
    for (int i = 0; i < VOX_RUN_ABSENT; i++) {
        int64_t at = k + i * back;
        bool beyond = pass->reverse ? at < pass->must : at > pass->must;
        if (!beyond || !vox_run_visited(pass, at) || pass->scores[at - pass->first] > 0.0F) {
            return false;
        }
    }
    return pass->free;
}

/* What an earlier and longer way left beyond the end. */
static void forget_beyond(struct vox_run_pass *pass, int64_t end)
{
    int64_t step = pass->reverse ? -1 : 1;
    for (int64_t k = end + step; k >= pass->first && k <= pass->last; k += step) {
        pass->visited[k - pass->first] = false;
        pass->scores[k - pass->first] = NAN;
    }
}

static void mark(const struct vox_object_run *run, const struct vox_run_pass *pass, int64_t k,
                 uint8_t *again, uint8_t bit)
{
    if (again != NULL && !pass->prompted[k - pass->first]) {
        again[k - run->slab_first] |= bit;
    }
}

/* Takes over slice k; *end says whether the pass ends there. */
static enum vox_code arrive(struct vox_object_run *run, struct vox_run_pass *pass, int64_t k,
                            bool *end, struct vox_err *err)
{
    enum vox_code code = note(run, pass, k, err);
    if (code != VOX_OK) {
        return code;
    }
    *end = ends(pass, k);
    if (*end) {
        run->total -= vox_run_ahead(pass, k) - 1;
    }
    report(run, pass, k);
    return VOX_OK;
}

enum vox_code vox_run_follow(struct vox_object_run *run, struct vox_run_pass *pass, int64_t from,
                             uint8_t *again, uint8_t bit, struct vox_err *err)
{
    int64_t frame = from - run->slab_first, at = from;
    bool end = false;
    enum vox_code code = vox_watch_check(run->watch, err);
    if (code == VOX_OK) {
        code = vox_tracker_start(pass->tracker, frame, vox_run_ahead(pass, from) - 1, pass->reverse,
                                 err);
    }
    if (code == VOX_OK && pass->reverse && frame == 0) {
        /* A tracker's way down from its first frame has no slices. That frame has a result: it is
         * prompted or corrected, else it would lie behind another one. */
        code = arrive(run, pass, from, &end, err);
    }
    while (code == VOX_OK && !end) {
        code = vox_watch_check(run->watch, err);
        if (code == VOX_OK) {
            code = vox_tracker_next(pass->tracker, &frame, err);
        }
        if (code != VOX_OK || frame < 0) {
            break;
        }
        at = run->slab_first + frame;
        mark(run, pass, at, again, bit);
        code = arrive(run, pass, at, &end, err);
    }
    if (code == VOX_OK && end) {
        vox_tracker_stop(pass->tracker);
    }
    if (code == VOX_OK) {
        forget_beyond(pass, at);
    }
    return code;
}

/* ---- results ---- */

enum vox_code vox_run_set_axes(struct vox_object_run *run, struct vox_err *err)
{
    const int64_t *size = run->window.size;
    vox_free(run->rows);
    vox_free(run->columns);
    run->rows = vox_calloc((size_t)size[1], sizeof(*run->rows));
    run->columns = vox_calloc((size_t)size[0], sizeof(*run->columns));
    if (run->rows == NULL || run->columns == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    vox_bilinear_axis(grid_side(run), size[1], run->rows);
    vox_bilinear_axis(grid_side(run), size[0], run->columns);
    return VOX_OK;
}

void vox_run_logits(const struct vox_object_run *run, const struct vox_run_pass *pass, int64_t k,
                    float *out)
{
    const int64_t *size = run->window.size;
    bool there = vox_run_visited(pass, k);
    for (int64_t y = 0; y < size[1]; y++) {
        float *row = out + y * size[0];
        if (there) {
            vox_bilinear_row(pass->low[k - pass->first], grid_side(run), &run->rows[y],
                             run->columns, size[0], row);
        }
        for (int64_t x = 0; !there && x < size[0]; x++) {
            row[x] = absent_logit;
        }
    }
}

/* Values between those of the network's grid are never above all of them. */
bool vox_run_blank(const struct vox_object_run *run, const struct vox_run_pass *pass, int64_t k)
{
    int64_t values = grid_side(run) * grid_side(run);
    if (!vox_run_visited(pass, k)) {
        return true;
    }
    for (int64_t i = 0; i < values; i++) {
        if (pass->low[k - pass->first][i] > 0.0F) {
            return false;
        }
    }
    return true;
}
