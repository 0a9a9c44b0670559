#include "naive_combine.h"

#include <math.h>
#include <string.h>

enum { NOTHING, AGREED, UNCERTAIN };

static int64_t index_of(int64_t i, int64_t j, int64_t k)
{
    return (k * COMBINE_HEIGHT + j) * COMBINE_WIDTH + i;
}

static bool shown(const struct fake_run *run, int64_t i, int64_t j)
{
    const struct vox_zoom_window *window = &run->outcome.window;
    return i >= window->origin[0] && i < window->origin[0] + window->size[0] &&
           j >= window->origin[1] && j < window->origin[1] + window->size[1];
}

/* Whether voxels of slice k may be in the object at all. */
static bool allowed(const struct fake_run *run, const struct vox_plan_object *plan, int64_t i,
                    int64_t j, int64_t k)
{
    if (k < run->outcome.first || k > run->outcome.last || !shown(run, i, j)) {
        return false;
    }
    if (k >= plan->first && k <= plan->last && plan->cuts[k - plan->first].cut) {
        const struct vox_plan_cut *cut = &plan->cuts[k - plan->first];
        return i >= cut->lo[0] && i <= cut->hi[0] && j >= cut->lo[1] && j <= cut->hi[1];
    }
    return true;
}

static bool was_there(const struct fake_run *run, int pass, int64_t k)
{
    const struct vox_pass *of = &run->outcome.passes[pass];
    return pass < run->outcome.n_passes && k >= of->first && k < of->first + of->n &&
           run->visited[pass][k];
}

static double mean_of(const struct fake_run *run, int64_t at)
{
    double sum = 0.0;
    int n = 0;
    for (int p = 0; p < 2; p++) {
        if (was_there(run, p, at / COMBINE_PIXELS)) {
            sum += (double)run->logits[p][at];
            n++;
        }
    }
    return sum / n;
}

/* ---- one object ---- */

static void agree(const struct fake_run *run, const struct vox_plan_object *plan, uint8_t *state,
                  double *dice)
{
    int64_t sizes[2] = {0, 0}, both = 0;
    memset(state, NOTHING, COMBINE_VOXELS);
    for (int64_t at = 0; at < COMBINE_VOXELS; at++) {
        int64_t i = at % COMBINE_WIDTH, j = at / COMBINE_WIDTH % COMBINE_HEIGHT;
        int64_t k = at / COMBINE_PIXELS;
        int votes = 0;
        for (int p = 0; p < 2 && allowed(run, plan, i, j, k); p++) {
            bool in = was_there(run, p, k) && run->logits[p][at] > 0.0F;
            sizes[p] += in;
            votes += in;
        }
        both += votes == 2;
        if (votes > 0) {
            bool whole = votes == run->outcome.n_passes || run->outcome.combine_union;
            state[at] = whole ? AGREED : UNCERTAIN;
        }
    }
    bool means = plan->passes == VOX_PASSES_INTERSECTION || plan->passes == VOX_PASSES_UNION;
    *dice = means && sizes[0] + sizes[1] > 0 ? 2.0 * (double)both / (double)(sizes[0] + sizes[1])
                                             : (double)NAN;
}

/* Gives the voxels of a state that hang together with `at` the number `mark`; how many they are. */
static int64_t flood(const uint8_t *state, uint8_t wanted, int64_t at, int *marks, int mark)
{
    static int64_t stack[COMBINE_VOXELS];
    int64_t depth = 1, found = 0;
    stack[0] = at;
    marks[at] = mark;
    while (depth > 0) {
        int64_t here = stack[--depth];
        int64_t i = here % COMBINE_WIDTH, j = here / COMBINE_WIDTH % COMBINE_HEIGHT;
        int64_t k = here / COMBINE_PIXELS;
        found++;
        for (int n = 0; n < 27; n++) {
            int64_t x = i + n % 3 - 1, y = j + n / 3 % 3 - 1, z = k + n / 9 - 1;
            if (x < 0 || y < 0 || z < 0 || x >= COMBINE_WIDTH || y >= COMBINE_HEIGHT ||
                z >= COMBINE_DEPTH) {
                continue;
            }
            int64_t next = index_of(x, y, z);
            if (state[next] == wanted && marks[next] == 0) {
                marks[next] = mark;
                stack[depth++] = next;
            }
        }
    }
    return found;
}

