/* An image: a file that is read when it is first needed, or voxels in memory. */
#ifndef VOX_PIPELINE_IMAGE_H
#define VOX_PIPELINE_IMAGE_H

#include "pipeline/engine.h"
#include "pipeline/intensity.h"
#include "volume/slice_source.h"

/* One thread at a time. Opened by vox_image_open or vox_image_wrap. */
struct vox_image;

/* Reads the image where that was not done yet; *out is borrowed. Errors of vox_volume_read. */
enum vox_code vox_image_load(struct vox_image *image, struct vox_slice_source **out,
                             struct vox_err *err) VOX_MUST_USE;

/* How its voxels become grey values under this window; remembered with the volume. */
enum vox_code vox_image_intensity(struct vox_image *image, const struct vox_window *window,
                                  struct vox_intensity *out, struct vox_err *err) VOX_MUST_USE;

/* The ending of the file that it came from (".nii.gz"), or ".nii.gz"; static. */
const char *vox_image_extension(const struct vox_image *image);

#endif
