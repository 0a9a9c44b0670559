/* The two-way transformer of the mask decoder (SAM, Kirillov et al. 2023, appendix A;
 * modeling/sam/transformer.py TwoWayTransformer): prompt tokens and image tokens look at each
 * other. G = image_size / 16, C = d_model.
 *
 * The positional code of the image never changes, so its share of every key and query, W Kp, is
 * computed once; what a call projects is the image alone. */
#ifndef VOX_MODEL_TWO_WAY_TRANSFORMER_H
#define VOX_MODEL_TWO_WAY_TRANSFORMER_H

#include "model/builder.h"
#include "model/tap.h"

struct vox_two_way;

/* image_code (G*G x C) is read during the call only. */
enum vox_code vox_two_way_new(struct vox_builder *builder, const float *image_code,
                              struct vox_two_way **out, struct vox_err *err) VOX_MUST_USE;
void vox_two_way_free(struct vox_two_way *two_way); /* NULL is allowed */

struct vox_two_way_input {
    const float *image;     /* G*G x C */
    const float *image_row; /* C values added to every row, or NULL */
    const float *dense;     /* G*G x C added too, or NULL */
    const float *dense_row; /* C values added where dense is NULL */
    int64_t n_tokens;       /* the tokens lie in vox_two_way_tokens */
};

/* Memory for n tokens of C values, to be filled before a run with that many. A count is planned on
 * its first use. */
enum vox_code vox_two_way_tokens(struct vox_two_way *two_way, int64_t n, float **tokens,
                                 struct vox_err *err) VOX_MUST_USE;

/* All layers and the last attention of the tokens; one call at a time. What is left for the
 * tokens, vox_two_way_finish does.
 * Taps: "decoder layer N q", "decoder layer N k". */
enum vox_code vox_two_way_run(struct vox_two_way *two_way, const struct vox_two_way_input *input,
                              const struct vox_tap *tap, struct vox_err *err) VOX_MUST_USE;

/* The last projection and norm of the tokens on the calling lane: *q is n_tokens x C, borrowed
 * until the next run. Tap: "decoder final q". */
enum vox_code vox_two_way_finish(struct vox_two_way *two_way, struct vox_lane *lane,
                                 const struct vox_tap *tap, const float **q,
                                 struct vox_err *err) VOX_MUST_USE;

/* The image tokens after a run, G*G x C. Borrowed. */
const float *vox_two_way_keys(const struct vox_two_way *two_way);

#endif
