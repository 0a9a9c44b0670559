#include "pipeline/feature_store.h"

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
#include <unistd.h>

#include <cmocka.h>

#include "feature_fixture.h"
#include "support/failing_alloc.h"
#include "util/memory.h"

static struct vox_feature_store *open_store(uint64_t memory, const char *folder,
                                            const char *identity)
{
    const struct vox_feature_store_setup setup = {
        .config = &vox_small_config,
        .memory = memory,
        .folder = folder,
        .disk = 1 << 20,
        .identity = identity,
    };
    struct vox_feature_store *store = NULL;
    struct vox_err err = {0};
    if (vox_feature_store_new(&setup, &store, &err) != VOX_OK) {
        fail_msg("%s", err.msg);
    }
    return store;
}

/* What one slice's features cost, as the store counts. */
static uint64_t entry_bytes(void)
{
    struct vox_feature_store *store = open_store(UINT64_MAX, NULL, "w");
    struct vox_feature_key key = vox_small_key(0);
    struct vox_held_features *held = NULL;
    assert_int_equal(vox_feature_store_add(store, &key, vox_small_features(0), &held, NULL),
                     VOX_OK);
    uint64_t bytes = vox_feature_store_counts(store).memory_bytes;
    vox_feature_store_release(store, held);
    vox_feature_store_free(store);
    assert_true(bytes >= vox_features_bytes(&vox_small_config));
    return bytes;
}

static struct vox_held_features *add(struct vox_feature_store *store, int seed)
{
    struct vox_feature_key key = vox_small_key(seed);
    struct vox_held_features *held = NULL;
    struct vox_err err = {0};
    assert_int_equal(vox_feature_store_add(store, &key, vox_small_features(seed), &held, &err),
                     VOX_OK);
    assert_true(vox_are_small_features(vox_held_features_get(held), seed));
    return held;
}

static void add_and_release(struct vox_feature_store *store, int seed)
{
    vox_feature_store_release(store, add(store, seed));
}

static struct vox_held_features *find(struct vox_feature_store *store, int seed)
{
    struct vox_feature_key key = vox_small_key(seed);
    struct vox_held_features *held = vox_feature_store_find(store, &key);
    if (held != NULL) {
        assert_true(vox_are_small_features(vox_held_features_get(held), seed));
    }
    return held;
}

static bool knows(struct vox_feature_store *store, int seed)
{
    struct vox_held_features *held = find(store, seed);
    vox_feature_store_release(store, held);
    return held != NULL;
}

static void finds_what_was_added(void **state)
{
    (void)state;
    struct vox_feature_store *store = open_store(UINT64_MAX, NULL, "w");
    enum { N = 300 }; /* so that the table grows */
    for (int seed = 0; seed < N; seed++) {
        assert_false(knows(store, seed));
        add_and_release(store, seed);
    }
    for (int seed = 0; seed < N; seed++) {
        assert_true(knows(store, seed));
    }
    struct vox_feature_store_counts counts = vox_feature_store_counts(store);
    assert_int_equal(counts.misses, N);
    assert_int_equal(counts.memory_hits, N);
    assert_int_equal(counts.disk_hits, 0);
    assert_int_equal(counts.evicted, 0);
    assert_int_equal(counts.memory_bytes, N * entry_bytes());
    vox_feature_store_free(store);
    vox_feature_store_free(NULL);
}

static void throws_out_what_was_used_longest_ago(void **state)
{
    (void)state;
    struct vox_feature_store *store = open_store(3 * entry_bytes(), NULL, "w");
    add_and_release(store, 1);
    add_and_release(store, 2);
    add_and_release(store, 3);
    assert_true(knows(store, 1));
    add_and_release(store, 4);
    assert_false(knows(store, 2));
    assert_true(knows(store, 1));
    add_and_release(store, 5);
    assert_false(knows(store, 3));
    assert_true(knows(store, 1) && knows(store, 4) && knows(store, 5));
    struct vox_feature_store_counts counts = vox_feature_store_counts(store);
    assert_int_equal(counts.evicted, 2);
    assert_int_equal(counts.memory_bytes, 3 * entry_bytes());
    vox_feature_store_free(store);
}

