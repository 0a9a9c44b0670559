#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "model/config.h"
#include "model/config_builtin.h"
#include "support/byte_builder.h"

static struct vox_model_config builtin(void)
{
    struct vox_model_config config;
    struct vox_err err = {0};
    if (vox_config_builtin("sam2.1_hiera_t512", &config, &err) != VOX_OK) {
        fail_msg("%s", err.msg);
    }
    return config;
}

static struct vox_model_config load(const char *name)
{
    char path[512];
    struct vox_model_config config;
    struct vox_err err = {0};
    snprintf(path, sizeof(path), "%s/%s.yaml", SKELETONS, name);
    if (vox_config_load(path, &config, &err) != VOX_OK) {
        fail_msg("%s: %s", name, err.msg);
    }
    return config;
}

/* The built-in skeleton with its first `from` replaced by `to`. */
static struct vox_bytes changed(const char *from, const char *to)
{
    struct vox_bytes text = {0};
    const struct vox_builtin_skeleton *skeleton = &vox_builtin_skeletons[0];
    const char *at = memmem(skeleton->text, skeleton->size, from, strlen(from));
    if (at == NULL) {
        fail_msg("the skeleton lacks '%s'", from);
    }
    size_t before = (size_t)(at - skeleton->text);
    size_t behind = before + strlen(from);
    vox_bytes_add(&text, skeleton->text, before);
    vox_bytes_text(&text, to);
    vox_bytes_add(&text, skeleton->text + behind, skeleton->size - behind);
    return text;
}

static enum vox_code parse(const struct vox_bytes *text, struct vox_model_config *config,
                           struct vox_err *err)
{
    return vox_config_parse("test", (const char *)text->data, text->size, config, err);
}

static void knows_the_published_network(void **state)
{
    (void)state;
    static const int64_t stages[] = {1, 2, 7, 2};
    static const int64_t windows[] = {8, 4, 14, 7};
    static const int64_t global[] = {5, 7, 9};
    static const int64_t channels[] = {768, 384, 192, 96};
    struct vox_model_config c = builtin();
    assert_string_equal(c.name, "sam2.1_hiera_t512");
    assert_int_equal(c.image_size, 512);
    assert_int_equal(c.scalp, 1);
    assert_int_equal(c.trunk.embed_dim, 96);
    assert_int_equal(c.trunk.num_heads, 1);
    assert_int_equal(c.trunk.n_stages, 4);
    assert_memory_equal(c.trunk.stages, stages, sizeof(stages));
    assert_memory_equal(c.trunk.window_spec, windows, sizeof(windows));
    assert_int_equal(c.trunk.n_global, 3);
    assert_memory_equal(c.trunk.global_att_blocks, global, sizeof(global));
    assert_int_equal(c.trunk.pos_size[0], 7);
    assert_int_equal(c.trunk.pos_size[1], 7);
    assert_int_equal(c.trunk.q_pool, 3);
    assert_int_equal(c.trunk.mlp_ratio, 4);
    assert_int_equal(c.neck.d_model, 256);
    assert_memory_equal(c.neck.channels, channels, sizeof(channels));
    for (int i = 0; i < 4; i++) {
        assert_int_equal(c.neck.top_down[i], i == 2);
    }
    assert_int_equal(c.memory_attention.num_layers, 4);
    assert_int_equal(c.memory_attention.dim_feedforward, 2048);
    assert_true(c.memory_attention.rope_theta == 10000.0);
    assert_true(c.memory_attention.pos_enc_at_input);
    assert_int_equal(c.memory_encoder.out_dim, 64);
    assert_int_equal(c.memory_encoder.downsampler_stages, 4);
    assert_int_equal(c.memory_encoder.fuser_layers, 2);
    assert_int_equal(c.memory_encoder.fuser_kernel, 7);
    assert_int_equal(c.num_maskmem, 7);
    assert_int_equal(c.max_obj_ptrs, 16);
    assert_int_equal(c.max_cond_frames, -1);
    assert_int_equal(c.memory_stride, 1);
    assert_true(c.sigmoid_scale == 20.0);
    assert_true(c.sigmoid_bias == -10.0);
    assert_int_equal(c.multimask_min_points, 0);
    assert_int_equal(c.multimask_max_points, 1);
    assert_true(c.multimask_output && c.multimask_tracking && c.multimask_token_for_ptr);
    assert_true(c.mask_as_output && c.directly_add_no_mem_embed && c.no_obj_embed_spatial);
    assert_true(c.high_res_features && c.obj_ptrs && c.tpos_enc_to_ptrs && c.only_past_ptrs);
    assert_true(c.pred_obj_scores);
    assert_false(c.cond_corrections);
}

