/* Results and prepared memories that are not in use. A propagation sets aside what its slices will
 * take before the first one, so that none of them allocates. */
#include <string.h>

#include "model/tracker_state.h"
#include "util/memory.h"

/* Prepared memories that stay when no propagation is under way, for clicks. */
enum { MOST_RESTING = 16 };

/* ---- results ---- */

static size_t map_and_pointer(const struct vox_tracker *tracker)
{
    return (size_t)(16 * tracker->side * tracker->side + tracker->columns);
}

/* Not cleared, so that pages are taken when they are used. */
static struct vox_found *allocate_found(const struct vox_tracker *tracker)
{
    size_t memory =
        (size_t)(tracker->side * tracker->side * tracker->config->memory_encoder.out_dim);
    struct vox_found *found = vox_alloc(sizeof(*found));
    float *values = vox_alloc((map_and_pointer(tracker) + memory) * sizeof(*values));
    if (found == NULL || values == NULL) {
        vox_free(found);
        vox_free(values);
        return NULL;
    }
    *found = (struct vox_found){.logits = values};
    return found;
}

struct vox_found *vox_found_take(struct vox_tracker *tracker)
{
    struct vox_found *found = tracker->spare_found;
    if (found == NULL) {
        found = allocate_found(tracker);
    } else {
        tracker->spare_found = found->next;
        tracker->n_spare_found--;
    }
    if (found == NULL) {
        return NULL;
    }
    float *logits = found->logits;
    memset(logits, 0, map_and_pointer(tracker) * sizeof(*logits));
    *found = (struct vox_found){.logits = logits,
                                .pointer = logits + 16 * tracker->side * tracker->side};
    return found;
}

static void push_found(struct vox_tracker *tracker, struct vox_found *found)
{
    found->next = tracker->spare_found;
    tracker->spare_found = found;
    tracker->n_spare_found++;
}

void vox_found_release(struct vox_tracker *tracker, struct vox_found *found)
{
    if (found != NULL) {
        vox_found_unprepare(tracker, found);
        push_found(tracker, found);
    }
}

/* ---- prepared memories ---- */

enum vox_code vox_found_prepare(struct vox_tracker *tracker, struct vox_found *found,
                                struct vox_err *err)
{
    struct vox_memory_attention *attention = vox_network_parts(tracker->network)->memory_attention;
    if (found->prepared != NULL) {
        return VOX_OK;
    }
    if (tracker->n_spare_memories == 0) {
        return vox_memory_new(attention, found->memory, &found->prepared, err);
    }
    struct vox_memory *memory = tracker->spare_memories[tracker->n_spare_memories - 1];
    enum vox_code code = vox_memory_fill(attention, found->memory, memory, err);
    if (code == VOX_OK) {
        found->prepared = memory;
        tracker->n_spare_memories--;
    }
    return code;
}

void vox_found_unprepare(struct vox_tracker *tracker, struct vox_found *found)
{
    if (found->prepared == NULL) {
        return;
    }
    if (tracker->n_spare_memories < VOX_MOST_PREPARED) {
        tracker->spare_memories[tracker->n_spare_memories++] = found->prepared;
    } else {
        vox_memory_free(found->prepared);
    }
    found->prepared = NULL;
}

bool vox_tracker_keeps(const struct vox_tracker *tracker, const struct vox_bank *bank)
{
    return tracker->n_objects * bank->n_memories <= VOX_MOST_PREPARED;
}

static void release_memories(struct vox_tracker *tracker)
{
    for (int64_t o = 0; o < tracker->n_objects; o++) {
        for (int64_t f = 0; f < tracker->frames; f++) {
            const struct vox_slot *slot = &tracker->objects[o].slots[f];
            struct vox_found *const committed[] = {slot->cond, slot->tracked};
            for (int i = 0; i < 2; i++) {
                if (committed[i] != NULL && !tracker->in_bank[f]) {
                    vox_found_unprepare(tracker, committed[i]);
                }
            }
        }
    }
}

