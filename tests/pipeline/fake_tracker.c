#include "fake_tracker.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "model/tracker.h"
#include "pipeline/slice_features.h"
#include "util/memory.h"

enum { GRID = FAKE_SIDE / 4 };

struct fake_scene fake;

struct slot {
    bool pending, conditions, tracked, corrected;
    float score;
    float low[GRID * GRID];
};

struct vox_tracker {
    char name;
    struct vox_feature_source source;
    int64_t frames, width, height;
    struct slot slots[FAKE_FRAMES];
    bool ended[FAKE_FRAMES]; /* corrected with clicks that end the object */
    bool active, reverse;
    int64_t next, last;
};

struct vox_slice_features {
    int empty;
};

static int trackers_made;

void fake_reset(void)
{
    memset(&fake, 0, sizeof(fake));
    trackers_made = 0;
}

static void note(const char *format, ...) VOX_PRINTF(1, 2);

static void note(const char *format, ...)
{
    size_t used = strlen(fake.log);
    va_list args;
    va_start(args, format);
    int n = vsnprintf(fake.log + used, sizeof(fake.log) - used, format, args);
    va_end(args);
    assert_true(n >= 0 && used + (size_t)n < sizeof(fake.log));
}

const char *fake_take_log(void)
{
    static char taken[sizeof(fake.log)];
    memcpy(taken, fake.log, sizeof(taken));
    fake.log[0] = '\0';
    return taken;
}

/* ---- features ---- */

enum vox_code vox_slice_features_new(const struct vox_slice_features_setup *setup,
                                     struct vox_slice_features **out, struct vox_err *err)
{
    (void)err;
    *out = vox_calloc(1, sizeof(**out));
    assert_non_null(*out);
    fake.window = setup->window;
    fake.first = setup->first;
    fake.frames = setup->frames;
    fake.features_open++;
    return VOX_OK;
}

void vox_slice_features_free(struct vox_slice_features *features)
{
    fake.features_open -= features != NULL;
    vox_free(features);
}

static enum vox_code supply(void *context, int64_t frame, const struct vox_features **out,
                            struct vox_err *err)
{
    (void)err;
    static const struct vox_features none;
    assert_non_null(context);
    assert_true(frame >= 0 && frame < fake.frames);
    *out = &none;
    return VOX_OK;
}

struct vox_feature_source vox_slice_features_source(struct vox_slice_features *features)
{
    assert_non_null(features);
    return (struct vox_feature_source){supply, features};
}

void vox_slice_features_keep(struct vox_slice_features *features, const int64_t *frames, int64_t n)
{
    (void)features;
    fake.n_kept = n < 8 ? n : 8;
    memcpy(fake.kept, frames, (size_t)fake.n_kept * sizeof(*frames));
}

struct vox_slice_features_work vox_slice_features_work(const struct vox_slice_features *features)
{
    (void)features;
    return (struct vox_slice_features_work){.encoded = 1, .cached = 2};
}

void vox_slice_source_plan(struct vox_slice_source *source, int64_t first, int64_t last)
{
    (void)source;
    note("plan %d-%d;", (int)first, (int)last);
}

/* ---- the network ---- */

const struct vox_model_config *vox_network_config(const struct vox_network *network)
{
    (void)network;
    static const struct vox_model_config config = {.image_size = FAKE_SIDE};
    return &config;
}

/* ---- trackers ---- */

enum vox_code vox_tracker_new(struct vox_network *network, int64_t frames, int64_t height,
                              int64_t width, const struct vox_feature_source *source,
                              struct vox_tracker **out, struct vox_err *err)
{
    (void)network;
    (void)err;
    assert_true(frames <= FAKE_FRAMES && frames == fake.frames);
    struct vox_tracker *tracker = vox_calloc(1, sizeof(*tracker));
    assert_non_null(tracker);
    *tracker = (struct vox_tracker){.name = (char)('A' + trackers_made++ % 26),
                                    .source = *source,
                                    .frames = frames,
                                    .width = width,
                                    .height = height};
    note("%c %d of %dx%d;", tracker->name, (int)frames, (int)width, (int)height);
    fake.trackers_open++;
    *out = tracker;
    return VOX_OK;
}

void vox_tracker_free(struct vox_tracker *tracker)
{
    fake.trackers_open -= tracker != NULL;
    vox_free(tracker);
}

static enum vox_code compute(struct vox_tracker *tracker, int64_t frame, struct vox_err *err)
{
    const struct vox_features *features = NULL;
    fake.calls++;
    fake.calls_after_cancel += atomic_load(&fake.cancel) != 0;
    if (fake.calls == fake.fail_at) {
        return vox_fail(err, VOX_E_BACKEND, "broken");
    }
    if (fake.calls == fake.cancel_at) {
        atomic_store(&fake.cancel, 1);
    }
    return tracker->source.features(tracker->source.context, frame, &features, err);
}

/* The logit of a value of the grid: the score, or with a radius how far inside it lies. */
static float logit(const struct vox_tracker *tracker, int64_t at, float score)
{
    double x = ((double)(at % GRID) + 0.5) * (double)tracker->width / GRID - 0.5;
    double y = ((double)(at / GRID) + 0.5) * (double)tracker->height / GRID - 0.5;
    double i = x + (double)fake.window.origin[0] - fake.centre[0];
    double j = y + (double)fake.window.origin[1] - fake.centre[1];
    return fake.radius == 0.0 ? score : (float)(fake.radius - sqrt(i * i + j * j));
}