static void applies_the_builders_overrides(void **state)
{
    (void)state;
    struct vox_bytes text =
        changed("  num_maskmem: 7\n",
                "  num_maskmem: 7\n"
                "  binarize_mask_from_pts_for_mem_enc: false\n"
                "  sam_mask_decoder_extra_args: {dynamic_multimask_via_stability: false,\n"
                "    dynamic_multimask_stability_delta: 0.2, "
                "dynamic_multimask_stability_thresh: 0.1}\n");
    struct vox_model_config c;
    struct vox_err err = {0};
    assert_int_equal(parse(&text, &c, &err), VOX_OK);
    vox_bytes_free(&text);
    assert_true(c.stability_fallback && c.binarize_prompted_memory);
    assert_true(c.stability_delta == 0.05);
    assert_true(c.stability_threshold == 0.98);
}

static void reads_the_other_networks(void **state)
{
    (void)state;
    struct vox_model_config c = load("base_plus512");
    static const int64_t stages[] = {2, 3, 16, 3};
    static const int64_t windows[] = {8, 4, 14, 7};
    static const int64_t global[] = {12, 16, 20};
    assert_string_equal(c.name, "base_plus512");
    assert_int_equal(c.trunk.embed_dim, 112);
    assert_int_equal(c.trunk.num_heads, 2);
    assert_memory_equal(c.trunk.stages, stages, sizeof(stages));
    assert_memory_equal(c.trunk.window_spec, windows, sizeof(windows));
    assert_int_equal(c.trunk.n_global, 3);
    assert_memory_equal(c.trunk.global_att_blocks, global, sizeof(global));
    assert_int_equal(c.trunk.pos_size[0], 14);

    c = load("large1024");
    assert_int_equal(c.image_size, 1024);
    assert_int_equal(c.trunk.window_spec[2], 16);
    c = load("narrow256");
    assert_int_equal(c.neck.d_model, 128);
    c = load("sam2.0_tiny512");
    assert_false(c.no_obj_embed_spatial);
    assert_false(c.tpos_enc_to_ptrs);
    c = load("small512");
    assert_int_equal(c.trunk.stages[2], 11);
}

static void names_what_there_is(void **state)
{
    (void)state;
    struct vox_model_config c;
    struct vox_err err = {0};
    assert_int_equal(vox_config_builtin("nothing", &c, &err), VOX_E_NOT_FOUND);
    assert_non_null(strstr(err.msg, "'nothing'; there is sam2.1_hiera_t512, voxlabel-nano"));
    assert_string_equal(vox_config_builtin_name(0), "sam2.1_hiera_t512");
    assert_string_equal(vox_config_builtin_name(1), "voxlabel-nano");
    assert_int_equal(vox_config_builtin("voxlabel-nano", &c, &err), VOX_OK);
    assert_null(vox_config_builtin_name(2));
    assert_null(vox_config_builtin_name(-1));
    assert_int_equal(vox_config_load(SKELETONS "/none.yaml", &c, &err), VOX_E_NOT_FOUND);
}

