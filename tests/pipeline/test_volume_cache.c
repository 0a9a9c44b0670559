#include "pipeline/volume_cache.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "own_folder.h"
#include "support/failing_alloc.h"
#include "util/memory.h"

enum { WIDTH = 8, HEIGHT = 6, DEPTH = 5, PIXELS = WIDTH * HEIGHT, BYTES = 2 * PIXELS * DEPTH };

static const struct vox_window automatic = {.automatic = true};

/* --- files --- */

/* A volume whose voxels count on from `base`. */
static void write_volume(const char *path, int base)
{
    int16_t voxels[PIXELS * DEPTH];
    for (int i = 0; i < PIXELS * DEPTH; i++) {
        voxels[i] = (int16_t)(base + i);
    }
    const int64_t size[3] = {WIDTH, HEIGHT, DEPTH};
    const struct vox_geometry geometry = {
        .affine = {{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}},
        .spacing = {1, 1, 1},
        .source = VOX_FORMAT_NRRD,
    };
    struct vox_err err = {0};
    if (vox_volume_write(path, &geometry, size, VOX_VOXEL_I16, voxels, &err) != VOX_OK) {
        fail_msg("%s", err.msg);
    }
}

/* Every test has a folder of its own, with files of base 100, 1000 and 2000. */
static int enter_folder(void **state)
{
    int bad = vox_enter_folder(state);
    if (bad == 0) {
        write_volume("a.nii", 100);
        write_volume("b.nii", 1000);
        write_volume("c.nii", 2000);
    }
    return bad;
}

/* --- what happens while a file is opened --- */

static struct {
    atomic_int pause; /* milliseconds */
    atomic_int failures;
    atomic_int changes; /* how many more openings find the file changed after them */
    atomic_int entered; /* how many have begun */
    atomic_int closed;  /* they wait as long as it is 1 */
} opening;

static void wait_while(const atomic_int *flag, int value)
{
    const struct timespec pause = {.tv_nsec = 1000000L};
    while (atomic_load(flag) == value) {
        nanosleep(&pause, NULL);
    }
}

enum vox_code __real_vox_slice_source_open(const char *path, const struct vox_volume_limits *limits,
                                           uint64_t budget, struct vox_slice_source **out,
                                           struct vox_err *err);
enum vox_code __wrap_vox_slice_source_open(const char *path, const struct vox_volume_limits *limits,
                                           uint64_t budget, struct vox_slice_source **out,
                                           struct vox_err *err);

enum vox_code __wrap_vox_slice_source_open(const char *path, const struct vox_volume_limits *limits,
                                           uint64_t budget, struct vox_slice_source **out,
                                           struct vox_err *err)
{
    const struct timespec pause = {.tv_nsec = 1000000L * atomic_load(&opening.pause)};
    nanosleep(&pause, NULL);
    atomic_fetch_add(&opening.entered, 1);
    wait_while(&opening.closed, 1);
    if (atomic_load(&opening.failures) > 0) {
        atomic_fetch_sub(&opening.failures, 1);
        return vox_fail(err, VOX_E_FORMAT, "worn out");
    }
    enum vox_code code = __real_vox_slice_source_open(path, limits, budget, out, err);
    if (atomic_load(&opening.changes) > 0) {
        atomic_fetch_sub(&opening.changes, 1);
        write_volume(path, 4000 + atomic_load(&opening.changes));
    }
    return code;
}

/* --- the cache --- */

static struct vox_volume_cache *open_cache(uint64_t bytes, uint64_t max_memory)
{
    const struct vox_volume_cache_setup setup = {
        .bytes = bytes, .max_memory = max_memory, .limits = vox_volume_limits_default()};
    struct vox_volume_cache *cache = NULL;
    assert_int_equal(vox_volume_cache_new(&setup, &cache, NULL), VOX_OK);
    return cache;
}

static bool holds(struct vox_held_volume *held, int base)
{
    double values[PIXELS];
    struct vox_slice_source *slices = vox_held_volume_slices(held);
    for (int k = 0; k < DEPTH; k++) {
        if (vox_slice_source_values(slices, k, values, NULL) != VOX_OK) {
            return false;
        }
        for (int i = 0; i < PIXELS; i++) {
            if (!(values[i] == (double)(base + k * PIXELS + i))) {
                return false;
            }
        }
    }
    return true;
}

