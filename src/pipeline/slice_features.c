#include "pipeline/slice_features.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "pipeline/slice_resize.h"
#include "pipeline/stopwatch.h"
#include "util/memory.h"

/* The frame used last, then those that are kept. */
enum { LAST, KEPT, SLOTS = KEPT + VOX_KEPT_FRAMES };

struct slot {
    int64_t frame;                  /* -1: none */
    struct vox_held_features *held; /* NULL: not asked for yet */
};

struct frame_key {
    bool known;
    struct vox_feature_key key;
};

struct vox_slice_features {
    struct vox_slice_features_setup setup;
    struct vox_slice_resize *resize;
    double *values;         /* w * h */
    uint8_t *grey;          /* w * h */
    uint8_t *window;        /* its size; NULL where the window is the slice */
    uint8_t *image;         /* S * S */
    uint8_t padding;        /* what the window shows outside the slice */
    struct frame_key *keys; /* one per frame, so that a slice that comes again is not read again */
    struct slot slots[SLOTS];
    struct vox_slice_features_work work;
};

static const int64_t *slice_size(const struct vox_slice_features_setup *setup)
{
    return vox_slice_source_volume(setup->slices)->size;
}

/* --- windows --- */

static bool is_whole(const struct vox_zoom_window *window, const int64_t *slice)
{
    return window->origin[0] == 0 && window->origin[1] == 0 && window->size[0] == slice[0] &&
           window->size[1] == slice[1];
}

static bool leaves_slice(const struct vox_zoom_window *window, const int64_t *slice)
{
    bool leaves = false;
    for (int a = 0; a < 2; a++) {
        leaves = leaves || window->origin[a] < 0 || window->origin[a] > slice[a] - window->size[a];
    }
    return leaves;
}

static enum vox_code check_pixels(const int64_t size[2], const char *what, struct vox_err *err)
{
    size_t pixels;
    if (!vox_mul((size_t)size[0], (size_t)size[1], &pixels) || pixels > VOX_SLICE_MAX_PIXELS) {
        return vox_fail(err, VOX_E_LIMIT, "%s has more than %d pixels", what, VOX_SLICE_MAX_PIXELS);
    }
    return VOX_OK;
}

static enum vox_code check_setup(const struct vox_slice_features_setup *setup, struct vox_err *err)
{
    const int64_t *size = slice_size(setup);
    const struct vox_zoom_window *window = &setup->window;
    for (int a = 0; a < 2; a++) {
        if (window->size[a] < 1 || window->origin[a] >= size[a] ||
            window->origin[a] <= -window->size[a]) {
            return vox_fail(err, VOX_E_ARG, "the zoom window lies outside the slice");
        }
    }
    if (setup->first < 0 || setup->frames < 1 || setup->first > size[2] - setup->frames) {
        return vox_fail(err, VOX_E_ARG, "the slices to segment leave the volume");
    }
    enum vox_code code = check_pixels(size, "a slice", err);
    return code == VOX_OK ? check_pixels(window->size, "the zoom window", err) : code;
}

/* The volume's minimum as the network sees it: 0, since that is what the range begins with, but
 * where bytes stay as they are. */
static enum vox_code find_padding(struct vox_slice_features *features, struct vox_err *err)
{
    const struct vox_slice_features_setup *setup = &features->setup;
    const int64_t *size = slice_size(setup);
    if (setup->intensity->rule != VOX_WINDOW_AS_IS || setup->intensity->flat ||
        !leaves_slice(&setup->window, size)) {
        return VOX_OK;
    }
    uint8_t least = UINT8_MAX;
    for (int64_t k = 0; k < size[2] && least > 0; k++) {
        const void *stored;
        enum vox_code code = vox_watch_check(setup->watch, err);
        if (code != VOX_OK) {
            return code;
        }
        code = vox_slice_source_stored(setup->slices, k, &stored, err);
        if (code != VOX_OK) {
            return vox_err_prefix(err, code, "slice %lld", (long long)k);
        }
        const uint8_t *pixels = stored;
        for (int64_t i = 0; i < size[0] * size[1]; i++) {
            least = pixels[i] < least ? pixels[i] : least;
        }
    }
    features->padding = least;
    return VOX_OK;
}

