#include "naive_passes.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "model/tracker.h"
#include "pipeline/slice_resize.h"
#include "util/memory.h"

enum { MOST_STEPS = 64 };

/* What all passes of one object have in common. */
struct task {
    struct rig *rig;
    const struct vox_plan_object *plan;
    const struct vox_mask_ask *mask;
    struct vox_zoom_window window;
    int64_t slab_first, slab;
    const struct vox_plan_correction *corrections[MOST_STEPS];
    int n_corrections;
};

static void must(enum vox_code code, const struct vox_err *err)
{
    if (code != VOX_OK) {
        fail_msg("%s", err->msg);
    }
}

/* ---- features, from the bytes of the volume ---- */

static uint8_t darkest(const struct rig *rig)
{
    uint8_t least = 255;
    for (int i = 0; i < RIG_PIXELS * RIG_DEPTH; i++) {
        least = rig->voxels[i] < least ? rig->voxels[i] : least;
    }
    return least;
}

static struct vox_features *encode(const struct task *task, int64_t k)
{
    struct vox_err err = {0};
    const struct vox_model_config *config = vox_network_config(task->rig->network);
    int64_t side = config->image_size, w = task->window.size[0], h = task->window.size[1];
    uint8_t *grey = vox_alloc((size_t)(w * h)), *image = vox_alloc((size_t)(side * side));
    for (int64_t y = 0; y < h; y++) {
        for (int64_t x = 0; x < w; x++) {
            int64_t i = x + task->window.origin[0], j = y + task->window.origin[1];
            bool in = i >= 0 && i < RIG_WIDTH && j >= 0 && j < RIG_HEIGHT;
            grey[y * w + x] =
                in ? task->rig->voxels[k * RIG_PIXELS + j * RIG_WIDTH + i] : darkest(task->rig);
        }
    }
    struct vox_slice_resize *resize = NULL;
    must(vox_slice_resize_new(w, h, side, side, &resize, &err), &err);
    vox_slice_resize_run(resize, grey, image);
    struct vox_features *features = vox_features_new(config);
    assert_non_null(features);
    must(vox_network_encode(task->rig->network, image, features, NULL, &err), &err);
    vox_slice_resize_free(resize);
    vox_free(grey);
    vox_free(image);
    return features;
}

static enum vox_code supply(void *context, int64_t frame, const struct vox_features **out,
                            struct vox_err *err)
{
    (void)err;
    struct task *task = context;
    int64_t k = task->slab_first + frame;
    if (task->rig->features[k] == NULL) {
        task->rig->features[k] = encode(task, k);
    }
    *out = task->rig->features[k];
    return VOX_OK;
}

/* ---- prompts ---- */

static void add_clicks(const struct task *task, struct vox_tracker *tracker, int64_t k,
                       const struct vox_plan_click *clicks, int64_t n, const float *box)
{
    struct vox_err err = {0};
    float xy[2 * MOST_STEPS];
    enum vox_point_label labels[MOST_STEPS];
    assert_true(n <= MOST_STEPS);
    for (int64_t i = 0; i < n; i++) {
        xy[2 * i] = (float)(clicks[i].i - (double)task->window.origin[0]);
        xy[2 * i + 1] = (float)(clicks[i].j - (double)task->window.origin[1]);
        labels[i] = clicks[i].positive ? VOX_POINT_POSITIVE : VOX_POINT_NEGATIVE;
    }
    must(vox_tracker_add_points(tracker, k - task->slab_first, 5, xy, labels, n, box, box != NULL,
                                &err),
         &err);
}

static void add_mask(const struct task *task, struct vox_tracker *tracker, int64_t k)
{
    struct vox_err err = {0};
    int64_t w = task->window.size[0], h = task->window.size[1];
    uint8_t *cut = vox_calloc((size_t)w, (size_t)h);
    for (int64_t y = 0; y < h; y++) {
        for (int64_t x = 0; x < w; x++) {
            int64_t i = x + task->window.origin[0], j = y + task->window.origin[1];
            if (i >= 0 && i < RIG_WIDTH && j >= 0 && j < RIG_HEIGHT) {
                cut[y * w + x] =
                    task->mask->voxels[(k - task->mask->first) * RIG_PIXELS + j * RIG_WIDTH + i];
            }
        }
    }
    must(vox_tracker_add_mask(tracker, k - task->slab_first, 5, cut, &err), &err);
    vox_free(cut);
}

