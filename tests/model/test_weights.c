#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "model/schema.h"
#include "model/weights.h"
#include "support/checkpoint_forge.h"
#include "support/checkpoint_writer.h"
#include "support/compare.h"
#include "support/formula.h"
#include "util/memory.h"

static struct vox_model_config narrow(void)
{
    struct vox_model_config config;
    struct vox_err err = {0};
    if (vox_config_load(SKELETONS "/narrow256.yaml", &config, &err) != VOX_OK) {
        fail_msg("%s", err.msg);
    }
    return config;
}

static const char *temporary(void)
{
    static char path[] = "test_weights.checkpoint";
    return path;
}

static struct vox_weights *write_and_open(const struct vox_model_config *config,
                                          const struct vox_checkpoint_options *options)
{
    struct vox_err err = {0};
    struct vox_weights *weights = NULL;
    if (vox_checkpoint_write(temporary(), config, options, NULL, &err) != VOX_OK ||
        vox_weights_open(temporary(), &weights, &err) != VOX_OK) {
        fail_msg("%s", err.msg);
    }
    unlink(temporary());
    return weights;
}

/* Compares every value with the formula, exactly or within a relative rounding of the type. */
static void compare_all(const struct vox_weights *weights, double relative, bool in_place)
{
    struct vox_err err = {0};
    for (int64_t i = 0; i < vox_weights_count(weights); i++) {
        const struct vox_weight *weight = vox_weights_at(weights, i);
        const float *data;
        float *owned;
        assert_int_equal(vox_weight_f32(weight, &data, &owned, &err), VOX_OK);
        assert_int_equal(owned == NULL, in_place);
        float *wanted = vox_alloc((size_t)weight->numel * sizeof(*wanted));
        assert_non_null(wanted);
        vox_formula_fill("", weight->name, weight->rank, weight->shape, wanted);
        double limit = relative * vox_max_abs(wanted, (size_t)weight->numel);
        assert_true(vox_close(weight->name, data, wanted, (size_t)weight->numel, limit));
        vox_free(wanted);
        vox_free(owned);
    }
}

static void reads_every_container_and_type(void **state)
{
    (void)state;
    static const struct {
        struct vox_checkpoint_options options;
        double relative;
        bool in_place; /* data of .pt are aligned to 64 bytes, those of .safetensors to 8 here */
    } cases[] = {
        {{.dtype = VOX_F32}, 0, true},
        {{.dtype = VOX_F16}, 0x1p-11, false},
        {{.dtype = VOX_BF16}, 0x1p-8, false},
        {{.dtype = VOX_F32, .safetensors = true}, 0, true},
        {{.dtype = VOX_F16, .safetensors = true}, 0x1p-11, false},
        {{.dtype = VOX_BF16, .safetensors = true}, 0x1p-8, false},
    };
    struct vox_model_config config = narrow();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct vox_weights *weights = write_and_open(&config, &cases[i].options);
        assert_string_equal(vox_weights_container(weights),
                            cases[i].options.safetensors ? "safetensors" : "pt");
        assert_int_equal(vox_weights_count(weights), 471);
        struct vox_err err = {0};
        assert_int_equal(vox_schema_check(&config, weights, &err), VOX_OK);
        compare_all(weights, cases[i].relative, cases[i].in_place);
        vox_weights_close(weights);
    }
}

static void finds_by_name(void **state)
{
    (void)state;
    struct vox_model_config config = narrow();
    struct vox_checkpoint_options options = {.present = true};
    struct vox_weights *weights = write_and_open(&config, &options);
    for (int64_t i = 0; i < vox_weights_count(weights); i++) {
        const struct vox_weight *weight = vox_weights_at(weights, i);
        assert_ptr_equal(vox_weights_find(weights, weight->name), weight);
    }
    assert_null(vox_weights_find(weights, ""));
    assert_null(vox_weights_find(weights, "zzz"));
    const struct vox_weight *bias =
        vox_weights_find(weights, "sam_mask_decoder.pred_obj_score_head.layers.2.bias");
    float value;
    memcpy(&value, bias->data, sizeof(value));
    assert_true(value == 1.0f);
    vox_weights_close(weights);
}

static void hashes_the_file(void **state)
{
    (void)state;
    static const char json[] = "{\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}";
    struct vox_bytes bytes = {0};
    vox_bytes_number(&bytes, sizeof(json) - 1, 8);
    vox_bytes_text(&bytes, json);
    vox_bytes_fill(&bytes, 0, 4);
    struct vox_err err = {0};
    struct vox_weights *weights;
    assert_int_equal(vox_weights_from_memory(bytes.data, bytes.size, &weights, &err), VOX_OK);
    const struct vox_weight *weight = vox_weights_find(weights, "a");
    assert_int_equal(weight->rank, 0);
    assert_int_equal(weight->numel, 1);
    char hex[65];
    assert_int_equal(vox_weights_sha256(weights, hex, &err), VOX_OK);
    assert_string_equal(hex, "cec2819d579e053e57f595009c62f3ceaa6d64a4b259ff023e271e0dc8d6ef05");
    vox_weights_unload(weights);
    vox_weights_close(weights);
    vox_bytes_free(&bytes);
}

