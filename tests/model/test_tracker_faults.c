/* Every allocation of the tracker's calls fails once: the call says so, and the tracker is as it
 * was. And trackers of several threads on one network do not disturb each other. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/failing_alloc.h"
#include "tracker_fixture.h"

enum { MOST_ALLOCATIONS = 5000, OBJECTS = 2 };

/* Everything a caller can see of a tracker. */
struct view {
    bool known[OBJECTS][FRAMES];
    struct vox_frame_result results[OBJECTS][FRAMES];
    float logits[OBJECTS][FRAMES][MAP * MAP];
    float pointers[OBJECTS][FRAMES][WIDTH];
    float memories[OBJECTS][FRAMES][SIDE * SIDE * CHANNELS];
};

static void look(const struct vox_tracker *tracker, struct view *view)
{
    struct vox_err err;
    memset(view, 0, sizeof(*view));
    for (int o = 0; o < OBJECTS; o++) {
        for (int f = 0; f < FRAMES; f++) {
            struct vox_frame_result found;
            if (vox_tracker_result(tracker, f, o, &found, &err) != VOX_OK) {
                continue;
            }
            view->known[o][f] = true;
            memcpy(view->logits[o][f], found.low_logits, sizeof(view->logits[o][f]));
            memcpy(view->pointers[o][f], found.pointer, sizeof(view->pointers[o][f]));
            if (found.memory != NULL) {
                memcpy(view->memories[o][f], found.memory, sizeof(view->memories[o][f]));
            }
            view->results[o][f].score = found.score;
            view->results[o][f].prompted = found.prompted;
            view->results[o][f].chosen = found.chosen;
        }
    }
}

typedef enum vox_code (*call_fn)(struct scene *scene, struct vox_err *err);

static enum vox_code add_box(struct scene *scene, struct vox_err *err)
{
    static const float box[] = {10, 12, 30, 41};
    return vox_tracker_add_points(scene->tracker, 4, 1, NULL, NULL, 0, box, true, err);
}

static enum vox_code add_click(struct scene *scene, struct vox_err *err)
{
    static const float xy[] = {20, 25};
    static const enum vox_point_label label = VOX_POINT_POSITIVE;
    return vox_tracker_add_points(scene->tracker, 4, 1, xy, &label, 1, NULL, false, err);
}

static enum vox_code add_mask(struct scene *scene, struct vox_err *err)
{
    static uint8_t mask[HEIGHT * BREADTH];
    memset(mask + 20 * BREADTH, 1, (size_t)(10 * BREADTH));
    return vox_tracker_add_mask(scene->tracker, 6, 2, mask, err);
}

static enum vox_code start(struct scene *scene, struct vox_err *err)
{
    return vox_tracker_start(scene->tracker, -1, -1, false, err);
}

static enum vox_code next(struct scene *scene, struct vox_err *err)
{
    int64_t frame;
    return vox_tracker_next(scene->tracker, &frame, err);
}

static enum vox_code correct(struct scene *scene, struct vox_err *err)
{
    static const float xy[] = {20, 25};
    static const enum vox_point_label label = VOX_POINT_NEGATIVE;
    return vox_tracker_add_points(scene->tracker, 5, 1, xy, &label, 1, NULL, true, err);
}

static const call_fn calls[] = {add_box, add_click, add_mask, start, next, next, next,
                                next,    correct,   start,    next,  next, next};
enum { CALLS = sizeof(calls) / sizeof(calls[0]) };

