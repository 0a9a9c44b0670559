/* The network's shape, from a skeleton YAML of the SAM 2 family (sam2.1_hiera_*.yaml).
 *
 * Keys that change the inference are honoured or refused by name; keys that only matter in training
 * (dropout, drop_path, compile_*) are accepted. Defaults of absent keys are those of the
 * reference's constructors, and the inference overrides of its video predictor builder are applied:
 * stability fallback on (delta 0.05, threshold 0.98), memories of prompted frames binarised, no
 * hole filling (as the reference on a CPU). */
#ifndef VOX_MODEL_CONFIG_H
#define VOX_MODEL_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

enum {
    VOX_MAX_STAGES = 8,
    VOX_MAX_BLOCKS = 128, /* of the trunk, all stages together */
    VOX_MAX_LAYERS = 32,  /* of memory attention */
    VOX_CONFIG_WORD = 16  /* bytes of a word, with its NUL */
};

struct vox_trunk_config {
    int64_t embed_dim; /* channels of stage 0; doubles at each stage */
    int64_t num_heads; /* of stage 0; doubles at each stage */
    int n_stages;
    int64_t stages[VOX_MAX_STAGES];      /* blocks per stage */
    int64_t window_spec[VOX_MAX_STAGES]; /* window side per stage */
    int n_global;
    int64_t global_att_blocks[VOX_MAX_BLOCKS];
    int64_t pos_size[2]; /* height, width of pos_embed */
    int64_t q_pool;      /* how many stage changes pool their queries */
    int64_t mlp_ratio;
};

struct vox_neck_config {
    int64_t d_model;
    int64_t channels[VOX_MAX_STAGES]; /* coarse first, as backbone_channel_list */
    bool top_down[VOX_MAX_STAGES]; /* by level, 0 = finest: receives the coarser level, upsampled */
};

struct vox_memory_attention_config {
    int64_t num_layers;
    int64_t dim_feedforward;
    double rope_theta;
    bool pos_enc_at_input; /* input += 0.1 * sine code */
};

struct vox_memory_encoder_config {
    int64_t out_dim;            /* channels of a memory */
    int64_t downsampler_stages; /* stride-2 convolutions, 4 for total stride 16 */
    int64_t fuser_layers;
    int64_t fuser_kernel;
};

struct vox_model_config {
    char name[64];      /* file stem, e.g. "sam2.1_hiera_t512" */
    int64_t image_size; /* S: the network's square input; S / 16 is the side G of its token grid */
    int64_t scalp;      /* coarsest FPN outputs dropped */
    struct vox_trunk_config trunk;
    struct vox_neck_config neck;
    struct vox_memory_attention_config memory_attention;
    struct vox_memory_encoder_config memory_encoder;

    int64_t num_maskmem;     /* 1 conditioning slot + recent frames */
    int64_t max_obj_ptrs;    /* object pointers a frame may look back to */
    int64_t max_cond_frames; /* -1: no limit */
    int64_t memory_stride;   /* memory_temporal_stride_for_eval */
    double sigmoid_scale;    /* mask -> memory encoder */
    double sigmoid_bias;
    int64_t multimask_min_points;
    int64_t multimask_max_points;
    double stability_delta;
    double stability_threshold;
    bool multimask_output;         /* multimask_output_in_sam */
    bool multimask_tracking;       /* multimask_output_for_tracking */
    bool multimask_token_for_ptr;  /* use_multimask_token_for_obj_ptr */
    bool stability_fallback;       /* dynamic_multimask_via_stability */
    bool binarize_prompted_memory; /* binarize_mask_from_pts_for_mem_enc */
    bool mask_as_output;           /* use_mask_input_as_output_without_sam */
    bool directly_add_no_mem_embed;
    bool no_obj_embed_spatial; /* SAM 2.1: a learned vector in memories of absent objects */
    bool high_res_features;    /* use_high_res_features_in_sam */
    bool obj_ptrs;             /* use_obj_ptrs_in_encoder */
    bool tpos_enc_to_ptrs;     /* add_tpos_enc_to_obj_ptrs (and its projection) */
    bool only_past_ptrs;       /* only_obj_ptrs_in_the_past_for_eval */
    bool pred_obj_scores;
    bool cond_corrections; /* add_all_frames_to_correct_as_cond */

    /* The document's `voxlabel` mapping: what a request is given where it asks for nothing. */
    double zoom; /* factor 1 ... 100 of the window around the object; 0: the whole slice */
    char broadcast[VOX_CONFIG_WORD]; /* "propagate" or "box"; empty: not said */
    char passes[VOX_CONFIG_WORD]; /* "intersection", "union", "forward", "backward" or "from_key";
                                     empty */
};

/* The skeletons inside the program: "sam2.1_hiera_t512", "voxlabel-nano". NULL after the last. */
const char *vox_config_builtin_name(int i);

/* Fills *out from a built-in skeleton. VOX_E_NOT_FOUND names the ones there are. */
enum vox_code vox_config_builtin(const char *name, struct vox_model_config *out,
                                 struct vox_err *err) VOX_MUST_USE;

/* Fills *out from YAML text of `size` bytes. VOX_E_FORMAT with line and key for a damaged document,
 * VOX_E_UNSUPPORTED with the key's path for a value that this program cannot honour, VOX_E_LIMIT
 * beyond a bound. */
enum vox_code vox_config_parse(const char *name, const char *yaml, size_t size,
                               struct vox_model_config *out, struct vox_err *err) VOX_MUST_USE;

/* Reads a file (at most 1 MiB) and parses it; the configuration's name is the file's stem. */
enum vox_code vox_config_load(const char *path, struct vox_model_config *out,
                              struct vox_err *err) VOX_MUST_USE;

#endif