static struct vox_weights *open_bytes(const struct vox_bytes *bytes)
{
    struct vox_weights *weights = NULL;
    struct vox_err err = {0};
    if (vox_weights_from_memory(bytes->data, bytes->size, &weights, &err) != VOX_OK) {
        fail_msg("%s", err.msg);
    }
    return weights;
}

static void check_values(const struct vox_weights *weights, const char *name, size_t n,
                         const float *wanted)
{
    struct vox_err err = {0};
    const float *data;
    float *owned;
    const struct vox_weight *weight = vox_weights_find(weights, name);
    assert_non_null(weight);
    assert_int_equal(weight->numel, n);
    assert_int_equal(vox_weight_f32(weight, &data, &owned, &err), VOX_OK);
    assert_true(vox_close(name, data, wanted, n, 0));
    vox_free(owned);
}

static void honours_offsets_and_strides(void **state)
{
    (void)state;
    static const float storage[12] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
    static const struct vox_forged_tensor tensors[] = {
        {"plain", "FloatStorage", "0", 12, 0, 2, {3, 4}, {4, 1}},
        {"turned", "FloatStorage", "0", 12, 0, 2, {4, 3}, {1, 4}},
        {"tail", "FloatStorage", "0", 12, 10, 1, {2}, {1}},
        {"column", "FloatStorage", "0", 12, 1, 1, {3}, {4}},
        {"one", "FloatStorage", "0", 12, 11, 0, {0}, {0}},
        {"none", "FloatStorage", "0", 12, 12, 2, {0, 5}, {5, 1}},
        {"spread", "FloatStorage", "0", 12, 2, 2, {2, 3}, {0, 1}},
    };
    struct vox_forge forge;
    vox_forge_begin(&forge);
    for (size_t i = 0; i < sizeof(tensors) / sizeof(tensors[0]); i++) {
        vox_forge_tensor(&forge, &tensors[i]);
    }
    vox_forge_member(&forge, "archive/data/0", storage, sizeof(storage));
    vox_forge_member(&forge, "archive/byteorder", "little", 6);
    struct vox_bytes bytes = vox_forge_end(&forge);
    struct vox_weights *weights = open_bytes(&bytes);
    check_values(weights, "plain", 12, storage);
    check_values(weights, "turned", 12, (const float[]){0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11});
    check_values(weights, "tail", 2, (const float[]){10, 11});
    check_values(weights, "column", 3, (const float[]){1, 5, 9});
    check_values(weights, "one", 1, (const float[]){11});
    check_values(weights, "none", 0, storage);
    check_values(weights, "spread", 6, (const float[]){2, 3, 4, 2, 3, 4});
    vox_weights_close(weights);
    vox_bytes_free(&bytes);
}

/* A training checkpoint has entries of other types beside the model; they hold what Python's
 * pickler writes for an optimizer's state, numpy scalars, sets, classes and long numbers. */
static void passes_over_other_entries(void **state)
{
    (void)state;
    static const float value = 2.5f;
    struct vox_forge forge;
    vox_forge_begin(&forge);
    struct vox_bytes *pickle = &forge.pickle;
    vox_forge_tensor(&forge,
                     &(struct vox_forged_tensor){"a", "FloatStorage", "0", 1, 0, 1, {1}, {1}});
    vox_bytes_text(pickle, "u}"); /* the state dict's _metadata */
    vox_forge_text(pickle, "_metadata");
    vox_bytes_text(pickle, "}sbs("); /* BUILD, then entries of the top-level dict */
    vox_forge_text(pickle, "optimizer");
    vox_bytes_text(pickle, "}(");
    vox_forge_tensor(&forge,
                     &(struct vox_forged_tensor){"step", "LongStorage", "7", 9, 0, 1, {9}, {1}});
    vox_forge_text(pickle, "groups");
    vox_bytes_text(pickle, "]("); /* list */
    vox_bytes_text(pickle, "G");
    vox_bytes_fill(pickle, 0x3f, 8);
    vox_bytes_text(pickle, "NN\x88");
    vox_bytes_text(pickle, "eu");
    vox_forge_text(pickle, "loss");
    vox_forge_global(pickle, "numpy._core.multiarray", "scalar");
    vox_forge_global(pickle, "numpy", "dtype");
    vox_forge_text(pickle, "f8");
    vox_bytes_text(pickle, "\x89\x88\x87R(K\x03");
    vox_forge_text(pickle, "<");
    vox_bytes_text(pickle, "NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xff");
    vox_forge_int(pickle, 0);
    vox_bytes_text(pickle, "tb");
    vox_forge_global(pickle, "_codecs", "encode");
    vox_forge_text(pickle, "12345678");
    vox_forge_text(pickle, "latin1");
    vox_bytes_text(pickle, "\x86R\x86R");
    vox_forge_text(pickle, "big");
    vox_bytes_text(pickle, "\x8a\x09");
    vox_bytes_fill(pickle, 0x7f, 9);
    vox_forge_text(pickle, "object");
    vox_forge_global(pickle, "__main__", "Config");
    vox_bytes_text(pickle, ")\x81}");
    vox_forge_text(pickle, "x");
    vox_bytes_text(pickle, "K\x01sb");
    vox_bytes_text(pickle, "u.");
    vox_forge_member(&forge, "archive/data/0", &value, sizeof(value));
    struct vox_bytes copy = forge.pickle;
    forge.pickle = (struct vox_bytes){0};
    struct vox_bytes bytes = vox_forge_end_with(&forge, copy.data, copy.size);
    vox_bytes_free(&copy);
    struct vox_weights *weights = open_bytes(&bytes);
    assert_int_equal(vox_weights_count(weights), 1);
    check_values(weights, "a", 1, &value);
    vox_weights_close(weights);
    vox_bytes_free(&bytes);
}