/* All but the first of the largest components of a state becomes nothing; false where it had none.
 */
static bool keep_largest(uint8_t *state, uint8_t wanted)
{
    static int marks[COMBINE_VOXELS];
    int n = 0, best = 0;
    int64_t most = 0;
    memset(marks, 0, sizeof(marks));
    for (int64_t at = 0; at < COMBINE_VOXELS; at++) {
        if (state[at] == wanted && marks[at] == 0) {
            int64_t voxels = flood(state, wanted, at, marks, ++n);
            if (voxels > most) {
                most = voxels;
                best = n;
            }
        }
    }
    for (int64_t at = 0; at < COMBINE_VOXELS; at++) {
        state[at] = state[at] == wanted && marks[at] != best ? NOTHING : state[at];
    }
    return n > 0;
}

/* Components of the uncertain voxels that have no agreed neighbour become nothing. */
static void keep_touching(uint8_t *state)
{
    static int marks[COMBINE_VOXELS];
    static bool touches[COMBINE_VOXELS + 1];
    int n = 0;
    memset(marks, 0, sizeof(marks));
    memset(touches, 0, sizeof(touches));
    for (int64_t at = 0; at < COMBINE_VOXELS; at++) {
        if (state[at] == UNCERTAIN && marks[at] == 0) {
            flood(state, UNCERTAIN, at, marks, ++n);
        }
    }
    for (int64_t at = 0; at < COMBINE_VOXELS; at++) {
        for (int64_t other = 0; other < COMBINE_VOXELS && marks[at] != 0; other++) {
            int64_t i = at % COMBINE_WIDTH - other % COMBINE_WIDTH;
            int64_t j =
                at / COMBINE_WIDTH % COMBINE_HEIGHT - other / COMBINE_WIDTH % COMBINE_HEIGHT;
            int64_t k = at / COMBINE_PIXELS - other / COMBINE_PIXELS;
            if (state[other] == AGREED && i * i <= 1 && j * j <= 1 && k * k <= 1) {
                touches[marks[at]] = true;
            }
        }
    }
    for (int64_t at = 0; at < COMBINE_VOXELS; at++) {
        state[at] = state[at] == UNCERTAIN && !touches[marks[at]] ? NOTHING : state[at];
    }
}

/* Background of a slice that does not reach the slice's edge becomes agreed. */
static void fill_slice(uint8_t *state)
{
    bool open[COMBINE_PIXELS] = {false}, grew = true;
    while (grew) {
        grew = false;
        for (int at = 0; at < COMBINE_PIXELS; at++) {
            int i = at % COMBINE_WIDTH, j = at / COMBINE_WIDTH;
            bool reached = i == 0 || j == 0 || i == COMBINE_WIDTH - 1 || j == COMBINE_HEIGHT - 1 ||
                           open[at - 1] || open[at + 1] || open[at - COMBINE_WIDTH] ||
                           open[at + COMBINE_WIDTH];
            if (state[at] != AGREED && reached && !open[at]) {
                open[at] = grew = true;
            }
        }
    }
    for (int at = 0; at < COMBINE_PIXELS; at++) {
        state[at] = open[at] ? state[at] : AGREED;
    }
}

static void clean_up(uint8_t *state, const struct vox_combine_options *options)
{
    if (options->largest_cc) {
        if (keep_largest(state, AGREED)) {
            keep_touching(state);
        } else {
            (void)keep_largest(state, UNCERTAIN);
        }
    }
    for (int k = 0; k < COMBINE_DEPTH && options->fill_holes; k++) {
        fill_slice(state + (int64_t)k * COMBINE_PIXELS);
    }
}

/* ---- together ---- */