static void failed_calls_change_nothing(void **state)
{
    (void)state;
    static struct view wanted[CALLS];
    static struct view before;
    static struct view now;
    struct scene scene;
    struct vox_err err = {0};
    scene_open(&scene, NULL);
    for (int i = 0; i < CALLS; i++) {
        assert_int_equal(VOX_OK, calls[i](&scene, &err));
        look(scene.tracker, &wanted[i]);
    }
    scene_close(&scene);

    scene_open(&scene, NULL);
    for (int i = 0; i < CALLS; i++) {
        enum vox_code code = VOX_E_NOMEM;
        look(scene.tracker, &before);
        for (long k = 1; code != VOX_OK; k++) {
            assert_true(k < MOST_ALLOCATIONS);
            vox_fail_allocation(k);
            code = calls[i](&scene, &err);
            bool failed = vox_allocation_failed();
            vox_fail_allocation(0);
            assert_int_equal(failed ? VOX_E_NOMEM : VOX_OK, code);
            if (failed) {
                look(scene.tracker, &now);
                assert_memory_equal(&before, &now, sizeof(now));
            }
        }
        look(scene.tracker, &now);
        assert_memory_equal(&wanted[i], &now, sizeof(now));
    }
    scene_close(&scene);
}

static void opening_fails_cleanly(void **state)
{
    (void)state;
    struct scene scene;
    struct vox_err err = {0};
    scene_open(&scene, NULL);
    enum vox_code code = VOX_E_NOMEM;
    for (long k = 1; code != VOX_OK; k++) {
        assert_true(k < MOST_ALLOCATIONS);
        struct vox_network *network = NULL;
        vox_fail_allocation(k);
        code =
            vox_network_open(&scene.tiny.config, scene.tiny.weights, scene.tiny.be, &network, &err);
        bool failed = vox_allocation_failed();
        vox_fail_allocation(0);
        assert_int_equal(failed ? VOX_E_NOMEM : VOX_OK, code);
        assert_true((network == NULL) == failed);
        vox_network_close(network);
    }
    scene_close(&scene);
}

struct worker {
    struct scene *scene;
    struct vox_tracker *tracker;
    int64_t key;
    bool good;
};

static void *work(void *argument)
{
    struct worker *worker = argument;
    struct vox_err err;
    static const float box[] = {10, 12, 30, 41};
    int64_t frame = 0;
    worker->good = vox_tracker_add_points(worker->tracker, worker->key, 1, NULL, NULL, 0, box, true,
                                          &err) == VOX_OK &&
                   vox_tracker_start(worker->tracker, -1, -1, false, &err) == VOX_OK;
    while (worker->good && frame >= 0) {
        worker->good = vox_tracker_next(worker->tracker, &frame, &err) == VOX_OK;
    }
    return NULL;
}

static enum vox_code shared_features(void *context, int64_t frame, const struct vox_features **out,
                                     struct vox_err *err)
{
    (void)err;
    const struct scene *scene = context;
    *out = scene->features[frame];
    return VOX_OK;
}

static void trackers_share_a_network(void **state)
{
    (void)state;
    enum { THREADS = 2 };
    static struct view alone[THREADS];
    static struct view together;
    struct scene scene;
    struct vox_err err = {0};
    struct worker workers[THREADS];
    pthread_t threads[THREADS];
    scene_open(&scene, NULL);
    const struct vox_feature_source source = {shared_features, &scene};
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < THREADS; i++) {
            workers[i] = (struct worker){.scene = &scene, .key = 1 + 2 * i};
            assert_int_equal(VOX_OK, vox_tracker_new(scene.network, FRAMES, HEIGHT, BREADTH,
                                                     &source, &workers[i].tracker, &err));
            if (round == 0) {
                work(&workers[i]);
            } else {
                assert_int_equal(0, pthread_create(&threads[i], NULL, work, &workers[i]));
            }
        }
        for (int i = 0; i < THREADS; i++) {
            if (round == 1) {
                pthread_join(threads[i], NULL);
            }
            assert_true(workers[i].good);
            look(workers[i].tracker, round == 0 ? &alone[i] : &together);
            if (round == 1) {
                assert_memory_equal(&alone[i], &together, sizeof(together));
            }
            vox_tracker_free(workers[i].tracker);
        }
    }
    scene_close(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failed_calls_change_nothing),
        cmocka_unit_test(opening_fails_cleanly),
        cmocka_unit_test(trackers_share_a_network),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
