/* The inside of the two-way transformer, shared by the two_way_*.c files. */
#ifndef VOX_MODEL_TWO_WAY_PARTS_H
#define VOX_MODEL_TWO_WAY_PARTS_H

#include "model/layer_norm.h"
#include "model/two_way_transformer.h"

enum {
    VOX_TWO_WAY_LAYERS = 2,
    VOX_TWO_WAY_HEADS = 8,
    VOX_TWO_WAY_HIDDEN = 2048, /* of the feed-forward part */
    VOX_TWO_WAY_PLANS = 16     /* different rounded token counts */
};

/* One layer. C = width; attention between tokens and image has I = C / 2 columns. */
struct vox_two_way_layer {
    struct vox_linear *self_qk;    /* C -> 2C, [q | k] */
    struct vox_linear *self_v;     /* C -> C */
    struct vox_linear *self_out;   /* C -> C, added */
    struct vox_linear *token_q;    /* C -> I, tokens asking the image */
    struct vox_linear *token_out;  /* I -> C, added */
    struct vox_linear *hidden;     /* C -> HIDDEN, ReLU */
    struct vox_linear *hidden_out; /* HIDDEN -> C, added */
    struct vox_linear *token_k;    /* C -> I, tokens as keys of the image */
    struct vox_linear *token_v;    /* C -> I */
    struct vox_linear *image_out;  /* I -> C, added */
    struct vox_norm norm1, norm2, norm3, norm4;
};

/* What the image gives to one attention: layers [k | q | v], the last attention [k | v]. */
struct vox_two_way_image {
    struct vox_linear *projection;
    float *code;          /* the positional code's share of the columns before v, G*G rows */
    int64_t columns;      /* of the projection: 3I or 2I */
    int64_t code_columns; /* 2I or I */
};

/* The attentions of one (rounded) token count. */
struct vox_two_way_plan {
    int64_t rows;
    struct vox_attention *self;     /* tokens at tokens */
    struct vox_attention *to_image; /* tokens at the image, a block of keys per image tile */
    struct vox_attention *to_token; /* a tile of the image at the tokens */
};

struct vox_two_way {
    struct vox_backend *be;
    int64_t width; /* C */
    int64_t inner; /* I */
    int64_t image_tokens;
    int64_t tile, tiles; /* of the image */
    struct vox_two_way_layer layers[VOX_TWO_WAY_LAYERS];
    struct vox_two_way_image images[VOX_TWO_WAY_LAYERS + 1];
    struct vox_linear *final_q, *final_out;
    struct vox_norm final_norm;

    struct vox_two_way_plan plans[VOX_TWO_WAY_PLANS];
    int n_plans;
    const struct vox_two_way_plan *current; /* of the last run */
    int64_t n_tokens;

    struct vox_key_block *blocks; /* of the attention to the image: head major, then image tile */
    float *image;                 /* K, G*G x C */
    float *image_q;               /* queries of the image, G*G x I */

    /* Buffers for `capacity` tokens. */
    int64_t capacity;
    float *memory;     /* all of the following */
    float *tokens, *q; /* T and Q, rows x C */
    float *sum;        /* Q + T */
    float *qk, *v;     /* of self-attention: rows x 2C, rows x C */
    float *attended;   /* rows x C */
    float *hidden;     /* rows x HIDDEN */
    float *token_q;    /* rows x I */
    float *token_out;  /* rows x I: what the image answered */
    float *token_k, *token_v;
    size_t packed_capacity; /* bytes */
    char *packed;
};

/* The plan of a token count, made on its first use. */
enum vox_code vox_two_way_plan(struct vox_two_way *two_way, int64_t n,
                               const struct vox_two_way_plan **out,
                               struct vox_err *err) VOX_MUST_USE;

void vox_two_way_plan_fini(struct vox_two_way_plan *plan);

/* Packed keys and values of one attention, as offsets into `packed`: block i lies i steps from the
 * first. */
struct vox_two_way_packs {
    size_t keys, values;
    size_t keys_step, values_step;
    size_t bytes; /* of all blocks */
};

/* Where a plan's packs lie: of one head of self-attention, of the image (head major, then image
 * tile), of the tokens as keys of the image (by head). */
struct vox_two_way_layout {
    struct vox_two_way_packs self, image, token;
    size_t bytes;
};
struct vox_two_way_layout vox_two_way_layout(const struct vox_two_way *two_way,
                                             const struct vox_two_way_plan *plan);

#endif