static void release_all_memories(struct vox_tracker *tracker)
{
    memset(tracker->in_bank, 0, (size_t)tracker->frames * sizeof(*tracker->in_bank));
    release_memories(tracker);
}

void vox_tracker_sweep(struct vox_tracker *tracker, const struct vox_bank *bank)
{
    memset(tracker->in_bank, 0, (size_t)tracker->frames * sizeof(*tracker->in_bank));
    for (int64_t i = 0; i < bank->n_memories && vox_tracker_keeps(tracker, bank); i++) {
        tracker->in_bank[bank->memory_frames[i]] = true;
    }
    release_memories(tracker);
}

static void free_memories(struct vox_tracker *tracker, int64_t left)
{
    while (tracker->n_spare_memories > left) {
        vox_memory_free(tracker->spare_memories[--tracker->n_spare_memories]);
    }
}

void vox_tracker_rest(struct vox_tracker *tracker)
{
    release_all_memories(tracker);
    free_memories(tracker, MOST_RESTING);
}

/* ---- setting aside ---- */

enum vox_code vox_found_reserve(struct vox_tracker *tracker, int64_t n, struct vox_err *err)
{
    while (tracker->n_spare_found < n) {
        struct vox_found *found = allocate_found(tracker);
        if (found == NULL) {
            return vox_fail(err, VOX_E_NOMEM, "out of memory");
        }
        push_found(tracker, found);
    }
    return VOX_OK;
}

static enum vox_code reserve_memories(struct vox_tracker *tracker, int64_t n, struct vox_err *err)
{
    const struct vox_network_parts *parts = vox_network_parts(tracker->network);
    n = n < VOX_MOST_PREPARED ? n : VOX_MOST_PREPARED;
    while (tracker->n_spare_memories < n) {
        struct vox_memory **memory = &tracker->spare_memories[tracker->n_spare_memories];
        enum vox_code code = vox_memory_room(parts->memory_attention, memory, err);
        if (code != VOX_OK) {
            return code;
        }
        tracker->n_spare_memories++;
    }
    return VOX_OK;
}

enum vox_code vox_tracker_reserve(struct vox_tracker *tracker, int64_t low, int64_t high,
                                  struct vox_err *err)
{
    int64_t slices = 1; /* computed before it replaces what was there, or clicked */
    int64_t memories = tracker->config->num_maskmem - 1;
    int64_t pointers = tracker->config->max_obj_ptrs;
    for (int64_t f = 0; f < tracker->frames; f++) {
        const struct vox_slice_state *slice = &tracker->slices[f];
        bool is_new = f >= low && f <= high && !slice->cond && !slice->stored;
        slices += is_new || vox_tracker_pending(tracker, f);
        memories += vox_tracker_prompted(tracker, f);
        pointers += vox_tracker_prompted(tracker, f);
    }
    memories = memories < tracker->frames ? memories : tracker->frames;
    pointers = pointers < tracker->frames ? pointers : tracker->frames;
    release_all_memories(tracker);
    enum vox_code code = vox_found_reserve(tracker, slices * tracker->n_objects, err);
    if (code == VOX_OK) {
        code = reserve_memories(tracker, memories * tracker->n_objects, err);
    }
    if (code == VOX_OK) {
        vox_network_lock(tracker->network);
        code = vox_memory_attention_reserve(vox_network_parts(tracker->network)->memory_attention,
                                            memories, pointers, err);
        vox_network_unlock(tracker->network);
    }
    return code;
}

void vox_tracker_free_spares(struct vox_tracker *tracker)
{
    free_memories(tracker, 0);
    while (tracker->spare_found != NULL) {
        struct vox_found *found = tracker->spare_found;
        tracker->spare_found = found->next;
        vox_free(found->logits);
        vox_free(found);
    }
    tracker->n_spare_found = 0;
}
