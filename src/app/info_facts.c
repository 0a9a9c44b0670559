#include "app/info_facts.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "util/memory.h"
#include "volume/geometry.h"
#include "volume/orientation.h"
#include "volume/slice_source.h"

static const uint64_t budget = UINT64_C(256) << 20; /* bytes of voxels in memory */
static const double forms_tolerance = 0.1;          /* voxels */
static const double skew_tolerance = 0.1;           /* degrees */
static const double most_isotropic = 3.0; /* nnU-Net's bound (Isensee et al. 2021) for images whose
                                             slices are far apart */

const char *vox_info_format_name(enum vox_file_format format)
{
    switch (format) {
    case VOX_FORMAT_NIFTI1:
        return "NIfTI-1";
    case VOX_FORMAT_NIFTI2:
        return "NIfTI-2";
    case VOX_FORMAT_NRRD:
        return "NRRD";
    case VOX_FORMAT_METAIMAGE:
        return "MetaImage";
    }
    return "unknown";
}

/* ---- voxels ---- */

static void count_values(const double *values, int64_t n, struct vox_info *info)
{
    for (int64_t i = 0; i < n; i++) {
        double value = values[i];
        if (isfinite(value)) {
            info->min = value < info->min ? value : info->min;
            info->max = value > info->max ? value : info->max;
        } else if (isnan(value)) {
            info->nan++;
        } else {
            info->infinite++;
        }
    }
}

static enum vox_code read_values(struct vox_slice_source *source, struct vox_info *info,
                                 struct vox_err *err)
{
    const struct vox_volume *volume = vox_slice_source_volume(source);
    const int64_t pixels = volume->size[0] * volume->size[1];
    double *values = vox_calloc((size_t)pixels, sizeof(*values));
    if (values == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory for a slice");
    }
    info->min = HUGE_VAL;
    info->max = -HUGE_VAL;
    enum vox_code code = VOX_OK;
    for (int64_t k = 0; k < volume->size[2] && code == VOX_OK; k++) {
        code = vox_slice_source_values(source, k, values, err);
        if (code == VOX_OK) {
            count_values(values, pixels, info);
        }
    }
    vox_free(values);
    return code;
}

static enum vox_code find_window(struct vox_slice_source *source, struct vox_info *info,
                                 struct vox_err *err)
{
    const struct vox_window automatic = {.automatic = true};
    enum vox_code code = vox_intensity_prepare(source, &automatic, &info->intensity, err);
    info->has_window = code == VOX_OK;
    if (code == VOX_E_LIMIT) {
        vox_warn(&info->warnings, "the slices are too large to be segmented");
        return VOX_OK;
    }
    return code;
}

static void warn_about_values(struct vox_info *info)
{
    if (info->nan + info->infinite > 0) {
        vox_warn(&info->warnings,
                 "%" PRId64 " voxels are NaN and %" PRId64
                 " infinite; they count as the darkest value",
                 info->nan, info->infinite);
    }
    if (info->min >= info->max) {
        vox_warn(&info->warnings, "all voxels have one value; there is nothing to see");
    } else if (info->has_window && info->intensity.flat) {
        vox_warn(&info->warnings,
                 "the automatic window leaves one grey value only; choose another");
    }
}

/* ---- geometry ---- */

static bool is_nifti(const struct vox_geometry *geometry)
{
    return geometry->source == VOX_FORMAT_NIFTI1 || geometry->source == VOX_FORMAT_NIFTI2;
}

static void warn_about_forms(struct vox_info *info)
{
    const struct vox_nifti_geometry *nifti = &info->volume.geometry.nifti;
    if (info->forms_apart >= 0 || isnan(info->forms_apart)) {
        if (!(info->forms_apart <= forms_tolerance)) {
            vox_warn(&info->warnings,
                     "sform and qform differ by %.3g voxels in a corner; the sform is used, "
                     "programs that use the qform show the image elsewhere",
                     info->forms_apart);
        }
        return;
    }
    if (!is_nifti(&info->volume.geometry) || nifti->sform_code <= 0) {
        return;
    }
    double sides[3] = {0};
    for (int axis = 0; axis < 3; axis++) {
        sides[axis] = sqrt(nifti->srow_x[axis] * nifti->srow_x[axis] +
                           nifti->srow_y[axis] * nifti->srow_y[axis] +
                           nifti->srow_z[axis] * nifti->srow_z[axis]);
        double off = fabs(fabs(nifti->pixdim[axis + 1]) - sides[axis]);
        if (!(off <= 0.01 * sides[axis])) {
            vox_warn(&info->warnings,
                     "along %c the sform has a spacing of %.6g and pixdim %.6g; the sform is used",
                     "ijk"[axis], sides[axis], nifti -> pixdim[axis + 1]);
        }
    }
}

