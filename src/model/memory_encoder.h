/* The memory encoder (SAM 2, section 4; modeling/memory_encoder.py, sam2_base.py
 * _encode_new_memory): a slice's raw features and its mask become a memory. G = image_size / 16, C
 * = d_model, M = channels of a memory. */
#ifndef VOX_MODEL_MEMORY_ENCODER_H
#define VOX_MODEL_MEMORY_ENCODER_H

#include "model/builder.h"
#include "model/tap.h"

struct vox_memory_encoder;

enum vox_code vox_memory_encoder_new(struct vox_builder *builder, struct vox_memory_encoder **out,
                                     struct vox_err *err) VOX_MUST_USE;
void vox_memory_encoder_free(struct vox_memory_encoder *encoder); /* NULL is allowed */

struct vox_memory_input {
    const float *f2; /* G*G x C, raw features of the slice */
    const float
        *logits;   /* 4G x 4G low-resolution logits; resized bilinearly to image_size inside */
    bool binarize; /* prompted slices: (logit > 0) instead of sigmoid(logit) */
    bool absent;   /* adds the no-object vector */
};

/* Writes G*G x M values, rounded to bfloat16 as they are stored. Works on buffers of the encoder:
 * one call at a time. Taps: "memory mask" (S x S: the mask as the convolutions get it), "memory
 * mask branch", "memory pix", "memory block N", "memory raw" (before rounding). */
enum vox_code vox_memory_encoder_run(struct vox_memory_encoder *encoder,
                                     const struct vox_memory_input *input, float *memory,
                                     const struct vox_tap *tap, struct vox_err *err) VOX_MUST_USE;

#endif
