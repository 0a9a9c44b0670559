/* Who gets the turn. Workers hold on until the others have come, so that nothing depends on the
 * time that threads take. */
#include "pipeline/job_turn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { WORKERS = 3, STEP = 2000 }; /* microseconds */

struct scene;

/* Takes the turn, works in steps that are offered to the others, and gives it back. */
struct worker {
    struct scene *scene;
    struct vox_turn_seat seat;
    pthread_t thread;
    atomic_bool holds_on; /* more steps follow */
    int steps;            /* after that */
    atomic_int done;
    int first, order; /* of all steps its first; of all workers */
};

struct scene {
    struct vox_turn turn;
    struct worker workers[WORKERS];
    int n;
    atomic_int inside, steps, ended, wrong;
};

static void step(struct worker *worker)
{
    struct scene *scene = worker->scene;
    if (atomic_fetch_add(&scene->inside, 1) != 0) {
        atomic_fetch_add(&scene->wrong, 1);
    }
    usleep(STEP);
    atomic_fetch_sub(&scene->inside, 1);
    int number = atomic_fetch_add(&scene->steps, 1);
    if (atomic_fetch_add(&worker->done, 1) == 0) {
        worker->first = number;
    }
    vox_turn_offer(&scene->turn, &worker->seat);
}

static void *work(void *context)
{
    struct worker *worker = context;
    vox_turn_take(&worker->scene->turn, &worker->seat);
    while (atomic_load(&worker->holds_on)) {
        step(worker);
    }
    for (int i = 0; i < worker->steps; i++) {
        step(worker);
    }
    worker->order = atomic_fetch_add(&worker->scene->ended, 1);
    vox_turn_give(&worker->scene->turn, &worker->seat);
    return NULL;
}

static void begin(struct scene *scene)
{
    *scene = (struct scene){0};
    assert_int_equal(VOX_OK, vox_turn_init(&scene->turn, NULL));
}

static struct worker *add(struct scene *scene, int class, bool holds_on, int steps)
{
    struct worker *worker = &scene->workers[scene->n++];
    worker->scene = scene;
    worker->steps = steps;
    atomic_init(&worker->holds_on, holds_on);
    assert_int_equal(VOX_OK, vox_turn_seat_init(&worker->seat, class, NULL));
    assert_int_equal(0, pthread_create(&worker->thread, NULL, work, worker));
    return worker;
}

static void await_steps(struct worker *worker, int steps)
{
    while (atomic_load(&worker->done) < steps) {
        usleep(200);
    }
}

/* Steps of all until the worker stood in line; -1: it has had the turn meanwhile. */
static int await_line(struct worker *worker)
{
    struct vox_turn *turn = &worker->scene->turn;
    for (;;) {
        pthread_mutex_lock(&turn->lock);
        bool wants = worker->seat.wants, came = worker->seat.has || worker->done > 0;
        int steps = atomic_load(&worker->scene->steps);
        pthread_mutex_unlock(&turn->lock);
        if (wants || came) {
            return wants ? steps : -1;
        }
        usleep(100);
    }
}

static void end(struct scene *scene)
{
    for (int i = 0; i < scene->n; i++) {
        pthread_join(scene->workers[i].thread, NULL);
        vox_turn_seat_fini(&scene->workers[i].seat);
    }
    assert_int_equal(0, atomic_load(&scene->wrong));
    vox_turn_fini(&scene->turn);
}

/* A class of work waits for all that comes before it. */
static void test_classes(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene);
    struct worker *low = add(&scene, 2, true, 3);
    await_steps(low, 1);
    struct worker *middle = add(&scene, 1, true, 3);
    await_steps(middle, 1);
    int before = atomic_load(&low->done);
    struct worker *high = add(&scene, 0, false, 3);
    await_steps(high, 3);
    assert_int_equal(before, atomic_load(&low->done));
    atomic_store(&low->holds_on, false);
    atomic_store(&middle->holds_on, false);
    end(&scene);
    assert_int_equal(0, high->order);
    assert_int_equal(1, middle->order);
    assert_int_equal(2, low->order);
}

/* Of one class who has less to do is done first, and waits for the step under way alone. */
static void test_short_before_long(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene);
    struct worker *slow = add(&scene, 0, true, 3);
    await_steps(slow, 20);
    struct worker *quick = add(&scene, 0, false, 3);
    int lined_up = await_line(quick);
    await_steps(quick, 3);
    atomic_store(&slow->holds_on, false);
    end(&scene);
    if (lined_up >= 0) {
        assert_in_range(quick->first, lined_up, lined_up + 1);
    }
    assert_int_equal(0, quick->order);
    assert_int_equal(1, slow->order);
}

/* Equals take turns: neither is done before the other has begun. */
static void test_equals(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene);
    struct worker *a = add(&scene, 0, true, 0);
    struct worker *b = add(&scene, 0, true, 0);
    await_steps(a, 1);
    await_steps(b, 10);
    int before = atomic_load(&a->done);
    await_steps(a, before + 10);
    atomic_store(&a->holds_on, false);
    atomic_store(&b->holds_on, false);
    end(&scene);
}

/* Who has had much more goes on all the same, now and then. */
static void test_patience(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene);
    struct worker *old = add(&scene, 0, true, 0);
    await_steps(old, 1);
    pthread_mutex_lock(&scene.turn.lock);
    old->seat.held = 1e6;
    pthread_mutex_unlock(&scene.turn.lock);
    struct worker *fresh = add(&scene, 0, true, 0);
    await_steps(fresh, 1);
    int before = atomic_load(&old->done);
    await_steps(old, before + 1);
    atomic_store(&old->holds_on, false);
    atomic_store(&fresh->holds_on, false);
    end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_classes),
        cmocka_unit_test(test_short_before_long),
        cmocka_unit_test(test_equals),
        cmocka_unit_test(test_patience),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
