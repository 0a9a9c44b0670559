/* The prompt encoder (SAM, Kirillov et al. 2023, appendix A; modeling/sam/prompt_encoder.py). S =
 * image_size, G = S / 16, C = d_model. */
#ifndef VOX_MODEL_PROMPT_ENCODER_H
#define VOX_MODEL_PROMPT_ENCODER_H

#include "model/builder.h"
#include "model/tap.h"

enum vox_point_label {
    VOX_POINT_NEGATIVE = 0,
    VOX_POINT_POSITIVE = 1,
    VOX_POINT_BOX_FIRST = 2, /* the corner of the smallest coordinates */
    VOX_POINT_BOX_LAST = 3
};

struct vox_point {
    float x, y; /* pixels of the S x S frame; the half pixel is added inside */
    enum vox_point_label label;
};

struct vox_prompt_encoder;

enum vox_code vox_prompt_encoder_new(struct vox_builder *builder, struct vox_prompt_encoder **out,
                                     struct vox_err *err) VOX_MUST_USE;
void vox_prompt_encoder_free(struct vox_prompt_encoder *encoder); /* NULL is allowed */

/* Rows that vox_prompt_encoder_points writes for n points: n + 1, and 2 for none. */
int64_t vox_prompt_tokens(int64_t n);

/* Sparse tokens (vox_prompt_tokens(n) x C), the padding point's last. */
void vox_prompt_encoder_points(const struct vox_prompt_encoder *encoder,
                               const struct vox_point *points, int64_t n, float *tokens);

/* Dense prompt of a 4G x 4G map of logits into dense (G*G x C). Works on buffers of the encoder:
 * one call at a time. */
enum vox_code vox_prompt_encoder_mask(struct vox_prompt_encoder *encoder, const float *mask,
                                      float *dense, struct vox_err *err) VOX_MUST_USE;

/* The dense prompt without a mask: one row of C values for every token. Borrowed. */
const float *vox_prompt_encoder_no_mask(const struct vox_prompt_encoder *encoder);

/* The dense positional code, G*G x C. Borrowed. */
const float *vox_prompt_encoder_image_code(const struct vox_prompt_encoder *encoder);

#endif
