/* Prompts: points, boxes and masks of one object on one slice. */
#include <math.h>
#include <string.h>

#include "model/tracker_state.h"
#include "util/memory.h"

enum { MOST_OBJECTS = 4096 };

/* A prompt on its way in: nothing of the tracker changes before all of it is computed. */
struct prompt {
    int64_t frame;
    int64_t index;                    /* of the object; n_objects for a new one */
    struct vox_tracked_object object; /* a new one, else only borrowed slots */
    struct vox_points points;
    struct vox_found *found;
};

/* ---- the object ---- */

static enum vox_code begin_prompt(struct vox_tracker *tracker, int64_t frame, int64_t object,
                                  struct prompt *prompt, struct vox_err *err)
{
    if (frame < 0 || frame >= tracker->frames) {
        return vox_fail(err, VOX_E_ARG, "there is no slice %lld; the volume has %lld",
                        (long long)frame, (long long)tracker->frames);
    }
    *prompt = (struct prompt){.frame = frame, .index = vox_tracker_object(tracker, object)};
    if (prompt->index >= 0) {
        prompt->object = tracker->objects[prompt->index];
        return VOX_OK;
    }
    if (tracker->started) {
        return vox_fail(err, VOX_E_ARG,
                        "object %lld is new, but tracking has begun; reset to add objects",
                        (long long)object);
    }
    if (tracker->n_objects == MOST_OBJECTS) {
        return vox_fail(err, VOX_E_LIMIT, "there are %d objects already", MOST_OBJECTS);
    }
    /* One for the prompt, one for the click that replaces it. */
    enum vox_code code = vox_found_reserve(tracker, 2, err);
    if (code != VOX_OK) {
        return code;
    }
    prompt->index = tracker->n_objects;
    prompt->object.id = object;
    prompt->object.slots = vox_calloc((size_t)tracker->frames, sizeof(struct vox_slot));
    return prompt->object.slots != NULL ? VOX_OK : vox_fail(err, VOX_E_NOMEM, "out of memory");
}

static void drop_prompt(struct vox_tracker *tracker, struct prompt *prompt)
{
    if (prompt->index == tracker->n_objects) {
        vox_free(prompt->object.slots);
    }
    vox_free(prompt->points.many);
    vox_found_release(tracker, prompt->found);
}

/* Takes the finished prompt in. Only making room for a new object can fail. */
static enum vox_code keep_prompt(struct vox_tracker *tracker, struct prompt *prompt,
                                 struct vox_err *err)
{
    if (prompt->index == tracker->n_objects) {
        size_t size = (size_t)tracker->n_objects * sizeof(*tracker->objects);
        struct vox_tracked_object *objects =
            vox_realloc(tracker->objects, size, size + sizeof(*objects));
        if (objects == NULL) {
            return vox_fail(err, VOX_E_NOMEM, "out of memory");
        }
        tracker->objects = objects;
        objects[tracker->n_objects++] = prompt->object;
    }
    struct vox_slot *slot = &prompt->object.slots[prompt->frame];
    vox_found_release(tracker, slot->pending);
    vox_free(slot->points.many);
    slot->pending = prompt->found;
    slot->points = prompt->points;
    tracker->active = false;
    return VOX_OK;
}

/* ---- points ---- */

static const struct vox_point *list(const struct vox_points *points)
{
    return points->many != NULL ? points->many : points->few;
}

static enum vox_code check_points(const float *xy, const enum vox_point_label *labels, int64_t n,
                                  const float *box, bool clear_old, struct vox_err *err)
{
    if (n < 0 || (n == 0 && box == NULL)) {
        return vox_fail(err, VOX_E_ARG, "a prompt needs a point or a box");
    }
    if (n > VOX_MOST_POINTS) {
        return vox_fail(err, VOX_E_LIMIT, "%lld points; an object may have %d on a slice",
                        (long long)n, VOX_MOST_POINTS);
    }
    if (box != NULL && !clear_old) {
        return vox_fail(err, VOX_E_ARG,
                        "a box comes before all points, so it needs the old ones cleared");
    }
    bool finite = true;
    for (int64_t i = 0; i < 2 * n; i++) {
        finite = finite && isfinite(xy[i]);
    }
    for (int64_t i = 0; box != NULL && i < (int64_t)2 * VOX_BOX_POINTS; i++) {
        finite = finite && isfinite(box[i]);
    }
    if (!finite) {
        return vox_fail(err, VOX_E_ARG, "a coordinate of a prompt is not a number");
    }
    for (int64_t i = 0; i < n; i++) {
        if (labels[i] != VOX_POINT_NEGATIVE && labels[i] != VOX_POINT_POSITIVE) {
            return vox_fail(err, VOX_E_ARG, "point %lld is neither positive nor negative",
                            (long long)i);
        }
    }
    return VOX_OK;
}

/* From pixels of the slice to the network's frame, in the reference's order of operations. */
static struct vox_point scaled(const struct vox_tracker *tracker, const float *xy,
                               enum vox_point_label label)
{
    float size = (float)tracker->config->image_size;
    return (struct vox_point){xy[0] / (float)tracker->width * size,
                              xy[1] / (float)tracker->height * size, label};
}