static bool is_prompt(const struct vox_plan_object *plan, int64_t k)
{
    for (int64_t p = 0; p < plan->n_prompts; p++) {
        if (plan->prompts[p].k == k) {
            return true;
        }
    }
    return false;
}

static void add_prompts(const struct task *task, struct vox_tracker *tracker)
{
    for (int64_t p = 0; p < task->plan->n_prompts; p++) {
        const struct vox_plan_prompt *prompt = &task->plan->prompts[p];
        if (prompt->masked) {
            add_mask(task, tracker, prompt->k);
        }
        double x = (double)task->window.origin[0], y = (double)task->window.origin[1];
        const float box[4] = {(float)(prompt->box.i0 - x), (float)(prompt->box.j0 - y),
                              (float)(prompt->box.i1 - x), (float)(prompt->box.j1 - y)};
        if (prompt->boxed || prompt->n_clicks > 0) {
            add_clicks(task, tracker, prompt->k, prompt->clicks, prompt->n_clicks,
                       prompt->boxed ? box : NULL);
        }
        for (int c = 0; c < task->n_corrections; c++) {
            const struct vox_plan_correction *correction = task->corrections[c];
            if (correction->k == prompt->k) {
                add_clicks(task, tracker, correction->k, correction->clicks, correction->n_clicks,
                           NULL);
            }
        }
    }
}

/* ---- one pass ---- */

static void keep(const struct task *task, const struct vox_tracker *tracker,
                 struct naive_pass *pass, int64_t k)
{
    struct vox_err err = {0};
    struct vox_frame_result result;
    int64_t pixels = task->window.size[0] * task->window.size[1];
    if (pass->logits[k] == NULL) {
        pass->logits[k] = vox_calloc((size_t)pixels, sizeof(float));
    }
    must(vox_tracker_logits(tracker, k - task->slab_first, 0, pass->logits[k], &err), &err);
    must(vox_tracker_result(tracker, k - task->slab_first, 0, &result, &err), &err);
    pass->scores[k] = result.score;
}

static void drop(struct naive_pass *pass, int64_t k)
{
    vox_free(pass->logits[k]);
    pass->logits[k] = NULL;
}

/* Goes from slice `from` to slice `to`, or, where it is open, until the object was absent on three
 * slices that follow each other behind `reach`. */
static void go(const struct task *task, struct vox_tracker *tracker, struct naive_pass *pass,
               int64_t from, int64_t to, bool open, int64_t reach)
{
    struct vox_err err = {0};
    int step = pass->reverse ? -1 : 1;
    must(vox_tracker_start(tracker, from - task->slab_first, -1, pass->reverse, &err), &err);
    if (pass->reverse && from == task->slab_first) {
        keep(task, tracker, pass, from);
        return;
    }
    int absent = 0;
    bool over = false;
    for (int64_t k = from; k != to + step; k += step) {
        int64_t frame = -1;
        if (over) {
            drop(pass, k);
            continue;
        }
        must(vox_tracker_next(tracker, &frame, &err), &err);
        assert_int_equal(frame, k - task->slab_first);
        keep(task, tracker, pass, k);
        bool behind = pass->reverse ? k < reach : k > reach;
        absent = behind && !(pass->scores[k] > 0.0F) ? absent + 1 : 0;
        over = open && absent == 3;
    }
}

static void run_pass(struct task *task, bool reverse, int64_t from, int64_t to, bool open,
                     struct naive_pass *pass)
{
    struct vox_err err = {0};
    struct vox_tracker *tracker = NULL;
    const struct vox_feature_source source = {supply, task};
    const struct vox_plan_object *plan = task->plan;
    *pass = (struct naive_pass){.reverse = reverse};
    must(vox_tracker_new(task->rig->network, task->slab, task->window.size[1], task->window.size[0],
                         &source, &tracker, &err),
         &err);
    add_prompts(task, tracker);
    int64_t reach = plan->prompts[reverse ? 0 : plan->n_prompts - 1].k;
    go(task, tracker, pass, from, to, open, reach);
    for (int c = 0; c < task->n_corrections; c++) {
        int64_t k = task->corrections[c]->k;
        if (is_prompt(plan, k) || k < 0 || k >= RIG_DEPTH || pass->logits[k] == NULL) {
            continue;
        }
        add_clicks(task, tracker, k, task->corrections[c]->clicks, task->corrections[c]->n_clicks,
                   NULL);
        reach = (reverse ? k < reach : k > reach) ? k : reach;
        go(task, tracker, pass, k, to, open, reach);
    }
    vox_tracker_free(tracker);
}