static struct vox_held_volume *get(struct vox_volume_cache *cache, const char *path, int base)
{
    struct vox_held_volume *held = NULL;
    struct vox_err err = {0};
    if (vox_volume_cache_get(cache, path, NULL, &held, &err) != VOX_OK) {
        fail_msg("%s", err.msg);
    }
    assert_true(holds(held, base));
    return held;
}

static void use(struct vox_volume_cache *cache, const char *path, int base)
{
    vox_volume_cache_release(cache, get(cache, path, base));
}

static int64_t opened(struct vox_volume_cache *cache)
{
    return vox_volume_cache_counts(cache).opened;
}

static void a_file_is_read_once(void **state)
{
    (void)state;
    struct vox_volume_cache *cache = open_cache(1 << 20, 1 << 20);
    struct vox_held_volume *one = get(cache, "a.nii", 100);
    struct vox_held_volume *two = get(cache, "./a.nii", 100);
    struct vox_slice_source *first = vox_held_volume_slices(one);
    struct vox_slice_source *second = vox_held_volume_slices(two);
    assert_ptr_not_equal(first, second);
    assert_ptr_equal(vox_slice_source_volume(first)->voxels,
                     vox_slice_source_volume(second)->voxels);
    vox_volume_cache_release(cache, one);
    assert_true(holds(two, 100));
    vox_volume_cache_release(cache, two);
    use(cache, "a.nii", 100);
    assert_int_equal(link("a.nii", "other.nii"), 0); /* which changes the file's times */
    use(cache, "other.nii", 100);
    use(cache, "a.nii", 100);
    struct vox_volume_cache_counts counts = vox_volume_cache_counts(cache);
    assert_int_equal(counts.opened, 2);
    assert_int_equal(counts.shared, 3);
    assert_int_equal(counts.evicted, 0);
    vox_volume_cache_release(cache, NULL);
    vox_volume_cache_free(cache);
    vox_volume_cache_free(NULL);
}

static void a_file_that_was_replaced_is_seen(void **state)
{
    (void)state;
    struct vox_volume_cache *cache = open_cache(1 << 20, 1 << 20);
    struct vox_held_volume *before = get(cache, "a.nii", 100);
    struct stat st;
    assert_int_equal(stat("a.nii", &st), 0);

    /* By a rename; who has the old one keeps it. */
    write_volume("a.nii", 300);
    struct vox_held_volume *after = get(cache, "a.nii", 300);
    assert_true(holds(before, 100));

    /* In place, of the same size, at once, with the same time of modification. */
    for (int i = 0; i < 5; i++) {
        vox_overwrite_file("a.nii", i % 2 == 0 ? "b.nii" : "c.nii");
        const struct timespec times[2] = {st.st_mtim, st.st_mtim};
        assert_int_equal(utimensat(AT_FDCWD, "a.nii", times, 0), 0);
        use(cache, "a.nii", i % 2 == 0 ? 1000 : 2000);
    }
    assert_true(holds(after, 300));
    vox_volume_cache_release(cache, after);
    vox_volume_cache_release(cache, before);
    assert_int_equal(unlink("a.nii"), 0);
    struct vox_held_volume *held = NULL;
    struct vox_err err = {0};
    assert_int_equal(vox_volume_cache_get(cache, "a.nii", NULL, &held, &err), VOX_E_NOT_FOUND);
    assert_null(held);
    vox_volume_cache_free(cache);
}

/* The header stays as it is. */
static void voxels_beside_a_header_are_seen(void **state)
{
    (void)state;
    struct vox_volume_cache *cache = open_cache(1 << 20, 1 << 20);
    write_volume("a.mhd", 100);
    write_volume("b.mhd", 1000);
    use(cache, "a.mhd", 100);
    use(cache, "a.mhd", 100);
    assert_int_equal(opened(cache), 1);
    vox_overwrite_file("a.raw", "b.raw");
    use(cache, "a.mhd", 1000);
    assert_int_equal(rename("a.raw", "gone.raw"), 0);
    struct vox_held_volume *held = NULL;
    assert_int_equal(vox_volume_cache_get(cache, "a.mhd", NULL, &held, NULL), VOX_E_NOT_FOUND);
    assert_int_equal(rename("gone.raw", "a.raw"), 0);
    use(cache, "a.mhd", 1000);
    write_volume("a.mha", 700);
    use(cache, "a.mha", 700);
    use(cache, "a.mha", 700);
    assert_int_equal(opened(cache), 4);
    vox_volume_cache_free(cache);
}

