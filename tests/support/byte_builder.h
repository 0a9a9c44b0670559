/* A growing block of bytes, for tests that put files together. Running out of memory ends the
 * process. */
#ifndef VOX_SUPPORT_BYTE_BUILDER_H
#define VOX_SUPPORT_BYTE_BUILDER_H

#include <stddef.h>
#include <stdint.h>

struct vox_bytes {
    uint8_t *data;
    size_t size;
    size_t capacity;
};

void vox_bytes_add(struct vox_bytes *bytes, const void *data, size_t size);
void vox_bytes_text(struct vox_bytes *bytes, const char *text); /* without the NUL */
void vox_bytes_fill(struct vox_bytes *bytes, uint8_t value, size_t count);

/* `width` bytes of value, little endian. */
void vox_bytes_number(struct vox_bytes *bytes, uint64_t value, size_t width);

/* Overwrites what is there. */
void vox_bytes_patch(struct vox_bytes *bytes, size_t at, uint64_t value, size_t width);

void vox_bytes_free(struct vox_bytes *bytes);

#endif
