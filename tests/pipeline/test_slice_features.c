/* What the network is shown of a slice, and where features come from. */
#include "pipeline/slice_features.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "pipeline/slice_resize.h"
#include "support/failing_alloc.h"
#include "support/tiny_network.h"
#include "util/memory.h"

enum { WIDTH = 45, HEIGHT = 32, DEPTH = 5, PIXELS = WIDTH * HEIGHT, SIDE = 64, DARKEST = 9 };

static struct {
    struct vox_pool *pool;
    struct vox_backend *backend;
    struct vox_network *network;
    struct vox_volume volume;
    struct vox_slice_source *slices;
    struct vox_intensity intensity;
    uint8_t voxels[PIXELS * DEPTH];
} rig;

/* --- what is seen on the way --- */

static struct {
    pthread_mutex_t lock;
    uint8_t image[SIDE * SIDE]; /* the last one that the network was given */
    int encoded, read;
    int fail_encode, fail_read; /* the how many-th from now on; 0: none */
    atomic_int *cancel;         /* raised by an encoding; NULL: none */
} seen = {.lock = PTHREAD_MUTEX_INITIALIZER};

enum vox_code __real_vox_network_encode(struct vox_network *network, const uint8_t *image,
                                        const struct vox_features *out, const struct vox_tap *tap,
                                        struct vox_err *err);
enum vox_code __wrap_vox_network_encode(struct vox_network *network, const uint8_t *image,
                                        const struct vox_features *out, const struct vox_tap *tap,
                                        struct vox_err *err);
enum vox_code __real_vox_intensity_slice(struct vox_slice_source *source,
                                         const struct vox_intensity *intensity, int64_t k,
                                         double *work, uint8_t *out, struct vox_err *err);
enum vox_code __wrap_vox_intensity_slice(struct vox_slice_source *source,
                                         const struct vox_intensity *intensity, int64_t k,
                                         double *work, uint8_t *out, struct vox_err *err);

enum vox_code __wrap_vox_network_encode(struct vox_network *network, const uint8_t *image,
                                        const struct vox_features *out, const struct vox_tap *tap,
                                        struct vox_err *err)
{
    pthread_mutex_lock(&seen.lock);
    memcpy(seen.image, image, sizeof(seen.image));
    seen.encoded++;
    bool fails = seen.fail_encode > 0 && --seen.fail_encode == 0;
    if (seen.cancel != NULL) {
        atomic_store(seen.cancel, 1);
    }
    pthread_mutex_unlock(&seen.lock);
    return fails ? vox_fail(err, VOX_E_BACKEND, "broken")
                 : __real_vox_network_encode(network, image, out, tap, err);
}

enum vox_code __wrap_vox_intensity_slice(struct vox_slice_source *source,
                                         const struct vox_intensity *intensity, int64_t k,
                                         double *work, uint8_t *out, struct vox_err *err)
{
    pthread_mutex_lock(&seen.lock);
    seen.read++;
    bool fails = seen.fail_read > 0 && --seen.fail_read == 0;
    pthread_mutex_unlock(&seen.lock);
    return fails ? vox_fail(err, VOX_E_FORMAT, "torn")
                 : __real_vox_intensity_slice(source, intensity, k, work, out, err);
}

/* --- the rig --- */

static void must(enum vox_code code, const struct vox_err *err)
{
    if (code != VOX_OK) {
        fail_msg("%s", err->msg);
    }
}

static int set_up(void **state)
{
    (void)state;
    struct vox_err err = {0};
    struct vox_model_config config;
    vox_tiny_config(&config);
    struct vox_weights *weights = vox_tiny_weights(&config, NULL, true);
    must(vox_pool_new(2, &rig.pool, &err), &err);
    must(vox_backend_open("ref", rig.pool, &rig.backend, &err), &err);
    must(vox_network_open(&config, weights, rig.backend, &rig.network, &err), &err);
    vox_weights_close(weights);
    for (int i = 0; i < PIXELS * DEPTH; i++) {
        int x = i % WIDTH, y = i / WIDTH % HEIGHT, z = i / PIXELS;
        rig.voxels[i] = (uint8_t)(DARKEST + (3 * x + 5 * y + 11 * z + ((x * y) >> 2)) % 240);
    }
    rig.volume = (struct vox_volume){
        .size = {WIDTH, HEIGHT, DEPTH}, .type = VOX_VOXEL_U8, .slope = 1.0, .voxels = rig.voxels};
    must(vox_slice_source_borrow(&rig.volume, &rig.slices, &err), &err);
    const struct vox_window automatic = {.automatic = true};
    must(vox_intensity_prepare(rig.slices, &automatic, &rig.intensity, &err), &err);
    assert_int_equal(rig.intensity.rule, VOX_WINDOW_AS_IS);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    vox_slice_source_close(rig.slices);
    vox_network_close(rig.network);
    vox_backend_close(rig.backend);
    vox_pool_free(rig.pool);
    return 0;
}

