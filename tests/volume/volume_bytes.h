/* Volume files made in memory, whole or damaged, and what tests of the readers share. */
#ifndef VOX_TESTS_VOLUME_BYTES_H
#define VOX_TESTS_VOLUME_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "volume/volume.h"

/* The fields of a NIfTI header of either version. */
struct nifti_spec {
    int version;  /* 1 or 2 */
    bool swapped; /* the byte order that this machine has not */
    int64_t dim[8];
    double pixdim[8];
    int datatype, bitpix;
    double vox_offset, scl_slope, scl_inter;
    int xyzt_units, qform_code, sform_code;
    double quatern[3], qoffset[3], srow[3][4];
    char magic[4];
};

/* A file under construction. */
struct bytes {
    uint8_t *data;
    size_t size;
};

/* An uint8 grid of w x h x d with spacings 2, 3, 4 in the sform. */
struct nifti_spec nifti_spec_default(int version, int64_t w, int64_t h, int64_t d);

/* The header and 4 bytes without extension, then `size` bytes of voxels as they are. */
struct bytes nifti_file(const struct nifti_spec *spec, const void *voxels, size_t size);

/* Text, then bytes. */
struct bytes nrrd_file(const char *header, const void *voxels, size_t size);

/* The same in one gzip member; frees `plain`. */
struct bytes gzip_of(struct bytes plain);

/* Puts b behind a; frees both. */
struct bytes joined(struct bytes a, struct bytes b);

void bytes_free(struct bytes *bytes);

/* Small: 4,096 a side and 16 MiB. */
struct vox_volume_limits test_limits(void);

/* Parses and wants success. */
struct vox_volume *parse_good(const struct bytes *bytes);

/* Parses, wants this code and a message that holds `text`, and that *out was left alone; frees the
 * bytes. */
void parse_bad(struct bytes bytes, enum vox_code code, const char *text);

/* Reads a whole file, which is removed afterwards if `remove` says so. */
struct bytes file_bytes(const char *path, bool remove);

/* Writes a file; frees the bytes. */
void bytes_save(const char *path, struct bytes bytes);

#endif
