/* Text that grows, and JSON as Python's json module lays it out: indented, ASCII only. */
#ifndef VOX_STORE_GROW_TEXT_H
#define VOX_STORE_GROW_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"
#include "util/json.h"

/* All zero is empty. Whether there was memory for all of it is looked at once, at the end. */
struct vox_grow {
    char *at;
    size_t size, room;
    bool lost;
};

void vox_grow_add(struct vox_grow *text, const char *bytes, size_t size);
void vox_grow_put(struct vox_grow *text, const char *more);
void vox_grow_reserve(struct vox_grow *text, size_t more);

/* A JSON string with what is not ASCII escaped. `more` is UTF-8. */
void vox_grow_quote(struct vox_grow *text, const char *more);

/* A new line and that many blanks. */
void vox_grow_line(struct vox_grow *text, int indent);

/* A value whose first line stands at `indent`; two more for each level. */
void vox_grow_json(struct vox_grow *text, const struct vox_json *json, int indent);

/* The text with a NUL behind; the caller frees *out with vox_free. *size may be NULL. On failure
 * the text is freed. VOX_E_NOMEM. */
enum vox_code vox_grow_take(struct vox_grow *text, char **out, size_t *size,
                            struct vox_err *err) VOX_MUST_USE;
void vox_grow_free(struct vox_grow *text);

#endif
