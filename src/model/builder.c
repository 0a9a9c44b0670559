#include "model/builder.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "util/memory.h"

enum vox_code vox_build_tensor(const struct vox_builder *builder, const char *name, int64_t numel,
                               float **out, struct vox_err *err)
{
    const struct vox_weight *weight = vox_weights_find(builder->weights, name);
    if (weight == NULL) {
        return vox_fail(err, VOX_E_FORMAT, "the checkpoint has no tensor %s", name);
    }
    if (weight->numel != numel) {
        return vox_fail(err, VOX_E_FORMAT, "tensor %s has %lld values, wanted %lld", name,
                        (long long)weight->numel, (long long)numel);
    }
    const float *data;
    float *owned;
    enum vox_code code = vox_weight_f32(weight, &data, &owned, err);
    if (code != VOX_OK) {
        return code;
    }
    if (owned == NULL) {
        owned = vox_alloc((size_t)numel * sizeof(*owned));
        if (owned == NULL) {
            return vox_fail(err, VOX_E_NOMEM, "out of memory");
        }
        memcpy(owned, data, (size_t)numel * sizeof(*owned));
    }
    *out = owned;
    return VOX_OK;
}

static enum vox_code bias_of(const struct vox_builder *builder, const char *name, int64_t numel,
                             float **out, struct vox_err *err)
{
    char full[VOX_NAME_MAX];
    vox_name(full, "%s.bias", name);
    return vox_build_tensor(builder, full, numel, out, err);
}

enum vox_code vox_build_linear(const struct vox_builder *builder, const char *name,
                               const struct vox_linear_desc *desc, struct vox_linear **out,
                               struct vox_err *err)
{
    char full[VOX_NAME_MAX];
    vox_name(full, "%s.weight", name);
    const struct vox_weight *weight = vox_weights_find(builder->weights, full);
    if (weight == NULL || weight->numel != desc->in * desc->out) {
        return vox_fail(err, VOX_E_FORMAT, "the checkpoint has no tensor %s of %lld x %lld values",
                        full, (long long)desc->out, (long long)desc->in);
    }
    const float *data;
    float *owned;
    float *bias = NULL;
    enum vox_code code = vox_weight_f32(weight, &data, &owned, err);
    if (code != VOX_OK) {
        return code;
    }
    code = bias_of(builder, name, desc->out, &bias, err);
    if (code == VOX_OK) {
        code = vox_linear_new(builder->be, desc, data, bias, out, err);
    }
    vox_free(bias);
    vox_free(owned);
    return code;
}

enum vox_code vox_build_linears(const struct vox_builder *builder, const char *prefix,
                                const struct vox_linear_part *parts, size_t n, struct vox_err *err)
{
    enum vox_code code = VOX_OK;
    for (size_t i = 0; i < n && code == VOX_OK; i++) {
        char full[VOX_NAME_MAX];
        vox_name(full, "%s.%s", prefix, parts[i].name);
        struct vox_linear_desc desc = {.in = parts[i].in,
                                       .out = parts[i].out,
                                       .activation = parts[i].activation,
                                       .accumulate = parts[i].accumulate,
                                       .compute = VOX_F32};
        code = vox_build_linear(builder, full, &desc, parts[i].linear, err);
    }
    return code;
}

enum vox_code vox_build_patch_linear(const struct vox_builder *builder, const char *name,
                                     int64_t in, int64_t kernel, int64_t out_channels,
                                     enum vox_activation activation, struct vox_linear **out,
                                     struct vox_err *err)
{
    int64_t taps = kernel * kernel;
    char full[VOX_NAME_MAX];
    vox_name(full, "%s.weight", name);
    float *weight = NULL;
    float *bias = NULL;
    float *patches = NULL;
    enum vox_code code = vox_build_tensor(builder, full, out_channels * in * taps, &weight, err);
    if (code == VOX_OK) {
        code = bias_of(builder, name, out_channels, &bias, err);
    }
    if (code == VOX_OK) {
        patches = vox_alloc((size_t)(out_channels * in * taps) * sizeof(*patches));
        if (patches == NULL) {
            code = vox_fail(err, VOX_E_NOMEM, "out of memory");
        }
    }
    if (code == VOX_OK) {
        for (int64_t o = 0; o < out_channels; o++) {
            for (int64_t c = 0; c < in; c++) {
                for (int64_t t = 0; t < taps; t++) {
                    patches[(o * taps + t) * in + c] = weight[(o * in + c) * taps + t];
                }
            }
        }
        struct vox_linear_desc desc = {
            .in = in * taps, .out = out_channels, .activation = activation, .compute = VOX_F32};
        code = vox_linear_new(builder->be, &desc, patches, bias, out, err);
    }
    vox_free(patches);
    vox_free(bias);
    vox_free(weight);
    return code;
}

void vox_multiply_linears(int64_t out, int64_t middle, int64_t in, const float *wb, const float *bb,
                          const float *wa, const float *ba, float *w, float *b)
{
    for (int64_t o = 0; o < out; o++) {
        double bias = (double)bb[o];
        for (int64_t m = 0; m < middle; m++) {
            bias += (double)wb[o * middle + m] * (double)ba[m];
        }
        b[o] = (float)bias;
        for (int64_t i = 0; i < in; i++) {
            double sum = 0;
            for (int64_t m = 0; m < middle; m++) {
                sum += (double)wb[o * middle + m] * (double)wa[m * in + i];
            }
            w[o * in + i] = (float)sum;
        }
    }
}

void vox_name(char out[VOX_NAME_MAX], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = vsnprintf(out, VOX_NAME_MAX, format, args);
    va_end(args);
    VOX_ASSERT(length >= 0 && length < VOX_NAME_MAX);
}

void vox_build_scratch(struct vox_builder *builder, size_t floats, size_t pieces)
{
    size_t needed = floats + pieces * 16;
    if (needed > builder->scratch) {
        builder->scratch = needed;
    }
}
