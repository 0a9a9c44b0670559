/* Zip archives as PyTorch's writer lays them out: stored members whose sizes stand in the central
 * directory and in a descriptor behind the data, data aligned to 64 bytes by a padding field, and a
 * zip64 end record. */
#ifndef VOX_SUPPORT_ZIP_BUILDER_H
#define VOX_SUPPORT_ZIP_BUILDER_H

#include "support/byte_builder.h"

struct vox_zip_builder {
    struct vox_bytes directory;
    uint64_t members;
};

/* Appends to `out` what stands before a member's data, given that `position` bytes of the archive
 * come before `out`. */
void vox_zip_before(struct vox_bytes *out, uint64_t position, const char *name);

/* Appends to `out` what stands behind the data of the member whose local header is at `header`, and
 * notes it. */
void vox_zip_after(struct vox_zip_builder *zip, struct vox_bytes *out, uint64_t header,
                   const char *name, uint32_t crc, uint64_t size);

/* A whole member; the archive begins where `out` does. Returns the place of its local header. */
size_t vox_zip_member(struct vox_zip_builder *zip, struct vox_bytes *out, const char *name,
                      const void *data, size_t size);

/* Appends the central directory and the end records, and frees the builder. */
void vox_zip_finish(struct vox_zip_builder *zip, struct vox_bytes *out, uint64_t position);

/* CRC-32 as zip has it, of `size` more bytes; begin with 0. */
uint32_t vox_crc32(uint32_t crc, const void *data, size_t size);

#endif