static struct vox_feature_store *open_store(uint64_t memory, const char *folder)
{
    const struct vox_feature_store_setup setup = {
        .config = vox_network_config(rig.network),
        .memory = memory,
        .folder = folder,
        .disk = 64 << 20,
        .identity = "tiny",
    };
    struct vox_feature_store *store = NULL;
    struct vox_err err = {0};
    must(vox_feature_store_new(&setup, &store, &err), &err);
    return store;
}

static struct vox_zoom_window whole(void)
{
    return (struct vox_zoom_window){.whole = true, .size = {WIDTH, HEIGHT}};
}

static struct vox_slice_features_setup setup_of(struct vox_feature_store *store)
{
    return (struct vox_slice_features_setup){
        .network = rig.network,
        .slices = rig.slices,
        .intensity = &rig.intensity,
        .window = whole(),
        .frames = DEPTH,
        .store = store,
    };
}

static struct vox_slice_features *open_features(const struct vox_slice_features_setup *setup)
{
    struct vox_slice_features *features = NULL;
    struct vox_err err = {0};
    must(vox_slice_features_new(setup, &features, &err), &err);
    return features;
}

static const struct vox_features *ask(struct vox_slice_features *features, int64_t frame)
{
    struct vox_feature_source source = vox_slice_features_source(features);
    const struct vox_features *out = NULL;
    struct vox_err err = {0};
    must(source.features(source.context, frame, &out, &err), &err);
    assert_non_null(out);
    return out;
}

static enum vox_code try(struct vox_slice_features *features, int64_t frame, struct vox_err *err)
{
    struct vox_feature_source source = vox_slice_features_source(features);
    const struct vox_features *out = NULL;
    enum vox_code code = source.features(source.context, frame, &out, err);
    assert_true((code == VOX_OK) == (out != NULL));
    return code;
}

static size_t map_bytes(void)
{
    return vox_features_bytes(vox_network_config(rig.network)) - sizeof(struct vox_features);
}

static bool equal(const struct vox_features *a, const struct vox_features *b)
{
    return memcmp(a->f2, b->f2, map_bytes() / 4) == 0 &&
           memcmp(a->s1, b->s1, map_bytes() / 4) == 0 && memcmp(a->s0, b->s0, map_bytes() / 2) == 0;
}

/* --- images --- */

/* The window's pixel (i, j), as the definition says it. */
static void expect_image(const struct vox_zoom_window *window, const uint8_t *grey, uint8_t dark)
{
    int64_t w = window->size[0], h = window->size[1];
    uint8_t *cut = vox_alloc((size_t)(w * h));
    for (int64_t j = 0; j < h; j++) {
        for (int64_t i = 0; i < w; i++) {
            int64_t x = i + window->origin[0], y = j + window->origin[1];
            bool inside = x >= 0 && x < WIDTH && y >= 0 && y < HEIGHT;
            cut[j * w + i] = inside ? grey[y * WIDTH + x] : dark;
        }
    }
    struct vox_slice_resize *resize = NULL;
    uint8_t expected[SIDE * SIDE];
    assert_int_equal(vox_slice_resize_new(w, h, SIDE, SIDE, &resize, NULL), VOX_OK);
    vox_slice_resize_run(resize, cut, expected);
    assert_memory_equal(seen.image, expected, sizeof(expected));
    vox_slice_resize_free(resize);
    vox_free(cut);
}

