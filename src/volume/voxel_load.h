/* From a file's stored voxels to native ones, with every bound checked before memory is asked for.
 * What the readers of all formats share. */
#ifndef VOX_VOLUME_VOXEL_LOAD_H
#define VOX_VOLUME_VOXEL_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "volume/volume.h"

/* How voxels lie in a file. */
struct vox_voxel_layout {
    int64_t size[3];
    enum vox_voxel_type type; /* in memory */
    size_t stored_size; /* bytes of one voxel in the file: that of the type, or 16 for a 128-bit
                           float */
    bool swapped;       /* the other byte order than this machine's */
    int64_t layers;     /* values of a voxel, beside each other; a volume has one */
};

/* Where they lie. */
struct vox_voxel_source {
    const uint8_t
        *data; /* what is left of the file: the voxels, or the gzip stream that holds them */
    size_t size;
    bool gzipped;
    size_t skip; /* bytes before the first voxel, counted after inflating */
};

/* True if this machine stores the least significant byte first. */
bool vox_is_little_endian(void);

/* Reverses the bytes of each of `count` values of `width` bytes. */
void vox_swap_bytes(void *values, size_t count, size_t width);

/* Compares sides and decoded bytes with the limits. VOX_E_FORMAT for a side below 1, VOX_E_LIMIT.
 */
enum vox_code vox_layout_check(const struct vox_voxel_layout *layout,
                               const struct vox_volume_limits *limits,
                               struct vox_err *err) VOX_MUST_USE;

/* Bytes that the voxels of a layout that vox_layout_check has passed take in the file, inflated. */
size_t vox_layout_bytes(const struct vox_voxel_layout *layout);

/* Compares the source's size with what such a layout promises. VOX_E_FORMAT, VOX_E_LIMIT. */
enum vox_code vox_source_check(const struct vox_voxel_layout *layout,
                               const struct vox_voxel_source *source,
                               struct vox_err *err) VOX_MUST_USE;

/* Makes `count` values native, in place, from the file's bytes. */
void vox_voxels_settle(const struct vox_voxel_layout *layout, void *stored, size_t count);

/* Gives the voxels of a layout of one layer that vox_layout_check has passed, native and owned by
 * the caller (vox_free). Compares the source's size with what is promised before it allocates.
 * VOX_E_FORMAT, VOX_E_NOMEM. */
enum vox_code vox_voxels_load(const struct vox_voxel_layout *layout,
                              const struct vox_voxel_source *source, void **out,
                              struct vox_err *err) VOX_MUST_USE;

#endif
