#include "model/config_keys.h"

#include <string.h>

#define AT(member) offsetof(struct vox_skeleton, member)
#define VALUE(k, type, must, member, lo, hi)                                                       \
    {                                                                                              \
        .key = (k), .kind = VOX_FIELD_##type, .required = (must), .offset = AT(member),            \
        .low = (lo), .high = (hi)                                                                  \
    }
#define INT(k, member, lo, hi) VALUE(k, INT, false, member, lo, hi)
#define NEED_INT(k, member, lo, hi) VALUE(k, INT, true, member, lo, hi)
#define REAL(k, member, lo, hi) VALUE(k, REAL, false, member, lo, hi)
#define BOOL(k, member) VALUE(k, BOOL, false, member, 0, 1)
#define NEED_BOOL(k, member) VALUE(k, BOOL, true, member, 0, 1)
#define INTS(k, member, lo, hi) VALUE(k, INTS, false, member, lo, hi)
#define NEED_INTS(k, member, lo, hi) VALUE(k, INTS, true, member, lo, hi)
#define WORD(k, member, words)                                                                     \
    {                                                                                              \
        .key = (k), .kind = VOX_FIELD_WORD, .offset = AT(member), .only = (words)                  \
    }
#define MAP(k, table)                                                                              \
    {                                                                                              \
        .key = (k), .kind = VOX_FIELD_MAP, .required = true, .map = (table)                        \
    }
#define OPTIONAL_MAP(k, table)                                                                     \
    {                                                                                              \
        .key = (k), .kind = VOX_FIELD_MAP, .map = (table)                                          \
    }
#define CLASS(names)                                                                               \
    {                                                                                              \
        .key = "_target_", .kind = VOX_FIELD_ONLY_CLASS, .only = (names)                           \
    }
#define IGNORED(k)                                                                                 \
    {                                                                                              \
        .key = (k), .kind = VOX_FIELD_IGNORED                                                      \
    }
/* A value of which only one is supported; `missing` says what the reference takes where the key is
 * absent, or is NULL where that is the supported value. */
#define ONLY(k, type, value, missing)                                                              \
    {                                                                                              \
        .key = (k), .kind = VOX_FIELD_ONLY_##type, .only = (value), .absent = (missing)            \
    }
#define END                                                                                        \
    {                                                                                              \
        .key = NULL                                                                                \
    }

enum {
    MAX_WIDTH = 8192, /* channels of any tensor */
    MAX_FEEDFORWARD = 32768,
    MAX_IMAGE = 4096,
    MAX_THETA = 1000000000,
    MAX_SIGMOID = 1000000
};

/* Sine codes: PositionEmbeddingSine of sam2/modeling/position_encoding.py. Its later versions can
 * fill a cache early, which changes no value. */
#define SINE_KEYS(name, member)                                                                    \
    static const struct vox_field name[] = {CLASS("PositionEmbeddingSine"),                        \
                                            NEED_INT("num_pos_feats", member, 4, MAX_WIDTH),       \
                                            ONLY("normalize", BOOL, "true", NULL),                 \
                                            ONLY("scale", NULL, "null", NULL),                     \
                                            ONLY("temperature", REAL, "10000", NULL),              \
                                            IGNORED("warmup_cache"),                               \
                                            IGNORED("image_size"),                                 \
                                            IGNORED("strides"),                                    \
                                            END}
SINE_KEYS(neck_sine_keys, neck_pos_feats);
SINE_KEYS(memory_sine_keys, memory_pos_feats);

/* Hiera of sam2/modeling/backbones/hieradet.py. */
static const struct vox_field trunk_keys[] = {
    CLASS("Hiera"),
    INT("embed_dim", config.trunk.embed_dim, 8, 1024),
    INT("num_heads", config.trunk.num_heads, 1, 64),
    IGNORED("drop_path_rate"),
    INT("q_pool", config.trunk.q_pool, 0, VOX_MAX_STAGES),
    INTS("q_stride", q_stride, 1, 16),
    INTS("stages", stages, 1, VOX_MAX_BLOCKS),
    ONLY("dim_mul", REAL, "2", NULL),
    ONLY("head_mul", REAL, "2", NULL),
    INTS("window_pos_embed_bkg_spatial_size", pos_size, 1, 256),
    INTS("window_spec", window_spec, 1, 256),
    INTS("global_att_blocks", global_att_blocks, 0, VOX_MAX_BLOCKS - 1),
    ONLY("weights_path", NULL, "null", NULL),
    ONLY("return_interm_layers", BOOL, "true", NULL),
    END,
};

