/* The slices of an image, wherever its voxels are: in memory, or in a file that is larger than the
 * memory they may take. Who works slice by slice need not know which.
 *
 * A plain file is read slice by slice. Of a compressed one as many slices are kept as the budget
 * allows, those near the last one asked for and within the plan first; places in the stream are
 * remembered on the way (about 2 MiB in all, beside the budget), so that going back does not mean
 * to begin again. One thread at a time. */
#ifndef VOX_VOLUME_SLICE_SOURCE_H
#define VOX_VOLUME_SLICE_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"
#include "volume/volume.h"

struct vox_slice_source;

/* What the header of a file says; its voxels are not looked at and stay NULL. Errors are those of
 * vox_volume_read that a header can be the cause of. The caller ends *out with vox_volume_free. */
enum vox_code vox_volume_read_header(const char *path, const struct vox_volume_limits *limits,
                                     struct vox_volume **out, struct vox_err *err) VOX_MUST_USE;

/* Opens a file. If its voxels fit into `budget` bytes it is read whole, as by vox_volume_read; else
 * it stays open and slices are read when they are asked for, with at most `budget` bytes of voxels
 * in memory. A file that fits the budget is known to be sound; of another one damage is met where
 * it is read: who has read all slices in ascending order has seen the whole stream and its
 * checksum. Errors are those of vox_volume_read; VOX_E_LIMIT too where a single slice is beyond the
 * budget. The caller owns *out and ends it with vox_slice_source_close. */
enum vox_code vox_slice_source_open(const char *path, const struct vox_volume_limits *limits,
                                    uint64_t budget, struct vox_slice_source **out,
                                    struct vox_err *err) VOX_MUST_USE;

/* A volume in memory, taken over (not on failure). VOX_E_NOMEM. */
enum vox_code vox_slice_source_wrap(struct vox_volume *volume, struct vox_slice_source **out,
                                    struct vox_err *err) VOX_MUST_USE;

/* A volume in memory that outlives the source. VOX_E_NOMEM. */
enum vox_code vox_slice_source_borrow(const struct vox_volume *volume,
                                      struct vox_slice_source **out,
                                      struct vox_err *err) VOX_MUST_USE;

/* Size, type, scale and geometry; voxels is NULL unless the source is resident. Borrowed. */
const struct vox_volume *vox_slice_source_volume(const struct vox_slice_source *source);

/* True if the whole volume is in memory. */
bool vox_slice_source_resident(const struct vox_slice_source *source);

/* Bytes of voxels that are in memory now. */
uint64_t vox_slice_source_bytes(const struct vox_slice_source *source);

/* Real values (slope and intercept applied, computed in double) of slice k into out, w * h. Always
 * succeeds for a resident source; else the errors of reading a file, and out may be half filled. */
enum vox_code vox_slice_source_values(struct vox_slice_source *source, int64_t k, double *out,
                                      struct vox_err *err) VOX_MUST_USE;

/* The stored voxels of slice k, native, w * h of the volume's type; valid until the next call. */
enum vox_code vox_slice_source_stored(struct vox_slice_source *source, int64_t k, const void **out,
                                      struct vox_err *err) VOX_MUST_USE;

/* Slices first ... last will be needed soon: where not all fit, these are kept. Without a plan all
 * slices are equal. Costs nothing by itself. */
void vox_slice_source_plan(struct vox_slice_source *source, int64_t first, int64_t last);

void vox_slice_source_close(struct vox_slice_source *source); /* NULL is allowed */

#endif
