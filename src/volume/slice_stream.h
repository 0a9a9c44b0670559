/* Slices of a volume that stays in its file: what slice_source.h says of sources that are not
 * resident. */
#ifndef VOX_VOLUME_SLICE_STREAM_H
#define VOX_VOLUME_SLICE_STREAM_H

#include <stdint.h>

#include "util/error.h"
#include "util/file.h"
#include "volume/format.h"

struct vox_slice_stream;

/* Takes the mapping over (not on failure); `stored` points into it and is copied. VOX_E_FORMAT and
 * VOX_E_LIMIT as when the volume is loaded; VOX_E_LIMIT where the budget is less than a slice. */
enum vox_code vox_slice_stream_new(const struct vox_mapping *mapping,
                                   const struct vox_stored_volume *stored, uint64_t budget,
                                   struct vox_slice_stream **out, struct vox_err *err) VOX_MUST_USE;

/* Slice k, native, in a buffer of the stream; valid until the next call. */
enum vox_code vox_slice_stream_get(struct vox_slice_stream *stream, int64_t k, void **out,
                                   struct vox_err *err) VOX_MUST_USE;

void vox_slice_stream_plan(struct vox_slice_stream *stream, int64_t first, int64_t last);

uint64_t vox_slice_stream_bytes(const struct vox_slice_stream *stream);

void vox_slice_stream_free(struct vox_slice_stream *stream); /* NULL is allowed */

#endif
