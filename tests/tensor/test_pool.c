#include "tensor/pool.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tensor_fixture.h"

enum { TILES = 257, MOST_THREADS = 3 };

struct visits {
    int times[TILES];
    int threads;
    atomic_bool bad_lane;
};

static enum vox_code visit(void *context, int64_t tile, struct vox_lane *lane, struct vox_err *err)
{
    (void)err;
    struct visits *visits = context;
    visits->times[tile]++; /* not atomic: every tile has one thread */
    if (lane->index < 0 || lane->index >= visits->threads || lane->used != 0) {
        atomic_store(&visits->bad_lane, true);
    }
    return VOX_OK;
}

static void test_every_tile_once(void **state)
{
    (void)state;
    for (int threads = 1; threads <= MOST_THREADS; threads++) {
        struct vox_pool *pool = vox_test_pool(threads);
        assert_int_equal(vox_pool_threads(pool), threads);
        for (int64_t tiles = 0; tiles <= TILES; tiles += 1 + tiles * 2) {
            struct visits visits = {.threads = threads};
            assert_int_equal(vox_pool_run(pool, tiles, visit, &visits, NULL), VOX_OK);
            for (int64_t tile = 0; tile < TILES; tile++) {
                assert_int_equal(visits.times[tile], tile < tiles);
            }
            assert_false(atomic_load(&visits.bad_lane));
        }
        vox_pool_free(pool);
    }
}

static enum vox_code fail_some(void *context, int64_t tile, struct vox_lane *lane,
                               struct vox_err *err)
{
    (void)lane;
    const int64_t *first = context;
    if (tile >= *first) {
        return vox_fail(err, VOX_E_LIMIT, "tile %lld", (long long)tile);
    }
    return VOX_OK;
}

/* Tiles are handed out in order and a failing thread takes no further one, so the error is that of
 * the first failing tile or of one that another thread had begun meanwhile. */
static bool is_error_of(const struct vox_err *err, int64_t first, int threads)
{
    long long tile = -1;
    return err->code == VOX_E_LIMIT && sscanf(err->msg, "tile %lld", &tile) == 1 && tile >= first &&
           tile < first + threads;
}

static void test_error_is_returned(void **state)
{
    (void)state;
    for (int threads = 1; threads <= MOST_THREADS; threads++) {
        struct vox_pool *pool = vox_test_pool(threads);
        for (int64_t first = 0; first < 40; first++) {
            struct vox_err err = {VOX_OK, 0, ""};
            assert_int_equal(vox_pool_run(pool, 100, fail_some, &first, &err), VOX_E_LIMIT);
            assert_true(is_error_of(&err, first, threads));
        }
        int64_t never = 1000;
        struct vox_err err = {VOX_OK, 0, ""};
        assert_int_equal(vox_pool_run(pool, 100, fail_some, &never, &err), VOX_OK);
        assert_int_equal(err.code, VOX_OK);
        never = 3;
        assert_int_equal(vox_pool_run(pool, 100, fail_some, &never, NULL), VOX_E_LIMIT);
        vox_pool_free(pool);
    }
}

struct both {
    atomic_int begun;
    atomic_bool second_failing;
};

/* Both tiles are under way before either fails, and tile 1 fails first. */
static enum vox_code fail_late(void *context, int64_t tile, struct vox_lane *lane,
                               struct vox_err *err)
{
    (void)lane;
    struct both *both = context;
    atomic_fetch_add(&both->begun, 1);
    while (atomic_load(&both->begun) < 2 || (tile == 0 && !atomic_load(&both->second_failing))) {
        sched_yield();
    }
    atomic_store(&both->second_failing, true);
    return vox_fail(err, VOX_E_LIMIT, "tile %lld", (long long)tile);
}

static void test_lowest_error_wins(void **state)
{
    (void)state;
    struct vox_pool *pool = vox_test_pool(2);
    for (int i = 0; i < 50; i++) {
        struct both both = {0, false};
        struct vox_err err = {VOX_OK, 0, ""};
        assert_int_equal(vox_pool_run(pool, 2, fail_late, &both, &err), VOX_E_LIMIT);
        assert_string_equal(err.msg, "tile 0");
    }
    vox_pool_free(pool);
}

static enum vox_code stop_at_once(void *context, int64_t tile, struct vox_lane *lane,
                                  struct vox_err *err)
{
    (void)lane;
    (void)tile;
    atomic_int *ran = context;
    atomic_fetch_add(ran, 1);
    return vox_fail(err, VOX_E_CANCELLED, "stop");
}

