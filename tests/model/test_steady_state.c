/* A slice of a propagation allocates nothing, and neither does a click on a slice that has been
 * computed: what they need is set aside before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/failing_alloc.h"
#include "tracker_fixture.h"

enum { ALL = -1 };

/* From here on an allocation fails, and is noticed even where nobody minds. */
static void forbid(void)
{
    vox_fail_allocation(1);
}

static void assert_none(enum vox_code code)
{
    bool allocated = vox_allocation_failed();
    vox_fail_allocation(0);
    assert_false(allocated);
    assert_int_equal(VOX_OK, code);
}

static void begin(struct scene *scene, int64_t start, bool reverse)
{
    struct vox_err err = {0};
    assert_int_equal(VOX_OK, vox_tracker_start(scene->tracker, start, ALL, reverse, &err));
}

/* The number of slices tracked up to the end. */
static int finish(struct scene *scene)
{
    struct vox_err err = {0};
    int64_t frame = 0;
    int n = -1;
    while (frame >= 0) {
        forbid();
        assert_none(vox_tracker_next(scene->tracker, &frame, &err));
        n++;
    }
    return n;
}

static void click(struct scene *scene, int64_t frame, int64_t object, bool clear_old)
{
    static const float xy[] = {20.0F, 25.0F};
    static const enum vox_point_label label = VOX_POINT_NEGATIVE;
    struct vox_err err = {0};
    forbid();
    assert_none(vox_tracker_add_points(scene->tracker, frame, object, xy, &label, 1, NULL,
                                       clear_old, &err));
}

/* The bank is full from the fourth slice on. */
static void small_bank(struct vox_model_config *config)
{
    config->num_maskmem = 3;
    config->max_obj_ptrs = 4;
}

static void slices_allocate_nothing(void **state)
{
    (void)state;
    static void (*const changes[])(struct vox_model_config *) = {NULL, small_bank};
    for (int i = 0; i < 2; i++) {
        struct scene scene;
        scene_open(&scene, changes[i]);
        scene_box(&scene, 2, 10);
        scene_box(&scene, 4, 20);
        begin(&scene, ALL, false);
        assert_int_equal(FRAMES - 2, finish(&scene));
        begin(&scene, 2, true);
        assert_int_equal(3, finish(&scene));
        /* again, over results that are there already */
        begin(&scene, 0, false);
        assert_int_equal(FRAMES, finish(&scene));
        scene_close(&scene);
    }
}

static void clicks_allocate_nothing(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, NULL);
    scene_box(&scene, 0, 10);
    click(&scene, 0, 10, false);
    click(&scene, 0, 10, true);
    begin(&scene, ALL, false);
    finish(&scene);
    for (int i = 0; i < 7; i++) {
        click(&scene, 7, 10, i == 0);
    }
    begin(&scene, ALL, false);
    assert_int_equal(FRAMES, finish(&scene));
    click(&scene, 5, 10, true);
    /* in the middle of a propagation */
    int64_t frame;
    struct vox_err err = {0};
    begin(&scene, ALL, false);
    forbid();
    assert_none(vox_tracker_next(scene.tracker, &frame, &err));
    click(&scene, 6, 10, false);
    scene_close(&scene);
}

/* A bank beyond the usual size: all slices but one condition. */
static void many_conditioning_slices(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, small_bank);
    for (int64_t f = 0; f < FRAMES - 1; f++) {
        scene_box(&scene, f, 10);
    }
    begin(&scene, ALL, false);
    assert_int_equal(FRAMES, finish(&scene));
    click(&scene, FRAMES - 1, 10, true);
    scene_close(&scene);
}

/* More prepared memories than may be kept: they go from object to object. */
static void many_objects_share_what_is_set_aside(void **state)
{
    (void)state;
    enum { OBJECTS = 12 };
    struct scene scene;
    scene_open(&scene, NULL);
    for (int64_t i = 0; i < OBJECTS; i++) {
        scene_box(&scene, 0, i);
    }
    begin(&scene, ALL, false);
    assert_int_equal(FRAMES, finish(&scene));
    scene_close(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_allocate_nothing),
        cmocka_unit_test(clicks_allocate_nothing),
        cmocka_unit_test(many_conditioning_slices),
        cmocka_unit_test(many_objects_share_what_is_set_aside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
