#include "pipeline/slice_features.h"

#include <stddef.h>
#include <string.h>

#include "pipeline/slice_resize.h"
#include "pipeline/stopwatch.h"
#include "util/memory.h"

struct slot {
    int64_t frame; /* -1: empty */
    int64_t used;  /* the clock when it was last asked for */
    struct vox_features *features;
};

struct vox_slice_features {
    struct vox_slice_features_setup setup;
    struct vox_slice_resize *resize;
    double *values; /* w * h */
    uint8_t *grey;  /* w * h */
    uint8_t *image; /* S * S */
    struct slot *slots;
    int64_t clock; /* counts the calls of the source */
    int64_t kept;
    struct vox_slice_features_work work;
};

static bool cancelled(const struct vox_slice_features *features)
{
    return features->setup.cancel != NULL && atomic_load(features->setup.cancel) != 0;
}

static enum vox_code check_setup(const struct vox_slice_features_setup *setup, struct vox_err *err)
{
    const int64_t *size = setup->volume->size;
    size_t pixels;
    if (!vox_mul((size_t)size[0], (size_t)size[1], &pixels) || pixels > VOX_SLICE_MAX_PIXELS) {
        return vox_fail(err, VOX_E_LIMIT, "a slice has more than %d pixels", VOX_SLICE_MAX_PIXELS);
    }
    if (setup->first < 0 || setup->frames < 1 || setup->first > size[2] - setup->frames) {
        return vox_fail(err, VOX_E_ARG, "the slices to segment leave the volume");
    }
    if (setup->capacity < 2) {
        return vox_fail(err, VOX_E_ARG, "the features of at least 2 slices must be kept");
    }
    return VOX_OK;
}

enum vox_code vox_slice_features_new(const struct vox_slice_features_setup *setup,
                                     struct vox_slice_features **out, struct vox_err *err)
{
    enum vox_code code = check_setup(setup, err);
    if (code != VOX_OK) {
        return code;
    }
    struct vox_slice_features *features = vox_calloc(1, sizeof(*features));
    if (features == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    features->setup = *setup;
    features->kept = -1;
    const int64_t *size = setup->volume->size;
    int64_t side = vox_network_config(setup->network)->image_size;
    code = vox_slice_resize_new(size[0], size[1], side, side, &features->resize, err);
    if (code != VOX_OK) {
        vox_slice_features_free(features);
        return code;
    }
    size_t pixels = (size_t)size[0] * (size_t)size[1];
    features->values = vox_calloc(pixels, sizeof(*features->values));
    features->grey = vox_calloc(pixels, 1);
    features->image = vox_calloc((size_t)side * (size_t)side, 1);
    features->slots = vox_calloc((size_t)setup->capacity, sizeof(*features->slots));
    if (features->values == NULL || features->grey == NULL || features->image == NULL ||
        features->slots == NULL) {
        vox_slice_features_free(features);
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    for (int64_t i = 0; i < setup->capacity; i++) {
        features->slots[i].frame = -1;
    }
    *out = features;
    return VOX_OK;
}

void vox_slice_features_free(struct vox_slice_features *features)
{
    if (features == NULL) {
        return;
    }
    for (int64_t i = 0; features->slots != NULL && i < features->setup.capacity; i++) {
        vox_features_free(features->slots[i].features);
    }
    vox_free(features->slots);
    vox_free(features->image);
    vox_free(features->grey);
    vox_free(features->values);
    vox_slice_resize_free(features->resize);
    vox_free(features);
}

static struct slot *find_slot(const struct vox_slice_features *features, int64_t frame)
{
    for (int64_t i = 0; i < features->setup.capacity; i++) {
        if (features->slots[i].frame == frame) {
            return &features->slots[i];
        }
    }
    return NULL;
}

/* An empty slot, or the one that was not asked for longest; never the kept frame's. */
static struct slot *free_slot(const struct vox_slice_features *features)
{
    struct slot *oldest = NULL;
    for (int64_t i = 0; i < features->setup.capacity; i++) {
        struct slot *slot = &features->slots[i];
        if (slot->frame < 0) {
            return slot;
        }
        if (slot->frame != features->kept && (oldest == NULL || slot->used < oldest->used)) {
            oldest = slot;
        }
    }
    return oldest;
}

static enum vox_code encode(struct vox_slice_features *features, int64_t frame, struct slot *slot,
                            struct vox_err *err)
{
    const struct vox_slice_features_setup *setup = &features->setup;
    VOX_ASSERT(slot != NULL); /* there are two at least and one at most is kept */
    slot->frame = -1;
    if (slot->features == NULL) {
        slot->features = vox_features_new(vox_network_config(setup->network));
        if (slot->features == NULL) {
            return vox_fail(err, VOX_E_NOMEM, "out of memory");
        }
    }
    double start = vox_seconds();
    int64_t k = setup->first + frame;
    vox_intensity_slice(setup->volume, setup->intensity, k, features->values, features->grey);
    vox_slice_resize_run(features->resize, features->grey, features->image);
    double ready = vox_seconds();
    enum vox_code code =
        vox_network_encode(setup->network, features->image, slot->features, NULL, err);
    if (code != VOX_OK) {
        return vox_err_prefix(err, code, "slice %lld", (long long)k);
    }
    slot->frame = frame;
    features->work.encoded++;
    features->work.window_seconds += ready - start;
    features->work.encode_seconds += vox_seconds() - ready;
    return VOX_OK;
}

static enum vox_code supply(void *context, int64_t frame, const struct vox_features **out,
                            struct vox_err *err)
{
    struct vox_slice_features *features = context;
    VOX_ASSERT(frame >= 0 && frame < features->setup.frames);
    if (cancelled(features)) {
        return vox_fail(err, VOX_E_CANCELLED, "cancelled");
    }
    struct slot *slot = find_slot(features, frame);
    if (slot == NULL) {
        slot = free_slot(features);
        enum vox_code code = encode(features, frame, slot, err);
        if (code != VOX_OK) {
            return code;
        }
        if (cancelled(features)) {
            return vox_fail(err, VOX_E_CANCELLED, "cancelled");
        }
    }
    slot->used = ++features->clock;
    *out = slot->features;
    return VOX_OK;
}

struct vox_feature_source vox_slice_features_source(struct vox_slice_features *features)
{
    return (struct vox_feature_source){supply, features};
}

void vox_slice_features_keep(struct vox_slice_features *features, int64_t frame)
{
    features->kept = frame;
}

struct vox_slice_features_work vox_slice_features_work(const struct vox_slice_features *features)
{
    return features->work;
}
