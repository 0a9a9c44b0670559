/* Text that grows: pages, headers, short JSON.
 *
 * All zero is an empty text. Where memory runs out the rest is dropped and `lost` says so. One
 * thread at a time. */
#ifndef VOX_SERVER_TEXT_BUILDER_H
#define VOX_SERVER_TEXT_BUILDER_H

#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"

struct vox_text {
    char *data; /* with a NUL behind; NULL while it is empty */
    size_t size;
    size_t room;
    bool lost;
};

void vox_text_add(struct vox_text *text, const char *data, size_t size);
void vox_text_put(struct vox_text *text, const char *data);
void vox_text_format(struct vox_text *text, const char *format, ...) VOX_PRINTF(2, 3);

/* As a JSON text with its quotes; bytes that are not UTF-8 become '?'. NULL is null. */
void vox_text_json(struct vox_text *text, const char *value);

/* With &, <, >, " and ' as HTML wants them. */
void vox_text_html(struct vox_text *text, const char *value);

/* Percent-encoded but for letters, digits and "-._~". */
void vox_text_percent(struct vox_text *text, const char *value);

void vox_text_clear(struct vox_text *text);

#endif
