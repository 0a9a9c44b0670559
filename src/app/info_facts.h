/* What info finds out about an image: its grid, its voxels, and what in it asks for care. */
#ifndef VOX_APP_INFO_FACTS_H
#define VOX_APP_INFO_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "pipeline/intensity.h"
#include "pipeline/warnings.h"
#include "volume/volume.h"

struct vox_info {
    struct vox_volume volume; /* no voxels */
    char axes[4];             /* volume/orientation.h */
    double skew;              /* degrees from right angles */
    double anisotropy;        /* largest spacing / smallest */
    double forms_apart;       /* voxels between sform and qform in a corner; -1 without both */
    int64_t nan, infinite;    /* voxels */
    double min, max;          /* real values of the others; min > max where there are none */
    bool has_window;          /* false where slices are too large for a network */
    struct vox_intensity intensity; /* of the automatic window */
    struct vox_warnings warnings;
};

/* Reads a file; large ones slice by slice. The errors of vox_slice_source_open. */
enum vox_code vox_info_read(const char *path, struct vox_info *out,
                            struct vox_err *err) VOX_MUST_USE;

/* "NIfTI-1", "NRRD", ...; static. */
const char *vox_info_format_name(enum vox_file_format format);

#endif