static void end_pass(struct naive_pass *pass)
{
    for (int64_t k = 0; k < RIG_DEPTH; k++) {
        drop(pass, k);
    }
}

/* ---- all passes ---- */

static bool in_cut(const struct vox_plan_object *plan, int64_t i, int64_t j, int64_t k)
{
    if (k < plan->first || k > plan->last || !plan->cuts[k - plan->first].cut) {
        return true;
    }
    const struct vox_plan_cut *cut = &plan->cuts[k - plan->first];
    return i >= cut->lo[0] && i <= cut->hi[0] && j >= cut->lo[1] && j <= cut->hi[1];
}

/* Voxels of a slice: in how many passes each is. */
static void vote(const struct task *task, const struct naive_pass *passes, int n, int64_t k,
                 uint8_t *votes)
{
    memset(votes, 0, RIG_PIXELS);
    for (int p = 0; p < n; p++) {
        for (int64_t j = 0; j < RIG_HEIGHT && passes[p].logits[k] != NULL; j++) {
            for (int64_t i = 0; i < RIG_WIDTH; i++) {
                int64_t x = i - task->window.origin[0], y = j - task->window.origin[1];
                bool shown = x >= 0 && x < task->window.size[0] && y >= 0 &&
                             y < task->window.size[1] && in_cut(task->plan, i, j, k);
                if (shown && passes[p].logits[k][y * task->window.size[0] + x] > 0.0F) {
                    votes[j * RIG_WIDTH + i]++;
                }
            }
        }
    }
}

static void find_borders(const struct task *task, const struct naive_pass *passes, int64_t *low,
                         int64_t *high)
{
    static uint8_t votes[RIG_PIXELS];
    *low = task->plan->prompts[0].k;
    *high = task->plan->prompts[task->plan->n_prompts - 1].k;
    for (int64_t k = 0; k < RIG_DEPTH; k++) {
        vote(task, passes, 2, k, votes);
        for (int i = 0; i < RIG_PIXELS; i++) {
            if (votes[i] > 0) {
                *low = k < *low ? k : *low;
                *high = k > *high ? k : *high;
            }
        }
    }
}

static void from_key(struct task *task, struct naive_pass *passes)
{
    const struct vox_plan_object *plan = task->plan;
    bool open = plan->free;
    run_pass(task, false, plan->prompts[0].k, task->slab_first + task->slab - 1, open, &passes[0]);
    run_pass(task, true, plan->prompts[plan->n_prompts - 1].k, task->slab_first, open, &passes[1]);
}

static void all_passes(struct task *task, struct naive_result *out)
{
    const struct vox_plan_object *plan = task->plan;
    struct naive_pass both[2];
    out->first = plan->first;
    out->last = plan->last;
    if (plan->free || plan->passes == VOX_PASSES_FROM_KEY) {
        from_key(task, both);
        if (plan->free) {
            out->first = RIG_DEPTH;
            out->last = -1;
        }
    }
    if (plan->passes == VOX_PASSES_FROM_KEY) {
        out->n_passes = 2;
        out->passes[0] = both[0];
        out->passes[1] = both[1];
    } else if (plan->passes == VOX_PASSES_FORWARD || plan->passes == VOX_PASSES_BACKWARD) {
        bool down = plan->passes == VOX_PASSES_BACKWARD;
        out->n_passes = 1;
        if (plan->free) {
            out->passes[0] = both[down];
            end_pass(&both[!down]);
        } else {
            run_pass(task, down, down ? plan->last : plan->first, down ? plan->first : plan->last,
                     false, &out->passes[0]);
        }
    } else {
        int64_t low = plan->first, high = plan->last;
        if (plan->free) {
            find_borders(task, both, &low, &high);
            end_pass(&both[0]);
            end_pass(&both[1]);
        }
        out->n_passes = 2;
        run_pass(task, false, low, high, false, &out->passes[0]);
        run_pass(task, true, high, low, false, &out->passes[1]);
    }
    for (int64_t k = 0; k < RIG_DEPTH && plan->free; k++) {
        for (int p = 0; p < out->n_passes; p++) {
            if (out->passes[p].logits[k] != NULL) {
                out->first = k < out->first ? k : out->first;
                out->last = k > out->last ? k : out->last;
            }
        }
    }
}

/* ---- the window ---- */

static bool on_rim(const struct vox_zoom_window *window, int64_t i, int64_t j)
{
    const int64_t at[2] = {i, j}, slice[2] = {RIG_WIDTH, RIG_HEIGHT};
    for (int a = 0; a < 2; a++) {
        int64_t lo = window->origin[a], hi = lo + window->size[a] - 1;
        if ((at[a] == lo && lo > 0) || (at[a] == hi && hi < slice[a] - 1)) {
            return true;
        }
    }
    return false;
}