static void accepts_what_has_no_effect(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to;
    } cases[] = {
        {"    scalp: 1", "    scalp: 1 # a remark"},
        {"      num_heads: 1\n", "      num_heads: 1\n      drop_path_rate: 0.1\n"},
        {"scale: null", "scale: ~"},
        {"scale: null", "scale:"},
        {"dropout: 0.1", "dropout: 0"},
        {"feat_sizes: [32, 32]", "feat_sizes: [64, 64]"},
        {"compile_image_encoder: false", "compile_image_encoder: True"},
        {"compile_image_encoder: false", "fill_hole_area: 8"},
        {"compile_image_encoder: false", "prob_to_use_pt_input_for_train: 0.5"},
        {"compile_image_encoder: false", "num_init_cond_frames_for_train: 2"},
        {"sam2.modeling.sam2_base.SAM2Base", "sam2.sam2_video_predictor_npz.SAM2VideoPredictorNPZ"},
        {"temperature: 10000", "temperature: 1e4"},
        {"layer_scale_init_value: 1e-6", "layer_scale_init_value: 1.0e-06"},
        {"model:\n", "voxlabel: {}\nmodel:\n"},
        {"  _target_: sam2.modeling.sam2_base.SAM2Base\n", ""},
    };
    struct vox_model_config plain = builtin();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct vox_bytes text = changed(cases[i].from, cases[i].to);
        struct vox_model_config c;
        struct vox_err err = {0};
        if (parse(&text, &c, &err) != VOX_OK) {
            fail_msg("%s: %s", cases[i].to, err.msg);
        }
        snprintf(c.name, sizeof(c.name), "%s", plain.name);
        assert_int_equal(c.image_size, plain.image_size);
        assert_memory_equal(&c.trunk, &plain.trunk, sizeof(c.trunk));
        assert_memory_equal(&c.memory_encoder, &plain.memory_encoder, sizeof(c.memory_encoder));
        vox_bytes_free(&text);
    }
}

static void honours_what_has_an_effect(void **state)
{
    (void)state;
    struct vox_model_config c;
    struct vox_err err = {0};
    struct vox_bytes text =
        changed("  num_maskmem: 7\n", "  num_maskmem: 5\n  max_obj_ptrs_in_encoder: 8\n"
                                      "  max_cond_frames_in_attn: 4\n"
                                      "  memory_temporal_stride_for_eval: 3\n"
                                      "  add_all_frames_to_correct_as_cond: true\n");
    assert_int_equal(parse(&text, &c, &err), VOX_OK);
    vox_bytes_free(&text);
    assert_int_equal(c.num_maskmem, 5);
    assert_int_equal(c.max_obj_ptrs, 8);
    assert_int_equal(c.max_cond_frames, 4);
    assert_int_equal(c.memory_stride, 3);
    assert_true(c.cond_corrections);

    text = changed("fpn_top_down_levels: [2, 3]", "fpn_top_down_levels: null");
    assert_int_equal(parse(&text, &c, &err), VOX_OK);
    vox_bytes_free(&text);
    text = changed("      fpn_top_down_levels: [2, 3] # 0 is the finest; 0 and 1 take the "
                   "trunk's features alone\n",
                   "");
    assert_int_equal(parse(&text, &c, &err), VOX_OK);
    vox_bytes_free(&text);
    assert_true(c.neck.top_down[0] && c.neck.top_down[1] && c.neck.top_down[2]);
    assert_false(c.neck.top_down[3]);
    text = changed("global_att_blocks: [5, 7, 9]", "global_att_blocks: null");
    assert_int_equal(parse(&text, &c, &err), VOX_OK);
    vox_bytes_free(&text);
    assert_int_equal(c.trunk.n_global, 0);
    /* Blocks that the constructor names by default and the trunk does not have are passed over. */
    text = changed("      global_att_blocks: [5, 7, 9]\n", "");
    assert_int_equal(parse(&text, &c, &err), VOX_OK);
    vox_bytes_free(&text);
    assert_int_equal(c.trunk.n_global, 0);
}

static struct vox_model_config with_settings(const char *settings)
{
    char text[256];
    snprintf(text, sizeof(text), "voxlabel: {%s}\nmodel:\n", settings);
    struct vox_bytes document = changed("model:\n", text);
    struct vox_model_config c;
    struct vox_err err = {0};
    if (parse(&document, &c, &err) != VOX_OK) {
        fail_msg("%s: %s", settings, err.msg);
    }
    vox_bytes_free(&document);
    return c;
}

static void reads_the_programs_settings(void **state)
{
    (void)state;
    struct vox_model_config c = builtin();
    assert_true(c.zoom == 0.0);
    assert_string_equal(c.broadcast, "");
    assert_string_equal(c.passes, "");
    assert_true(with_settings("zoom: off").zoom == 0.0);
    assert_true(with_settings("zoom: 'off'").zoom == 0.0);
    assert_true(with_settings("zoom: 1").zoom == 1.0);
    assert_true(with_settings("zoom: 2.5").zoom == 2.5);
    assert_true(with_settings("zoom: 100").zoom == 100.0);
    static const char *const passes[] = {"intersection", "union", "forward", "backward",
                                         "from_key"};
    for (size_t i = 0; i < sizeof(passes) / sizeof(passes[0]); i++) {
        char settings[64];
        snprintf(settings, sizeof(settings), "passes: %s, broadcast: box", passes[i]);
        c = with_settings(settings);
        assert_string_equal(c.passes, passes[i]);
        assert_string_equal(c.broadcast, "box");
        assert_true(c.zoom == 0.0);
    }
    assert_string_equal(with_settings("broadcast: propagate").broadcast, "propagate");
}