static enum vox_code gather_points(const struct vox_tracker *tracker, const float *xy,
                                   const enum vox_point_label *labels, int64_t n, const float *box,
                                   bool clear_old, struct prompt *prompt, struct vox_err *err)
{
    const struct vox_points *points = &prompt->object.slots[prompt->frame].points;
    int64_t old = clear_old ? 0 : points->n;
    int64_t total = old + (box != NULL ? VOX_BOX_POINTS : 0) + n;
    if (total > VOX_MOST_POINTS + VOX_BOX_POINTS) {
        return vox_fail(err, VOX_E_LIMIT, "%lld points; an object may have %d on a slice",
                        (long long)total, VOX_MOST_POINTS);
    }
    struct vox_point *to = prompt->points.few;
    if (total > VOX_FEW_POINTS) {
        to = prompt->points.many = vox_calloc((size_t)total, sizeof(*to));
    }
    if (to == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    for (int64_t i = 0; i < old; i++) {
        *to++ = list(points)[i];
    }
    if (box != NULL) {
        *to++ = scaled(tracker, box, VOX_POINT_BOX_FIRST);
        *to++ = scaled(tracker, box + 2, VOX_POINT_BOX_LAST);
    }
    for (int64_t i = 0; i < n; i++) {
        *to++ = scaled(tracker, xy + 2 * i, labels[i]);
    }
    prompt->points.n = total;
    return VOX_OK;
}

/* The object's logits on the slice, as the next prompt's mask; NULL where there are none. */
static const float *previous_mask(struct vox_tracker *tracker, const struct prompt *prompt)
{
    const float most = 32.0F;
    const struct vox_found *found = vox_slot_newest(&prompt->object.slots[prompt->frame]);
    if (found == NULL) {
        return NULL;
    }
    int64_t map = 16 * tracker->side * tracker->side;
    for (int64_t i = 0; i < map; i++) {
        float value = found->logits[i];
        tracker->map[i] = value < -most ? -most : (value > most ? most : value);
    }
    return tracker->map;
}

static enum vox_code decode_points(struct vox_tracker *tracker, const struct prompt *prompt,
                                   const struct vox_features *features, const struct vox_bank *bank,
                                   struct vox_err *err)
{
    const struct vox_network_parts *parts = vox_network_parts(tracker->network);
    bool first_time = bank == NULL;
    struct vox_decode decode = {
        .features = features,
        .image = first_time ? features->f2 : tracker->conditioned,
        .image_row = first_time ? parts->no_memory : NULL,
        .points = list(&prompt->points),
        .n_points = prompt->points.n,
        .mask = previous_mask(tracker, prompt),
        .multimask = vox_tracker_multimask(tracker, first_time, prompt->points.n),
    };
    enum vox_code code =
        first_time ? VOX_OK : vox_tracker_condition(tracker, bank, prompt->index, features, err);
    return code == VOX_OK ? vox_tracker_decode(tracker, &decode, prompt->found, err) : code;
}

static enum vox_code compute_points(struct vox_tracker *tracker, struct prompt *prompt,
                                    struct vox_err *err)
{
    const struct vox_slice_state *slice = &tracker->slices[prompt->frame];
    const struct vox_features *features = NULL;
    prompt->found = vox_found_take(tracker);
    enum vox_code code =
        prompt->found != NULL ? VOX_OK : vox_fail(err, VOX_E_NOMEM, "out of memory");
    if (slice->tracked) {
        vox_bank_choose(tracker, prompt->frame, slice->reverse, &tracker->bank);
    }
    if (code == VOX_OK) {
        code = tracker->source.features(tracker->source.context, prompt->frame, &features, err);
    }
    if (code == VOX_OK) {
        vox_network_lock(tracker->network);
        code =
            decode_points(tracker, prompt, features, slice->tracked ? &tracker->bank : NULL, err);
        vox_network_unlock(tracker->network);
        vox_tracker_rest(tracker);
    }
    return code;
}

enum vox_code vox_tracker_add_points(struct vox_tracker *tracker, int64_t frame, int64_t object,
                                     const float *xy, const enum vox_point_label *labels, int64_t n,
                                     const float *box, bool clear_old, struct vox_err *err)
{
    struct prompt prompt;
    enum vox_code code = check_points(xy, labels, n, box, clear_old, err);
    if (code == VOX_OK) {
        code = begin_prompt(tracker, frame, object, &prompt, err);
    }
    if (code != VOX_OK) {
        return code;
    }
    code = gather_points(tracker, xy, labels, n, box, clear_old, &prompt, err);
    if (code == VOX_OK) {
        code = compute_points(tracker, &prompt, err);
    }
    if (code == VOX_OK) {
        code = keep_prompt(tracker, &prompt, err);
    }
    if (code != VOX_OK) {
        drop_prompt(tracker, &prompt);
    }
    return code;
}

/* ---- masks ---- */

/* The mask as zeros and ones in the network's frame. */
static enum vox_code resize_mask(const struct vox_tracker *tracker, const uint8_t *mask, float *out,
                                 struct vox_err *err)
{
    int64_t size = tracker->config->image_size;
    int64_t pixels = tracker->height * tracker->width;
    bool same = tracker->height == size && tracker->width == size;
    float *values = same ? out : vox_calloc((size_t)pixels, sizeof(*values));
    if (values == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    for (int64_t i = 0; i < pixels; i++) {
        values[i] = mask[i] != 0 ? 1.0F : 0.0F;
    }
    if (same) {
        return VOX_OK;
    }
    enum vox_code code =
        vox_resize_antialias(values, tracker->height, tracker->width, out, size, size, err);
    for (int64_t i = 0; i < size * size && code == VOX_OK; i++) {
        out[i] = out[i] >= 0.5F ? 1.0F : 0.0F;
    }
    vox_free(values);
    return code;
}

/* mask_downsample: a convolution whose kernel is as large as its stride. */
static void shrink_mask(const struct vox_tracker *tracker, const float *mask, float *out)
{
    const struct vox_network_parts *parts = vox_network_parts(tracker->network);
    int64_t side = 4 * tracker->side;
    for (int64_t y = 0; y < side; y++) {
        for (int64_t x = 0; x < side; x++) {
            const float *cell = mask + (y * VOX_MASK_PATCH * side + x) * VOX_MASK_PATCH;
            float sum = *parts->mask_bias;
            for (int64_t i = 0; i < (int64_t)VOX_MASK_PATCH * VOX_MASK_PATCH; i++) {
                sum += parts->mask_patch[i] *
                       cell[i / VOX_MASK_PATCH * side * VOX_MASK_PATCH + i % VOX_MASK_PATCH];
            }
            out[y * side + x] = sum;
        }
    }
}

static bool is_empty(const float *mask, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        if (mask[i] > 0.0F) {
            return false;
        }
    }
    return true;
}

/* The pointer: the decoder looks at the mask on the raw features; what mask it makes is dropped. */
static enum vox_code point_at_mask(struct vox_tracker *tracker, int64_t frame, const float *mask,
                                   struct vox_found *found, struct vox_err *err)
{
    const struct vox_features *features = NULL;
    enum vox_code code = tracker->source.features(tracker->source.context, frame, &features, err);
    if (code != VOX_OK) {
        return code;
    }
    shrink_mask(tracker, mask, tracker->map);
    const struct vox_decode decode = {
        .features = features, .image = features->f2, .mask = tracker->map, .multimask = false};
    vox_network_lock(tracker->network);
    code = vox_tracker_decode(tracker, &decode, found, err);
    vox_network_unlock(tracker->network);
    return code;
}

/* The result is the mask itself: logits -10 and 10, shrunk to the decoder's grid. */
static enum vox_code compute_mask(struct vox_tracker *tracker, int64_t frame, float *mask,
                                  struct vox_found *found, struct vox_err *err)
{
    int64_t size = tracker->config->image_size;
    bool empty = is_empty(mask, size * size);
    if (tracker->config->obj_ptrs) {
        enum vox_code code = point_at_mask(tracker, frame, mask, found, err);
        if (code != VOX_OK) {
            return code;
        }
    }
    if (empty && tracker->config->pred_obj_scores) {
        memcpy(found->pointer, vox_network_parts(tracker->network)->no_pointer,
               (size_t)tracker->columns * sizeof(float));
    }
    for (int64_t i = 0; i < size * size; i++) {
        mask[i] = mask[i] * 20.0F - 10.0F;
    }
    found->score = empty ? -10.0F : 10.0F;
    found->stability = 1.0F;
    found->chosen = 0;
    for (int i = 0; i < VOX_MASKS; i++) {
        found->iou[i] = 1.0F;
    }
    return vox_resize_antialias(mask, size, size, found->logits, size / 4, size / 4, err);
}

enum vox_code vox_tracker_add_mask(struct vox_tracker *tracker, int64_t frame, int64_t object,
                                   const uint8_t *mask, struct vox_err *err)
{
    struct prompt prompt;
    enum vox_code code = begin_prompt(tracker, frame, object, &prompt, err);
    if (code != VOX_OK) {
        return code;
    }
    size_t size = (size_t)tracker->config->image_size;
    float *resized = vox_calloc(size, size * sizeof(*resized));
    prompt.found = vox_found_take(tracker);
    if (resized == NULL || prompt.found == NULL) {
        code = vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    if (code == VOX_OK) {
        code = resize_mask(tracker, mask, resized, err);
    }
    if (code == VOX_OK) {
        code = compute_mask(tracker, frame, resized, prompt.found, err);
    }
    if (code == VOX_OK) {
        code = keep_prompt(tracker, &prompt, err);
    }
    if (code != VOX_OK) {
        drop_prompt(tracker, &prompt);
    }
    vox_free(resized);
    return code;
}
