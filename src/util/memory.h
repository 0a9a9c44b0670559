/* Memory: the only home of malloc and free, and of arithmetic on sizes that come from outside.
 *
 * All functions may be called from any thread. Tests replace vox_alloc with a failing one, so every
 * allocation goes through it. */
#ifndef VOX_UTIL_MEMORY_H
#define VOX_UTIL_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"

/* At least `size` bytes aligned to 64 (a cache line and an AVX-512 vector), not cleared; NULL when
 * there is none. size 0 gives a pointer that may be freed. Release with vox_free. */
void *vox_alloc(size_t size);

/* As vox_alloc for count * size bytes, cleared; NULL on overflow or where there is no memory. */
void *vox_calloc(size_t count, size_t size);

/* Grows or shrinks a block of vox_alloc from `old_size` to `new_size` bytes; the old block stays
 * valid on NULL. */
void *vox_realloc(void *block, size_t old_size, size_t new_size);

/* Releases a block of the functions above; NULL is allowed. */
void vox_free(void *block);

/* A copy of a NUL-terminated string, or NULL where there is no memory. */
char *vox_strdup(const char *text);

/* *out = a * b or a + b; false, and *out untouched, when that does not fit. */
bool vox_mul(size_t a, size_t b, size_t *out) VOX_MUST_USE;
bool vox_add(size_t a, size_t b, size_t *out) VOX_MUST_USE;

#endif
