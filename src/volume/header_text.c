#include "volume/header_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "util/memory.h"

enum { FIRST_ROOM = 2048 };

/* False, and the text failed, if there is no room for `more` bytes. */
static bool reserve(struct vox_header_text *text, size_t more)
{
    size_t wanted;
    if (text->failed || !vox_add(text->size, more, &wanted)) {
        text->failed = true;
        return false;
    }
    if (wanted <= text->room) {
        return true;
    }
    size_t room = text->room < FIRST_ROOM ? FIRST_ROOM : text->room;
    while (room < wanted) {
        if (!vox_mul(room, 2, &room)) {
            text->failed = true;
            return false;
        }
    }
    char *at = text->at == NULL ? vox_alloc(room) : vox_realloc(text->at, text->room, room);
    if (at == NULL) {
        text->failed = true;
        return false;
    }
    text->at = at;
    text->room = room;
    return true;
}

void vox_header_text_bytes(struct vox_header_text *text, const void *bytes, size_t size)
{
    if (size > 0 && reserve(text, size)) {
        memcpy(text->at + text->size, bytes, size);
        text->size += size;
    }
}

void vox_header_text_add(struct vox_header_text *text, const char *format, ...)
{
    va_list args;
    va_list again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    VOX_ASSERT(n >= 0);
    size_t size = (size_t)n + 1; /* with the NUL that vsnprintf writes */
    if (reserve(text, size)) {
        vsnprintf(text->at + text->size, size, format, again);
        text->size += size - 1;
    }
    va_end(again);
    va_end(args);
}

enum vox_code vox_header_text_check(const struct vox_header_text *text, struct vox_err *err)
{
    return text->failed ? vox_fail(err, VOX_E_NOMEM, "out of memory") : VOX_OK;
}

void vox_header_text_free(struct vox_header_text *text)
{
    vox_free(text->at);
    memset(text, 0, sizeof(*text));
}
