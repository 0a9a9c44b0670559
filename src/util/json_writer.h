/* JSON text, written from front to back.
 *
 * What is not JSON cannot come out: numbers that are not finite become null, bytes that are not
 * UTF-8 become U+FFFD. Each member of the outermost object stands on its own line, what is in it on
 * the same. */
#ifndef VOX_UTIL_JSON_WRITER_H
#define VOX_UTIL_JSON_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

/* Belongs to one thread at a time. Where memory runs out the rest is dropped and
 * vox_json_writer_text says so. */
struct vox_json_writer;

struct vox_json_writer *vox_json_writer_new(void);       /* NULL where there is no memory */
void vox_json_writer_free(struct vox_json_writer *json); /* NULL is allowed */

/* `key` names a member of an object; NULL for an element of an array and for the outermost value.
 * Objects and arrays may lie 32 deep; each begin has its end. */
void vox_json_begin_object(struct vox_json_writer *json, const char *key);
void vox_json_begin_array(struct vox_json_writer *json, const char *key);
void vox_json_end(struct vox_json_writer *json);

void vox_json_put_text(struct vox_json_writer *json, const char *key,
                       const char *text); /* NULL: null */
void vox_json_put_int(struct vox_json_writer *json, const char *key, int64_t value);
void vox_json_put_real(struct vox_json_writer *json, const char *key,
                       double value); /* shortest of 15 to 17 digits, whatever the locale */
void vox_json_put_bool(struct vox_json_writer *json, const char *key, bool value);
void vox_json_put_null(struct vox_json_writer *json, const char *key);

/* A value that is JSON already, as vox_json_format gives it. */
void vox_json_put_raw(struct vox_json_writer *json, const char *key, const char *text);

/* The whole text with a newline at its end and a NUL behind, which does not count, borrowed from
 * the writer. VOX_E_NOMEM if any of it was lost. */
enum vox_code vox_json_writer_text(struct vox_json_writer *json, const char **text, size_t *size,
                                   struct vox_err *err) VOX_MUST_USE;

#endif
