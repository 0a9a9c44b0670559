#include "tracker_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "util/memory.h"

static enum vox_code features_of(void *context, int64_t frame, const struct vox_features **out,
                                 struct vox_err *err)
{
    struct scene *scene = context;
    scene->calls++;
    if (frame == scene->fails_at) {
        return vox_fail(err, VOX_E_IO, "the slice cannot be read");
    }
    *out = scene->features[frame];
    return VOX_OK;
}

struct vox_feature_source scene_source(struct scene *scene)
{
    return (struct vox_feature_source){features_of, scene};
}

void scene_open(struct scene *scene, void (*change)(struct vox_model_config *config))
{
    struct vox_model_config config;
    struct vox_err err = {0};
    *scene = (struct scene){.fails_at = -1};
    vox_tiny_config(&config);
    if (change != NULL) {
        change(&config);
    }
    vox_tiny_open(&scene->tiny, &config, NULL, true);
    if (vox_network_open(&config, scene->tiny.weights, scene->tiny.be, &scene->network, &err) !=
        VOX_OK) {
        fail_msg("%s", err.msg);
    }
    for (int f = 0; f < FRAMES; f++) {
        char name[32];
        snprintf(name, sizeof(name), "slice %d", f);
        int64_t n = 4 * SIDE * SIDE * WIDTH;
        float *values = vox_tiny_values(name, n);
        scene->features[f] = vox_features_new(&config);
        assert_non_null(scene->features[f]);
        memcpy(scene->features[f]->f2, values, (size_t)n * sizeof(*values));
        vox_free(values);
    }
    struct vox_feature_source source = scene_source(scene);
    assert_int_equal(VOX_OK, vox_tracker_new(scene->network, FRAMES, HEIGHT, BREADTH, &source,
                                             &scene->tracker, &err));
}

void scene_close(struct scene *scene)
{
    vox_tracker_free(scene->tracker);
    for (int f = 0; f < FRAMES; f++) {
        vox_features_free(scene->features[f]);
    }
    vox_network_close(scene->network);
    vox_tiny_close(&scene->tiny);
}

void scene_decode(struct scene *scene, int64_t frame, const float *image, const float *image_row,
                  const struct vox_point *points, int64_t n, const float *mask, bool multimask,
                  struct answer *out)
{
    const struct vox_network_parts *parts = vox_network_parts(scene->network);
    float sparse[16 * WIDTH];
    float dense[SIDE * SIDE * WIDTH];
    struct vox_err err = {0};
    assert_true(vox_prompt_tokens(n) <= 16);
    vox_prompt_encoder_points(parts->prompt_encoder, points, n, sparse);
    if (mask != NULL) {
        assert_int_equal(VOX_OK, vox_prompt_encoder_mask(parts->prompt_encoder, mask, dense, &err));
    }
    const struct vox_decoder_input input = {
        .image = image,
        .image_row = image_row,
        .dense = mask != NULL ? dense : NULL,
        .dense_row = vox_prompt_encoder_no_mask(parts->prompt_encoder),
        .sparse = sparse,
        .n_sparse = vox_prompt_tokens(n),
        .features = scene->features[frame],
        .multimask = multimask,
    };
    struct vox_decoder_output output = {.logits = out->logits, .pointer = out->pointer};
    assert_int_equal(VOX_OK,
                     vox_mask_decoder_run(parts->mask_decoder, &input, &output, NULL, &err));
    out->score = output.score;
    out->chosen = output.chosen;
}

void scene_remember(struct scene *scene, int64_t frame, bool binarize, struct answer *answer)
{
    struct vox_err err = {0};
    const struct vox_memory_input input = {scene->features[frame]->f2, answer->logits, binarize,
                                           !(answer->score > 0)};
    assert_int_equal(VOX_OK,
                     vox_memory_encoder_run(vox_network_parts(scene->network)->memory_encoder,
                                            &input, answer->memory, NULL, &err));
}

void scene_box(struct scene *scene, int64_t frame, int64_t object)
{
    static const float box[] = {10.0F, 12.0F, 30.5F, 41.0F};
    struct vox_err err = {0};
    assert_int_equal(VOX_OK, vox_tracker_add_points(scene->tracker, frame, object, NULL, NULL, 0,
                                                    box, true, &err));
}

void scene_propagate(struct scene *scene, int64_t start, int64_t max_frames, bool reverse,
                     int64_t *frames)
{
    struct vox_err err = {0};
    int64_t n = 0;
    if (vox_tracker_start(scene->tracker, start, max_frames, reverse, &err) != VOX_OK) {
        fail_msg("%s", err.msg);
    }
    do {
        assert_true(n <= FRAMES);
        assert_int_equal(VOX_OK, vox_tracker_next(scene->tracker, &frames[n], &err));
    } while (frames[n++] >= 0);
}
