/* An image: a file that is read when it is first needed, or voxels in memory. */
#ifndef VOX_PIPELINE_IMAGE_H
#define VOX_PIPELINE_IMAGE_H

#include "pipeline/engine.h"
#include "pipeline/intensity.h"
#include "volume/slice_source.h"

/* One thread at a time. Opened by vox_image_open or vox_image_wrap. */
struct vox_image;

/* Reads the image where that was not done yet; *out is borrowed. `watch` (NULL: none) is looked at
 * while another thread reads it. VOX_E_CANCELLED, VOX_E_BUSY, and the errors of
 * vox_slice_source_open. */
enum vox_code vox_image_load(struct vox_image *image, const struct vox_watch *watch,
                             struct vox_slice_source **out, struct vox_err *err) VOX_MUST_USE;

/* What is known without its voxels: size, type, geometry. *out is borrowed; *own is NULL or what
 * the caller ends with vox_volume_free once *out is of no more use. Errors of
 * vox_volume_read_header. */
enum vox_code vox_image_header(struct vox_image *image, const struct vox_volume **out,
                               struct vox_volume **own, struct vox_err *err) VOX_MUST_USE;

/* How its voxels become grey values under this window: with a file of a model remembered for all
 * who open it, else the last one for this image. As vox_intensity_prepare_watched. */
enum vox_code vox_image_intensity(struct vox_image *image, const struct vox_window *window,
                                  const struct vox_watch *watch, struct vox_intensity *out,
                                  struct vox_err *err) VOX_MUST_USE;

/* Where its file is, borrowed; NULL for an image from memory. */
const char *vox_image_path(const struct vox_image *image);

/* The ending for a file of the same format, one without another beside it: ".nii", ".nii.gz",
 * ".nrrd" or ".mha"; from memory ".nii.gz". By the name, else by the content where it was read;
 * static. */
const char *vox_image_extension(const struct vox_image *image);

#endif
