#include "pipeline/image_warnings.h"

#include "volume/geometry.h"

static const double form_tolerance = 0.1; /* voxels */

void vox_warn_about_geometry(struct vox_warnings *warnings, const struct vox_volume *volume)
{
    double distance = vox_forms_distance(volume);
    if (!(distance <= form_tolerance)) {
        vox_warn(warnings,
                 "geometry: the file's sform and qform differ by %.2f voxels in a corner; the mask "
                 "keeps both",
                 distance);
    }
}

void vox_warn_about_intensity(struct vox_warnings *warnings, const struct vox_intensity *intensity)
{
    if (intensity->not_finite > 0) {
        vox_warn(warnings, "%lld voxels are no finite numbers and were taken as the darkest value",
                 (long long)intensity->not_finite);
    }
    if (intensity->flat) {
        vox_warn(warnings, "the window leaves one grey value only; the network sees black");
    }
}