/* FpnNeck of sam2/modeling/backbones/image_encoder.py. */
static const struct vox_field neck_keys[] = {
    CLASS("FpnNeck"),
    MAP("position_encoding", neck_sine_keys),
    NEED_INT("d_model", config.neck.d_model, 16, 2048),
    NEED_INTS("backbone_channel_list", channels, 1, MAX_WIDTH *VOX_MAX_BLOCKS),
    ONLY("kernel_size", REAL, "1", NULL),
    ONLY("stride", REAL, "1", NULL),
    ONLY("padding", REAL, "0", NULL),
    ONLY("fpn_interp_model", TEXT, "nearest", "bilinear"),
    ONLY("fuse_type", TEXT, "sum", NULL),
    INTS("fpn_top_down_levels", top_down, 0, VOX_MAX_STAGES - 1),
    END,
};

static const struct vox_field encoder_keys[] = {
    CLASS("ImageEncoder"),
    INT("scalp", config.scalp, 0, VOX_MAX_STAGES),
    MAP("trunk", trunk_keys),
    MAP("neck", neck_keys),
    END,
};

/* RoPEAttention of sam2/modeling/sam/transformer.py. */
static const struct vox_field self_attention_keys[] = {
    CLASS("RoPEAttention"),
    REAL("rope_theta", config.memory_attention.rope_theta, 1, MAX_THETA),
    INTS("feat_sizes", feat_sizes, 1, MAX_IMAGE),
    IGNORED("rope_k_repeat"), /* keys and queries are equally many */
    NEED_INT("embedding_dim", self_dim, 16, 2048),
    ONLY("num_heads", REAL, "1", NULL),
    ONLY("downsample_rate", REAL, "1", NULL),
    IGNORED("dropout"),
    ONLY("kv_in_dim", NULL, "null", NULL),
    END,
};

static const struct vox_field cross_attention_keys[] = {
    CLASS("RoPEAttention"),
    REAL("rope_theta", cross_theta, 1, MAX_THETA),
    INTS("feat_sizes", feat_sizes, 1, MAX_IMAGE),
    ONLY("rope_k_repeat", BOOL, "true", "false"),
    NEED_INT("embedding_dim", cross_dim, 16, 2048),
    ONLY("num_heads", REAL, "1", NULL),
    ONLY("downsample_rate", REAL, "1", NULL),
    IGNORED("dropout"),
    NEED_INT("kv_in_dim", cross_kv_dim, 4, 2048),
    END,
};

/* MemoryAttentionLayer and MemoryAttention of sam2/modeling/memory_attention.py. */
static const struct vox_field attention_layer_keys[] = {
    CLASS("MemoryAttentionLayer"),
    ONLY("activation", TEXT, "relu", NULL),
    NEED_INT("d_model", layer_d_model, 16, 2048),
    NEED_INT("dim_feedforward", config.memory_attention.dim_feedforward, 1, MAX_FEEDFORWARD),
    IGNORED("dropout"),
    ONLY("pos_enc_at_attn", BOOL, "false", NULL),
    MAP("self_attention", self_attention_keys),
    ONLY("pos_enc_at_cross_attn_keys", BOOL, "true", NULL),
    ONLY("pos_enc_at_cross_attn_queries", BOOL, "false", NULL),
    MAP("cross_attention", cross_attention_keys),
    END,
};

static const struct vox_field attention_keys[] = {
    CLASS("MemoryAttention"),
    NEED_INT("d_model", attention_d_model, 16, 2048),
    NEED_BOOL("pos_enc_at_input", config.memory_attention.pos_enc_at_input),
    MAP("layer", attention_layer_keys),
    NEED_INT("num_layers", config.memory_attention.num_layers, 1, VOX_MAX_LAYERS),
    ONLY("batch_first", BOOL, "true", NULL),
    END,
};

/* MaskDownSampler, CXBlock, Fuser and MemoryEncoder of sam2/modeling/memory_encoder.py. */
static const struct vox_field downsampler_keys[] = {
    CLASS("MaskDownSampler"),
    INT("embed_dim", downsampler_dim, 16, 2048),
    ONLY("kernel_size", REAL, "3", "4"),
    ONLY("stride", REAL, "2", "4"),
    ONLY("padding", REAL, "1", "0"),
    ONLY("total_stride", REAL, "16", NULL),
    END,
};

