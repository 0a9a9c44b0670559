/* Committing prompts before a propagation (sam2_video_predictor_npz.py
 * propagate_in_video_preflight): on every prompted slice all objects get a result and a memory. */
#include <string.h>

#include "model/tracker_state.h"
#include "util/memory.h"

/* New results, slice by slice: object o on slice frames[i] at found[i * n_objects + o]. */
struct batch {
    int64_t *frames; /* ascending */
    int64_t n_frames;
    struct vox_found **found;
};

static bool is_pending(const struct vox_tracker *tracker, int64_t frame)
{
    for (int64_t i = 0; i < tracker->n_objects; i++) {
        if (tracker->objects[i].slots[frame].pending != NULL) {
            return true;
        }
    }
    return false;
}

/* A correction of a slice that conditions others has no place to go: its results are those of the
 * first prompts (the reference drops what it holds of a frame outside cond_frame_outputs). */
static bool is_dropped(const struct vox_tracker *tracker, int64_t frame)
{
    return tracker->slices[frame].cond && !vox_tracker_conditions(tracker, frame);
}

bool vox_tracker_pending(const struct vox_tracker *tracker, int64_t frame)
{
    return is_pending(tracker, frame) && !is_dropped(tracker, frame);
}

bool vox_tracker_prompted(const struct vox_tracker *tracker, int64_t frame)
{
    return tracker->slices[frame].cond ||
           (is_pending(tracker, frame) && vox_tracker_conditions(tracker, frame));
}

/* A slice's share of an object that has no result there: an empty mask, but present, so that its
 * memory is that of an empty mask without the no-object vector. */
static void fill_placeholder(const struct vox_tracker *tracker, struct vox_found *found)
{
    int64_t map = 16 * tracker->side * tracker->side;
    for (int64_t i = 0; i < map; i++) {
        found->logits[i] = -1024.0F;
    }
    memcpy(found->pointer, vox_network_parts(tracker->network)->no_pointer,
           (size_t)tracker->columns * sizeof(float));
    found->score = 10.0F;
    found->stability = 1.0F;
}

static struct vox_found *copy_newest(struct vox_tracker *tracker, int64_t object, int64_t frame)
{
    const struct vox_found *from = vox_slot_newest(&tracker->objects[object].slots[frame]);
    struct vox_found *to = vox_found_take(tracker);
    if (to == NULL) {
        return NULL;
    }
    if (from == NULL) {
        fill_placeholder(tracker, to);
        return to;
    }
    memcpy(to->logits, from->logits, (size_t)(16 * tracker->side * tracker->side) * sizeof(float));
    memcpy(to->pointer, from->pointer, (size_t)tracker->columns * sizeof(float));
    memcpy(to->iou, from->iou, sizeof(to->iou));
    to->score = from->score;
    to->stability = from->stability;
    to->chosen = from->chosen;
    return to;
}

static enum vox_code commit_slice(struct vox_tracker *tracker, int64_t frame,
                                  struct vox_found **found, struct vox_err *err)
{
    const struct vox_features *features = NULL;
    enum vox_code code = tracker->source.features(tracker->source.context, frame, &features, err);
    if (code != VOX_OK) {
        return code;
    }
    vox_network_lock(tracker->network);
    for (int64_t i = 0; i < tracker->n_objects && code == VOX_OK; i++) {
        found[i] = copy_newest(tracker, i, frame);
        code = found[i] != NULL ? vox_tracker_remember(tracker, features, true, found[i], err)
                                : vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    vox_network_unlock(tracker->network);
    return code;
}

static void keep_slice(struct vox_tracker *tracker, int64_t frame, struct vox_found **found)
{
    struct vox_slice_state *slice = &tracker->slices[frame];
    bool conditions = vox_tracker_conditions(tracker, frame);
    for (int64_t i = 0; i < tracker->n_objects; i++) {
        struct vox_slot *slot = &tracker->objects[i].slots[frame];
        vox_found_release(tracker, slot->tracked);
        vox_found_release(tracker, slot->cond);
        slot->tracked = conditions ? NULL : found[i];
        slot->cond = conditions ? found[i] : NULL;
        found[i] = NULL;
    }
    if (conditions && !slice->cond) {
        tracker->cond[tracker->n_cond++] = frame;
    }
    slice->cond = conditions;
    slice->stored = !conditions;
    slice->corrected = !conditions;
}

static enum vox_code compute_batch(struct vox_tracker *tracker, struct batch *batch,
                                   struct vox_err *err)
{
    enum vox_code code = VOX_OK;
    for (int64_t i = 0; i < batch->n_frames && code == VOX_OK; i++) {
        code = commit_slice(tracker, batch->frames[i], batch->found + i * tracker->n_objects, err);
    }
    return code;
}

static void keep_batch(struct vox_tracker *tracker, struct batch *batch)
{
    for (int64_t i = 0; i < batch->n_frames; i++) {
        keep_slice(tracker, batch->frames[i], batch->found + i * tracker->n_objects);
    }
    for (int64_t o = 0; o < tracker->n_objects; o++) {
        for (int64_t f = 0; f < tracker->frames; f++) {
            vox_found_release(tracker, tracker->objects[o].slots[f].pending);
            tracker->objects[o].slots[f].pending = NULL;
        }
    }
}

enum vox_code vox_tracker_commit(struct vox_tracker *tracker, struct vox_err *err)
{
    int64_t n_frames = 0;
    for (int64_t f = 0; f < tracker->frames; f++) {
        n_frames += vox_tracker_pending(tracker, f);
    }
    struct batch batch = {
        .frames = vox_calloc((size_t)n_frames, sizeof(int64_t)),
        .found =
            vox_calloc((size_t)n_frames, (size_t)tracker->n_objects * sizeof(struct vox_found *)),
    };
    enum vox_code code = VOX_OK;
    if (batch.frames == NULL || batch.found == NULL) {
        code = vox_fail(err, VOX_E_NOMEM, "out of memory");
    } else {
        for (int64_t f = 0; f < tracker->frames; f++) {
            if (vox_tracker_pending(tracker, f)) {
                batch.frames[batch.n_frames++] = f;
            }
        }
        code = compute_batch(tracker, &batch, err);
    }
    if (code == VOX_OK) {
        keep_batch(tracker, &batch);
    }
    for (int64_t i = 0; batch.found != NULL && i < n_frames * tracker->n_objects; i++) {
        vox_found_release(tracker, batch.found[i]);
    }
    vox_free(batch.frames);
    vox_free(batch.found);
    return code;
}