/* Whether the header says where the patient's directions are. */
static bool says_directions(const struct vox_geometry *geometry)
{
    switch (geometry->source) {
    case VOX_FORMAT_NIFTI1:
    case VOX_FORMAT_NIFTI2:
        return geometry->nifti.sform_code > 0 || geometry->nifti.qform_code > 0;
    case VOX_FORMAT_NRRD:
        return geometry->nrrd.space[0] != '\0' && geometry->nrrd.directions[0][0] != '\0';
    case VOX_FORMAT_METAIMAGE:
        return geometry->metaimage.matrix[0][0] != '\0';
    }
    return false;
}

/* Whether the header says how far voxels are apart along an axis. */
static bool says_spacing(const struct vox_geometry *geometry, int axis)
{
    const char *text = "";
    switch (geometry->source) {
    case VOX_FORMAT_NIFTI1:
    case VOX_FORMAT_NIFTI2:
        return says_directions(geometry) || fabs(geometry->nifti.pixdim[axis + 1]) > 0;
    case VOX_FORMAT_NRRD:
        text = geometry->nrrd.spacings[axis];
        return geometry->nrrd.directions[axis][0] != '\0' ||
               (text[0] != '\0' && strcasecmp(text, "nan") != 0);
    case VOX_FORMAT_METAIMAGE:
        return geometry->metaimage.spacing[axis][0] != '\0';
    }
    return false;
}

static void warn_about_axes(struct vox_info *info)
{
    double affine[3][4];
    memcpy(affine, info->volume.geometry.affine, sizeof(affine));
    if (!(info->skew <= skew_tolerance)) {
        vox_warn(&info->warnings,
                 "the axes are up to %.2f degrees off right angles (gantry tilt); programs that "
                 "ignore this show the image sheared",
                 info->skew);
    }
    if (vox_axes_left_handed(affine)) {
        vox_warn(&info->warnings, "left-handed axes; programs that ignore directions show the "
                                  "image mirrored");
    }
    if (info->anisotropy > most_isotropic) {
        vox_warn(&info->warnings,
                 "strongly anisotropic: the largest spacing is %.3g times the smallest",
                 info->anisotropy);
    }
}

static void look_at_geometry(struct vox_info *info)
{
    const struct vox_geometry *geometry = &info->volume.geometry;
    double affine[3][4];
    memcpy(affine, geometry->affine, sizeof(affine));
    vox_orientation_letters(affine, info->axes);
    info->skew = vox_axes_skew(affine);
    double least = geometry->spacing[0], most = geometry->spacing[0];
    for (int axis = 0; axis < 3; axis++) {
        least = geometry->spacing[axis] < least ? geometry->spacing[axis] : least;
        most = geometry->spacing[axis] > most ? geometry->spacing[axis] : most;
        if (!says_spacing(geometry, axis)) {
            vox_warn(&info->warnings, "the file does not say the spacing along %c; 1 mm is taken",
                     "ijk"[axis]);
        }
    }
    info->anisotropy = most / least;
    info->forms_apart = vox_forms_distance(&info->volume);
    if (!says_directions(geometry)) {
        vox_warn(&info->warnings, "the file does not say how the patient lies; the axes are taken "
                                  "to go to the left, the back and the head");
    }
    warn_about_forms(info);
    warn_about_axes(info);
}

enum vox_code vox_info_read(const char *path, struct vox_info *out, struct vox_err *err)
{
    /* Nothing of the size of the voxels is kept, so that only the sides are limited. */
    struct vox_volume_limits limits = vox_volume_limits_default();
    limits.max_bytes = INT64_MAX;
    struct vox_slice_source *source;
    enum vox_code code = vox_slice_source_open(path, &limits, budget, &source, err);
    if (code != VOX_OK) {
        return code;
    }
    struct vox_info info = {.volume = *vox_slice_source_volume(source)};
    info.volume.voxels = NULL;
    look_at_geometry(&info);
    code = read_values(source, &info, err);
    if (code == VOX_OK) {
        code = find_window(source, &info, err);
    }
    vox_slice_source_close(source);
    if (code == VOX_OK) {
        warn_about_values(&info);
        *out = info;
    }
    return code;
}