static const struct vox_field fuser_layer_keys[] = {
    CLASS("CXBlock"),
    NEED_INT("dim", fuser_dim, 16, 2048),
    INT("kernel_size", config.memory_encoder.fuser_kernel, 1, 31),
    INT("padding", fuser_padding, 0, 15),
    IGNORED("drop_path"),
    IGNORED("layer_scale_init_value"), /* trained values replace it */
    ONLY("use_dwconv", BOOL, "true", NULL),
    END,
};

static const struct vox_field fuser_keys[] = {
    CLASS("Fuser"),
    MAP("layer", fuser_layer_keys),
    NEED_INT("num_layers", config.memory_encoder.fuser_layers, 1, VOX_MAX_LAYERS),
    IGNORED("dim"), /* of the input projection, which only false turns off */
    ONLY("input_projection", BOOL, "false", NULL),
    END,
};

static const struct vox_field memory_encoder_keys[] = {
    CLASS("MemoryEncoder"),
    NEED_INT("out_dim", config.memory_encoder.out_dim, 4, 2048),
    INT("in_dim", memory_in_dim, 16, 2048),
    MAP("position_encoding", memory_sine_keys),
    MAP("mask_downsampler", downsampler_keys),
    MAP("fuser", fuser_keys),
    END,
};

/* The video predictor's builder overrides these (sam2/build_sam.py), so what a document says has no
 * effect there either. */
static const struct vox_field decoder_extra_keys[] = {
    IGNORED("dynamic_multimask_via_stability"),
    IGNORED("dynamic_multimask_stability_delta"),
    IGNORED("dynamic_multimask_stability_thresh"),
    END,
};

/* SAM2Base of sam2/modeling/sam2_base.py, and its subclass SAM2VideoPredictor. */
static const struct vox_field model_keys[] = {
    CLASS("SAM2Base SAM2VideoPredictor SAM2VideoPredictorNPZ SAM2Train"),
    MAP("image_encoder", encoder_keys),
    MAP("memory_attention", attention_keys),
    MAP("memory_encoder", memory_encoder_keys),
    INT("num_maskmem", config.num_maskmem, 1, 64),
    INT("image_size", config.image_size, 64, MAX_IMAGE),
    ONLY("backbone_stride", REAL, "16", NULL),
    REAL("sigmoid_scale_for_mem_enc", config.sigmoid_scale, -MAX_SIGMOID, MAX_SIGMOID),
    REAL("sigmoid_bias_for_mem_enc", config.sigmoid_bias, -MAX_SIGMOID, MAX_SIGMOID),
    IGNORED("binarize_mask_from_pts_for_mem_enc"), /* overridden by the predictor's builder */
    BOOL("use_mask_input_as_output_without_sam", config.mask_as_output),
    INT("max_cond_frames_in_attn", config.max_cond_frames, -1, 1024),
    BOOL("directly_add_no_mem_embed", config.directly_add_no_mem_embed),
    BOOL("use_high_res_features_in_sam", config.high_res_features),
    BOOL("multimask_output_in_sam", config.multimask_output),
    INT("multimask_min_pt_num", config.multimask_min_points, 0, 1000),
    INT("multimask_max_pt_num", config.multimask_max_points, 0, 1000),
    BOOL("multimask_output_for_tracking", config.multimask_tracking),
    BOOL("use_multimask_token_for_obj_ptr", config.multimask_token_for_ptr),
    ONLY("iou_prediction_use_sigmoid", BOOL, "true", "false"),
    INT("memory_temporal_stride_for_eval", config.memory_stride, 1, 1000),
    ONLY("non_overlap_masks_for_mem_enc", BOOL, "false", NULL),
    BOOL("use_obj_ptrs_in_encoder", config.obj_ptrs),
    INT("max_obj_ptrs_in_encoder", config.max_obj_ptrs, 1, 1024),
    BOOL("add_tpos_enc_to_obj_ptrs", config.tpos_enc_to_ptrs),
    BOOL("proj_tpos_enc_in_obj_ptrs", proj_tpos),
    BOOL("use_signed_tpos_enc_to_obj_ptrs", signed_tpos),
    BOOL("only_obj_ptrs_in_the_past_for_eval", config.only_past_ptrs),
    BOOL("pred_obj_scores", config.pred_obj_scores),
    BOOL("pred_obj_scores_mlp", pred_obj_scores_mlp),
    BOOL("fixed_no_obj_ptr", fixed_no_obj_ptr),
    ONLY("soft_no_obj_ptr", BOOL, "false", NULL),
    BOOL("use_mlp_for_obj_ptr_proj", mlp_obj_ptr_proj),
    BOOL("no_obj_embed_spatial", config.no_obj_embed_spatial),
    OPTIONAL_MAP("sam_mask_decoder_extra_args", decoder_extra_keys),
    IGNORED("compile_image_encoder"),
    /* the predictor's own */
    IGNORED("fill_hole_area"), /* holes are filled on a GPU only; see the header */
    ONLY("non_overlap_masks", BOOL, "false", NULL),
    ONLY("clear_non_cond_mem_around_input", BOOL, "false", NULL),
    IGNORED("clear_non_cond_mem_for_multi_obj"), /* needs the key above */
    BOOL("add_all_frames_to_correct_as_cond", config.cond_corrections),
    /* training only: SAM2Train of training/model/sam2.py */
    IGNORED("prob_to_use_pt_input_for_train"),
    IGNORED("prob_to_use_pt_input_for_eval"),
    IGNORED("prob_to_use_box_input_for_train"),
    IGNORED("prob_to_use_box_input_for_eval"),
    IGNORED("prob_to_sample_from_gt_for_train"),
    IGNORED("num_frames_to_correct_for_train"),
    IGNORED("num_frames_to_correct_for_eval"),
    IGNORED("rand_frames_to_correct_for_train"),
    IGNORED("rand_frames_to_correct_for_eval"),
    IGNORED("num_init_cond_frames_for_train"),
    IGNORED("num_init_cond_frames_for_eval"),
    IGNORED("rand_init_cond_frames_for_train"),
    IGNORED("rand_init_cond_frames_for_eval"),
    IGNORED("num_correction_pt_per_frame"),
    IGNORED("pt_sampling_for_eval"),
    IGNORED("use_act_ckpt_iterative_pt_sampling"),
    IGNORED("forward_backbone_per_frame_for_eval"),
    IGNORED("freeze_image_encoder"),
    END,
};

