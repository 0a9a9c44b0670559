#include "pipeline/image_warnings.h"

#include "volume/geometry.h"

static const double form_tolerance = 0.1; /* voxels */

void vox_warn_about_geometry(struct vox_warnings *warnings, const struct vox_volume *volume)
{
    const struct vox_nifti_geometry *nifti = &volume->geometry.nifti;
    bool is_nifti = volume->geometry.source == VOX_FORMAT_NIFTI1 ||
                    volume->geometry.source == VOX_FORMAT_NIFTI2;
    if (!is_nifti || nifti->sform_code <= 0 || nifti->qform_code <= 0) {
        return;
    }
    double sform[3][4], qform[3][4];
    for (int c = 0; c < 4; c++) {
        sform[0][c] = nifti->srow_x[c];
        sform[1][c] = nifti->srow_y[c];
        sform[2][c] = nifti->srow_z[c];
    }
    vox_qform_affine(nifti, qform);
    double distance = vox_corner_distance(sform, qform, volume->size);
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