struct refusal {
    const char *from, *to;
    enum vox_code code;
    const char *text;
};

static void check_refusals(const struct refusal *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct vox_bytes text = changed(cases[i].from, cases[i].to);
        struct vox_model_config c = {.image_size = -1};
        struct vox_err err = {0};
        enum vox_code code = parse(&text, &c, &err);
        if (code != cases[i].code || strstr(err.msg, cases[i].text) == NULL) {
            fail_msg("case %zu: got '%s' (%s), wanted '%s' (%s)", i, err.msg, vox_code_name(code),
                     cases[i].text, vox_code_name(cases[i].code));
        }
        assert_int_equal(c.image_size, -1);
        vox_bytes_free(&text);
    }
}

static void refuses_values_by_name(void **state)
{
    (void)state;
    static const struct refusal cases[] = {
        {"  image_size: 512", "  image_size: 512\n  colour: red", VOX_E_UNSUPPORTED,
         "model.colour (line 6) is not a key that is known here"},
        {"model:\n", "other: 1\nmodel:\n", VOX_E_UNSUPPORTED, "other (line 3) is not a key"},
        {"model:\n", "voxlabel:\n  room: 1\nmodel:\n", VOX_E_UNSUPPORTED, "voxlabel.room (line 4)"},
        {"model:\n", "voxlabel: {zoom: true}\nmodel:\n", VOX_E_FORMAT,
         "voxlabel.zoom (line 3) must be off or a number"},
        {"model:\n", "voxlabel: {zoom: [2]}\nmodel:\n", VOX_E_FORMAT, "off or a number"},
        {"model:\n", "voxlabel: {zoom: 0.5}\nmodel:\n", VOX_E_LIMIT,
         "voxlabel.zoom (line 3) is 0.5; it must be between 1 and 100"},
        {"model:\n", "voxlabel: {zoom: 100.5}\nmodel:\n", VOX_E_LIMIT, "between 1 and 100"},
        {"model:\n", "voxlabel: {passes: both}\nmodel:\n", VOX_E_UNSUPPORTED,
         "voxlabel.passes (line 3) must be one of: intersection union forward"},
        {"model:\n", "voxlabel: {passes: forward backward}\nmodel:\n", VOX_E_UNSUPPORTED,
         "must be one of"},
        {"model:\n", "voxlabel: {passes: from}\nmodel:\n", VOX_E_UNSUPPORTED, "must be one of"},
        {"model:\n", "voxlabel: {broadcast: [box]}\nmodel:\n", VOX_E_UNSUPPORTED,
         "voxlabel.broadcast (line 3) must be one of: propagate box"},
        {"model:\n", "voxlabel: {broadcast: ''}\nmodel:\n", VOX_E_UNSUPPORTED, "must be one of"},
        {"  image_size: 512", "  image_size: 512.0", VOX_E_FORMAT,
         "model.image_size (line 5) must be a whole number"},
        {"  image_size: 512", "  image_size: \"512\"", VOX_E_FORMAT, "must be a whole number"},
        {"  image_size: 512", "  image_size: ${scratch.resolution}", VOX_E_FORMAT,
         "model.image_size (line 5) must be a whole number"},
        {"  image_size: 512", "  image_size: 8192", VOX_E_LIMIT,
         "model.image_size (line 5) is 8192; it must be between 64 and 4096"},
        {"  image_size: 512", "  image_size: 520", VOX_E_UNSUPPORTED,
         "model.image_size 520 is not a multiple of 32"},
        {"  image_size: 512", "  image_size: 99999999999999999999", VOX_E_FORMAT, "whole number"},
        {"sam2.modeling.backbones.hieradet.Hiera",
         "efficient_track_anything.modeling.backbones.vitdet.ViT", VOX_E_UNSUPPORTED,
         "trunk._target_ (line 11) is efficient_track_anything.modeling.backbones.vitdet.ViT; only "
         "Hiera"},
        {"sam2.modeling.sam2_base.SAM2Base",
         "efficient_track_anything.modeling.efficienttam_base.EfficientTAMBase", VOX_E_UNSUPPORTED,
         "model._target_ (line 4) is efficient_track_anything"},
        {"image_encoder.FpnNeck", "image_encoder.Neck", VOX_E_UNSUPPORTED, "only FpnNeck"},
        {"image_encoder.FpnNeck", "image_encoder.", VOX_E_UNSUPPORTED, "only FpnNeck"},
        {"fpn_interp_model: nearest", "fpn_interp_model: bilinear", VOX_E_UNSUPPORTED,
         "fpn_interp_model (line 23) is bilinear; only nearest"},
        {"      fpn_interp_model: nearest\n", "", VOX_E_UNSUPPORTED,
         "fpn_interp_model is absent, which means bilinear; only nearest"},
        {"normalize: true", "normalize: false", VOX_E_UNSUPPORTED, "only true is supported"},
        {"scale: null", "scale: 6.28", VOX_E_UNSUPPORTED, "only null is supported"},
        {"temperature: 10000", "temperature: 20", VOX_E_UNSUPPORTED, "only 10000 is supported"},
        {"activation: relu", "activation: gelu", VOX_E_UNSUPPORTED, "activation (line 40) is gelu"},
        {"pos_enc_at_attn: false", "pos_enc_at_attn: true", VOX_E_UNSUPPORTED, "only false"},
        {"num_heads: 1\n        down", "num_heads: 2\n        down", VOX_E_UNSUPPORTED,
         "self_attention.num_heads (line 48) is 2; only 1"},
        {"        rope_k_repeat: true\n", "", VOX_E_UNSUPPORTED,
         "rope_k_repeat is absent, which means false; only true"},
        {"use_dwconv: true", "use_dwconv: false", VOX_E_UNSUPPORTED, "only true"},
        {"kernel_size: 3", "kernel_size: 4", VOX_E_UNSUPPORTED, "only 3 is supported"},
        {"kernel_size: 3", "kernel_size: [3, 3]", VOX_E_UNSUPPORTED, "is a list; only 3"},
        {"iou_prediction_use_sigmoid: true", "iou_prediction_use_sigmoid: false", VOX_E_UNSUPPORTED,
         "only true"},
        {"compile_image_encoder: false", "non_overlap_masks: true", VOX_E_UNSUPPORTED,
         "model.non_overlap_masks"},
        {"compile_image_encoder: false", "soft_no_obj_ptr: true", VOX_E_UNSUPPORTED, "only false"},
        {"compile_image_encoder: false", "max_cond_frames_in_attn: 1", VOX_E_FORMAT,
         "max_cond_frames_in_attn must be -1 (no limit) or at least 2"},
        {"compile_image_encoder: false", "sam_mask_decoder_extra_args: {depth: 3}",
         VOX_E_UNSUPPORTED, "sam_mask_decoder_extra_args.depth"},
        {"compile_image_encoder: false", "sam_mask_decoder_extra_args: 3", VOX_E_FORMAT,
         "must be a mapping"},
        {"pred_obj_scores: true", "pred_obj_scores: 1", VOX_E_FORMAT, "must be true or false"},
        {"sigmoid_scale_for_mem_enc: 20.0", "sigmoid_scale_for_mem_enc: .inf", VOX_E_FORMAT,
         "must be a number"},
        {"sigmoid_scale_for_mem_enc: 20.0", "sigmoid_scale_for_mem_enc: 1e999", VOX_E_FORMAT,
         "must be a number"},
        {"stages: [1, 2, 7, 2]", "stages: 12", VOX_E_FORMAT, "must be a list of whole numbers"},
        {"stages: [1, 2, 7, 2]", "stages: [1, 2, x, 2]", VOX_E_FORMAT, "must be a whole number"},
        {"    num_layers: 4\n", "", VOX_E_FORMAT, "model.memory_attention.num_layers is missing"},
    };
    check_refusals(cases, sizeof(cases) / sizeof(cases[0]));
}