static void a_file_that_changes_while_it_is_read(void **state)
{
    (void)state;
    struct vox_volume_cache *cache = open_cache(1 << 20, 1 << 20);
    atomic_store(&opening.changes, 1);
    use(cache, "a.nii", 4000);
    atomic_store(&opening.changes, 1000);
    struct vox_held_volume *held = NULL;
    struct vox_err err = {0};
    assert_int_equal(vox_volume_cache_get(cache, "b.nii", NULL, &held, &err), VOX_E_BUSY);
    assert_null(held);
    int changes = 1000 - atomic_load(&opening.changes);
    assert_int_equal(changes, 3);
    atomic_store(&opening.changes, 0);
    use(cache, "b.nii", 4000 + 997);
    vox_volume_cache_free(cache);
}

static void what_was_used_longest_ago_goes(void **state)
{
    (void)state;
    struct vox_volume_cache *cache = open_cache(2 * BYTES, 1 << 20);
    struct vox_intensity intensity;
    use(cache, "a.nii", 100);
    struct vox_held_volume *b = get(cache, "b.nii", 1000);
    assert_int_equal(vox_held_volume_intensity(b, &automatic, NULL, &intensity, NULL), VOX_OK);
    vox_volume_cache_release(cache, b);
    use(cache, "a.nii", 100);
    use(cache, "c.nii", 2000);
    assert_int_equal(opened(cache), 3);
    assert_int_equal(vox_volume_cache_counts(cache).bytes, 2 * BYTES);
    use(cache, "a.nii", 100);
    assert_int_equal(opened(cache), 3);
    b = get(cache, "b.nii", 1000);
    assert_int_equal(opened(cache), 4);
    assert_int_equal(vox_volume_cache_counts(cache).evicted, 2);
    /* Its range was not forgotten with the voxels. */
    assert_int_equal(vox_held_volume_intensity(b, &automatic, NULL, &intensity, NULL), VOX_OK);
    assert_int_equal(vox_volume_cache_counts(cache).prepared, 1);
    vox_volume_cache_release(cache, b);
    assert_int_equal(vox_volume_cache_counts(cache).bytes, 2 * BYTES);
    vox_volume_cache_free(cache);
}

static void what_is_in_use_counts(void **state)
{
    (void)state;
    struct vox_volume_cache *cache = open_cache(2 * BYTES, 1 << 20);
    struct vox_held_volume *a = get(cache, "a.nii", 100);
    struct vox_held_volume *b = get(cache, "b.nii", 1000);
    struct vox_held_volume *c = get(cache, "c.nii", 2000);
    struct vox_held_volume *again = get(cache, "c.nii", 2000); /* shared all the same */
    assert_int_equal(opened(cache), 3);
    assert_int_equal(vox_volume_cache_counts(cache).bytes, 2 * BYTES);
    vox_volume_cache_release(cache, c);
    vox_volume_cache_release(cache, again);
    use(cache, "c.nii", 2000);
    assert_int_equal(opened(cache), 4);
    assert_true(holds(a, 100) && holds(b, 1000));

    /* Once there is room the one that had none is kept. */
    c = get(cache, "c.nii", 2000);
    vox_volume_cache_release(cache, a);
    vox_volume_cache_release(cache, c);
    assert_int_equal(opened(cache), 5);
    use(cache, "c.nii", 2000);
    assert_int_equal(opened(cache), 5);
    vox_volume_cache_release(cache, b);
    assert_int_equal(vox_volume_cache_counts(cache).bytes, 2 * BYTES);
    vox_volume_cache_free(cache);
}

