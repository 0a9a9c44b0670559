#include "combine_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static char names[SCENE_LABELS][VOX_LABEL_BYTES] = {"a", "b", "c", "d"};
const struct vox_labels scene_labels = {.n = SCENE_LABELS, .names = names};
const struct vox_plan_image scene_image = {{COMBINE_WIDTH, COMBINE_HEIGHT, COMBINE_DEPTH},
                                           {1.0, 1.0, 1.0}};

struct combine_scene scene;
struct combine_result scene_result;

void scene_begin(void)
{
    memset(&scene, 0, sizeof(scene));
    scene.options = (struct vox_combine_options){true, false, true};
    for (int o = 0; o < COMBINE_OBJECTS; o++) {
        struct fake_run *run = &scene.runs[o];
        const int64_t size[2] = {COMBINE_WIDTH, COMBINE_HEIGHT};
        run->outcome =
            (struct vox_object_outcome){.first = 1, .last = 5, .window = vox_zoom_whole(size)};
        for (int i = 0; i < COMBINE_VOXELS; i++) {
            run->logits[0][i] = run->logits[1][i] = -1.0F;
        }
        for (int k = 0; k < COMBINE_DEPTH; k++) {
            run->visited[0][k] = run->visited[1][k] = true;
        }
        fake_run_passes(run, 2, (const int64_t[2]){1, 1}, (const int64_t[2]){5, 5});
        scene.plans[o] = (struct vox_plan_object){.label = o,
                                                  .first = 1,
                                                  .last = 5,
                                                  .passes = VOX_PASSES_INTERSECTION,
                                                  .cuts = scene.cuts[o]};
    }
    scene.n = 1;
}

int64_t scene_at(int64_t i, int64_t j, int64_t k)
{
    return (k * COMBINE_HEIGHT + j) * COMBINE_WIDTH + i;
}

void scene_put(int object, int pass, int64_t i, int64_t j, int64_t k, float logit)
{
    for (int p = 0; p < 2; p++) {
        if (pass == 2 || pass == p) {
            scene.runs[object].logits[p][scene_at(i, j, k)] = logit;
        }
    }
}

enum vox_code scene_combine(const struct vox_watch *watch, struct vox_err *err)
{
    const struct vox_object_run *runs[COMBINE_OBJECTS];
    const struct vox_plan_object *plans[COMBINE_OBJECTS];
    for (int o = 0; o < scene.n; o++) {
        runs[o] = (const struct vox_object_run *)&scene.runs[o];
        plans[o] = &scene.plans[o];
    }
    return vox_combine(runs, plans, scene.n, &scene_image, &scene_labels, &scene.options, watch,
                       &scene_result.slab, scene_result.scores, scene_result.counts, err);
}

/* Counts are those of the map, and the slab holds the slices that have something and no others. */
static void check_counts(void)
{
    struct vox_label_count wanted[SCENE_LABELS + 1];
    memset(wanted, 0, sizeof(wanted));
    int64_t first = COMBINE_DEPTH, last = -1;
    for (int64_t v = 0; v < COMBINE_VOXELS; v++) {
        const int64_t here[3] = {v % COMBINE_WIDTH, v / COMBINE_WIDTH % COMBINE_HEIGHT,
                                 v / COMBINE_PIXELS};
        if (scene_result.values[v] == 0) {
            continue;
        }
        assert_true(scene_result.values[v] <= SCENE_LABELS + 1);
        struct vox_label_count *count = &wanted[scene_result.values[v] - 1];
        for (int a = 0; a < 3; a++) {
            count->lo[a] = count->voxels == 0 || here[a] < count->lo[a] ? here[a] : count->lo[a];
            count->hi[a] = count->voxels == 0 || here[a] > count->hi[a] ? here[a] : count->hi[a];
        }
        count->voxels++;
        first = here[2] < first ? here[2] : first;
        last = here[2];
    }
    assert_memory_equal(wanted, scene_result.counts, sizeof(wanted));
    assert_int_equal(last < 0 ? 0 : last - first + 1, scene_result.slab.n);
    assert_int_equal(last < 0 ? 0 : first, scene_result.slab.first);
}

void scene_must_combine(void)
{
    struct vox_err err = {0};
    if (scene_combine(NULL, &err) != VOX_OK) {
        fail_msg("%s", err.msg);
    }
    memset(scene_result.values, 0, sizeof(scene_result.values));
    assert_memory_equal(scene_image.size, scene_result.slab.size, sizeof(scene_image.size));
    if (scene_result.slab.n > 0) {
        memcpy(scene_result.values + scene_result.slab.first * COMBINE_PIXELS,
               scene_result.slab.values,
               (size_t)(scene_result.slab.n * COMBINE_PIXELS) * sizeof(uint16_t));
    }
    vox_label_slab_fini(&(struct vox_label_slab){.values = scene_result.slab.values});
    check_counts();
}
