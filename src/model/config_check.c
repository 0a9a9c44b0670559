#include "model/config_keys.h"

#define TRUNK "model.image_encoder.trunk"
#define NECK "model.image_encoder.neck"
#define ATTENTION "model.memory_attention"
#define ENCODER "model.memory_encoder"

enum {
    PATCH_STRIDE = 4, /* of the patch embedding */
    HIGH_RES_LEVELS = 2
};

static enum vox_code check_stages(struct vox_skeleton *s, struct vox_err *err)
{
    struct vox_trunk_config *trunk = &s->config.trunk;
    if (s->stages.count < 1 || s->stages.count > VOX_MAX_STAGES) {
        return vox_fail(err, VOX_E_LIMIT, TRUNK ".stages has %d stages; it must have 1 to %d",
                        s->stages.count, VOX_MAX_STAGES);
    }
    if (s->window_spec.count != s->stages.count) {
        return vox_fail(err, VOX_E_FORMAT,
                        TRUNK ".window_spec has %d sizes for %d stages; give one per stage",
                        s->window_spec.count, s->stages.count);
    }
    int64_t blocks = 0;
    trunk->n_stages = s->stages.count;
    for (int i = 0; i < s->stages.count; i++) {
        trunk->stages[i] = s->stages.items[i];
        trunk->window_spec[i] = s->window_spec.items[i];
        blocks += trunk->stages[i];
    }
    if (blocks > VOX_MAX_BLOCKS) {
        return vox_fail(err, VOX_E_LIMIT, TRUNK ".stages has %lld blocks, more than %d",
                        (long long)blocks, VOX_MAX_BLOCKS);
    }
    trunk->n_global = 0;
    for (int i = 0; i < s->global_att_blocks.count; i++) {
        int64_t block = s->global_att_blocks.items[i];
        if (block < blocks) {
            trunk->global_att_blocks[trunk->n_global++] = block;
        } else if (s->global_att_blocks.given) {
            return vox_fail(err, VOX_E_FORMAT,
                            TRUNK ".global_att_blocks names block %lld; the last one is %lld",
                            (long long)block, (long long)blocks - 1);
        }
    }
    return VOX_OK;
}

static enum vox_code check_pooling(struct vox_skeleton *s, struct vox_err *err)
{
    struct vox_trunk_config *trunk = &s->config.trunk;
    if (s->q_stride.count != 2 || s->q_stride.items[0] != 2 || s->q_stride.items[1] != 2) {
        return vox_fail(err, VOX_E_UNSUPPORTED, "only [2, 2] is supported for " TRUNK ".q_stride");
    }
    if (trunk->q_pool != trunk->n_stages - 1) {
        return vox_fail(err, VOX_E_UNSUPPORTED,
                        TRUNK ".q_pool is %lld; only %d, a pooling at every change between the "
                              "stages, is supported",
                        (long long)trunk->q_pool, trunk->n_stages - 1);
    }
    /* The first block of a stage pools within windows of the stage before, so those must be even.
     */
    for (int i = 0; i + 1 < trunk->n_stages; i++) {
        if (trunk->window_spec[i] % 2 != 0) {
            return vox_fail(err, VOX_E_UNSUPPORTED,
                            TRUNK ".window_spec has %lld for stage %d; only even sizes are "
                                  "supported before the last stage",
                            (long long)trunk->window_spec[i], i);
        }
    }
    if (trunk->embed_dim % trunk->num_heads != 0) {
        return vox_fail(err, VOX_E_FORMAT,
                        TRUNK ".embed_dim %lld is not a multiple of num_heads %lld",
                        (long long)trunk->embed_dim, (long long)trunk->num_heads);
    }
    if (s->pos_size.count != 2) {
        return vox_fail(err, VOX_E_FORMAT,
                        TRUNK ".window_pos_embed_bkg_spatial_size must have 2 numbers");
    }
    trunk->pos_size[0] = s->pos_size.items[0];
    trunk->pos_size[1] = s->pos_size.items[1];
    return VOX_OK;
}