static void refuses_what_does_not_agree(void **state)
{
    (void)state;
    static const struct refusal cases[] = {
        {"[768, 384, 192, 96]", "[768, 384, 192, 97]", VOX_E_FORMAT,
         "backbone_channel_list has 97 at place 3, but the trunk gives 96"},
        {"[768, 384, 192, 96]", "[384, 192, 96]", VOX_E_FORMAT, "has 3 levels, the trunk 4 stages"},
        {"num_pos_feats: 256", "num_pos_feats: 128", VOX_E_FORMAT,
         "position_encoding.num_pos_feats is 128, but model.image_encoder.neck.d_model is 256"},
        {"kv_in_dim: 64", "kv_in_dim: 32", VOX_E_FORMAT, "cross_attention.kv_in_dim is 32"},
        {"embedding_dim: 256", "embedding_dim: 128", VOX_E_FORMAT, "embedding_dim is 128"},
        {"        dim: 256", "        dim: 64", VOX_E_FORMAT, "fuser.layer.dim is 64"},
        {"    out_dim: 64", "    out_dim: 64\n    in_dim: 128", VOX_E_FORMAT, "in_dim is 128"},
        {"      embed_dim: 96\n      num_heads: 1", "      embed_dim: 96\n      num_heads: 5",
         VOX_E_FORMAT, "embed_dim 96 is not a multiple of num_heads 5"},
        {"window_spec: [8, 4, 14, 7]", "window_spec: [8, 4, 14]", VOX_E_FORMAT,
         "window_spec has 3 sizes for 4 stages"},
        {"window_spec: [8, 4, 14, 7]", "window_spec: [8, 5, 14, 7]", VOX_E_UNSUPPORTED,
         "has 5 for stage 1; only even"},
        {"window_spec: [8, 4, 14, 7]", "window_spec: [12, 4, 14, 7]", VOX_E_UNSUPPORTED,
         "image_size 512 is not a multiple of 48"},
        {"global_att_blocks: [5, 7, 9]", "global_att_blocks: [5, 7, 12]", VOX_E_FORMAT,
         "names block 12; the last one is 11"},
        {"stages: [1, 2, 7, 2]", "stages: [1, 2, 126, 2]", VOX_E_LIMIT, "has 131 blocks"},
        {"stages: [1, 2, 7, 2]", "stages: []", VOX_E_LIMIT, "has 0 stages"},
        {"    scalp: 1", "    scalp: 0", VOX_E_UNSUPPORTED, "scalp 0 leaves 4 of 4 levels"},
        {"      num_heads: 1\n", "      num_heads: 1\n      q_pool: 2\n", VOX_E_UNSUPPORTED,
         "q_pool is 2; only 3"},
        {"      num_heads: 1\n", "      num_heads: 1\n      q_stride: [2, 4]\n", VOX_E_UNSUPPORTED,
         "only [2, 2]"},
        {"spatial_size: [7, 7]", "spatial_size: [7]", VOX_E_FORMAT, "must have 2 numbers"},
        {"fpn_top_down_levels: [2, 3]", "fpn_top_down_levels: [4]", VOX_E_FORMAT,
         "names level 4; the last one is 3"},
        {"padding: 3", "padding: 2", VOX_E_UNSUPPORTED, "kernel_size 7 and padding 2"},
        {"rope_theta: 10000.0", "rope_theta: 100.0", VOX_E_UNSUPPORTED,
         "rope_theta 100 for self_attention and 10000"},
        {"  proj_tpos_enc_in_obj_ptrs: true\n", "", VOX_E_UNSUPPORTED, "proj_tpos_enc_in_obj_ptrs"},
        {"  use_signed_tpos_enc_to_obj_ptrs: true\n", "", VOX_E_UNSUPPORTED,
         "use_signed_tpos_enc_to_obj_ptrs is false or absent"},
        {"  use_mlp_for_obj_ptr_proj: true\n", "", VOX_E_UNSUPPORTED, "use_mlp_for_obj_ptr_proj"},
        {"  pred_obj_scores_mlp: true\n", "", VOX_E_UNSUPPORTED, "pred_obj_scores_mlp"},
        {"  fixed_no_obj_ptr: true\n", "", VOX_E_UNSUPPORTED, "fixed_no_obj_ptr is false"},
        {"  pred_obj_scores: true\n", "", VOX_E_UNSUPPORTED, "that needs pred_obj_scores"},
    };
    check_refusals(cases, sizeof(cases) / sizeof(cases[0]));
}

