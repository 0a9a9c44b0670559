/* What compare prints. */
#ifndef VOX_APP_COMPARE_REPORT_H
#define VOX_APP_COMPARE_REPORT_H

#include "app/compare_measure.h"
#include "util/json_writer.h"

struct vox_compare_report {
    const char *path_a, *path_b; /* as the user gave them */
    const struct vox_volume *grid;
    const struct vox_comparison *comparison;
    double tolerance;
    bool per_slice;
};

/* A table on standard output. */
void vox_compare_print(const struct vox_compare_report *report);

/* The same as JSON; NULL where there is no memory. */
struct vox_json_writer *vox_compare_json(const struct vox_compare_report *report);

#endif