static const struct vox_zoom_window windows[] = {
    {.size = {WIDTH, HEIGHT}},                    /* the whole slice, not said to be */
    {.origin = {8, 4}, .size = {16, 16}},         /* inside */
    {.origin = {0, 0}, .size = {48, 32}},         /* one column set wider */
    {.origin = {-9, -8}, .size = {64, 48}},       /* all around */
    {.origin = {40, -5}, .size = {16, 16}},       /* over a corner */
    {.origin = {-5, 4}, .size = {16, 16}},        /* over the left side alone */
    {.origin = {-15, 31}, .size = {16, 16}},      /* one pixel of the slice */
    {.origin = {29, 0}, .size = {16, HEIGHT}},    /* up to the last column */
    {.origin = {-100, 3}, .size = {400, 1}},      /* a row */
    {.origin = {3, -1000}, .size = {SIDE, 5000}}, /* as wide as the network's image */
};
enum { N_WINDOWS = sizeof(windows) / sizeof(windows[0]) };

static void windows_are_cut_and_padded(void **state)
{
    (void)state;
    struct vox_feature_store *store = open_store(0, NULL);
    struct vox_slice_features_setup setup = setup_of(store);
    for (int i = 0; i < N_WINDOWS; i++) {
        setup.window = windows[i];
        struct vox_slice_features *features = open_features(&setup);
        ask(features, 3);
        expect_image(&windows[i], rig.voxels + 3 * PIXELS, DARKEST);
        vox_slice_features_free(features);
    }
    vox_feature_store_free(store);
}

/* Where a window clips the volume's minimum it becomes 0, and so does the padding. */
static void padding_is_the_darkest_byte(void **state)
{
    (void)state;
    int16_t voxels[PIXELS * DEPTH];
    for (int i = 0; i < PIXELS * DEPTH; i++) {
        voxels[i] = (int16_t)(rig.voxels[i] * 4 - 700);
    }
    struct vox_volume volume = rig.volume;
    volume.type = VOX_VOXEL_I16;
    volume.voxels = voxels;
    struct vox_slice_source *slices = NULL;
    assert_int_equal(vox_slice_source_borrow(&volume, &slices, NULL), VOX_OK);
    struct vox_feature_store *store = open_store(0, NULL);
    const struct vox_window automatic = {.automatic = true}, flat = {.low = 5000, .high = 6000};
    for (int i = 0; i < 2; i++) {
        struct vox_intensity intensity;
        assert_int_equal(
            vox_intensity_prepare(slices, i == 0 ? &automatic : &flat, &intensity, NULL), VOX_OK);
        assert_int_equal(intensity.flat, i == 1);
        uint8_t grey[PIXELS];
        double work[PIXELS];
        assert_int_equal(__real_vox_intensity_slice(slices, &intensity, 1, work, grey, NULL),
                         VOX_OK);
        struct vox_slice_features_setup setup = setup_of(store);
        setup.slices = slices;
        setup.intensity = &intensity;
        setup.window = windows[3];
        struct vox_slice_features *features = open_features(&setup);
        ask(features, 1);
        expect_image(&windows[3], grey, 0);
        vox_slice_features_free(features);
    }
    vox_feature_store_free(store);
    vox_slice_source_close(slices);
}

static void frames_count_from_the_first_slice(void **state)
{
    (void)state;
    struct vox_feature_store *store = open_store(0, NULL);
    struct vox_slice_features_setup setup = setup_of(store);
    setup.first = 2;
    setup.frames = 3;
    struct vox_slice_features *features = open_features(&setup);
    struct vox_zoom_window window = whole();
    ask(features, 2);
    expect_image(&window, rig.voxels + 4 * PIXELS, 0);
    ask(features, 0);
    expect_image(&window, rig.voxels + 2 * PIXELS, 0);
    vox_slice_features_free(features);
    vox_feature_store_free(store);
}

/* --- where features come from --- */

/* Both passes over all frames give these features; returns what it took. */
static struct vox_slice_features_work pass_twice(const struct vox_slice_features_setup *setup,
                                                 struct vox_features *const expected[DEPTH])
{
    struct vox_slice_features *features = open_features(setup);
    for (int i = 0; i < 2 * DEPTH; i++) {
        int frame = i < DEPTH ? i : 2 * DEPTH - 1 - i;
        assert_true(equal(ask(features, frame), expected[frame]));
    }
    struct vox_slice_features_work work = vox_slice_features_work(features);
    assert_true(work.window_seconds >= 0.0 && work.encode_seconds >= 0.0);
    vox_slice_features_free(features);
    return work;
}

