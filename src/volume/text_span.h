/* Parts of a header's text, not ended by NUL. */
#ifndef VOX_VOLUME_TEXT_SPAN_H
#define VOX_VOLUME_TEXT_SPAN_H

#include <stdbool.h>
#include <stddef.h>

/* at is NULL for what is absent. */
struct vox_span {
    const char *at;
    size_t size;
};

/* True if the span is this text, capitals or not. */
bool vox_span_is(struct vox_span span, const char *text);

/* Without blanks and tabs around it. */
struct vox_span vox_span_trim(struct vox_span span);

/* Takes the next word off *rest: up to a blank. False if there is none. */
bool vox_span_next_word(struct vox_span *rest, struct vox_span *word);

/* Takes the next line off *rest, which ends with a line feed or with the text; `line` is without
 * its end (LF or CR LF). False if nothing is left. */
bool vox_span_next_line(struct vox_span *rest, struct vox_span *line);

#endif
