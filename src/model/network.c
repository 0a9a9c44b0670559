#include "model/network.h"

#include <pthread.h>

#include "model/network_parts.h"
#include "model/schema.h"
#include "util/memory.h"

struct vox_network {
    struct vox_model_config config;
    struct vox_backend *be;
    pthread_mutex_t turn;
    struct vox_network_parts parts;
};

static enum vox_code check_supported(const struct vox_model_config *config, struct vox_err *err)
{
    if (!config->directly_add_no_mem_embed) {
        return vox_fail(err, VOX_E_UNSUPPORTED,
                        "model.directly_add_no_mem_embed is false; only true is supported");
    }
    if (!config->mask_as_output) {
        return vox_fail(err, VOX_E_UNSUPPORTED,
                        "model.use_mask_input_as_output_without_sam is false; only true is "
                        "supported");
    }
    return VOX_OK;
}

static enum vox_code build_constants(const struct vox_builder *builder,
                                     struct vox_network_parts *parts, struct vox_err *err)
{
    const struct vox_model_config *config = builder->config;
    int64_t width = config->neck.d_model;
    enum vox_code code = vox_build_tensor(builder, "no_mem_embed", width, &parts->no_memory, err);
    if (code == VOX_OK && config->obj_ptrs && config->pred_obj_scores) {
        code = vox_build_tensor(builder, "no_obj_ptr", width, &parts->no_pointer, err);
    } else if (code == VOX_OK) {
        parts->no_pointer = vox_calloc((size_t)width, sizeof(*parts->no_pointer));
        code = parts->no_pointer != NULL ? VOX_OK : vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    if (code == VOX_OK && config->obj_ptrs) {
        code = vox_build_tensor(builder, "mask_downsample.weight",
                                (int64_t)VOX_MASK_PATCH * VOX_MASK_PATCH, &parts->mask_patch, err);
        if (code == VOX_OK) {
            code = vox_build_tensor(builder, "mask_downsample.bias", 1, &parts->mask_bias, err);
        }
    }
    return code;
}

static enum vox_code build_modules(struct vox_builder *builder, struct vox_network_parts *parts,
                                   struct vox_err *err)
{
    enum vox_code code = vox_image_encoder_new(builder, &parts->image_encoder, err);
    if (code == VOX_OK) {
        code = vox_prompt_encoder_new(builder, &parts->prompt_encoder, err);
    }
    if (code == VOX_OK) {
        code = vox_mask_decoder_new(builder, vox_prompt_encoder_image_code(parts->prompt_encoder),
                                    &parts->mask_decoder, err);
    }
    if (code == VOX_OK) {
        code = vox_memory_attention_new(builder, &parts->memory_attention, err);
    }
    if (code == VOX_OK) {
        code = vox_memory_encoder_new(builder, &parts->memory_encoder, err);
    }
    if (code == VOX_OK) {
        code = vox_pool_reserve(builder->be->pool, builder->scratch, err);
    }
    return code;
}

enum vox_code vox_network_open(const struct vox_model_config *config,
                               const struct vox_weights *weights, struct vox_backend *be,
                               struct vox_network **out, struct vox_err *err)
{
    enum vox_code code = check_supported(config, err);
    if (code == VOX_OK) {
        code = vox_schema_check(config, weights, err);
    }
    if (code != VOX_OK) {
        return code;
    }
    struct vox_network *network = vox_calloc(1, sizeof(*network));
    if (network == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    network->config = *config;
    network->be = be;
    pthread_mutex_init(&network->turn, NULL);
    struct vox_builder builder = {.config = &network->config, .weights = weights, .be = be};
    code = build_constants(&builder, &network->parts, err);
    if (code == VOX_OK) {
        code = build_modules(&builder, &network->parts, err);
    }
    if (code != VOX_OK) {
        vox_network_close(network);
        return code;
    }
    vox_weights_unload(weights);
    *out = network;
    return VOX_OK;
}

void vox_network_close(struct vox_network *network)
{
    if (network == NULL) {
        return;
    }
    struct vox_network_parts *parts = &network->parts;
    vox_memory_encoder_free(parts->memory_encoder);
    vox_memory_attention_free(parts->memory_attention);
    vox_mask_decoder_free(parts->mask_decoder);
    vox_prompt_encoder_free(parts->prompt_encoder);
    vox_image_encoder_free(parts->image_encoder);
    vox_free(parts->no_memory);
    vox_free(parts->no_pointer);
    vox_free(parts->mask_patch);
    vox_free(parts->mask_bias);
    pthread_mutex_destroy(&network->turn);
    vox_free(network);
}

const struct vox_model_config *vox_network_config(const struct vox_network *network)
{
    return &network->config;
}

const struct vox_network_parts *vox_network_parts(const struct vox_network *network)
{
    return &network->parts;
}

void vox_network_lock(struct vox_network *network)
{
    pthread_mutex_lock(&network->turn);
}

void vox_network_unlock(struct vox_network *network)
{
    pthread_mutex_unlock(&network->turn);
}

enum vox_code vox_network_encode(struct vox_network *network, const uint8_t *image,
                                 const struct vox_features *out, const struct vox_tap *tap,
                                 struct vox_err *err)
{
    vox_network_lock(network);
    enum vox_code code = vox_image_encoder_run(network->parts.image_encoder, image, out, tap, err);
    vox_network_unlock(network);
    return code;
}
