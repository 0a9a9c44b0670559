#include "model/tracker.h"

#include <string.h>

#include "model/tracker_state.h"
#include "util/memory.h"

enum { MOST_SIDE = 1 << 16, MOST_FRAMES = 1 << 20 };

static const float absent_logit = -1024.0F;

struct vox_found *vox_slot_newest(const struct vox_slot *slot)
{
    if (slot->pending != NULL) {
        return slot->pending;
    }
    return slot->cond != NULL ? slot->cond : slot->tracked;
}

bool vox_tracker_conditions(const struct vox_tracker *tracker, int64_t frame)
{
    return !tracker->slices[frame].tracked || tracker->config->cond_corrections;
}

static enum vox_code allocate(struct vox_tracker *tracker, struct vox_err *err)
{
    size_t values = (size_t)(tracker->side * tracker->side * tracker->columns);
    size_t frames = (size_t)tracker->frames;
    tracker->slices = vox_calloc(frames, sizeof(*tracker->slices));
    tracker->cond = vox_calloc(frames, sizeof(*tracker->cond));
    tracker->in_bank = vox_calloc(frames, sizeof(*tracker->in_bank));
    int64_t most_tokens = vox_prompt_tokens(VOX_BOX_POINTS + VOX_MOST_POINTS);
    tracker->sparse = vox_alloc((size_t)(most_tokens * tracker->columns) * sizeof(float));
    tracker->conditioned = vox_calloc(values, sizeof(float));
    tracker->dense = vox_calloc(values, sizeof(float));
    tracker->map = vox_calloc((size_t)(16 * tracker->side * tracker->side), sizeof(float));
    tracker->row_axis = vox_calloc((size_t)tracker->height, sizeof(*tracker->row_axis));
    tracker->column_axis = vox_calloc((size_t)tracker->width, sizeof(*tracker->column_axis));
    if (tracker->slices == NULL || tracker->cond == NULL || tracker->in_bank == NULL ||
        tracker->sparse == NULL || tracker->conditioned == NULL || tracker->dense == NULL ||
        tracker->map == NULL || tracker->row_axis == NULL || tracker->column_axis == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    return vox_bank_init(&tracker->bank, tracker->config, tracker->frames, err);
}

enum vox_code vox_tracker_new(struct vox_network *network, int64_t frames, int64_t height,
                              int64_t width, const struct vox_feature_source *source,
                              struct vox_tracker **out, struct vox_err *err)
{
    if (frames < 1 || height < 1 || width < 1) {
        return vox_fail(err, VOX_E_ARG, "a volume must have at least one voxel");
    }
    if (frames > MOST_FRAMES || height > MOST_SIDE || width > MOST_SIDE) {
        return vox_fail(err, VOX_E_LIMIT, "a volume of %lld slices of %lld x %lld is too large",
                        (long long)frames, (long long)height, (long long)width);
    }
    struct vox_tracker *tracker = vox_calloc(1, sizeof(*tracker));
    if (tracker == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    tracker->network = network;
    tracker->config = vox_network_config(network);
    tracker->source = *source;
    tracker->frames = frames;
    tracker->height = height;
    tracker->width = width;
    tracker->side = tracker->config->image_size / 16;
    tracker->columns = tracker->config->neck.d_model;
    enum vox_code code = allocate(tracker, err);
    if (code != VOX_OK) {
        vox_tracker_free(tracker);
        return code;
    }
    vox_bilinear_axis(4 * tracker->side, height, tracker->row_axis);
    vox_bilinear_axis(4 * tracker->side, width, tracker->column_axis);
    *out = tracker;
    return VOX_OK;
}

static void free_object(struct vox_tracker *tracker, struct vox_tracked_object *object)
{
    for (int64_t i = 0; i < tracker->frames; i++) {
        struct vox_slot *slot = &object->slots[i];
        vox_found_release(tracker, slot->pending);
        vox_found_release(tracker, slot->cond);
        vox_found_release(tracker, slot->tracked);
        vox_free(slot->points.many);
    }
    vox_free(object->slots);
}

void vox_tracker_reset(struct vox_tracker *tracker)
{
    for (int64_t i = 0; i < tracker->n_objects; i++) {
        free_object(tracker, &tracker->objects[i]);
    }
    vox_tracker_free_spares(tracker);
    vox_free(tracker->objects);
    tracker->objects = NULL;
    tracker->n_objects = 0;
    tracker->n_cond = 0;
    tracker->started = false;
    tracker->active = false;
    memset(tracker->slices, 0, (size_t)tracker->frames * sizeof(*tracker->slices));
}

void vox_tracker_free(struct vox_tracker *tracker)
{
    if (tracker == NULL) {
        return;
    }
    if (tracker->slices != NULL) {
        vox_tracker_reset(tracker);
    }
    vox_free(tracker->slices);
    vox_free(tracker->cond);
    vox_free(tracker->in_bank);
    vox_bank_fini(&tracker->bank);
    vox_free(tracker->sparse);
    vox_free(tracker->conditioned);
    vox_free(tracker->dense);
    vox_free(tracker->map);
    vox_free(tracker->row_axis);
    vox_free(tracker->column_axis);
    vox_free(tracker);
}

void vox_tracker_tap(struct vox_tracker *tracker, const struct vox_tap *tap)
{
    tracker->tap = tap;
}

int64_t vox_tracker_object(const struct vox_tracker *tracker, int64_t object)
{
    for (int64_t i = 0; i < tracker->n_objects; i++) {
        if (tracker->objects[i].id == object) {
            return i;
        }
    }
    return -1;
}

/* ---- results ---- */

static enum vox_code newest(const struct vox_tracker *tracker, int64_t frame, int64_t object,
                            const struct vox_found **out, struct vox_err *err)
{
    if (frame < 0 || frame >= tracker->frames || object < 0 || object >= tracker->n_objects) {
        return vox_fail(err, VOX_E_ARG, "there is no object number %lld or no slice %lld",
                        (long long)object, (long long)frame);
    }
    *out = vox_slot_newest(&tracker->objects[object].slots[frame]);
    return VOX_OK;
}

enum vox_code vox_tracker_result(const struct vox_tracker *tracker, int64_t frame,
                                 int64_t object_index, struct vox_frame_result *out,
                                 struct vox_err *err)
{
    const struct vox_found *found;
    enum vox_code code = newest(tracker, frame, object_index, &found, err);
    if (code != VOX_OK) {
        return code;
    }
    if (found == NULL) {
        return vox_fail(err, VOX_E_NOT_FOUND, "object number %lld has no result on slice %lld",
                        (long long)object_index, (long long)frame);
    }
    const struct vox_slot *slot = &tracker->objects[object_index].slots[frame];
    const struct vox_slice_state *slice = &tracker->slices[frame];
    *out = (struct vox_frame_result){
        .low_logits = found->logits,
        .pointer = found->pointer,
        .memory = found->memory,
        .score = found->score,
        .stability = found->stability,
        .chosen = found->chosen,
        .prompted = slot->pending != NULL || slice->cond || slice->corrected,
    };
    memcpy(out->iou, found->iou, sizeof(out->iou));
    return VOX_OK;
}

enum vox_code vox_tracker_logits(const struct vox_tracker *tracker, int64_t frame,
                                 int64_t object_index, float *out, struct vox_err *err)
{
    const struct vox_found *found;
    enum vox_code code = newest(tracker, frame, object_index, &found, err);
    if (code != VOX_OK) {
        return code;
    }
    for (int64_t y = 0; y < tracker->height; y++) {
        float *row = out + y * tracker->width;
        if (found != NULL) {
            vox_bilinear_row(found->logits, 4 * tracker->side, &tracker->row_axis[y],
                             tracker->column_axis, tracker->width, row);
        }
        for (int64_t x = 0; found == NULL && x < tracker->width; x++) {
            row[x] = absent_logit;
        }
    }
    return VOX_OK;
}

/* ---- propagation ---- */

/* The lowest slice that conditions others, or will once pending prompts are committed; -1 where
 * there is none. */
static int64_t lowest_prompted(const struct vox_tracker *tracker)
{
    for (int64_t f = 0; f < tracker->frames; f++) {
        if (vox_tracker_prompted(tracker, f)) {
            return f;
        }
    }
    return -1;
}

enum vox_code vox_tracker_start(struct vox_tracker *tracker, int64_t start, int64_t max_frames,
                                bool reverse, struct vox_err *err)
{
    if (start < -1 || start >= tracker->frames || max_frames < -1) {
        return vox_fail(err, VOX_E_ARG, "a propagation cannot begin on slice %lld",
                        (long long)start);
    }
    int64_t lowest = lowest_prompted(tracker);
    if (lowest < 0) {
        return vox_fail(err, VOX_E_ARG, "there is no prompt to propagate; add one first");
    }
    int64_t first = start == -1 ? lowest : start;
    int64_t beyond =
        max_frames == -1 || max_frames > tracker->frames ? tracker->frames : max_frames;
    int64_t last = reverse ? first - beyond : first + beyond;
    last = last < 0 ? 0 : (last < tracker->frames ? last : tracker->frames - 1);
    enum vox_code code =
        vox_tracker_reserve(tracker, reverse ? last : first, reverse ? first : last, err);
    if (code == VOX_OK) {
        code = vox_tracker_commit(tracker, err);
    }
    if (code != VOX_OK) {
        return code;
    }
    tracker->started = true;
    tracker->reverse = reverse;
    tracker->next = first;
    tracker->last = last;
    tracker->active = !(reverse && first == 0);
    return VOX_OK;
}

/* New results of all objects on a slice. */
static enum vox_code compute_slice(struct vox_tracker *tracker, const struct vox_features *features,
                                   struct vox_err *err)
{
    enum vox_code code = VOX_OK;
    for (int64_t i = 0; i < tracker->n_objects && code == VOX_OK; i++) {
        struct vox_found *found = vox_found_take(tracker);
        tracker->objects[i].fresh = found;
        code = found != NULL ? vox_tracker_condition(tracker, &tracker->bank, i, features, err)
                             : vox_fail(err, VOX_E_NOMEM, "out of memory");
        if (code == VOX_OK) {
            const struct vox_decode decode = {
                .features = features,
                .image = tracker->conditioned,
                .multimask = vox_tracker_multimask(tracker, false, 0),
            };
            code = vox_tracker_decode(tracker, &decode, found, err);
        }
        if (code == VOX_OK) {
            code = vox_tracker_remember(tracker, features, false, found, err);
        }
    }
    return code;
}

static enum vox_code track_slice(struct vox_tracker *tracker, int64_t frame, struct vox_err *err)
{
    const struct vox_features *features = NULL;
    vox_bank_choose(tracker, frame, tracker->reverse, &tracker->bank);
    vox_tracker_sweep(tracker, &tracker->bank);
    enum vox_code code = tracker->source.features(tracker->source.context, frame, &features, err);
    if (code == VOX_OK) {
        vox_network_lock(tracker->network);
        code = compute_slice(tracker, features, err);
        vox_network_unlock(tracker->network);
    }
    for (int64_t i = 0; i < tracker->n_objects; i++) {
        struct vox_tracked_object *object = &tracker->objects[i];
        struct vox_found **kept = &object->slots[frame].tracked;
        vox_found_release(tracker, code == VOX_OK ? *kept : object->fresh);
        *kept = code == VOX_OK ? object->fresh : *kept;
        object->fresh = NULL;
    }
    if (code == VOX_OK) {
        tracker->slices[frame].stored = true;
    }
    return code;
}

enum vox_code vox_tracker_next(struct vox_tracker *tracker, int64_t *frame, struct vox_err *err)
{
    if (!tracker->active) {
        vox_tracker_rest(tracker);
        *frame = -1;
        return VOX_OK;
    }
    int64_t at = tracker->next;
    struct vox_slice_state *slice = &tracker->slices[at];
    enum vox_code code = slice->cond || slice->corrected ? VOX_OK : track_slice(tracker, at, err);
    if (code != VOX_OK) {
        return code;
    }
    slice->tracked = true;
    slice->reverse = tracker->reverse;
    tracker->active = at != tracker->last;
    tracker->next = tracker->reverse ? at - 1 : at + 1;
    *frame = at;
    return VOX_OK;
}

void vox_tracker_stop(struct vox_tracker *tracker)
{
    tracker->active = false;
    vox_tracker_rest(tracker);
}