static bool touches(const struct task *task, const struct naive_result *result)
{
    static uint8_t votes[RIG_PIXELS];
    int wanted = task->plan->passes == VOX_PASSES_INTERSECTION ? 2 : 1;
    for (int64_t k = 0; k < RIG_DEPTH; k++) {
        vote(task, result->passes, result->n_passes, k, votes);
        for (int64_t i = 0; i < RIG_PIXELS; i++) {
            if (votes[i] >= wanted && on_rim(&task->window, i % RIG_WIDTH, i / RIG_WIDTH)) {
                return true;
            }
        }
    }
    return false;
}

/* Features of another window are of no use. */
static void show(struct task *task, const struct vox_zoom_window *window)
{
    struct rig *rig = task->rig;
    bool same = memcmp(rig->seen.origin, window->origin, sizeof(window->origin)) == 0 &&
                memcmp(rig->seen.size, window->size, sizeof(window->size)) == 0;
    for (int64_t k = 0; k < RIG_DEPTH && !same; k++) {
        vox_features_free(rig->features[k]);
        rig->features[k] = NULL;
    }
    rig->seen = task->window = *window;
}

void naive_run(struct rig *rig, const struct rig_job *job, int object,
               const struct vox_plan_correction *more, int64_t n, struct naive_result *out)
{
    const struct vox_plan_object *plan = &job->plan->objects[object];
    struct task task = {.rig = rig,
                        .plan = plan,
                        .mask = rig_mask(job, object),
                        .slab_first = plan->free ? 0 : plan->first,
                        .slab = plan->free ? RIG_DEPTH : plan->last - plan->first + 1};
    *out = (struct naive_result){0};
    double length = plan->length;
    show(&task, &plan->window);
    while (plan->grows && out->restarts < 3) {
        all_passes(&task, out);
        bool grow = touches(&task, out);
        naive_end(out);
        if (!grow) {
            break;
        }
        out->restarts++;
        length *= 2.0;
        const struct vox_zoom_window wider =
            vox_zoom_around(plan->centre, length, rig->image.spacing, rig->image.size);
        show(&task, &wider);
    }
    for (int64_t c = 0; c < plan->n_corrections; c++) {
        task.corrections[task.n_corrections++] = &plan->corrections[c];
    }
    for (int64_t c = 0; c < n; c++) {
        assert_true(task.n_corrections < MOST_STEPS);
        task.corrections[task.n_corrections++] = &more[c];
    }
    all_passes(&task, out);
    out->window = task.window;
}

void naive_end(struct naive_result *result)
{
    for (int p = 0; p < result->n_passes; p++) {
        end_pass(&result->passes[p]);
    }
}

void naive_expect(const struct naive_result *result, const struct vox_object_run *run)
{
    struct vox_object_outcome outcome = vox_object_run_outcome(run);
    assert_int_equal(result->n_passes, outcome.n_passes);
    assert_int_equal(result->first, outcome.first);
    assert_int_equal(result->last, outcome.last);
    assert_int_equal(result->restarts, outcome.restarts);
    assert_memory_equal(result->window.origin, outcome.window.origin, sizeof(int64_t[2]));
    assert_memory_equal(result->window.size, outcome.window.size, sizeof(int64_t[2]));
    size_t bytes = (size_t)(result->window.size[0] * result->window.size[1]) * sizeof(float);
    float *logits = vox_alloc(bytes);
    assert_non_null(logits);
    for (int p = 0; p < result->n_passes; p++) {
        const struct naive_pass *wanted = &result->passes[p];
        const struct vox_pass *got = &outcome.passes[p];
        assert_int_equal(wanted->reverse, got->reverse);
        for (int64_t k = 0; k < RIG_DEPTH; k++) {
            bool visited =
                k >= got->first && k < got->first + got->n && got->visited[k - got->first];
            assert_int_equal(wanted->logits[k] != NULL, visited);
            struct vox_err err = {0};
            must(vox_object_run_logits(run, p, k, logits, &err), &err);
            if (visited) {
                assert_memory_equal(wanted->logits[k], logits, bytes);
                assert_memory_equal(&wanted->scores[k], &got->scores[k - got->first],
                                    sizeof(float));
            } else {
                assert_true(logits[0] == -1024.0F);
            }
        }
    }
    vox_free(logits);
}