static void without_a_budget_ranges_are_remembered(void **state)
{
    (void)state;
    const uint64_t budgets[2] = {0, BYTES - 1};
    for (int i = 0; i < 2; i++) {
        struct vox_volume_cache *cache = open_cache(budgets[i], 1 << 20);
        struct vox_intensity intensity[3];
        for (int j = 0; j < 3; j++) {
            struct vox_held_volume *held = get(cache, "a.nii", 100);
            assert_int_equal(vox_held_volume_intensity(held, &automatic, NULL, &intensity[j], NULL),
                             VOX_OK);
            vox_volume_cache_release(cache, held);
            assert_true(intensity[j].max == intensity[0].max && intensity[j].max > 300.0);
        }
        struct vox_volume_cache_counts counts = vox_volume_cache_counts(cache);
        assert_int_equal(counts.opened, 3);
        assert_int_equal(counts.prepared, 1);
        assert_int_equal(counts.bytes, 0);
        vox_volume_cache_free(cache);
    }
}

static void streamed_files_share_their_ranges(void **state)
{
    (void)state;
    struct vox_volume_cache *cache = open_cache(1 << 20, 2 * PIXELS);
    struct vox_held_volume *one = get(cache, "a.nii", 100);
    struct vox_held_volume *two = get(cache, "a.nii", 100);
    assert_false(vox_slice_source_resident(vox_held_volume_slices(one)));
    assert_ptr_not_equal(vox_held_volume_slices(one), vox_held_volume_slices(two));
    struct vox_intensity first, second;
    assert_int_equal(vox_held_volume_intensity(one, &automatic, NULL, &first, NULL), VOX_OK);
    assert_int_equal(vox_held_volume_intensity(two, &automatic, NULL, &second, NULL), VOX_OK);
    assert_true(first.min == second.min && first.max == second.max && first.max > 300.0);
    struct vox_volume_cache_counts counts = vox_volume_cache_counts(cache);
    assert_int_equal(counts.opened, 2);
    assert_int_equal(counts.shared, 0);
    assert_int_equal(counts.prepared, 1);
    assert_int_equal(counts.bytes, 0);
    vox_volume_cache_release(cache, one);
    vox_volume_cache_release(cache, two);

    /* Opened for the second time while it changes. */
    atomic_store(&opening.changes, 1);
    use(cache, "a.nii", 4000);
    write_volume("a.nii", 500);
    one = get(cache, "a.nii", 500);
    assert_int_equal(vox_held_volume_intensity(one, &automatic, NULL, &first, NULL), VOX_OK);
    assert_true(first.min < 600.0);
    assert_int_equal(vox_volume_cache_counts(cache).prepared, 2);
    vox_volume_cache_release(cache, one);
    vox_volume_cache_free(cache);
}

static void windows_are_told_apart(void **state)
{
    (void)state;
    struct vox_volume_cache *cache = open_cache(1 << 20, 1 << 20);
    struct vox_held_volume *held = get(cache, "a.nii", 100);
    struct vox_window full, abdomen, given = {.low = 110, .high = 120};
    assert_true(vox_window_preset("full", &full));
    assert_true(vox_window_preset("abdomen", &abdomen));
    struct vox_window other = given;
    other.high = 121;
    const struct vox_window *const windows[5] = {&automatic, &full, &abdomen, &given, &other};
    struct vox_intensity expected[5], intensity;
    for (int round = 0; round < 2; round++) {
        for (int w = 0; w < 5; w++) {
            struct vox_intensity *out = round == 0 ? &expected[w] : &intensity;
            memset(out, 0, sizeof(*out));
            assert_int_equal(vox_held_volume_intensity(held, windows[w], NULL, out, NULL), VOX_OK);
            assert_true(out->rule == expected[w].rule && out->low == expected[w].low &&
                        out->high == expected[w].high && out->max == expected[w].max);
        }
    }
    assert_true(expected[3].high == 120.0 && expected[4].high == 121.0);
    assert_int_equal(vox_volume_cache_counts(cache).prepared, 5);

    /* No more than so many are remembered. */
    for (int i = 0; i < 2 * VOX_REMEMBERED_WINDOWS; i++) {
        struct vox_window one = {.low = 0, .high = 200 + i};
        assert_int_equal(vox_held_volume_intensity(held, &one, NULL, &intensity, NULL), VOX_OK);
        assert_true(intensity.high == 200 + i);
    }
    struct vox_err err = {0};
    const struct vox_window bad = {.low = 3, .high = 2};
    assert_int_equal(vox_held_volume_intensity(held, &bad, NULL, &intensity, &err), VOX_E_ARG);
    assert_int_equal(vox_held_volume_intensity(held, &automatic, NULL, &intensity, NULL), VOX_OK);
    assert_int_equal(vox_volume_cache_counts(cache).prepared, 6 + 2 * VOX_REMEMBERED_WINDOWS);
    vox_volume_cache_release(cache, held);
    vox_volume_cache_free(cache);
}

