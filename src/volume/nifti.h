/* NIfTI-1 and NIfTI-2 single files (nifti1.h and nifti2.h of the NIfTI data format working group).
 */
#ifndef VOX_VOLUME_NIFTI_H
#define VOX_VOLUME_NIFTI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "volume/format.h"

/* Bytes of the two headers, and of the larger one with the four bytes that say that no extension
 * follows. */
enum { VOX_NIFTI1_HEADER = 348, VOX_NIFTI2_HEADER = 540, VOX_NIFTI_HEADER_MAX = 544 };

/* The data types of nifti1.h that are single real numbers. */
enum vox_nifti_datatype {
    VOX_NIFTI_UINT8 = 2,
    VOX_NIFTI_INT16 = 4,
    VOX_NIFTI_INT32 = 8,
    VOX_NIFTI_FLOAT32 = 16,
    VOX_NIFTI_FLOAT64 = 64,
    VOX_NIFTI_INT8 = 256,
    VOX_NIFTI_UINT16 = 512,
    VOX_NIFTI_UINT32 = 768,
    VOX_NIFTI_INT64 = 1024,
    VOX_NIFTI_UINT64 = 1280,
    VOX_NIFTI_FLOAT128 = 1536
};

/* True if the bytes begin with the size of a NIfTI (or ANALYZE) header, in either byte order. */
bool vox_is_nifti(const uint8_t *data, size_t size);

/* Of the row of NIfTI. */
extern const struct vox_format_ending vox_nifti_endings[];
enum vox_code vox_nifti_encode(const struct vox_output *output, struct vox_head *head,
                               struct vox_err *err) VOX_MUST_USE;

#endif
