/* What a user should know about an image although it can be segmented. */
#ifndef VOX_PIPELINE_IMAGE_WARNINGS_H
#define VOX_PIPELINE_IMAGE_WARNINGS_H

#include "pipeline/intensity.h"
#include "pipeline/warnings.h"
#include "volume/volume.h"

/* A NIfTI file's sform and qform may disagree by more than a tenth of a voxel; viewers then differ
 * in where they show it. */
void vox_warn_about_geometry(struct vox_warnings *warnings, const struct vox_volume *volume);

/* Voxels that are no finite numbers; one grey value only. */
void vox_warn_about_intensity(struct vox_warnings *warnings, const struct vox_intensity *intensity);

#endif
