/* Where voxels lie in space: from the records of the file formats to one affine, and back.
 *
 * Affines go from voxel indices to RAS millimetres and are rows of [x, y, z] with the offset in the
 * last column. Those that are only read lack a const because C17 does not convert arrays of arrays
 * to const ones. */
#ifndef VOX_VOLUME_GEOMETRY_H
#define VOX_VOLUME_GEOMETRY_H

#include <stdbool.h>

#include "volume/volume.h"

/* Fills affine and spacing from geometry->nifti: the sform if its code is above 0, else the qform
 * if its code is above 0, else pixdim. Metres and microns of xyzt_units become millimetres. With
 * neither form the axes point to the left, the back and the top from a zero origin, as ITK places
 * such files. VOX_E_FORMAT if the numbers are not finite or the axes do not span space. */
enum vox_code vox_geometry_from_nifti(struct vox_geometry *geometry,
                                      struct vox_err *err) VOX_MUST_USE;

/* The same from geometry->nrrd, whose texts are in the grammar of the NRRD format. A space that is
 * absent or not anatomical counts as LPS, as ITK takes it. VOX_E_UNSUPPORTED for spaces with time.
 */
enum vox_code vox_geometry_from_nrrd(struct vox_geometry *geometry,
                                     struct vox_err *err) VOX_MUST_USE;

/* The same from geometry->metaimage: LPS, millimetres whatever DistanceUnits says, as ITK takes it.
 * A negative spacing turns its axis round, a matrix need not be a rotation. */
enum vox_code vox_geometry_from_metaimage(struct vox_geometry *geometry,
                                          struct vox_err *err) VOX_MUST_USE;

/* The qform's affine in the file's own units. */
void vox_qform_affine(const struct vox_nifti_geometry *nifti, double affine[3][4]);

/* NIfTI fields for an affine: sform with code 1 (scanner), and the qform with code 1 too where a
 * rotation and spacings can say the same to within 1e-4 voxel in the corners of a grid of that
 * size; units mm. `single` rounds to float, as NIfTI-1 stores. */
void vox_nifti_from_affine(double affine[3][4], const int64_t size[3], bool single,
                           struct vox_nifti_geometry *out);

/* NRRD texts for an affine, in LPS. */
void vox_nrrd_from_affine(double affine[3][4], struct vox_nrrd_geometry *out);

/* MetaImage texts for an affine: unit vectors, their lengths apart. */
void vox_metaimage_from_affine(double affine[3][4], struct vox_metaimage_geometry *out);

/* The index whose place is this point: what an affine that can be inverted takes back. */
void vox_affine_index(double affine[3][4], const double point[3], double index[3]);

/* The largest distance between both affines' places for a corner of the grid, in units of a's
 * voxels. */
double vox_corner_distance(double a[3][4], double b[3][4], const int64_t size[3]);

/* How far a NIfTI file's sform and qform are apart, as vox_corner_distance of the first to the
 * second in voxels of the first, where it gives both; -1 for all others. NaN where a form is
 * broken. */
double vox_forms_distance(const struct vox_volume *volume);

#endif
