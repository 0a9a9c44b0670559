#include "support/byte_builder.h"

#include <string.h>

#include "util/error.h"
#include "util/memory.h"

static uint8_t *grow(struct vox_bytes *bytes, size_t more)
{
    if (more > bytes->capacity - bytes->size) {
        size_t capacity = 2 * bytes->capacity + more + 256;
        uint8_t *data = vox_realloc(bytes->data, bytes->size, capacity);
        VOX_ASSERT(data != NULL);
        bytes->data = data;
        bytes->capacity = capacity;
    }
    uint8_t *at = bytes->data + bytes->size;
    bytes->size += more;
    return at;
}

void vox_bytes_add(struct vox_bytes *bytes, const void *data, size_t size)
{
    if (size > 0) {
        memcpy(grow(bytes, size), data, size);
    }
}

void vox_bytes_text(struct vox_bytes *bytes, const char *text)
{
    vox_bytes_add(bytes, text, strlen(text));
}

void vox_bytes_fill(struct vox_bytes *bytes, uint8_t value, size_t count)
{
    if (count > 0) {
        memset(grow(bytes, count), value, count);
    }
}

void vox_bytes_number(struct vox_bytes *bytes, uint64_t value, size_t width)
{
    (void)grow(bytes, width);
    vox_bytes_patch(bytes, bytes->size - width, value, width);
}

void vox_bytes_patch(struct vox_bytes *bytes, size_t at, uint64_t value, size_t width)
{
    VOX_ASSERT(width <= 8 && at + width <= bytes->size);
    for (size_t i = 0; i < width; i++) {
        bytes->data[at + i] = (uint8_t)(value >> (8 * i));
    }
}

void vox_bytes_free(struct vox_bytes *bytes)
{
    vox_free(bytes->data);
    *bytes = (struct vox_bytes){0};
}
