/* The image encoder: a Hiera trunk (Ryali et al. 2023, section 3; SAM 2:
 * modeling/backbones/hieradet.py), the FPN neck (modeling/backbones/image_encoder.py) and the two
 * high-resolution projections of the mask decoder. */
#ifndef VOX_MODEL_IMAGE_ENCODER_H
#define VOX_MODEL_IMAGE_ENCODER_H

#include "model/builder.h"
#include "model/features.h"
#include "model/tap.h"

struct vox_image_encoder;

/* Builds and plans. The backend of the builder is borrowed; the weights are copied. */
enum vox_code vox_image_encoder_new(struct vox_builder *builder, struct vox_image_encoder **out,
                                    struct vox_err *err) VOX_MUST_USE;
void vox_image_encoder_free(struct vox_image_encoder *encoder); /* NULL is allowed */

/* Encodes one grey slice of image_size x image_size bytes (row-major) into *out: value / 255, then
 * the three channels' mean and standard deviation of ImageNet. Works on buffers of the encoder: one
 * call at a time. Taps: "patch", "position", "block N", raster order. */
enum vox_code vox_image_encoder_run(struct vox_image_encoder *encoder, const uint8_t *image,
                                    const struct vox_features *out, const struct vox_tap *tap,
                                    struct vox_err *err) VOX_MUST_USE;

#endif