static void what_is_held_stays(void **state)
{
    (void)state;
    struct vox_feature_store *store = open_store(2 * entry_bytes() + 1, NULL, "w");
    struct vox_held_features *one = add(store, 1);
    struct vox_held_features *again = find(store, 1);
    assert_ptr_equal(one, again);
    struct vox_held_features *two = add(store, 2);
    /* The budget is in use: the third is its holder's alone. */
    struct vox_held_features *three = add(store, 3);
    assert_false(knows(store, 3));
    assert_int_equal(vox_feature_store_counts(store).memory_bytes, 2 * entry_bytes());
    vox_feature_store_release(store, one);
    assert_true(vox_are_small_features(vox_held_features_get(again), 1));
    add_and_release(store, 4);
    assert_false(knows(store, 4)); /* 1 is held once more */
    vox_feature_store_release(store, again);
    assert_true(vox_are_small_features(vox_held_features_get(three), 3));
    vox_feature_store_release(store, three);
    add_and_release(store, 5);
    assert_true(knows(store, 5) && knows(store, 2));
    assert_false(knows(store, 1));
    vox_feature_store_release(store, two);
    assert_int_equal(vox_feature_store_counts(store).evicted, 1);
    vox_feature_store_free(store);
}

static void without_a_budget_nothing_is_kept(void **state)
{
    (void)state;
    const uint64_t budgets[2] = {0, entry_bytes() - 1};
    for (int i = 0; i < 2; i++) {
        struct vox_feature_store *store = open_store(budgets[i], NULL, "w");
        struct vox_held_features *one = add(store, 1);
        assert_false(knows(store, 1));
        struct vox_held_features *two = add(store, 1);
        assert_ptr_not_equal(one, two);
        vox_feature_store_release(store, one);
        assert_true(vox_are_small_features(vox_held_features_get(two), 1));
        vox_feature_store_release(store, two);
        vox_feature_store_release(store, NULL);
        assert_int_equal(vox_feature_store_counts(store).memory_bytes, 0);
        vox_feature_store_free(store);
    }
}

static void the_first_of_two_is_held(void **state)
{
    (void)state;
    struct vox_feature_store *store = open_store(UINT64_MAX, NULL, "w");
    struct vox_held_features *one = add(store, 1);
    struct vox_held_features *two = add(store, 1);
    assert_ptr_equal(one, two);
    assert_int_equal(vox_feature_store_counts(store).memory_bytes, entry_bytes());
    vox_feature_store_release(store, one);
    vox_feature_store_release(store, two);
    vox_feature_store_free(store);
}

static void keys_depend_on_everything(void **state)
{
    (void)state;
    enum { PIXELS = 64 * 64 };
    uint8_t image[PIXELS] = {0};
    struct vox_model_config shapes[4] = {vox_small_config, vox_small_config, vox_small_config,
                                         vox_small_config};
    shapes[0].neck.d_model = 64;
    shapes[1].trunk.n_stages = 4;
    shapes[2].trunk.n_stages = 4;
    shapes[2].trunk.window_spec[3] = 7;
    shapes[3].trunk.n_global = 1; /* block 0 */
    const struct vox_feature_store_setup setups[] = {
        {.config = &vox_small_config, .identity = "w"},
        {.config = &vox_small_config, .identity = "w"},
        {.config = &vox_small_config, .identity = "v"},
        {.config = &vox_small_config, .identity = ""},
        {.config = &shapes[0], .identity = "w"},
        {.config = &shapes[1], .identity = "w"},
        {.config = &shapes[2], .identity = "w"},
        {.config = &shapes[3], .identity = "w"},
    };
    enum { N = sizeof(setups) / sizeof(setups[0]) };
    struct vox_feature_key keys[N], key;
    for (int i = 0; i < N; i++) {
        struct vox_feature_store *store = NULL;
        assert_int_equal(vox_feature_store_new(&setups[i], &store, NULL), VOX_OK);
        assert_int_equal(vox_feature_store_key(store, image, &keys[i], NULL), VOX_OK);
        for (int j = 0; j < i; j++) {
            bool same = memcmp(&keys[i], &keys[j], sizeof(key)) == 0;
            assert_int_equal(same, i == 1 && j == 0);
        }
        image[PIXELS - 1] = 1;
        assert_int_equal(vox_feature_store_key(store, image, &key, NULL), VOX_OK);
        assert_memory_not_equal(&key, &keys[i], sizeof(key));
        image[PIXELS - 1] = 0;
        vox_feature_store_free(store);
    }
}