static enum vox_code check_image_size(const struct vox_skeleton *s, struct vox_err *err)
{
    const struct vox_trunk_config *trunk = &s->config.trunk;
    if (trunk->n_stages != s->config.scalp + HIGH_RES_LEVELS + 1) {
        return vox_fail(err, VOX_E_UNSUPPORTED,
                        "model.image_encoder.scalp %lld leaves %lld of %d levels; only 3, the "
                        "last one at stride 16, are supported",
                        (long long)s->config.scalp, (long long)(trunk->n_stages - s->config.scalp),
                        trunk->n_stages);
    }
    int64_t multiple = (int64_t)PATCH_STRIDE << (trunk->n_stages - 1);
    if (s->config.image_size % multiple != 0) {
        return vox_fail(err, VOX_E_UNSUPPORTED,
                        "model.image_size %lld is not a multiple of %lld, the stride of the last "
                        "stage",
                        (long long)s->config.image_size, (long long)multiple);
    }
    if (s->config.image_size % (PATCH_STRIDE * trunk->window_spec[0]) != 0) {
        return vox_fail(err, VOX_E_UNSUPPORTED,
                        "model.image_size %lld is not a multiple of %lld, the patch stride times "
                        "the first window",
                        (long long)s->config.image_size,
                        (long long)(PATCH_STRIDE * trunk->window_spec[0]));
    }
    return VOX_OK;
}

static enum vox_code check_neck(struct vox_skeleton *s, struct vox_err *err)
{
    const struct vox_trunk_config *trunk = &s->config.trunk;
    int n = trunk->n_stages;
    if (s->channels.count != n) {
        return vox_fail(err, VOX_E_FORMAT,
                        NECK ".backbone_channel_list has %d levels, the trunk %d stages",
                        s->channels.count, n);
    }
    for (int i = 0; i < n; i++) {
        int64_t wanted = trunk->embed_dim << (n - 1 - i);
        if (s->channels.items[i] != wanted) {
            return vox_fail(err, VOX_E_FORMAT,
                            NECK ".backbone_channel_list has %lld at place %d, but the trunk "
                                 "gives %lld channels there",
                            (long long)s->channels.items[i], i, (long long)wanted);
        }
        s->config.neck.channels[i] = wanted;
        s->config.neck.top_down[i] = false;
    }
    /* The coarsest level has nothing above it, so its mention has no effect; absent means every
     * level. */
    for (int i = 0; i < s->top_down.count; i++) {
        int64_t level = s->top_down.items[i];
        if (level >= n) {
            return vox_fail(err, VOX_E_FORMAT,
                            NECK ".fpn_top_down_levels names level %lld; the last one is %d",
                            (long long)level, n - 1);
        }
        s->config.neck.top_down[level] = level < n - 1;
    }
    for (int i = 0; !s->top_down.given && i < n - 1; i++) {
        s->config.neck.top_down[i] = true;
    }
    return VOX_OK;
}

/* Two sizes of the document that must be the same. */
struct agreement {
    const char *path;
    int64_t value;
    const char *with;
    int64_t wanted;
};

static enum vox_code check_widths(const struct vox_skeleton *s, struct vox_err *err)
{
    int64_t d = s->config.neck.d_model;
    int64_t memory = s->config.memory_encoder.out_dim;
    const struct agreement agreements[] = {
        {NECK ".position_encoding.num_pos_feats", s->neck_pos_feats, NECK ".d_model", d},
        {ATTENTION ".d_model", s->attention_d_model, NECK ".d_model", d},
        {ATTENTION ".layer.d_model", s->layer_d_model, NECK ".d_model", d},
        {ATTENTION ".layer.self_attention.embedding_dim", s->self_dim, NECK ".d_model", d},
        {ATTENTION ".layer.cross_attention.embedding_dim", s->cross_dim, NECK ".d_model", d},
        {ATTENTION ".layer.cross_attention.kv_in_dim", s->cross_kv_dim, ENCODER ".out_dim", memory},
        {ENCODER ".position_encoding.num_pos_feats", s->memory_pos_feats, ENCODER ".out_dim",
         memory},
        {ENCODER ".in_dim", s->memory_in_dim, NECK ".d_model", d},
        {ENCODER ".mask_downsampler.embed_dim", s->downsampler_dim, NECK ".d_model", d},
        {ENCODER ".fuser.layer.dim", s->fuser_dim, NECK ".d_model", d},
    };
    for (size_t i = 0; i < sizeof(agreements) / sizeof(agreements[0]); i++) {
        const struct agreement *a = &agreements[i];
        if (a->value != a->wanted) {
            return vox_fail(err, VOX_E_FORMAT, "%s is %lld, but %s is %lld; they must be equal",
                            a->path, (long long)a->value, a->with, (long long)a->wanted);
        }
    }
    /* 8 heads on half the channels, rotary pairs on two axes, and pointers cut into tokens of a
     * memory's width. */
    if (d % 16 != 0) {
        return vox_fail(err, VOX_E_UNSUPPORTED, NECK ".d_model %lld is not a multiple of 16",
                        (long long)d);
    }
    if (memory % 4 != 0 || memory >= d || d % memory != 0) {
        return vox_fail(err, VOX_E_UNSUPPORTED,
                        ENCODER ".out_dim %lld must be a multiple of 4 and divide " NECK
                                ".d_model %lld into at least 2 parts",
                        (long long)memory, (long long)d);
    }
    return VOX_OK;
}

