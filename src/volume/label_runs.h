/* Whole numbers on a grid as runs of equal ones, slice by slice. */
#ifndef VOX_VOLUME_LABEL_RUNS_H
#define VOX_VOLUME_LABEL_RUNS_H

#include <stddef.h>
#include <stdint.h>

#include "volume/format.h"

struct vox_label_run {
    uint32_t count;
    int32_t value;
};

/* One layer. Slice k has the runs starts[k] up to starts[k + 1]. */
struct vox_label_runs {
    struct vox_label_run *at;
    size_t n, room;
    size_t *starts;
};

struct vox_label_values {
    int32_t *at; /* ascending, without 0 */
    size_t n, room;
};

/* Reads the voxels of a file that was opened, once and from front to back, into layout.layers
 * layers and the values that they have. VOX_E_UNSUPPORTED for voxels that are no whole numbers of
 * 32 bits, VOX_E_LIMIT for more than `most_values` values and for runs that need more than
 * `most_bytes`; also what reading voxels can meet. Pages of `file`, which holds the voxels (NULL:
 * they are not mapped), are given back on the way. The caller ends both in any case; both are all
 * zero. */
enum vox_code vox_label_runs_read(const struct vox_stored_volume *stored,
                                  const struct vox_mapping *file, uint64_t most_bytes,
                                  size_t most_values, struct vox_label_runs *layers,
                                  struct vox_label_values *values,
                                  struct vox_err *err) VOX_MUST_USE;

void vox_label_runs_free(struct vox_label_runs *layer);
void vox_label_values_free(struct vox_label_values *values);

#endif
