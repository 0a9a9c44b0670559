/* One slice of a preview: grey values, outlines, prompts and letters as pixels. */
#ifndef VOX_PIPELINE_PREVIEW_TILE_H
#define VOX_PIPELINE_PREVIEW_TILE_H

#include <stddef.h>
#include <stdint.h>

#include "pipeline/preview.h"

/* Plans and buffers for the tiles of one picture, which all have one size. One thread at a time. */
struct vox_tile;

/* The longer side will have `side` pixels. `preview` is borrowed, checked, and has a view. */
enum vox_code vox_tile_new(const struct vox_preview *preview, int side, struct vox_tile **out,
                           struct vox_err *err) VOX_MUST_USE;
void vox_tile_free(struct vox_tile *tile); /* NULL is allowed */

int64_t vox_tile_width(const struct vox_tile *tile); /* pixels */
int64_t vox_tile_height(const struct vox_tile *tile);

/* Draws slice k into red, green and blue bytes, whose rows are `stride` bytes apart. */
void vox_tile_draw(struct vox_tile *tile, int64_t k, const uint8_t *grey, const uint16_t *labels,
                   uint8_t *out, size_t stride);

#endif