void naive_combine(const struct fake_run *runs, const struct vox_plan_object *plans, int n,
                   int n_labels, const struct vox_combine_options *options, struct naive_map *out)
{
    static uint8_t states[COMBINE_OBJECTS][COMBINE_VOXELS];
    for (int o = 0; o < n; o++) {
        agree(&runs[o], &plans[o], states[o], &out->dice[o]);
        clean_up(states[o], options);
    }
    for (int64_t at = 0; at < COMBINE_VOXELS; at++) {
        int owner = -1;
        bool doubt = false;
        for (int o = 0; o < n; o++) {
            doubt = doubt || states[o][at] == UNCERTAIN;
            if (states[o][at] != AGREED) {
                continue;
            }
            if (owner < 0) {
                owner = o;
                continue;
            }
            double mine = mean_of(&runs[o], at), best = mean_of(&runs[owner], at);
            if (mine > best || (!(mine < best) && plans[o].label < plans[owner].label)) {
                owner = o;
            }
        }
        out->values[at] = 0;
        if (owner >= 0) {
            out->values[at] = (uint16_t)(plans[owner].label + 1);
        } else if (doubt && options->keep_uncertain) {
            out->values[at] = (uint16_t)(n_labels + 1);
        }
    }
}

/* ---- entropy ---- */

static bool in_rect(const struct vox_rect *rect, int64_t i, int64_t j)
{
    return (double)i >= floor(rect->i0 + 0.5) && (double)i <= floor(rect->i1 + 0.5) &&
           (double)j >= floor(rect->j0 + 0.5) && (double)j <= floor(rect->j1 + 0.5);
}

/* Of rectangles on one slice their union's smallest rectangle counts. */
static struct vox_rect rect_of(const struct vox_plan_object *plan, int64_t k)
{
    const double far = 1e9;
    struct vox_rect rect = {far, far, -far, -far};
    const struct vox_rect *holds[20];
    int n = 0;
    for (int64_t p = 0; p < plan->n_pieces; p++) {
        if (plan->pieces[p].boxed && k >= plan->pieces[p].first && k <= plan->pieces[p].last) {
            holds[n++] = &plan->pieces[p].rect;
        }
    }
    for (int64_t p = 0; p < plan->n_prompts; p++) {
        if (plan->prompts[p].boxed && plan->prompts[p].k == k) {
            holds[n++] = &plan->prompts[p].box;
        }
    }
    for (int r = 0; r < n; r++) {
        rect.i0 = fmin(rect.i0, holds[r]->i0);
        rect.j0 = fmin(rect.j0, holds[r]->j0);
        rect.i1 = fmax(rect.i1, holds[r]->i1);
        rect.j1 = fmax(rect.j1, holds[r]->j1);
    }
    return n > 0 ? rect : plan->rects;
}

double naive_entropy(const struct fake_run *run, const struct vox_plan_object *plan)
{
    static uint8_t state[COMBINE_VOXELS];
    double dice, sum = 0.0;
    int64_t n = 0, lo[3] = {99, 99, 99}, hi[3] = {-1, -1, -1};
    agree(run, plan, state, &dice);
    for (int64_t at = 0; at < COMBINE_VOXELS; at++) {
        const int64_t here[3] = {at % COMBINE_WIDTH, at / COMBINE_WIDTH % COMBINE_HEIGHT,
                                 at / COMBINE_PIXELS};
        for (int a = 0; a < 3 && state[at] != NOTHING; a++) {
            lo[a] = here[a] < lo[a] ? here[a] : lo[a];
            hi[a] = here[a] > hi[a] ? here[a] : hi[a];
        }
    }
    for (int64_t at = 0; at < COMBINE_VOXELS; at++) {
        int64_t i = at % COMBINE_WIDTH, j = at / COMBINE_WIDTH % COMBINE_HEIGHT;
        int64_t k = at / COMBINE_PIXELS;
        struct vox_rect rect = rect_of(plan, k);
        bool in = plan->has_rects ? in_rect(&rect, i, j)
                                  : i >= lo[0] && i <= hi[0] && j >= lo[1] && j <= hi[1] &&
                                        k >= lo[2] && k <= hi[2];
        bool seen = was_there(run, 0, k) || was_there(run, 1, k);
        if (in && seen && shown(run, i, j) && k >= run->outcome.first && k <= run->outcome.last) {
            double p = 1.0 / (1.0 + exp(-mean_of(run, at)));
            double q = 1.0 - p;
            sum -= (p > 0.0 ? p * log2(p) : 0.0) + (q > 0.0 ? q * log2(q) : 0.0);
            n++;
        }
    }
    return n > 0 ? sum / (double)n : (double)NAN;
}