/* The window's part of the slice, row by row, and padding around it. */
static void cut_window(const struct vox_slice_features *features)
{
    const struct vox_zoom_window *window = &features->setup.window;
    const int64_t *size = slice_size(&features->setup);
    int64_t begin = window->origin[0] < 0 ? -window->origin[0] : 0;
    int64_t end = size[0] - window->origin[0];
    end = end > window->size[0] ? window->size[0] : end;
    memset(features->window, features->padding, (size_t)window->size[0] * (size_t)window->size[1]);
    for (int64_t j = 0; j < window->size[1]; j++) {
        int64_t row = window->origin[1] + j;
        if (row >= 0 && row < size[1]) {
            memcpy(features->window + j * window->size[0] + begin,
                   features->grey + row * size[0] + window->origin[0] + begin,
                   (size_t)(end - begin));
        }
    }
}

/* The image of a slice that the network is given. */
static enum vox_code make_image(struct vox_slice_features *features, int64_t k, struct vox_err *err)
{
    const struct vox_slice_features_setup *setup = &features->setup;
    enum vox_code code = vox_intensity_slice(setup->slices, setup->intensity, k, features->values,
                                             features->grey, err);
    if (code != VOX_OK) {
        return vox_err_prefix(err, code, "slice %lld", (long long)k);
    }
    if (features->window != NULL) {
        cut_window(features);
    }
    vox_slice_resize_run(features->resize,
                         features->window != NULL ? features->window : features->grey,
                         features->image);
    return VOX_OK;
}

/* --- making --- */

static enum vox_code make_room(struct vox_slice_features *features, struct vox_err *err)
{
    const struct vox_slice_features_setup *setup = &features->setup;
    const int64_t *size = slice_size(setup), *seen = setup->window.size;
    int64_t side = vox_network_config(setup->network)->image_size;
    enum vox_code code = vox_slice_resize_new(seen[0], seen[1], side, side, &features->resize, err);
    if (code != VOX_OK) {
        return code;
    }
    size_t pixels = (size_t)size[0] * (size_t)size[1];
    features->values = vox_calloc(pixels, sizeof(*features->values));
    features->grey = vox_calloc(pixels, 1);
    features->image = vox_calloc((size_t)side * (size_t)side, 1);
    features->keys = vox_calloc((size_t)setup->frames, sizeof(*features->keys));
    bool made = features->values != NULL && features->grey != NULL && features->image != NULL &&
                features->keys != NULL;
    if (made && !is_whole(&setup->window, size)) {
        features->window = vox_calloc((size_t)seen[0] * (size_t)seen[1], 1);
        made = features->window != NULL;
    }
    return made ? VOX_OK : vox_fail(err, VOX_E_NOMEM, "out of memory");
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
    for (int i = 0; i < SLOTS; i++) {
        features->slots[i].frame = -1;
    }
    code = make_room(features, err);
    if (code == VOX_OK) {
        code = find_padding(features, err);
    }
    if (code != VOX_OK) {
        vox_slice_features_free(features);
        return code;
    }
    *out = features;
    return VOX_OK;
}

void vox_slice_features_free(struct vox_slice_features *features)
{
    if (features == NULL) {
        return;
    }
    for (int i = 0; i < SLOTS; i++) {
        vox_feature_store_release(features->setup.store, features->slots[i].held);
    }
    vox_free(features->keys);
    vox_free(features->image);
    vox_free(features->window);
    vox_free(features->grey);
    vox_free(features->values);
    vox_slice_resize_free(features->resize);
    vox_free(features);
}

/* --- use --- */