static void bad_files_say_so(void **state)
{
    (void)state;
    struct vox_volume_cache *cache = open_cache(1 << 20, 1 << 20);
    struct vox_held_volume *held = NULL;
    struct vox_err err = {0};
    assert_int_equal(vox_volume_cache_get(cache, "none.nii", NULL, &held, &err), VOX_E_NOT_FOUND);
    assert_int_equal(truncate("a.nii", 360), 0);
    assert_int_equal(vox_volume_cache_get(cache, "a.nii", NULL, &held, &err), VOX_E_FORMAT);
    assert_true(err.msg[0] != '\0');
    assert_int_equal(vox_volume_cache_get(cache, "a.nii", NULL, &held, NULL), VOX_E_FORMAT);
    assert_null(held);
    assert_int_equal(opened(cache), 0);
    vox_volume_cache_free(cache);
}

static void only_so_many_files_are_remembered(void **state)
{
    (void)state;
    enum { FILES = 1100 };
    struct vox_volume_cache *cache = open_cache(0, 1 << 20);
    char path[40];
    for (int i = 0; i < FILES; i++) {
        snprintf(path, sizeof(path), "%d.nii", i);
        vox_overwrite_file(path, "a.nii");
    }
    struct vox_intensity intensity;
    for (int i = 0; i < FILES; i++) {
        snprintf(path, sizeof(path), "%d.nii", i);
        struct vox_held_volume *held = get(cache, path, 100);
        assert_int_equal(vox_held_volume_intensity(held, &automatic, NULL, &intensity, NULL),
                         VOX_OK);
        vox_volume_cache_release(cache, held);
    }
    const int known[2] = {FILES - 1, FILES - 1000}, forgotten = 50;
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof(path), "%d.nii", i < 2 ? known[i] : forgotten);
        struct vox_held_volume *held = get(cache, path, 100);
        assert_int_equal(vox_held_volume_intensity(held, &automatic, NULL, &intensity, NULL),
                         VOX_OK);
        vox_volume_cache_release(cache, held);
    }
    assert_int_equal(vox_volume_cache_counts(cache).prepared, FILES + 1);
    vox_volume_cache_free(cache);
}

/* --- threads --- */

enum { THREADS = 4 };

static struct vox_volume_cache *shared;
static atomic_int wrong, refused;

static void *ask_once(void *context)
{
    (void)context;
    struct vox_held_volume *held = NULL;
    struct vox_err err = {0};
    enum vox_code code = vox_volume_cache_get(shared, "a.nii", NULL, &held, &err);
    if (code != VOX_OK) {
        atomic_fetch_add(strcmp(err.msg, "worn out") == 0 ? &refused : &wrong, 1);
        return NULL;
    }
    struct vox_intensity intensity;
    if (!holds(held, 100) ||
        vox_held_volume_intensity(held, &automatic, NULL, &intensity, NULL) != VOX_OK ||
        !(intensity.max > 300.0)) {
        atomic_fetch_add(&wrong, 1);
    }
    vox_volume_cache_release(shared, held);
    return NULL;
}

static void run_threads(void *(*body)(void *context))
{
    pthread_t threads[THREADS];
    for (uintptr_t t = 0; t < THREADS; t++) {
        assert_int_equal(pthread_create(&threads[t], NULL, body, (void *)t), 0);
    }
    for (int t = 0; t < THREADS; t++) {
        assert_int_equal(pthread_join(threads[t], NULL), 0);
    }
}