static void test_error_stops_the_run(void **state)
{
    (void)state;
    struct vox_pool *pool = vox_test_pool(2);
    atomic_int ran = 0;
    assert_int_equal(vox_pool_run(pool, 100000, stop_at_once, &ran, NULL), VOX_E_CANCELLED);
    assert_in_range(atomic_load(&ran), 1, 2);
    vox_pool_free(pool);
}

static enum vox_code use_scratch(void *context, int64_t tile, struct vox_lane *lane,
                                 struct vox_err *err)
{
    const size_t *floats = context;
    float *one = vox_lane_take(lane, *floats);
    float *other = vox_lane_take(lane, 16);
    if ((uintptr_t)one % 64 != 0 || (uintptr_t)other % 64 != 0 || other < one + *floats) {
        return vox_fail(err, VOX_E_INTERNAL, "bad scratch");
    }
    for (size_t i = 0; i < *floats; i++) {
        one[i] = (float)tile;
    }
    for (size_t i = 0; i < 16; i++) {
        other[i] = -1;
    }
    for (size_t i = 0; i < *floats; i++) {
        if (one[i] != (float)tile) {
            return vox_fail(err, VOX_E_INTERNAL, "scratch is shared");
        }
    }
    return VOX_OK;
}

static void test_scratch(void **state)
{
    (void)state;
    struct vox_pool *pool = vox_test_pool(3);
    static const size_t sizes[] = {16, 1, 1000, 160};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        size_t floats = sizes[i];
        size_t rounded = (floats + 15) / 16 * 16;
        assert_int_equal(vox_pool_reserve(pool, rounded + 16, NULL), VOX_OK);
        assert_int_equal(vox_pool_run(pool, 64, use_scratch, &floats, NULL), VOX_OK);
    }
    assert_int_equal(vox_pool_reserve(pool, SIZE_MAX / 2, NULL), VOX_E_LIMIT);
    vox_pool_free(pool);
}

static enum vox_code add_one(void *context, int64_t tile, struct vox_lane *lane,
                             struct vox_err *err)
{
    (void)tile;
    (void)lane;
    (void)err;
    atomic_fetch_add((atomic_int *)context, 1);
    return VOX_OK;
}

static void test_many_small_runs(void **state)
{
    (void)state;
    for (int threads = 1; threads <= MOST_THREADS; threads++) {
        struct vox_pool *pool = vox_test_pool(threads);
        atomic_int sum = 0;
        for (int i = 0; i < 300; i++) {
            assert_int_equal(vox_pool_run(pool, 1 + i % 3, add_one, &sum, NULL), VOX_OK);
        }
        assert_int_equal(atomic_load(&sum), 600);
        vox_pool_free(pool);
    }
}

struct caller {
    pthread_t thread;
    struct vox_pool *pool;
    int64_t first_failure;
    int wrong;
};

/* Half of the callers fail at a tile of their own: nobody may get another one's error. */
static void *call_often(void *argument)
{
    struct caller *caller = argument;
    for (int i = 0; i < 100; i++) {
        struct vox_err err = {VOX_OK, 0, ""};
        enum vox_code code =
            vox_pool_run(caller->pool, 10, fail_some, &caller->first_failure, &err);
        bool fails = caller->first_failure < 10;
        if (code != (fails ? VOX_E_LIMIT : VOX_OK) ||
            (fails && !is_error_of(&err, caller->first_failure, vox_pool_threads(caller->pool)))) {
            caller->wrong++;
        }
    }
    return NULL;
}

static void test_callers_take_turns(void **state)
{
    (void)state;
    struct vox_pool *pool = vox_test_pool(2);
    struct caller callers[4];
    for (int i = 0; i < 4; i++) {
        callers[i] = (struct caller){.pool = pool, .first_failure = i % 2 == 0 ? 3 * i : 100};
        assert_int_equal(pthread_create(&callers[i].thread, NULL, call_often, &callers[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(callers[i].thread, NULL), 0);
        assert_int_equal(callers[i].wrong, 0);
    }
    vox_pool_free(pool);
}

static void test_bad_sizes(void **state)
{
    (void)state;
    static const int sizes[] = {0, -1, 1025};
    for (int i = 0; i < 3; i++) {
        struct vox_pool *pool = NULL;
        assert_int_equal(vox_pool_new(sizes[i], &pool, NULL), VOX_E_ARG);
        assert_null(pool);
    }
    vox_pool_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_tile_once),
        cmocka_unit_test(test_error_is_returned),
        cmocka_unit_test(test_lowest_error_wins),
        cmocka_unit_test(test_error_stops_the_run),
        cmocka_unit_test(test_scratch),
        cmocka_unit_test(test_many_small_runs),
        cmocka_unit_test(test_callers_take_turns),
        cmocka_unit_test(test_bad_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