/* --- with a disk --- */

static void remove_folder(const char *folder)
{
    char command[200];
    snprintf(command, sizeof(command), "rm -rf -- %s", folder);
    assert_int_equal(system(command), 0);
}

static void make_folder(char folder[64])
{
    snprintf(folder, 64, "/tmp/test_store.XXXXXX");
    assert_non_null(mkdtemp(folder));
}

static void the_disk_outlives_the_memory(void **state)
{
    (void)state;
    char folder[64];
    make_folder(folder);
    struct vox_feature_store *store = open_store(entry_bytes(), folder, "w");
    for (int seed = 0; seed < 5; seed++) {
        add_and_release(store, seed);
    }
    assert_true(knows(store, 2)); /* from the disk, and into memory */
    assert_true(knows(store, 2));
    struct vox_feature_store_counts counts = vox_feature_store_counts(store);
    assert_int_equal(counts.disk_hits, 1);
    assert_int_equal(counts.memory_hits, 1);
    assert_int_equal(counts.misses, 0);
    vox_feature_store_free(store);

    store = open_store(0, folder, "w");
    for (int seed = 0; seed < 5; seed++) {
        assert_true(knows(store, seed));
    }
    assert_false(knows(store, 5));
    counts = vox_feature_store_counts(store);
    assert_int_equal(counts.disk_hits, 5);
    assert_int_equal(counts.misses, 1);
    vox_feature_store_free(store);
    remove_folder(folder);
}

static void a_disk_that_cannot_be_written_is_counted(void **state)
{
    (void)state;
    char folder[64];
    make_folder(folder);
    struct vox_feature_store *store = open_store(UINT64_MAX, folder, "w");
    remove_folder(folder); /* what is left of it takes no files */
    add_and_release(store, 1);
    assert_true(knows(store, 1));
    assert_int_equal(vox_feature_store_counts(store).failed_writes, 1);
    vox_feature_store_free(store);
}

static void a_folder_open_to_others_is_refused(void **state)
{
    (void)state;
    char folder[64];
    make_folder(folder);
    assert_int_equal(chmod(folder, 0750), 0);
    const struct vox_feature_store_setup setup = {
        .config = &vox_small_config, .folder = folder, .disk = 1 << 20, .identity = "w"};
    struct vox_feature_store *store = NULL;
    struct vox_err err = {0};
    assert_int_equal(vox_feature_store_new(&setup, &store, &err), VOX_E_ARG);
    assert_null(store);
    remove_folder(folder);
}

/* --- threads --- */

enum { THREADS = 4, ROUNDS = 400, KEYS = 12 };

static struct vox_feature_store *shared;
static atomic_int wrong;

static void *use(void *context)
{
    unsigned state = 17U + (unsigned)(uintptr_t)context;
    struct vox_held_features *earlier = NULL;
    int earlier_seed = 0;
    for (int round = 0; round < ROUNDS; round++) {
        state = state * 1664525U + 1013904223U;
        int seed = (int)(state >> 16) % KEYS;
        struct vox_feature_key key = vox_small_key(seed);
        struct vox_held_features *held = vox_feature_store_find(shared, &key);
        if (held == NULL &&
            vox_feature_store_add(shared, &key, vox_small_features(seed), &held, NULL) != VOX_OK) {
            atomic_fetch_add(&wrong, 1);
            break;
        }
        if (!vox_are_small_features(vox_held_features_get(held), seed) ||
            (earlier != NULL &&
             !vox_are_small_features(vox_held_features_get(earlier), earlier_seed)) ||
            vox_feature_store_counts(shared).memory_bytes > 5 * entry_bytes()) {
            atomic_fetch_add(&wrong, 1);
        }
        vox_feature_store_release(shared, earlier);
        earlier = held;
        earlier_seed = seed;
    }
    vox_feature_store_release(shared, earlier);
    return NULL;
}

