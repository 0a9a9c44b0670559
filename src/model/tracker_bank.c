/* Which memories and pointers a slice looks at (sam2_base.py _prepare_memory_conditioned_features,
 * sam2_utils.py select_closest_cond_frames). */
#include "model/tracker_state.h"

#include <string.h>

#include "util/memory.h"

enum vox_code vox_bank_init(struct vox_bank *bank, const struct vox_model_config *config,
                            int64_t frames, struct vox_err *err)
{
    size_t cond = (size_t)frames; /* all slices may condition */
    size_t memories = cond + (size_t)config->num_maskmem;
    size_t pointers = cond + (size_t)config->max_obj_ptrs;
    *bank = (struct vox_bank){
        .memory_frames = vox_calloc(memories, sizeof(int64_t)),
        .memory_slots = vox_calloc(memories, sizeof(int)),
        .pointer_frames = vox_calloc(pointers, sizeof(int64_t)),
        .distances = vox_calloc(pointers, sizeof(float)),
        .entries = vox_calloc(memories, sizeof(struct vox_bank_entry)),
        .pointers = vox_calloc(pointers, sizeof(struct vox_bank_pointer)),
        .selected = vox_calloc(cond, sizeof(bool)),
        .order = vox_calloc(cond, sizeof(int64_t)),
    };
    if (bank->memory_frames == NULL || bank->memory_slots == NULL || bank->pointer_frames == NULL ||
        bank->distances == NULL || bank->entries == NULL || bank->pointers == NULL ||
        bank->selected == NULL || bank->order == NULL) {
        vox_bank_fini(bank);
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    return VOX_OK;
}

void vox_bank_fini(struct vox_bank *bank)
{
    vox_free(bank->memory_frames);
    vox_free(bank->memory_slots);
    vox_free(bank->pointer_frames);
    vox_free(bank->distances);
    vox_free(bank->entries);
    vox_free(bank->pointers);
    vox_free(bank->selected);
    vox_free(bank->order);
    *bank = (struct vox_bank){0};
}

static int64_t distance(int64_t a, int64_t b)
{
    return a < b ? b - a : a - b;
}

/* Conditioning slices in use: all, or at most max_cond_frames. selected[i] belongs to
 * tracker->cond[i]; `order` gets their indices, nearest before and nearest after first. */
struct selection {
    bool *selected;
    int64_t *order;
    int64_t count;
};

static void take(struct selection *selection, int64_t index)
{
    if (index >= 0 && !selection->selected[index]) {
        selection->selected[index] = true;
        selection->order[selection->count++] = index;
    }
}

/* The nearest conditioning slice that is not selected yet: below `frame` (side -1), not below it
 * (1) or anywhere (0). The earliest added one of equally near ones; -1 where there is none. */
static int64_t nearest(const struct vox_tracker *tracker, const struct selection *selection,
                       int64_t frame, int side)
{
    int64_t best = -1;
    for (int64_t i = 0; i < tracker->n_cond; i++) {
        int64_t at = tracker->cond[i];
        bool on_side = side == 0 || (side < 0 ? at < frame : at >= frame);
        if (on_side && !selection->selected[i] &&
            (best < 0 || distance(at, frame) < distance(tracker->cond[best], frame))) {
            best = i;
        }
    }
    return best;
}

static void select_cond(const struct vox_tracker *tracker, int64_t frame,
                        struct selection *selection)
{
    int64_t most = tracker->config->max_cond_frames;
    if (most < 0 || tracker->n_cond <= most) {
        for (int64_t i = 0; i < tracker->n_cond; i++) {
            take(selection, i);
        }
        return;
    }
    take(selection, nearest(tracker, selection, frame, -1));
    take(selection, nearest(tracker, selection, frame, 1));
    while (selection->count < most) {
        take(selection, nearest(tracker, selection, frame, 0));
    }
}

/* Whether a slice can serve as an ordinary memory: a tracked one, or an unselected conditioning
 * one. */
static bool is_ordinary(const struct vox_tracker *tracker, const struct selection *selection,
                        int64_t frame)
{
    if (frame < 0 || frame >= tracker->frames) {
        return false;
    }
    if (tracker->slices[frame].stored) {
        return true;
    }
    for (int64_t i = 0; i < tracker->n_cond; i++) {
        if (tracker->cond[i] == frame) {
            return !selection->selected[i];
        }
    }
    return false;
}

static int64_t floor_to(int64_t value, int64_t step)
{
    int64_t rest = value % step;
    return value - (rest < 0 ? rest + step : rest);
}

/* The slice `steps` memories back: the neighbour, then every stride-th slice. */
static int64_t recent_frame(const struct vox_tracker *tracker, int64_t frame, bool reverse,
                            int64_t steps)
{
    int64_t stride = tracker->config->memory_stride;
    if (steps == 1) {
        return reverse ? frame + 1 : frame - 1;
    }
    if (reverse) {
        return -floor_to(-(frame + 2), stride) + (steps - 2) * stride;
    }
    return floor_to(frame - 2, stride) - (steps - 2) * stride;
}

static void choose_memories(const struct vox_tracker *tracker, const struct selection *selection,
                            int64_t frame, bool reverse, struct vox_bank *bank)
{
    int slots = (int)tracker->config->num_maskmem;
    for (int64_t i = 0; i < selection->count; i++) {
        bank->memory_frames[bank->n_memories] = tracker->cond[selection->order[i]];
        bank->memory_slots[bank->n_memories++] = slots - 1;
    }
    for (int steps = slots - 1; steps >= 1; steps--) {
        int64_t at = recent_frame(tracker, frame, reverse, steps);
        if (is_ordinary(tracker, selection, at)) {
            bank->memory_frames[bank->n_memories] = at;
            bank->memory_slots[bank->n_memories++] = steps - 1;
        }
    }
}

static void add_pointer(struct vox_bank *bank, int64_t frame, int64_t value, int64_t greatest)
{
    bank->pointer_frames[bank->n_pointers] = frame;
    bank->distances[bank->n_pointers++] = (float)value / (float)(greatest > 0 ? greatest : 1);
}

static void choose_pointers(const struct vox_tracker *tracker, const struct selection *selection,
                            int64_t frame, bool reverse, struct vox_bank *bank)
{
    int64_t most = tracker->config->max_obj_ptrs;
    most = tracker->frames < most ? tracker->frames : most;
    for (int64_t i = 0; i < selection->count; i++) {
        int64_t at = tracker->cond[selection->order[i]];
        int64_t behind = reverse ? at - frame : frame - at;
        if (behind >= 0 || !tracker->config->only_past_ptrs) {
            add_pointer(bank, at, behind, most - 1);
        }
    }
    for (int64_t k = 1; k < most; k++) {
        int64_t at = reverse ? frame + k : frame - k;
        if (is_ordinary(tracker, selection, at)) {
            add_pointer(bank, at, k, most - 1);
        }
    }
}

void vox_bank_choose(const struct vox_tracker *tracker, int64_t frame, bool reverse,
                     struct vox_bank *bank)
{
    struct selection selection = {.selected = bank->selected, .order = bank->order};
    memset(selection.selected, 0, (size_t)tracker->n_cond * sizeof(*selection.selected));
    bank->n_memories = 0;
    bank->n_pointers = 0;
    select_cond(tracker, frame, &selection);
    choose_memories(tracker, &selection, frame, reverse, bank);
    if (tracker->config->obj_ptrs) {
        choose_pointers(tracker, &selection, frame, reverse, bank);
    }
}
