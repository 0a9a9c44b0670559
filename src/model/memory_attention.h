/* Memory attention (Ravi et al. 2024, SAM 2, section 4; modeling/memory_attention.py): the slice's
 * features look at themselves and at the memories of other slices. G = image_size / 16, C =
 * d_model, M = channels of a memory.
 *
 * The algebra is arranged so that work is done once: keys of a memory are projected and rotated
 * when the memory joins the bank (its temporal code is added in projected space), and values stay
 * the M channels of the memory; they are projected after the weighted sum, by the product of the
 * value and output matrices. */
#ifndef VOX_MODEL_MEMORY_ATTENTION_H
#define VOX_MODEL_MEMORY_ATTENTION_H

#include "model/builder.h"
#include "model/tap.h"

struct vox_memory_attention;

enum vox_code vox_memory_attention_new(struct vox_builder *builder,
                                       struct vox_memory_attention **out,
                                       struct vox_err *err) VOX_MUST_USE;
void vox_memory_attention_free(struct vox_memory_attention *attention); /* NULL is allowed */

/* One slice's memory made ready for attention: projected, rotated keys of every layer (about 4 MiB
 * at 512). Belongs to whoever made it and must be freed before the attention it was made for. */
struct vox_memory;

/* Prepares G*G x M tokens (raster order, already rounded as they are stored). tokens is not kept.
 */
enum vox_code vox_memory_new(struct vox_memory_attention *attention, const float *tokens,
                             struct vox_memory **out, struct vox_err *err) VOX_MUST_USE;
void vox_memory_free(struct vox_memory *memory); /* NULL is allowed */

/* The same in two steps: room, and tokens prepared in it in place of earlier ones, without any
 * allocation. After a failure the memory must be filled again before it is used. */
enum vox_code vox_memory_room(const struct vox_memory_attention *attention, struct vox_memory **out,
                              struct vox_err *err) VOX_MUST_USE;
enum vox_code vox_memory_fill(const struct vox_memory_attention *attention, const float *tokens,
                              struct vox_memory *memory, struct vox_err *err) VOX_MUST_USE;

/* One memory of the bank and its temporal slot: num_maskmem - 1 for a conditioning slice, distance
 * - 1 for a recent tracked one. */
struct vox_bank_entry {
    const struct vox_memory *memory;
    int slot;
};

/* One object pointer (C values, borrowed) and its distance in slices divided by the greatest
 * distance. */
struct vox_bank_pointer {
    const float *pointer;
    float distance;
};

/* Has buffers for banks up to that size; where they are too small, a run grows them. */
enum vox_code vox_memory_attention_reserve(struct vox_memory_attention *attention,
                                           int64_t n_memories, int64_t n_pointers,
                                           struct vox_err *err) VOX_MUST_USE;

/* features (G*G x C, raster, raw f2) conditioned on the bank into out (G*G x C). n_memories >= 1,
 * n_pointers >= 0. Works on buffers of the attention: one call at a time. Taps: "memory positions"
 * aside, "layer N self", "layer N cross", "layer N", "final". */
enum vox_code vox_memory_attention_run(struct vox_memory_attention *attention,
                                       const float *features, const struct vox_bank_entry *memories,
                                       int64_t n_memories, const struct vox_bank_pointer *pointers,
                                       int64_t n_pointers, float *out, const struct vox_tap *tap,
                                       struct vox_err *err) VOX_MUST_USE;

#endif