/* The features of a frame, held: from the store, or encoded now. */
static enum vox_code encode(struct vox_slice_features *features, const struct vox_feature_key *key,
                            int64_t k, struct vox_held_features **out, struct vox_err *err)
{
    const struct vox_slice_features_setup *setup = &features->setup;
    struct vox_features *made = vox_features_new(vox_network_config(setup->network));
    if (made == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    double start = vox_seconds();
    enum vox_code code = vox_network_encode(setup->network, features->image, made, NULL, err);
    if (code != VOX_OK) {
        vox_features_free(made);
        return vox_err_prefix(err, code, "slice %lld", (long long)k);
    }
    features->work.encoded++;
    features->work.encode_seconds += vox_seconds() - start;
    return vox_feature_store_add(setup->store, key, made, out, err);
}

static enum vox_code get(struct vox_slice_features *features, int64_t frame,
                         struct vox_held_features **out, struct vox_err *err)
{
    struct vox_feature_store *store = features->setup.store;
    struct frame_key *key = &features->keys[frame];
    int64_t k = features->setup.first + frame;
    bool known = key->known;
    struct vox_held_features *held = known ? vox_feature_store_find(store, &key->key) : NULL;
    if (held == NULL) {
        double start = vox_seconds();
        enum vox_code code = make_image(features, k, err);
        if (code == VOX_OK && !known) {
            code = vox_feature_store_key(store, features->image, &key->key, err);
        }
        features->work.window_seconds += vox_seconds() - start;
        if (code != VOX_OK) {
            return code;
        }
        key->known = true;
        held = known ? NULL : vox_feature_store_find(store, &key->key);
    }
    if (held == NULL) {
        return encode(features, &key->key, k, out, err);
    }
    features->work.cached++;
    *out = held;
    return VOX_OK;
}

static struct slot *find_slot(struct vox_slice_features *features, int64_t frame)
{
    for (int i = SLOTS - 1; i > LAST; i--) {
        if (features->slots[i].frame == frame) {
            return &features->slots[i];
        }
    }
    return &features->slots[LAST];
}

static enum vox_code supply(void *context, int64_t frame, const struct vox_features **out,
                            struct vox_err *err)
{
    struct vox_slice_features *features = context;
    VOX_ASSERT(frame >= 0 && frame < features->setup.frames);
    enum vox_code code = vox_watch_check(features->setup.watch, err);
    if (code != VOX_OK) {
        return code;
    }
    struct slot *slot = find_slot(features, frame);
    if (slot->held == NULL || slot->frame != frame) {
        struct vox_held_features *held;
        code = get(features, frame, &held, err);
        if (code != VOX_OK) {
            return code;
        }
        vox_feature_store_release(features->setup.store, slot->held);
        *slot = (struct slot){frame, held};
        code = vox_watch_check(features->setup.watch, err);
        if (code != VOX_OK) {
            return code;
        }
    }
    *out = vox_held_features_get(slot->held);
    return VOX_OK;
}

struct vox_feature_source vox_slice_features_source(struct vox_slice_features *features)
{
    return (struct vox_feature_source){supply, features};
}

void vox_slice_features_keep(struct vox_slice_features *features, const int64_t *frames, int64_t n)
{
    struct slot before[SLOTS];
    memcpy(before, features->slots, sizeof(before));
    for (int i = KEPT; i < SLOTS; i++) {
        int64_t frame = i - KEPT < n ? frames[i - KEPT] : -1;
        features->slots[i] = (struct slot){.frame = frame};
        for (int j = 0; j < SLOTS && frame >= 0; j++) {
            if (before[j].frame == frame && before[j].held != NULL) {
                features->slots[i].held = before[j].held;
                before[j].held = NULL;
                break;
            }
        }
    }
    if (before[LAST].held == NULL) {
        features->slots[LAST] = (struct slot){.frame = -1};
    }
    for (int j = KEPT; j < SLOTS; j++) {
        vox_feature_store_release(features->setup.store, before[j].held);
    }
}

struct vox_slice_features_work vox_slice_features_work(const struct vox_slice_features *features)
{
    return features->work;
}