static enum vox_code check_memory(const struct vox_skeleton *s, struct vox_err *err)
{
    const struct vox_model_config *config = &s->config;
    int64_t kernel = config->memory_encoder.fuser_kernel;
    if (kernel % 2 == 0 || s->fuser_padding != kernel / 2) {
        return vox_fail(err, VOX_E_UNSUPPORTED,
                        ENCODER ".fuser.layer has kernel_size %lld and padding %lld; only an odd "
                                "size with half of it as padding is supported",
                        (long long)kernel, (long long)s->fuser_padding);
    }
    if (s->cross_theta != config->memory_attention.rope_theta) {
        return vox_fail(err, VOX_E_UNSUPPORTED,
                        ATTENTION ".layer has rope_theta %.15g for self_attention and %.15g for "
                                  "cross_attention; only equal ones are supported",
                        config->memory_attention.rope_theta, s->cross_theta);
    }
    if (config->max_cond_frames == 0 || config->max_cond_frames == 1) {
        return vox_fail(err, VOX_E_FORMAT,
                        "model.max_cond_frames_in_attn must be -1 (no limit) or at least 2");
    }
    return VOX_OK;
}

/* A switch that only one value of another makes possible. */
struct dependence {
    bool holds;
    const char *text;
};

static enum vox_code check_switches(const struct vox_skeleton *s, struct vox_err *err)
{
    const struct vox_model_config *config = &s->config;
    bool pointers = config->obj_ptrs;
    bool coded = pointers && config->tpos_enc_to_ptrs;
    const struct dependence dependences[] = {
        {!pointers || s->mlp_obj_ptr_proj,
         "model.use_mlp_for_obj_ptr_proj is false or absent; only true is supported"},
        {s->proj_tpos == config->tpos_enc_to_ptrs,
         "model.proj_tpos_enc_in_obj_ptrs must equal add_tpos_enc_to_obj_ptrs; a code that is not "
         "projected is not supported"},
        {!coded || s->signed_tpos,
         "model.use_signed_tpos_enc_to_obj_ptrs is false or absent; only true is supported"},
        {!config->pred_obj_scores || s->pred_obj_scores_mlp,
         "model.pred_obj_scores_mlp is false or absent; only true is supported"},
        {!(config->pred_obj_scores && pointers) || s->fixed_no_obj_ptr,
         "model.fixed_no_obj_ptr is false or absent; only true is supported"},
        {!s->fixed_no_obj_ptr || (config->pred_obj_scores && pointers),
         "model.fixed_no_obj_ptr is true; that needs pred_obj_scores and use_obj_ptrs_in_encoder"},
    };
    for (size_t i = 0; i < sizeof(dependences) / sizeof(dependences[0]); i++) {
        if (!dependences[i].holds) {
            return vox_fail(err, VOX_E_UNSUPPORTED, "%s", dependences[i].text);
        }
    }
    return VOX_OK;
}

enum vox_code vox_skeleton_check(struct vox_skeleton *s, struct vox_err *err)
{
    enum vox_code code = check_stages(s, err);
    if (code == VOX_OK) {
        code = check_pooling(s, err);
    }
    if (code == VOX_OK) {
        code = check_image_size(s, err);
    }
    if (code == VOX_OK) {
        code = check_neck(s, err);
    }
    if (code == VOX_OK) {
        code = check_widths(s, err);
    }
    if (code == VOX_OK) {
        code = check_memory(s, err);
    }
    if (code == VOX_OK) {
        code = check_switches(s, err);
    }
    return code;
}
