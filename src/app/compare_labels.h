/* Label files as compare takes them: every value that occurs has a number. */
#ifndef VOX_APP_COMPARE_LABELS_H
#define VOX_APP_COMPARE_LABELS_H

#include <stdint.h>

#include "util/error.h"
#include "volume/region.h"
#include "volume/volume.h"

enum { VOX_LABELS_MAX = UINT16_MAX };

struct vox_label_file {
    int64_t size[3];
    struct vox_geometry geometry;
    uint16_t *numbers; /* per voxel: 0, or the number of its value */
    int n;
    struct vox_label_value {
        int64_t value;          /* as in the file, scaled; not 0 */
        uint16_t number;        /* 1 ... n */
    } * sorted;                 /* n of them, by value */
    struct vox_region *regions; /* number r has regions[r - 1] */
};

/* Reads a file that vox_volume_read reads. VOX_E_FORMAT where a voxel is not a whole number,
 * VOX_E_LIMIT beyond VOX_LABELS_MAX values, and the errors of reading. The caller owns *out and
 * ends it with vox_label_file_close. */
enum vox_code vox_label_file_open(const char *path, struct vox_label_file *out,
                                  struct vox_err *err) VOX_MUST_USE;
void vox_label_file_close(struct vox_label_file *labels); /* all zero is allowed */

/* The region of a value; an empty one where the value does not occur. */
struct vox_region vox_label_file_region(const struct vox_label_file *labels, int64_t value);

#endif