static void threads_wait_for_the_one_that_reads(void **state)
{
    (void)state;
    shared = open_cache(1 << 20, 1 << 20);
    atomic_store(&opening.pause, 200);
    run_threads(ask_once);
    struct vox_volume_cache_counts counts = vox_volume_cache_counts(shared);
    assert_int_equal(counts.opened, 1);
    assert_int_equal(counts.shared, THREADS - 1);
    assert_int_equal(counts.prepared, 1);
    vox_volume_cache_free(shared);

    /* They get its error too, and nothing is remembered of it. */
    shared = open_cache(1 << 20, 1 << 20);
    atomic_store(&opening.failures, 1);
    run_threads(ask_once);
    assert_int_equal(atomic_load(&refused), THREADS);
    assert_int_equal(atomic_load(&opening.failures), 0);
    atomic_store(&opening.pause, 0);
    use(shared, "a.nii", 100);
    assert_int_equal(atomic_load(&wrong), 0);
    vox_volume_cache_free(shared);
}

/* --- giving up --- */

static bool at_once(void *context)
{
    (void)context;
    return true;
}

static void who_waits_for_a_file_may_give_up(void **state)
{
    (void)state;
    const struct vox_watch hurried = {.cancelled = at_once};
    struct vox_held_volume *held = NULL;
    pthread_t reader;
    shared = open_cache(1 << 20, 1 << 20);
    atomic_store(&opening.entered, 0);
    atomic_store(&opening.closed, 1);
    assert_int_equal(pthread_create(&reader, NULL, ask_once, NULL), 0);
    wait_while(&opening.entered, 0);
    assert_int_equal(vox_volume_cache_get(shared, "a.nii", &hurried, &held, NULL), VOX_E_CANCELLED);
    assert_null(held);
    atomic_store(&opening.closed, 0);
    assert_int_equal(pthread_join(reader, NULL), 0);
    /* Who need not wait is not asked. */
    assert_int_equal(vox_volume_cache_get(shared, "a.nii", &hurried, &held, NULL), VOX_OK);
    vox_volume_cache_release(shared, held);
    assert_int_equal(vox_volume_cache_counts(shared).opened, 1);
    assert_int_equal(atomic_load(&wrong), 0);
    vox_volume_cache_free(shared);
}

static atomic_int looking, look_closed;

static bool stop_when_opened(void *context)
{
    (void)context;
    atomic_store(&looking, 1);
    wait_while(&look_closed, 1);
    return true;
}

/* Looks at the voxels until the gate opens, and then gives up. */
static void *look_and_stop(void *context)
{
    const struct vox_watch watch = {.cancelled = stop_when_opened};
    struct vox_intensity intensity;
    struct vox_held_volume *held = context;
    if (vox_held_volume_intensity(held, &automatic, &watch, &intensity, NULL) != VOX_E_CANCELLED) {
        atomic_fetch_add(&wrong, 1);
    }
    return NULL;
}

static void who_waits_for_a_range_may_give_up(void **state)
{
    (void)state;
    const struct vox_watch hurried = {.cancelled = at_once};
    struct vox_intensity intensity;
    pthread_t first, second;
    shared = open_cache(1 << 20, 1 << 20);
    struct vox_held_volume *a = get(shared, "a.nii", 100), *b = get(shared, "a.nii", 100);
    atomic_store(&look_closed, 1);
    assert_int_equal(pthread_create(&first, NULL, look_and_stop, a), 0);
    wait_while(&looking, 0);
    assert_int_equal(vox_held_volume_intensity(b, &automatic, &hurried, &intensity, NULL),
                     VOX_E_CANCELLED);
    /* Who waits on does it when the first one has given up. */
    assert_int_equal(pthread_create(&second, NULL, ask_once, NULL), 0);
    atomic_store(&look_closed, 0);
    assert_int_equal(pthread_join(first, NULL) | pthread_join(second, NULL), 0);
    assert_int_equal(vox_volume_cache_counts(shared).prepared, 1);
    assert_int_equal(vox_held_volume_intensity(b, &automatic, &hurried, &intensity, NULL), VOX_OK);
    assert_int_equal(atomic_load(&wrong), 0);
    vox_volume_cache_release(shared, a);
    vox_volume_cache_release(shared, b);
    vox_volume_cache_free(shared);
}