/* {"a": parameter} without an entry `model`: the dict itself is the state dict. */
static void takes_a_bare_state_dict(void **state)
{
    (void)state;
    static const uint16_t half = 0x4100; /* 2.5 */
    struct vox_bytes pickle = {0};
    vox_bytes_text(&pickle, "\x80\x02}");
    vox_forge_text(&pickle, "a");
    vox_forge_global(&pickle, "torch._utils", "_rebuild_parameter");
    vox_forge_global(&pickle, "torch._utils", "_rebuild_tensor_v2");
    vox_bytes_text(&pickle, "((");
    vox_forge_text(&pickle, "storage");
    vox_forge_global(&pickle, "torch", "HalfStorage");
    vox_forge_text(&pickle, "0");
    vox_forge_text(&pickle, "cuda:0");
    vox_bytes_text(&pickle, "K\x01tQK");
    vox_bytes_number(&pickle, 0, 1);
    vox_bytes_text(&pickle, "K\x01\x85K\x01\x85\x89}tR\x88}\x87Rs.");
    struct vox_forge forge = {0};
    vox_forge_member(&forge, "any name/data/0", &half, sizeof(half));
    vox_zip_member(&forge.zip, &forge.archive, "any name/data.pkl", pickle.data, pickle.size);
    vox_zip_finish(&forge.zip, &forge.archive, 0);
    struct vox_weights *weights = open_bytes(&forge.archive);
    check_values(weights, "a", 1, (const float[]){2.5f});
    vox_weights_close(weights);
    vox_bytes_free(&forge.archive);
    vox_bytes_free(&pickle);
}

static void narrows_to_half(void **state)
{
    (void)state;
    /* Every half is the rounding of itself; ties go to the even one. */
    for (uint32_t bits = 0; bits < 0x10000; bits++) {
        float value = vox_f16_to_f32((uint16_t)bits);
        if (isnan(value)) {
            assert_true(isnan(vox_f16_to_f32(vox_f32_to_f16(value))));
        } else {
            assert_int_equal(vox_f32_to_f16(value), bits);
        }
    }
    assert_int_equal(vox_f32_to_f16(1.0f + 0x1p-11f), 0x3c00);
    assert_int_equal(vox_f32_to_f16(1.0f + 3 * 0x1p-11f), 0x3c02);
    assert_int_equal(vox_f32_to_f16(65520.0f), 0x7c00);
    assert_int_equal(vox_f32_to_f16(0x1p-25f), 0);
    assert_int_equal(vox_f32_to_f16(0x1.8p-25f), 1);
}

static void has_the_formula(void **state)
{
    (void)state;
    static const int64_t tpos[] = {7, 1, 1, 64};
    static const int64_t norm[] = {96};
    float values[7 * 64];
    assert_int_equal(vox_formula_hash("", "maskmem_tpos_enc"), 0xf80647d2u);
    vox_formula_fill("", "maskmem_tpos_enc", 4, tpos, values);
    assert_true(vox_close("tpos", values, (const float[]){0.06162892f, -0.06368374f, -0.15460625f},
                          3, 1e-8));
    vox_formula_fill("", "image_encoder.trunk.blocks.0.norm1.weight", 1, norm, values);
    assert_true(
        vox_close("norm", values, (const float[]){1.06988561f, 1.06873322f, 1.05083442f}, 3, 1e-7));
    vox_formula_fill("", "obj_ptr_proj.layers.2.bias", 1, norm, values);
    assert_true(vox_close("bias", values, (const float[]){0.16407381f, -0.15153481f, 0.16951652f},
                          3, 1e-8));
}

static void tells_a_missing_file(void **state)
{
    (void)state;
    struct vox_err err = {0};
    struct vox_weights *weights = NULL;
    assert_int_equal(vox_weights_open("no such file", &weights, &err), VOX_E_NOT_FOUND);
    assert_int_equal(vox_weights_open("/", &weights, &err), VOX_E_IO);
    assert_null(weights);
    vox_weights_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_container_and_type),
        cmocka_unit_test(finds_by_name),
        cmocka_unit_test(hashes_the_file),
        cmocka_unit_test(honours_offsets_and_strides),
        cmocka_unit_test(passes_over_other_entries),
        cmocka_unit_test(takes_a_bare_state_dict),
        cmocka_unit_test(narrows_to_half),
        cmocka_unit_test(has_the_formula),
        cmocka_unit_test(tells_a_missing_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
