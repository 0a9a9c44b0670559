/* A run from a box's key slice is what the recipe for one box makes, bit for bit. */
#include "pipeline/recipe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "run_rig.h"
#include "util/memory.h"

static void one_box(struct rig *rig, int64_t key, int64_t first, int64_t last)
{
    const struct vox_recipe recipe = {
        .network = rig->network,
        .volume = &rig->volume,
        .prompt = {.key = key,
                   .bounded = true,
                   .first = first,
                   .last = last,
                   .corners = {8, 6.5, 30, 25}},
        .window = {.automatic = true},
        .keep_logits = true,
    };
    struct vox_segmentation *seg = NULL;
    struct vox_err err = {0};
    if (vox_recipe_run(&recipe, &seg, &err) != VOX_OK) {
        fail_msg("%s", err.msg);
    }
    char params[200];
    snprintf(params, sizeof(params),
             "{'box': {'label': 'liver', 'key': %d, 'xyxy': [8, 6.5, 30, 25], 'z': [%d, %d]}, "
             "'passes': 'from_key', 'clip': 'off'}",
             (int)key, (int)first, (int)last);
    struct rig_job job;
    rig_plan(rig, params, 0.0, &job);
    struct vox_object_run *run = rig_gone(rig, &job, 0);
    struct vox_object_outcome outcome = vox_object_run_outcome(run);
    static float logits[RIG_PIXELS];
    for (int64_t k = first; k <= last; k++) {
        int p = k < key;
        assert_int_equal(VOX_OK, vox_object_run_logits(run, p, k, logits, NULL));
        assert_memory_equal(seg->logits + k * RIG_PIXELS, logits, sizeof(logits));
        const struct vox_pass *pass = &outcome.passes[p];
        assert_true(pass->scores[k - pass->first] == seg->scores[k - first]);
    }
    const struct vox_object_run *runs[1] = {run};
    const struct vox_plan_object *plans[1] = {&job.plan->objects[0]};
    struct vox_label_slab slab;
    struct vox_object_scores scores[1];
    struct vox_label_count counts[3];
    const struct vox_combine_options options = {true, false, true};
    assert_int_equal(VOX_OK, vox_combine(runs, plans, 1, &rig->image, &job.request->labels,
                                         &options, NULL, &slab, scores, counts, NULL));
    assert_int_equal(seg->voxels, counts[0].voxels);
    for (int64_t v = 0; v < slab.n * RIG_PIXELS; v++) {
        assert_int_equal(seg->mask[slab.first * RIG_PIXELS + v], slab.values[v]);
    }
    vox_label_slab_fini(&slab);
    vox_object_run_free(run);
    vox_segmentation_free(seg);
    rig_end_job(&job);
}

static void the_same_bits(void **state)
{
    (void)state;
    static const char *const salts[] = {"0", "6"};
    for (int s = 0; s < 2; s++) {
        struct rig rig;
        rig_open(&rig, &(struct rig_options){.threads = 1, .salt = salts[s], .cache = 1 << 24});
        one_box(&rig, 4, 0, 8);
        one_box(&rig, 2, 2, 7);
        one_box(&rig, 7, 3, 7);
        rig_close(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
