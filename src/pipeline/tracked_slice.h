/* A slice that was just tracked: what one pass found there, before passes are combined and cleaned
 * up. For who watches a run (VOX_EVENT_SLICE of pipeline/watch.h), during the event. */
#ifndef VOX_PIPELINE_TRACKED_SLICE_H
#define VOX_PIPELINE_TRACKED_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

struct vox_object_run;

struct vox_tracked_slice {
    int64_t k;
    int label; /* index of the request's label */
    bool reverse;
};
struct vox_tracked_slice vox_tracked_slice(const struct vox_object_run *run);

/* Its mask inside window, borders and cut: numbers of voxels in turn outside and inside, beginning
 * with outside, i fastest; what follows the last number is outside. The caller frees *runs with
 * vox_free; none are NULL. VOX_E_NOMEM. */
enum vox_code vox_tracked_slice_runs(const struct vox_object_run *run, int64_t **runs, size_t *n,
                                     struct vox_err *err) VOX_MUST_USE;

#endif
