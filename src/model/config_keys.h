/* What a skeleton YAML says, before its parts are checked against each other. Used by the
 * config_*.c files only. */
#ifndef VOX_MODEL_CONFIG_KEYS_H
#define VOX_MODEL_CONFIG_KEYS_H

#include "model/config.h"
#include "model/config_table.h"

struct vox_skeleton {
    struct vox_model_config config;

    /* lists, copied into `config` once their lengths agree */
    struct vox_int_list stages;
    struct vox_int_list window_spec;
    struct vox_int_list global_att_blocks;
    struct vox_int_list pos_size;
    struct vox_int_list q_stride;
    struct vox_int_list channels;
    struct vox_int_list top_down;
    struct vox_int_list
        feat_sizes; /* of no effect: the reference rebuilds its table where it does not fit */

    /* sizes that the document repeats and that must agree with others */
    int64_t neck_pos_feats, memory_pos_feats;
    int64_t attention_d_model, layer_d_model, self_dim, cross_dim, cross_kv_dim;
    int64_t memory_in_dim, downsampler_dim, fuser_dim, fuser_padding;
    double cross_theta;

    /* switches of which only some combinations are supported */
    bool proj_tpos, signed_tpos, pred_obj_scores_mlp, fixed_no_obj_ptr, mlp_obj_ptr_proj;
};

/* The table of the document's root. */
extern const struct vox_field vox_skeleton_keys[];

/* The defaults of the reference's constructors. */
void vox_skeleton_defaults(struct vox_skeleton *skeleton);

/* Checks the parts against each other and completes skeleton->config. */
enum vox_code vox_skeleton_check(struct vox_skeleton *skeleton, struct vox_err *err) VOX_MUST_USE;

#endif
