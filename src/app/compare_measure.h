/* What compare finds out about two label files of one grid. */
#ifndef VOX_APP_COMPARE_MEASURE_H
#define VOX_APP_COMPARE_MEASURE_H

#include <stdbool.h>
#include <stdint.h>

#include "app/compare_grid.h"
#include "app/compare_labels.h"
#include "volume/surface_distance.h"

/* Of two regions, whole or on one slice. */
struct vox_measures {
    int64_t a, b, both; /* voxels */
    struct vox_surface_agreement surface;
};

struct vox_compared_slice {
    int64_t k;
    struct vox_measures measures; /* surfaces and distances in the slice's plane */
};

/* One label. */
struct vox_compared {
    struct vox_label_pair pair;
    struct vox_measures whole;
    struct vox_compared_slice *slices; /* those on which A or B has the label, if asked for */
    int64_t n_slices;
};

struct vox_comparison {
    struct vox_compared *labels;
    int n;
};

/* Measures every pair on the grid that both maps lie upon. The caller ends *out with
 * vox_comparison_free. VOX_E_NOMEM, VOX_E_LIMIT. */
enum vox_code vox_comparison_measure(const struct vox_label_map *a, const struct vox_label_map *b,
                                     const struct vox_common_grid *grid,
                                     const struct vox_label_pairs *pairs, double tolerance,
                                     bool per_slice, struct vox_comparison *out,
                                     struct vox_err *err) VOX_MUST_USE;

void vox_comparison_free(struct vox_comparison *comparison); /* all zero is allowed */

#endif
