#include "util/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64 };

bool vox_mul(size_t a, size_t b, size_t *out)
{
    if (b != 0 && a > SIZE_MAX / b) {
        return false;
    }
    *out = a * b;
    return true;
}

bool vox_add(size_t a, size_t b, size_t *out)
{
    if (a > SIZE_MAX - b) {
        return false;
    }
    *out = a + b;
    return true;
}

void *vox_alloc(size_t size)
{
    size_t rounded;
    if (!vox_add(size, ALIGNMENT, &rounded)) {
        return NULL;
    }
    rounded = rounded / ALIGNMENT * ALIGNMENT;
    return aligned_alloc(ALIGNMENT, rounded);
}

void *vox_calloc(size_t count, size_t size)
{
    size_t bytes;
    if (!vox_mul(count, size, &bytes)) {
        return NULL;
    }
    void *block = vox_alloc(bytes);
    if (block != NULL) {
        memset(block, 0, bytes);
    }
    return block;
}

void *vox_realloc(void *block, size_t old_size, size_t new_size)
{
    void *grown = vox_alloc(new_size);
    if (grown == NULL) {
        return NULL;
    }
    if (block != NULL) {
        memcpy(grown, block, old_size < new_size ? old_size : new_size);
        vox_free(block);
    }
    return grown;
}

void vox_free(void *block)
{
    free(block);
}

char *vox_strdup(const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = vox_alloc(bytes);
    if (copy != NULL) {
        memcpy(copy, text, bytes);
    }
    return copy;
}