static void refuses_damaged_documents(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum vox_code code;
        const char *message;
    } cases[] = {
        {"", VOX_E_FORMAT, "not a mapping with a key 'model'"},
        {"# nothing\n", VOX_E_FORMAT, "not a mapping with a key 'model'"},
        {"- 1\n", VOX_E_FORMAT, "not a mapping with a key 'model'"},
        {"a: 1\n", VOX_E_UNSUPPORTED, "a (line 1) is not a key"},
        {"voxlabel: {}\n", VOX_E_FORMAT, "model is missing"},
        {"model: 3\n", VOX_E_FORMAT, "model (line 1) must be a mapping"},
        {"trainer:\n  model: {}\n", VOX_E_UNSUPPORTED, "this is a training recipe"},
        {"model:\n\tx: 1\n", VOX_E_FORMAT, "line 2: not YAML"},
        {"model: [1, 2\n", VOX_E_FORMAT, "not YAML"},
        {"model: {}\nmodel: {}\n", VOX_E_FORMAT, "line 2: the key 'model' occurs twice"},
        {"model: &a {}\n", VOX_E_UNSUPPORTED, "the anchor '&a' is not supported"},
        {"model: *a\n", VOX_E_UNSUPPORTED, "the alias '*a' is not supported"},
        {"model: !!python/object:os.system {}\n", VOX_E_UNSUPPORTED, "the tag"},
        {"model: {<<: {}}\n", VOX_E_UNSUPPORTED, "the merge key '<<'"},
        {"{a: 1}: 2\n", VOX_E_UNSUPPORTED, "a key must be a plain word"},
        {"model: {}\n---\nmodel: {}\n", VOX_E_UNSUPPORTED, "only one document"},
        {"model: \"\\0\"\n", VOX_E_FORMAT, "a NUL character"},
        {"model: \xff\xfe\n", VOX_E_FORMAT, "not YAML"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct vox_model_config c;
        struct vox_err err = {0};
        enum vox_code code = vox_config_parse("x", cases[i].text, strlen(cases[i].text), &c, &err);
        if (code != cases[i].code || strstr(err.msg, cases[i].message) == NULL) {
            fail_msg("case %zu: got '%s' (%s), wanted '%s'", i, err.msg, vox_code_name(code),
                     cases[i].message);
        }
    }
}

