/* A file's header while it is put together. */
#ifndef VOX_VOLUME_HEADER_TEXT_H
#define VOX_VOLUME_HEADER_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"

/* All zero is empty. Grows as needed; whether there was memory for all of it is looked at once, at
 * the end. */
struct vox_header_text {
    char *at;
    size_t size, room;
    bool failed;
};

void vox_header_text_bytes(struct vox_header_text *text, const void *bytes, size_t size);
void vox_header_text_add(struct vox_header_text *text, const char *format, ...) VOX_PRINTF(2, 3);

/* VOX_E_NOMEM if something is missing. */
enum vox_code vox_header_text_check(const struct vox_header_text *text,
                                    struct vox_err *err) VOX_MUST_USE;

void vox_header_text_free(struct vox_header_text *text);

#endif
