/* What the files of memory attention share. G*G tokens of C channels, memories of M channels. */
#ifndef VOX_MODEL_MEMORY_ATTENTION_PARTS_H
#define VOX_MODEL_MEMORY_ATTENTION_PARTS_H

#include "model/layer_norm.h"
#include "model/memory_attention.h"

struct vox_attention_layer {
    struct vox_norm norm_self, norm_cross, norm_feed;
    struct vox_linear *qkv; /* C -> 3 C: the self-attention's three projections in one product */
    struct vox_linear *self_out; /* C -> C, added */
    struct vox_linear *query;    /* C -> C */
    struct vox_linear *key;      /* M -> C */
    struct vox_linear
        *cross_out; /* M -> C, added: output after value projection, multiplied into one */
    struct vox_linear *widen, *narrow;
    float
        *slot_x; /* num_maskmem x G x C / 2: temporal code in projected space, rotated by column */
    float *slot_y; /* num_maskmem x G x C / 2: the same, by row */
};

struct vox_memory_attention {
    struct vox_backend *be;
    int64_t side, tokens;  /* G, G*G */
    int64_t width, memory; /* C, M */
    int64_t feed;          /* hidden channels of the MLP */
    int64_t slots;         /* num_maskmem */
    int64_t rows;          /* of a query tile */
    int64_t block;         /* keys of a block */
    int64_t blocks;        /* of a slice: tokens / block */
    bool code_at_input;
    int n_layers;
    struct vox_attention_layer layers[VOX_MAX_LAYERS];
    struct vox_norm norm;
    struct vox_linear *pointer_code; /* C -> M, or NULL: pointers have no position */
    struct vox_attention *self, *cross;
    float *input_code;      /* G*G x C, a tenth of the sine code; NULL where the input has none */
    float *memory_code;     /* G*G x M */
    float *cosines, *sines; /* G*G x C / 2 */

    /* Buffers of a run. */
    float *x, *qkv;
    char *self_keys, *self_values;
    struct vox_key_block *own;               /* the slice's own keys and values, as blocks */
    float *pointer_tokens, *pointer_keys_in; /* rows x M: pointers, and pointers plus position */
    char *bank_keys;                         /* packed keys of one layer */
    char *pointer_values;
    struct vox_key_block *bank;
    int64_t pointer_capacity, block_capacity;
};

struct vox_memory {
    float *keys[VOX_MAX_LAYERS]; /* G*G x C: projected and rotated, without temporal code */
    char *values;                /* packed blocks of M channels */
    int n_layers;
};

/* Reads and plans everything of the struct but its buffers. */
enum vox_code vox_memory_attention_build(struct vox_memory_attention *a,
                                         struct vox_builder *builder,
                                         struct vox_err *err) VOX_MUST_USE;
void vox_memory_attention_fini(struct vox_memory_attention *a);

/* Packs block `block` of a memory's keys for one layer, the slot's temporal code added. */
enum vox_code vox_memory_pack(const struct vox_memory_attention *a, struct vox_lane *lane,
                              int layer, const struct vox_bank_entry *entry, int64_t block,
                              char *packed, struct vox_err *err) VOX_MUST_USE;

#endif