static void find(struct vox_tracker *tracker, int64_t frame)
{
    struct slot *slot = &tracker->slots[frame];
    bool there = !fake.absent[frame] && !(fake.reverse_only[frame] && !tracker->reverse);
    for (int64_t f = 0; f < tracker->frames && there; f++) {
        bool before = tracker->reverse ? f >= frame : f <= frame;
        there = !(before && tracker->ended[f]);
    }
    slot->score = there ? 1.0F + (float)frame : (frame % 2 == 0 ? 0.0F : -1.0F);
    for (int64_t i = 0; i < (int64_t)GRID * GRID; i++) {
        slot->low[i] = there ? logit(tracker, i, slot->score) : -1024.0F;
    }
}

enum vox_code vox_tracker_add_points(struct vox_tracker *tracker, int64_t frame, int64_t object,
                                     const float *xy, const enum vox_point_label *labels, int64_t n,
                                     const float *box, bool clear_old, struct vox_err *err)
{
    struct slot *slot = &tracker->slots[frame];
    assert_int_equal(1, object);
    assert_true((box != NULL) == clear_old);
    assert_true(n > 0 || box != NULL);
    assert_false(slot->conditions && slot->tracked); /* it would be dropped */
    enum vox_code code = compute(tracker, frame, err);
    if (code != VOX_OK) {
        return code;
    }
    note("%c%s%d", tracker->name, slot->tracked ? "*" : "", (int)frame);
    if (box != NULL) {
        note("[%g,%g,%g,%g]", (double)box[0], (double)box[1], (double)box[2], (double)box[3]);
    }
    for (int64_t i = 0; i < n; i++) {
        note("%c%g,%g", labels[i] == VOX_POINT_POSITIVE ? '+' : '-', (double)xy[2 * i],
             (double)xy[2 * i + 1]);
    }
    note(";");
    slot->pending = true;
    tracker->ended[frame] = tracker->ended[frame] || (slot->tracked && fake.ends_after[frame]);
    tracker->active = false;
    find(tracker, frame);
    return VOX_OK;
}

enum vox_code vox_tracker_add_mask(struct vox_tracker *tracker, int64_t frame, int64_t object,
                                   const uint8_t *mask, struct vox_err *err)
{
    assert_int_equal(1, object);
    enum vox_code code = compute(tracker, frame, err);
    if (code != VOX_OK) {
        return code;
    }
    int64_t voxels = 0, sum = 0;
    for (int64_t y = 0; y < tracker->height; y++) {
        for (int64_t x = 0; x < tracker->width; x++) {
            voxels += mask[y * tracker->width + x] != 0;
            sum += mask[y * tracker->width + x] != 0 ? x + 100 * y : 0;
        }
    }
    note("%c%d(mask %d %d);", tracker->name, (int)frame, (int)voxels, (int)sum);
    tracker->slots[frame].pending = true;
    find(tracker, frame);
    return VOX_OK;
}

enum vox_code vox_tracker_start(struct vox_tracker *tracker, int64_t start, int64_t max_frames,
                                bool reverse, struct vox_err *err)
{
    assert_true(start >= 0 && start < tracker->frames && max_frames >= 0);
    enum vox_code code = compute(tracker, start, err);
    if (code != VOX_OK) {
        return code;
    }
    int64_t last = reverse ? start - max_frames : start + max_frames;
    assert_true(last >= 0 && last < tracker->frames);
    note("%c %d%s%d:", tracker->name, (int)start, reverse ? "<" : ">", (int)last);
    for (int64_t f = 0; f < tracker->frames; f++) {
        struct slot *slot = &tracker->slots[f];
        if (slot->pending) {
            slot->conditions = slot->conditions || !slot->tracked;
            slot->corrected = slot->tracked;
            slot->pending = false;
        }
    }
    tracker->reverse = reverse;
    tracker->next = start;
    tracker->last = last;
    tracker->active = !(reverse && start == 0);
    return VOX_OK;
}

enum vox_code vox_tracker_next(struct vox_tracker *tracker, int64_t *frame, struct vox_err *err)
{
    if (!tracker->active) {
        *frame = -1;
        note(".");
        return VOX_OK;
    }
    int64_t at = tracker->next;
    struct slot *slot = &tracker->slots[at];
    bool stays = slot->conditions || slot->corrected;
    enum vox_code code = compute(tracker, at, err);
    if (code != VOX_OK) {
        return code;
    }
    note("%s%d ", stays ? "=" : "", (int)at);
    if (!stays) {
        find(tracker, at);
    }
    slot->tracked = true;
    tracker->active = at != tracker->last;
    tracker->next = tracker->reverse ? at - 1 : at + 1;
    *frame = at;
    return VOX_OK;
}

void vox_tracker_stop(struct vox_tracker *tracker)
{
    assert_true(tracker->active || tracker->next >= tracker->last ||
                tracker->next <= tracker->last);
    tracker->active = false;
    note("!");
}

enum vox_code vox_tracker_result(const struct vox_tracker *tracker, int64_t frame,
                                 int64_t object_index, struct vox_frame_result *out,
                                 struct vox_err *err)
{
    (void)err;
    assert_int_equal(0, object_index);
    const struct slot *slot = &tracker->slots[frame];
    *out = (struct vox_frame_result){.score = slot->score, .low_logits = slot->low};
    return VOX_OK;
}