static void encode_by_hand(const struct vox_zoom_window *window,
                           struct vox_features *expected[DEPTH])
{
    struct vox_feature_store *store = open_store(0, NULL);
    struct vox_slice_features_setup setup = setup_of(store);
    setup.window = *window;
    for (int k = 0; k < DEPTH; k++) {
        struct vox_slice_features *features = open_features(&setup);
        ask(features, k);
        expect_image(window, rig.voxels + k * PIXELS, DARKEST);
        vox_slice_features_free(features);
        expected[k] = vox_features_new(vox_network_config(rig.network));
        assert_int_equal(
            __real_vox_network_encode(rig.network, seen.image, expected[k], NULL, NULL), VOX_OK);
    }
    vox_feature_store_free(store);
}

static void all_stores_give_the_same_bits(void **state)
{
    (void)state;
    struct vox_features *expected[DEPTH];
    encode_by_hand(&windows[3], expected);
    char folder[] = "/tmp/test_features.XXXXXX";
    assert_non_null(mkdtemp(folder));
    struct {
        uint64_t memory;
        const char *folder;
        int64_t encoded, cached;
    } const cases[] = {
        {0, NULL, 2 * DEPTH - 1, 0}, /* the last of the first pass is the first of the second */
        {UINT64_MAX, NULL, DEPTH, DEPTH - 1}, {0, folder, DEPTH, DEPTH - 1},
        {0, folder, 0, 2 * DEPTH - 1},        {UINT64_MAX, folder, 0, 2 * DEPTH - 1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct vox_feature_store *store = open_store(cases[i].memory, cases[i].folder);
        struct vox_slice_features_setup setup = setup_of(store);
        setup.window = windows[3];
        seen.encoded = 0;
        struct vox_slice_features_work work = pass_twice(&setup, expected);
        assert_int_equal(work.encoded, cases[i].encoded);
        assert_int_equal(work.cached, cases[i].cached);
        assert_int_equal(seen.encoded, cases[i].encoded);
        vox_feature_store_free(store);
    }
    for (int k = 0; k < DEPTH; k++) {
        vox_features_free(expected[k]);
    }
    char command[100];
    snprintf(command, sizeof(command), "rm -rf -- %s", folder);
    assert_int_equal(system(command), 0);
}

static void objects_share_windows_and_slices_are_read_once(void **state)
{
    (void)state;
    struct vox_feature_store *store = open_store(UINT64_MAX, NULL);
    struct vox_slice_features_setup setup = setup_of(store);
    setup.window = windows[1];
    struct vox_slice_features *one = open_features(&setup);
    setup.first = 1; /* the same slices, another slab */
    setup.frames = 3;
    struct vox_slice_features *two = open_features(&setup);
    setup.window = windows[4];
    struct vox_slice_features *other = open_features(&setup);
    seen.read = 0;
    ask(one, 2);
    ask(one, 3);
    ask(one, 2);
    assert_int_equal(seen.read, 2);
    ask(two, 1);
    ask(two, 2);
    ask(two, 1);
    assert_int_equal(seen.read, 4);
    assert_int_equal(vox_slice_features_work(two).encoded, 0);
    assert_int_equal(vox_slice_features_work(two).cached, 3);
    ask(other, 1);
    assert_int_equal(vox_slice_features_work(other).encoded, 1);
    vox_slice_features_free(one);
    vox_slice_features_free(two);
    vox_slice_features_free(other);
    vox_slice_features_free(NULL);
    vox_feature_store_free(store);
}

/* Two slices of the same bytes are the same to the network. */
static void equal_slices_are_encoded_once(void **state)
{
    (void)state;
    uint8_t voxels[PIXELS * DEPTH];
    for (int k = 0; k < DEPTH; k++) {
        memcpy(voxels + k * PIXELS, rig.voxels, PIXELS);
    }
    struct vox_volume volume = rig.volume;
    volume.voxels = voxels;
    struct vox_slice_source *slices = NULL;
    assert_int_equal(vox_slice_source_borrow(&volume, &slices, NULL), VOX_OK);
    struct vox_feature_store *store = open_store(UINT64_MAX, NULL);
    struct vox_slice_features_setup setup = setup_of(store);
    setup.slices = slices;
    struct vox_slice_features *features = open_features(&setup);
    for (int k = 0; k < DEPTH; k++) {
        ask(features, k);
    }
    assert_int_equal(vox_slice_features_work(features).encoded, 1);
    vox_slice_features_free(features);
    vox_feature_store_free(store);
    vox_slice_source_close(slices);
}

static void kept_frames_stay(void **state)
{
    (void)state;
    struct vox_feature_store *store = open_store(0, NULL);
    struct vox_slice_features_setup setup = setup_of(store);
    struct vox_slice_features *features = open_features(&setup);
    const int64_t kept[3] = {3, 1, 1};
    vox_slice_features_keep(features, kept, 3);
    const struct vox_features *three = ask(features, 3), *one = ask(features, 1);
    ask(features, 0);
    ask(features, 2);
    ask(features, 4);
    assert_int_equal(vox_slice_features_work(features).encoded, 5);
    assert_ptr_equal(ask(features, 1), one);
    assert_ptr_equal(ask(features, 3), three);
    assert_ptr_equal(ask(features, 4), ask(features, 4));
    assert_int_equal(vox_slice_features_work(features).encoded, 5);
    assert_int_equal(vox_slice_features_work(features).cached, 0);

    /* The last one becomes a kept one; 3 stays, 1 goes. */
    const int64_t others[2] = {4, 3};
    vox_slice_features_keep(features, others, 2);
    ask(features, 0);
    ask(features, 4);
    assert_ptr_equal(ask(features, 3), three);
    assert_int_equal(vox_slice_features_work(features).encoded, 6);
    ask(features, 1);
    assert_int_equal(vox_slice_features_work(features).encoded, 7);
    vox_slice_features_keep(features, NULL, 0);
    ask(features, 1);
    assert_int_equal(vox_slice_features_work(features).encoded, 7);
    ask(features, 4);
    assert_int_equal(vox_slice_features_work(features).encoded, 8);

    /* No more than fit. */
    int64_t many[VOX_KEPT_FRAMES + 3];
    for (int i = 0; i < VOX_KEPT_FRAMES + 3; i++) {
        many[i] = i % DEPTH;
    }
    vox_slice_features_keep(features, many, VOX_KEPT_FRAMES + 3);
    ask(features, 0);
    vox_slice_features_free(features);
    vox_feature_store_free(store);
}

static void streamed_slices_give_the_same(void **state)
{
    (void)state;
    char path[] = "/tmp/test_features.XXXXXX.nii";
    int descriptor = mkstemps(path, 4);
    assert_true(descriptor >= 0);
    close(descriptor);
    const struct vox_geometry geometry = {
        .affine = {{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}},
        .spacing = {1, 1, 1},
        .source = VOX_FORMAT_NRRD,
    };
    struct vox_err err = {0};
    must(vox_volume_write(path, &geometry, rig.volume.size, VOX_VOXEL_U8, rig.voxels, &err), &err);
    const struct vox_volume_limits limits = vox_volume_limits_default();
    struct vox_slice_source *slices = NULL;
    must(vox_slice_source_open(path, &limits, PIXELS, &slices, &err), &err);
    assert_false(vox_slice_source_resident(slices));
    struct vox_features *expected[DEPTH];
    encode_by_hand(&windows[4], expected);
    struct vox_feature_store *store = open_store(0, NULL);
    struct vox_slice_features_setup setup = setup_of(store);
    setup.slices = slices;
    setup.window = windows[4];
    pass_twice(&setup, expected);
    vox_feature_store_free(store);
    vox_slice_source_close(slices);
    for (int k = 0; k < DEPTH; k++) {
        vox_features_free(expected[k]);
    }
    assert_int_equal(unlink(path), 0);
}

/* --- errors --- */

static void bad_setups_are_refused(void **state)
{
    (void)state;
    struct vox_feature_store *store = open_store(0, NULL);
    struct {
        int64_t first, frames;
        struct vox_zoom_window window;
        enum vox_code code;
    } const cases[] = {
        {0, DEPTH + 1, windows[0], VOX_E_ARG},
        {1, DEPTH, windows[0], VOX_E_ARG},
        {-1, 2, windows[0], VOX_E_ARG},
        {0, 0, windows[0], VOX_E_ARG},
        {1, INT64_MAX, windows[0], VOX_E_ARG},
        {0, 1, {.origin = {WIDTH, 0}, .size = {16, 16}}, VOX_E_ARG},
        {0, 1, {.origin = {0, -16}, .size = {16, 16}}, VOX_E_ARG},
        {0, 1, {.origin = {0, 0}, .size = {0, 16}}, VOX_E_ARG},
        {0, 1, {.origin = {INT64_MIN, 0}, .size = {16, 16}}, VOX_E_ARG},
        {0, 1, {.origin = {INT64_MAX, 0}, .size = {INT64_MAX, 16}}, VOX_E_ARG},
        {0, 1, {.origin = {0, 0}, .size = {INT64_MAX, INT64_MAX}}, VOX_E_LIMIT},
        {0, 1, {.origin = {0, 0}, .size = {8192, 8193}}, VOX_E_LIMIT},
        {0, 1, {.origin = {0, 0}, .size = {VOX_RESIZE_MAX_SIDE + 1, 1}}, VOX_E_LIMIT},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct vox_slice_features_setup setup = setup_of(store);
        setup.first = cases[i].first;
        setup.frames = cases[i].frames;
        setup.window = cases[i].window;
        struct vox_slice_features *features = NULL;
        struct vox_err err = {0};
        assert_int_equal(vox_slice_features_new(&setup, &features, &err), cases[i].code);
        assert_null(features);
    }
    vox_feature_store_free(store);
}

static void errors_name_the_slice(void **state)
{
    (void)state;
    struct vox_feature_store *store = open_store(UINT64_MAX, NULL);
    struct vox_slice_features_setup setup = setup_of(store);
    setup.first = 2;
    setup.frames = 3;
    struct vox_slice_features *features = open_features(&setup);
    struct vox_err err = {0};
    const struct vox_features *zero = ask(features, 0);
    seen.fail_encode = 1;
    assert_int_equal(try(features, 1, &err), VOX_E_BACKEND);
    assert_string_equal(err.msg, "slice 3: broken");
    seen.fail_read = 1;
    assert_int_equal(try(features, 2, &err), VOX_E_FORMAT);
    assert_string_equal(err.msg, "slice 4: torn");
    assert_ptr_equal(ask(features, 0), zero);
    assert_int_equal(try(features, 1, &err), VOX_OK);
    assert_int_equal(try(features, 2, &err), VOX_OK);
    assert_int_equal(vox_slice_features_work(features).encoded, 3);
    vox_slice_features_free(features);
    vox_feature_store_free(store);
}

static void cancelling_stops(void **state)
{
    (void)state;
    atomic_int cancel = 1;
    const struct vox_watch watch = {.cancel = &cancel};
    struct vox_feature_store *store = open_store(UINT64_MAX, NULL);
    struct vox_slice_features_setup setup = setup_of(store);
    setup.watch = &watch;
    struct vox_slice_features *features = open_features(&setup);
    struct vox_err err = {0};
    seen.read = 0;
    assert_int_equal(try(features, 1, &err), VOX_E_CANCELLED);
    assert_int_equal(seen.read, 0);
    atomic_store(&cancel, 0);
    seen.cancel = &cancel;
    assert_int_equal(try(features, 1, &err), VOX_E_CANCELLED);
    seen.cancel = NULL;
    atomic_store(&cancel, 0);
    /* What was encoded then is not lost. */
    assert_int_equal(try(features, 1, &err), VOX_OK);
    assert_int_equal(vox_slice_features_work(features).encoded, 1);
    vox_slice_features_free(features);

    /* While the padding is being looked for. */
    atomic_store(&cancel, 1);
    setup.window = windows[3];
    assert_int_equal(vox_slice_features_new(&setup, &features, &err), VOX_E_CANCELLED);
    vox_feature_store_free(store);
}

/* Each allocation of making and of asking fails once; a slice takes those of its features alone. */
static void survives_failing_allocations(void **state)
{
    (void)state;
    struct vox_feature_store *store = open_store(0, NULL);
    struct vox_slice_features_setup setup = setup_of(store);
    setup.window = windows[3];
    struct vox_err err = {0};
    for (long k = 1;; k++) {
        struct vox_slice_features *features = NULL;
        vox_fail_allocation(k);
        enum vox_code code = vox_slice_features_new(&setup, &features, &err);
        bool failed = vox_allocation_failed();
        vox_fail_allocation(0);
        assert_int_equal(code, failed ? VOX_E_NOMEM : VOX_OK);
        vox_slice_features_free(features);
        if (!failed) {
            assert_true(k > 6);
            break;
        }
    }
    struct vox_slice_features *features = open_features(&setup);
    for (int frame = 0; frame < DEPTH; frame++) {
        long k = 1;
        for (;; k++) {
            vox_fail_allocation(k);
            enum vox_code code = try(features, frame, &err);
            bool failed = vox_allocation_failed();
            vox_fail_allocation(0);
            assert_int_equal(code, failed ? VOX_E_NOMEM : VOX_OK);
            if (!failed) {
                break;
            }
        }
        assert_int_equal(k, 4); /* the two of vox_features_new, and what holds them */
    }
    vox_slice_features_free(features);
    vox_feature_store_free(store);
}

/* --- threads --- */

static struct vox_feature_store *shared;
static atomic_int wrong;

static void *run_passes(void *context)
{
    struct vox_features *const *expected = context;
    struct vox_slice_features_setup setup = setup_of(shared);
    struct vox_slice_source *slices = NULL;
    struct vox_slice_features *features = NULL;
    if (vox_slice_source_borrow(&rig.volume, &slices, NULL) != VOX_OK) {
        atomic_fetch_add(&wrong, 1);
        return NULL;
    }
    setup.slices = slices;
    setup.window = windows[1];
    if (vox_slice_features_new(&setup, &features, NULL) == VOX_OK) {
        struct vox_feature_source source = vox_slice_features_source(features);
        for (int i = 0; i < 4 * DEPTH; i++) {
            int frame = i * 3 % DEPTH;
            const struct vox_features *out = NULL;
            if (source.features(source.context, frame, &out, NULL) != VOX_OK ||
                !equal(out, expected[frame])) {
                atomic_fetch_add(&wrong, 1);
            }
        }
    } else {
        atomic_fetch_add(&wrong, 1);
    }
    vox_slice_features_free(features);
    vox_slice_source_close(slices);
    return NULL;
}

static void threads_share_a_store(void **state)
{
    (void)state;
    enum { THREADS = 3 };
    struct vox_features *expected[DEPTH];
    encode_by_hand(&windows[1], expected);
    /* Room for three slices, so that they are thrown out all the time. */
    shared = open_store(3 * (vox_features_bytes(vox_network_config(rig.network)) + 200), NULL);
    pthread_t threads[THREADS];
    for (int t = 0; t < THREADS; t++) {
        assert_int_equal(pthread_create(&threads[t], NULL, run_passes, expected), 0);
    }
    for (int t = 0; t < THREADS; t++) {
        assert_int_equal(pthread_join(threads[t], NULL), 0);
    }
    assert_int_equal(atomic_load(&wrong), 0);
    assert_true(vox_feature_store_counts(shared).evicted > 0);
    vox_feature_store_free(shared);
    for (int k = 0; k < DEPTH; k++) {
        vox_features_free(expected[k]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_are_cut_and_padded),
        cmocka_unit_test(padding_is_the_darkest_byte),
        cmocka_unit_test(frames_count_from_the_first_slice),
        cmocka_unit_test(all_stores_give_the_same_bits),
        cmocka_unit_test(objects_share_windows_and_slices_are_read_once),
        cmocka_unit_test(equal_slices_are_encoded_once),
        cmocka_unit_test(kept_frames_stay),
        cmocka_unit_test(streamed_slices_give_the_same),
        cmocka_unit_test(bad_setups_are_refused),
        cmocka_unit_test(errors_name_the_slice),
        cmocka_unit_test(cancelling_stops),
        cmocka_unit_test(survives_failing_allocations),
        cmocka_unit_test(threads_share_a_store),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