/* Files of any base, which are replaced meanwhile: all that is asked for is sound. */
static void *ask_often(void *context)
{
    static const char *const names[3] = {"a.nii", "b.nii", "c.nii"};
    unsigned random = 5U + 7U * (unsigned)(uintptr_t)context;
    for (int i = 0; i < 60; i++) {
        random = random * 1664525U + 1013904223U;
        const char *path = names[(random >> 16) % 3];
        if ((random >> 20) % 16 == 0) {
            write_volume(path, (int)(random >> 24));
        }
        struct vox_held_volume *held = NULL;
        enum vox_code code = vox_volume_cache_get(shared, path, NULL, &held, NULL);
        if (code == VOX_E_BUSY) {
            continue;
        }
        struct vox_intensity intensity = {0};
        double first[PIXELS];
        const struct vox_window full = {.rule = VOX_WINDOW_FULL};
        if (code != VOX_OK ||
            vox_slice_source_values(vox_held_volume_slices(held), 0, first, NULL) != VOX_OK ||
            !holds(held, (int)first[0]) ||
            vox_held_volume_intensity(held, &full, NULL, &intensity, NULL) != VOX_OK ||
            !(intensity.min == first[0]) || vox_volume_cache_counts(shared).bytes > 2 * BYTES) {
            atomic_fetch_add(&wrong, 1);
        }
        vox_volume_cache_release(shared, held);
    }
    return NULL;
}

static void threads_share_a_cache(void **state)
{
    (void)state;
    const uint64_t memory[2] = {1 << 20, 2 * PIXELS}; /* read whole; streamed */
    for (int i = 0; i < 2; i++) {
        shared = open_cache(2 * BYTES, memory[i]);
        run_threads(ask_often);
        assert_int_equal(atomic_load(&wrong), 0);
        vox_volume_cache_free(shared);
    }
}

/* --- failing allocations --- */

static enum vox_code live(uint64_t max_memory, struct vox_err *err)
{
    const struct vox_volume_cache_setup setup = {
        .bytes = 1 << 20, .max_memory = max_memory, .limits = vox_volume_limits_default()};
    struct vox_volume_cache *cache = NULL;
    enum vox_code code = vox_volume_cache_new(&setup, &cache, err);
    if (code != VOX_OK) {
        return code;
    }
    for (int i = 0; i < 2 && code == VOX_OK; i++) {
        struct vox_held_volume *held = NULL;
        struct vox_intensity intensity;
        code = vox_volume_cache_get(cache, "a.nii", NULL, &held, err);
        if (code == VOX_OK) {
            code = vox_held_volume_intensity(held, &automatic, NULL, &intensity, err);
        }
        vox_volume_cache_release(cache, held);
    }
    vox_volume_cache_free(cache);
    return code;
}

static void survives_failing_allocations(void **state)
{
    (void)state;
    const uint64_t memory[2] = {1 << 20, 2 * PIXELS};
    for (int i = 0; i < 2; i++) {
        for (long k = 1;; k++) {
            struct vox_err err = {0};
            vox_fail_allocation(k);
            enum vox_code code = live(memory[i], &err);
            bool failed = vox_allocation_failed();
            vox_fail_allocation(0);
            assert_int_equal(code, failed ? VOX_E_NOMEM : VOX_OK);
            if (!failed) {
                assert_true(k > 8);
                break;
            }
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, enter_folder, vox_leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_is_read_once),
        TEST(a_file_that_was_replaced_is_seen),
        TEST(voxels_beside_a_header_are_seen),
        TEST(a_file_that_changes_while_it_is_read),
        TEST(what_was_used_longest_ago_goes),
        TEST(what_is_in_use_counts),
        TEST(without_a_budget_ranges_are_remembered),
        TEST(streamed_files_share_their_ranges),
        TEST(windows_are_told_apart),
        TEST(bad_files_say_so),
        TEST(only_so_many_files_are_remembered),
        TEST(threads_wait_for_the_one_that_reads),
        TEST(who_waits_for_a_file_may_give_up),
        TEST(who_waits_for_a_range_may_give_up),
        TEST(threads_share_a_cache),
        TEST(survives_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
