/* The parts of the plain C backend, put together in ref_backend.c. */
#ifndef VOX_TENSOR_REF_PARTS_H
#define VOX_TENSOR_REF_PARTS_H

#include "tensor/backend.h"

enum vox_code vox_ref_linear_new(struct vox_backend *be, const struct vox_linear_desc *desc,
                                 const float *weight, const float *bias, struct vox_linear **out,
                                 struct vox_err *err) VOX_MUST_USE;
enum vox_code vox_ref_linear_plan(struct vox_linear *linear, int64_t rows, int64_t ld_x,
                                  int64_t ld_y, struct vox_err *err) VOX_MUST_USE;
enum vox_code vox_ref_linear_run(const struct vox_linear *linear, struct vox_lane *lane,
                                 int64_t rows, const float *x, int64_t ld_x, float *y, int64_t ld_y,
                                 struct vox_err *err) VOX_MUST_USE;
void vox_ref_linear_free(struct vox_linear *linear);

enum vox_code vox_ref_attention_new(struct vox_backend *be, const struct vox_attention_desc *desc,
                                    struct vox_attention **out, struct vox_err *err) VOX_MUST_USE;
size_t vox_ref_keys_bytes(const struct vox_attention *attention);
size_t vox_ref_values_bytes(const struct vox_attention *attention);
enum vox_code vox_ref_pack_keys(const struct vox_attention *attention, struct vox_lane *lane,
                                int64_t rows, const float *k, void *packed,
                                struct vox_err *err) VOX_MUST_USE;
enum vox_code vox_ref_pack_values(const struct vox_attention *attention, struct vox_lane *lane,
                                  int64_t rows, const float *v, void *packed,
                                  struct vox_err *err) VOX_MUST_USE;
enum vox_code vox_ref_attention_run(const struct vox_attention *attention, struct vox_lane *lane,
                                    const float *q, const struct vox_key_block *blocks,
                                    int64_t n_blocks, float *out, struct vox_err *err) VOX_MUST_USE;
void vox_ref_attention_free(struct vox_attention *attention);

#endif
