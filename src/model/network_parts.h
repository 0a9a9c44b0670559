/* The modules inside a network, for the tracker. They work on buffers of their own, so all but the
 * constants are used between vox_network_lock and vox_network_unlock only. */
#ifndef VOX_MODEL_NETWORK_PARTS_H
#define VOX_MODEL_NETWORK_PARTS_H

#include "model/image_encoder.h"
#include "model/mask_decoder.h"
#include "model/memory_attention.h"
#include "model/memory_encoder.h"
#include "model/network.h"
#include "model/prompt_encoder.h"

enum { VOX_MASK_PATCH = 4 }; /* side of mask_downsample's kernel, which is its stride too */

struct vox_network_parts {
    struct vox_image_encoder *image_encoder;
    struct vox_prompt_encoder *prompt_encoder;
    struct vox_mask_decoder *mask_decoder;
    struct vox_memory_attention *memory_attention;
    struct vox_memory_encoder *memory_encoder;

    float *no_memory;  /* no_mem_embed: d_model values, added to slices that look at no memory */
    float *no_pointer; /* no_obj_ptr: d_model values; zeros where the network has none */
    float *mask_patch; /* mask_downsample.weight, VOX_MASK_PATCH squared; NULL without pointers */
    float *mask_bias;
};

const struct vox_network_parts *vox_network_parts(const struct vox_network *network);

/* Computations of several trackers take turns. */
void vox_network_lock(struct vox_network *network);
void vox_network_unlock(struct vox_network *network);

#endif