/* A document of `begin` and many pieces, each with its number behind it where `numbered`. */
static void expect_limit(const char *begin, const char *piece, bool numbered, size_t count,
                         const char *message)
{
    struct vox_bytes text = {0};
    vox_bytes_text(&text, begin);
    for (size_t i = 0; i < count; i++) {
        char number[32] = "";
        if (numbered) {
            snprintf(number, sizeof(number), "%zu: 1\n", i);
        }
        vox_bytes_text(&text, piece);
        vox_bytes_text(&text, number);
    }
    struct vox_model_config c;
    struct vox_err err = {0};
    assert_int_equal(parse(&text, &c, &err), VOX_E_LIMIT);
    if (strstr(err.msg, message) == NULL) {
        fail_msg("got '%s', wanted '%s'", err.msg, message);
    }
    vox_bytes_free(&text);
}

static void bounds_documents(void **state)
{
    (void)state;
    expect_limit("model: ", "[", false, 1000, "nested more than 64 levels");
    expect_limit("", "k", true, 2000, "more than 1024 keys");
    expect_limit("model: [", "1,", false, 70000, "more than 65536 values");
    expect_limit("# ", "remarks ", false, 140000, "more than 1048576");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_the_published_network),
        cmocka_unit_test(applies_the_builders_overrides),
        cmocka_unit_test(reads_the_other_networks),
        cmocka_unit_test(names_what_there_is),
        cmocka_unit_test(accepts_what_has_no_effect),
        cmocka_unit_test(honours_what_has_an_effect),
        cmocka_unit_test(reads_the_programs_settings),
        cmocka_unit_test(refuses_values_by_name),
        cmocka_unit_test(refuses_what_does_not_agree),
        cmocka_unit_test(refuses_damaged_documents),
        cmocka_unit_test(bounds_documents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