/* Settings of this program that travel with a skeleton. */
static const struct vox_field voxlabel_keys[] = {
    VALUE("zoom", FACTOR, false, config.zoom, 1, 100),
    WORD("broadcast", config.broadcast, "propagate box"),
    WORD("passes", config.passes, "intersection union forward backward from_key"),
    END,
};

const struct vox_field vox_skeleton_keys[] = {
    MAP("model", model_keys),
    OPTIONAL_MAP("voxlabel", voxlabel_keys),
    END,
};

static struct vox_int_list list_of(int count, const int64_t *items)
{
    struct vox_int_list list = {.count = count};
    memcpy(list.items, items, (size_t)count * sizeof(*items));
    return list;
}

void vox_skeleton_defaults(struct vox_skeleton *skeleton)
{
    static const int64_t stages[] = {2, 3, 16, 3};
    static const int64_t windows[] = {8, 4, 14, 7};
    static const int64_t global[] = {12, 16, 20};
    static const int64_t pos_size[] = {14, 14};
    static const int64_t q_stride[] = {2, 2};
    struct vox_skeleton empty = {
        .config =
            {
                .image_size = 512,
                .trunk = {.embed_dim = 96, .num_heads = 1, .q_pool = 3, .mlp_ratio = 4},
                .memory_attention = {.rope_theta = 10000.0},
                .memory_encoder = {.downsampler_stages = 4, .fuser_kernel = 7},
                .num_maskmem = 7,
                .max_obj_ptrs = 16,
                .max_cond_frames = -1,
                .memory_stride = 1,
                .sigmoid_scale = 1.0,
                .sigmoid_bias = 0.0,
                .multimask_min_points = 1,
                .multimask_max_points = 1,
                .tpos_enc_to_ptrs = true,
            },
        .memory_in_dim = 256,
        .downsampler_dim = 256,
        .fuser_padding = 3,
        .cross_theta = 10000.0,
    };
    *skeleton = empty;
    skeleton->stages = list_of(4, stages);
    skeleton->window_spec = list_of(4, windows);
    skeleton->global_att_blocks = list_of(3, global);
    skeleton->pos_size = list_of(2, pos_size);
    skeleton->q_stride = list_of(2, q_stride);
}
