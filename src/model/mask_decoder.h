/* The mask decoder with its heads (SAM, Kirillov et al. 2023, section 3; SAM 2:
 * modeling/sam/mask_decoder.py, modeling/sam/transformer.py, modeling/sam2_base.py
 * _forward_sam_heads). G = image_size / 16, C = d_model. */
#ifndef VOX_MODEL_MASK_DECODER_H
#define VOX_MODEL_MASK_DECODER_H

#include "model/builder.h"
#include "model/features.h"
#include "model/tap.h"

enum { VOX_MASKS = 4 };

struct vox_mask_decoder;

/* image_code is the dense positional code (G*G x C) of the prompt encoder, read during the call. */
enum vox_code vox_mask_decoder_new(struct vox_builder *builder, const float *image_code,
                                   struct vox_mask_decoder **out, struct vox_err *err) VOX_MUST_USE;
void vox_mask_decoder_free(struct vox_mask_decoder *decoder); /* NULL is allowed */

struct vox_decoder_input {
    const float *image; /* G*G x C: features of the slice, conditioned or with no_mem_embed added */
    const float *image_row; /* C values added to every row of image, or NULL */
    const float *dense;     /* G*G x C dense prompt, or NULL */
    const float *dense_row; /* C values: the dense prompt of every token where dense is NULL */
    const float *sparse;    /* n_sparse x C prompt tokens */
    int64_t n_sparse;
    const struct vox_features *features; /* s0, s1 */
    bool multimask; /* choose among masks 1-3 by predicted IoU; else mask 0 with the stability
                       fallback */
};

struct vox_decoder_output {
    float *logits;        /* 4G x 4G, the caller's; -1024 everywhere where the object is absent */
    float *pointer;       /* C values, the caller's; the no-object pointer where absent */
    float score;          /* object score, a logit; present where > 0 (10 without a score head) */
    float iou[VOX_MASKS]; /* predicted IoU of the four masks */
    float stability;      /* of mask 0 (single mode; else 1) */
    int chosen;           /* which mask */
};

/* Decodes one object on one slice. Works on buffers of the decoder: one call at a time. `sparse`
 * may hold any number of tokens; a count that was not planned before is planned on its first use.
 * output is touched on success only. Taps: "decoder layer N q", "decoder layer N k", "decoder final
 * q", "upscale 1" and "upscale 2" (transposed convolutions before anything is added), "hyper" (row
 * i: the vector of mask i), "logits" (row i: mask i, raster). */
enum vox_code vox_mask_decoder_run(struct vox_mask_decoder *decoder,
                                   const struct vox_decoder_input *input,
                                   struct vox_decoder_output *output, const struct vox_tap *tap,
                                   struct vox_err *err) VOX_MUST_USE;

#endif
