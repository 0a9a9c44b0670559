#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "model/schema.h"
#include "support/checkpoint_writer.h"

static struct vox_model_config load(const char *name)
{
    char path[512];
    struct vox_model_config config;
    struct vox_err err = {0};
    snprintf(path, sizeof(path), "%s/%s.yaml", SKELETONS, name);
    enum vox_code code = strcmp(name, "sam2.1_hiera_t512") == 0
                             ? vox_config_builtin(name, &config, &err)
                             : vox_config_load(path, &config, &err);
    if (code != VOX_OK) {
        fail_msg("%s: %s", name, err.msg);
    }
    return config;
}

struct count {
    int64_t tensors, values, buffers;
    char wanted[120]; /* a name to look for */
    int rank;
    int64_t shape[4];
};

static enum vox_code count_one(void *context, const char *name, int rank, const int64_t *shape,
                               struct vox_err *err)
{
    (void)err;
    struct count *count = context;
    int64_t values = 1;
    for (int i = 0; i < rank; i++) {
        values *= shape[i];
    }
    count->tensors++;
    count->values += values;
    if (strstr(name, "gaussian") != NULL) {
        count->buffers += values;
    }
    if (strcmp(name, count->wanted) == 0) {
        count->rank = rank;
        memcpy(count->shape, shape, (size_t)rank * sizeof(*shape));
    }
    return VOX_OK;
}

/* Counts of tensors and trainable parameters as the reference's modules have them. */
static void counts_as_the_reference(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t tensors, parameters;
    } cases[] = {
        {"sam2.1_hiera_t512", 471, 38962498}, {"small512", 519, 46060354},
        {"base_plus512", 615, 80850178},      {"large1024", 903, 224446642},
        {"sam2.0_tiny512", 468, 38945986},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct vox_model_config config = load(cases[i].name);
        struct count count = {0};
        struct vox_err err = {0};
        assert_int_equal(vox_schema_visit(&config, count_one, &count, &err), VOX_OK);
        assert_int_equal(count.tensors, cases[i].tensors);
        assert_int_equal(count.values - count.buffers, cases[i].parameters);
        assert_int_equal(count.buffers, 256);
    }
}

static void has_these_shapes(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int rank;
        int64_t shape[4];
    } cases[] = {
        {"maskmem_tpos_enc", 4, {7, 1, 1, 64}},
        {"no_obj_ptr", 2, {1, 256}},
        {"image_encoder.trunk.blocks.10.attn.qkv.weight", 2, {2304, 384}},
        {"image_encoder.trunk.blocks.10.proj.weight", 2, {768, 384}},
        {"image_encoder.neck.convs.0.conv.weight", 4, {256, 768, 1, 1}},
        {"memory_attention.layers.3.cross_attn_image.v_proj.weight", 2, {256, 64}},
        {"memory_encoder.mask_downsampler.encoder.12.weight", 4, {256, 256, 1, 1}},
        {"memory_encoder.fuser.layers.1.dwconv.weight", 4, {256, 1, 7, 7}},
        {"sam_prompt_encoder.pe_layer.positional_encoding_gaussian_matrix", 2, {2, 128}},
        {"sam_mask_decoder.output_upscaling.3.weight", 4, {64, 32, 2, 2}},
        {"sam_mask_decoder.iou_prediction_head.layers.2.weight", 2, {4, 256}},
        {"sam_mask_decoder.output_hypernetworks_mlps.3.layers.2.bias", 1, {32}},
        {"obj_ptr_tpos_proj.weight", 2, {64, 256}},
    };
    struct vox_model_config config = load("sam2.1_hiera_t512");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct count count = {0};
        struct vox_err err = {0};
        snprintf(count.wanted, sizeof(count.wanted), "%s", cases[i].name);
        assert_int_equal(vox_schema_visit(&config, count_one, &count, &err), VOX_OK);
        assert_int_equal(count.rank, cases[i].rank);
        assert_memory_equal(count.shape, cases[i].shape, sizeof(count.shape));
    }
}

static enum vox_code stop_at_third(void *context, const char *name, int rank, const int64_t *shape,
                                   struct vox_err *err)
{
    (void)rank;
    (void)shape;
    int *seen = context;
    return ++*seen == 3 ? vox_fail(err, VOX_E_CANCELLED, "at %s", name) : VOX_OK;
}

static void stops_when_told(void **state)
{
    (void)state;
    struct vox_model_config config = load("sam2.1_hiera_t512");
    struct vox_err err = {0};
    int seen = 0;
    assert_int_equal(vox_schema_visit(&config, stop_at_third, &seen, &err), VOX_E_CANCELLED);
    assert_int_equal(seen, 3);
    assert_string_equal(err.msg, "at no_mem_pos_enc");
}

static struct vox_weights *weights_of(const struct vox_model_config *config)
{
    static const char path[] = "test_schema.safetensors";
    struct vox_checkpoint_options options = {.safetensors = true, .dtype = VOX_BF16};
    struct vox_weights *weights = NULL;
    struct vox_err err = {0};
    if (vox_checkpoint_write(path, config, &options, NULL, &err) != VOX_OK ||
        vox_weights_open(path, &weights, &err) != VOX_OK) {
        fail_msg("%s", err.msg);
    }
    unlink(path);
    return weights;
}

static void expect_misfit(const struct vox_model_config *config, const struct vox_weights *weights,
                          const char *text)
{
    struct vox_err err = {0};
    assert_int_equal(vox_schema_check(config, weights, &err), VOX_E_FORMAT);
    if (strcmp(err.msg, text) != 0) {
        fail_msg("got '%s', wanted '%s'", err.msg, text);
    }
}

static void names_what_does_not_fit(void **state)
{
    (void)state;
    struct vox_model_config narrow = load("narrow256");
    struct vox_model_config older = narrow; /* SAM 2.0 lacks three tensors */
    older.no_obj_embed_spatial = false;
    older.tpos_enc_to_ptrs = false;
    struct vox_model_config wider = narrow;
    wider.memory_attention.dim_feedforward = 1024;
    struct vox_model_config deeper = narrow;
    deeper.memory_encoder.fuser_layers = 3;
    deeper.tpos_enc_to_ptrs = false;

    struct vox_weights *weights = weights_of(&narrow);
    struct vox_err err = {0};
    assert_int_equal(vox_schema_check(&narrow, weights, &err), VOX_OK);
    expect_misfit(&older, weights,
                  "tensor no_obj_embed_spatial is not part of this network; of 468 tensors of "
                  "narrow256, 0 missing, 0 of another shape, 3 too many");
    expect_misfit(&wider, weights,
                  "tensor memory_attention.layers.0.linear1.weight is 512x128, wanted 1024x128; of "
                  "471 tensors of narrow256, 0 missing, 12 of another shape, 0 too many");
    expect_misfit(&deeper, weights,
                  "tensor memory_encoder.fuser.layers.2.gamma is missing; of 478 tensors of "
                  "narrow256, 9 missing, 0 of another shape, 2 too many");
    vox_weights_close(weights);

    weights = weights_of(&older);
    expect_misfit(&narrow, weights,
                  "tensor no_obj_embed_spatial is missing; of 471 tensors of narrow256, 3 missing, "
                  "0 of another shape, 0 too many");
    vox_weights_close(weights);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_as_the_reference),
        cmocka_unit_test(has_these_shapes),
        cmocka_unit_test(stops_when_told),
        cmocka_unit_test(names_what_does_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