static void share(const char *folder)
{
    shared = open_store(5 * entry_bytes(), folder, "w");
    pthread_t threads[THREADS];
    for (uintptr_t t = 0; t < THREADS; t++) {
        assert_int_equal(pthread_create(&threads[t], NULL, use, (void *)t), 0);
    }
    for (int t = 0; t < THREADS; t++) {
        assert_int_equal(pthread_join(threads[t], NULL), 0);
    }
    assert_int_equal(atomic_load(&wrong), 0);
    struct vox_feature_store_counts counts = vox_feature_store_counts(shared);
    assert_int_equal(counts.memory_hits + counts.disk_hits + counts.misses, THREADS * ROUNDS);
    assert_true(counts.memory_hits > 0 && counts.evicted > 0);
    assert_int_equal(counts.failed_writes, 0);
    assert_int_equal(counts.damaged, 0);
    vox_feature_store_free(shared);
}

static void threads_share_memory(void **state)
{
    (void)state;
    share(NULL);
}

static void threads_share_a_disk(void **state)
{
    (void)state;
    char folder[64];
    make_folder(folder);
    share(folder);
    remove_folder(folder);
}

/* --- failing allocations --- */

static enum vox_code live(const char *folder, bool *known, struct vox_err *err)
{
    const struct vox_feature_store_setup setup = {
        .config = &vox_small_config,
        .memory = UINT64_MAX,
        .folder = folder,
        .disk = 1 << 20,
        .identity = "w",
    };
    struct vox_feature_store *store = NULL;
    struct vox_features *features = vox_features_new(&vox_small_config);
    if (features == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    memset(features->f2, 0, vox_features_bytes(&vox_small_config) - sizeof(*features));
    enum vox_code code = vox_feature_store_new(&setup, &store, err);
    if (code != VOX_OK) {
        vox_features_free(features);
        return code;
    }
    struct vox_feature_key key = vox_small_key(1), other = vox_small_key(2);
    struct vox_held_features *held = NULL, *found;
    code = vox_feature_store_add(store, &key, features, &held, err);
    vox_feature_store_release(store, held);
    found = vox_feature_store_find(store, &other);
    *known = found != NULL;
    vox_feature_store_release(store, found);
    vox_feature_store_free(store);
    return code;
}

static void survives_failing_allocations(void **state)
{
    (void)state;
    char folder[64];
    make_folder(folder);
    struct vox_feature_store *store = open_store(0, folder, "w");
    add_and_release(store, 2);
    vox_feature_store_free(store);
    int no_memory = 0;
    for (long k = 1;; k++) {
        bool known = false;
        struct vox_err err = {0};
        vox_fail_allocation(k);
        enum vox_code code = live(folder, &known, &err);
        bool failed = vox_allocation_failed();
        vox_fail_allocation(0);
        no_memory += code == VOX_E_NOMEM;
        assert_true(code == VOX_OK || code == VOX_E_NOMEM);
        if (!failed) {
            assert_int_equal(code, VOX_OK);
            assert_true(known);
            assert_true(k > 10);
            break;
        }
    }
    assert_true(no_memory >= 6);
    remove_folder(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_was_added),
        cmocka_unit_test(throws_out_what_was_used_longest_ago),
        cmocka_unit_test(what_is_held_stays),
        cmocka_unit_test(without_a_budget_nothing_is_kept),
        cmocka_unit_test(the_first_of_two_is_held),
        cmocka_unit_test(keys_depend_on_everything),
        cmocka_unit_test(the_disk_outlives_the_memory),
        cmocka_unit_test(a_disk_that_cannot_be_written_is_counted),
        cmocka_unit_test(a_folder_open_to_others_is_refused),
        cmocka_unit_test(threads_share_memory),
        cmocka_unit_test(threads_share_a_disk),
        cmocka_unit_test(survives_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
