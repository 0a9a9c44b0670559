/* What the modules of the network need while they are built from a checkpoint. */
#ifndef VOX_MODEL_BUILDER_H
#define VOX_MODEL_BUILDER_H

#include "model/config.h"
#include "model/weights.h"
#include "tensor/backend.h"

struct vox_builder {
    const struct vox_model_config *config;
    const struct vox_weights *weights;
    struct vox_backend *be;
    size_t scratch; /* floats of lane scratch that the most demanding tile so far takes */
};

/* A copy of the tensor `name` as contiguous float32 for the caller to vox_free. VOX_E_FORMAT where
 * it is missing or does not have `numel` values. */
enum vox_code vox_build_tensor(const struct vox_builder *builder, const char *name, int64_t numel,
                               float **out, struct vox_err *err) VOX_MUST_USE;

/* A linear operator from NAME.weight (out x in, or out x in x 1 x 1) and NAME.bias. */
enum vox_code vox_build_linear(const struct vox_builder *builder, const char *name,
                               const struct vox_linear_desc *desc, struct vox_linear **out,
                               struct vox_err *err) VOX_MUST_USE;

/* An operator of a module by the last words of its name. */
struct vox_linear_part {
    const char *name;
    int64_t in, out;
    enum vox_activation activation;
    bool accumulate;
    struct vox_linear **linear;
};

/* Makes the operators PREFIX.name of a list. Those made before an error stay with their owner. */
enum vox_code vox_build_linears(const struct vox_builder *builder, const char *prefix,
                                const struct vox_linear_part *parts, size_t n,
                                struct vox_err *err) VOX_MUST_USE;

/* Weight and bias of a convolution, NAME.weight (out x in x k x k), as the linear operator on
 * patches whose columns run kernel row, kernel column, input channel. */
enum vox_code vox_build_patch_linear(const struct vox_builder *builder, const char *name,
                                     int64_t in, int64_t kernel, int64_t out_channels,
                                     enum vox_activation activation, struct vox_linear **out,
                                     struct vox_err *err) VOX_MUST_USE;

/* One linear map after another as a single one: w (out x in) = wb (out x middle) wa (middle x in),
 * b = wb ba + bb, summed in double. */
void vox_multiply_linears(int64_t out, int64_t middle, int64_t in, const float *wb, const float *bb,
                          const float *wa, const float *ba, float *w, float *b);

/* Says that one tile takes `floats` of lane scratch in `pieces` calls of vox_lane_take. */
void vox_build_scratch(struct vox_builder *builder, size_t floats, size_t pieces);

/* Tensor names are put together in buffers of this size; the schema's longest name fits with room.
 */
enum { VOX_NAME_MAX = 160 };

/* snprintf into a buffer of VOX_NAME_MAX bytes. */
void vox_name(char out[VOX_NAME_MAX], const char *format, ...) VOX_PRINTF(2, 3);

#endif
