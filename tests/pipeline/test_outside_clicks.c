/* Clicks that the window does not show reach the network at the places where they are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "flow_scene.h"

static void clicks_outside_of_the_window_are_given_as_they_are(void **state)
{
    (void)state;
    flow_begin(3, 5, false, VOX_PASSES_FORWARD); /* the window: 48 x 32 from 8, 16 on */
    struct vox_plan_click beyond[2] = {{2.0, 3.25, true}, {99.0, 79.0, false}};
    struct vox_plan_prompt *prompt = flow_prompt(4);
    prompt->clicks = beyond;
    prompt->n_clicks = 2;
    flow.corrections[flow.plan.n_corrections++] =
        (struct vox_plan_correction){.k = 5, .clicks = &beyond[1], .n_clicks = 1};
    struct vox_object_run *run = flow_go();
    flow_expect_log("plan 3-5;A 3 of 48x32;A1+-6,-12.75-91,63;A 0>2:0 =1 2 .A*2-91,63;A 2>2:=2 .");
    vox_object_run_free(run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(clicks_outside_of_the_window_are_given_as_they_are,
                                  flow_nothing_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
