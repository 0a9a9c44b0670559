/* JSON text as a tree of values; util/json_writer.h writes it.
 *
 * The caller owns the whole tree; its members are borrowed from it. Several threads may read it.
 * Texts are UTF-8 without NUL characters. */
#ifndef VOX_UTIL_JSON_H
#define VOX_UTIL_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

struct vox_json;

enum vox_json_kind {
    VOX_JSON_NULL,
    VOX_JSON_BOOL,
    VOX_JSON_INT,
    VOX_JSON_REAL,
    VOX_JSON_TEXT,
    VOX_JSON_ARRAY,
    VOX_JSON_OBJECT
};

struct vox_json_limits {
    size_t bytes;  /* of the text */
    size_t depth;  /* of nested arrays and objects, at most 1000 */
    size_t values; /* of all kinds, keys excluded; memory is bounded by them and the text */
};

/* Parses one value of `size` bytes with nothing but white space around it. Keys must not repeat.
 * VOX_E_FORMAT with line and column, VOX_E_LIMIT beyond a limit, which is checked before anything
 * is built. The caller frees *out. */
enum vox_code vox_json_parse(const char *text, size_t size, const struct vox_json_limits *limits,
                             struct vox_json **out, struct vox_err *err) VOX_MUST_USE;

/* Frees what vox_json_parse gave; NULL is allowed. */
void vox_json_free(struct vox_json *json);

enum vox_json_kind vox_json_kind(const struct vox_json *json);

/* Members of an array or object; 0 for others. */
size_t vox_json_count(const struct vox_json *json);

/* The i-th member of an array, an object's member of that key; NULL if there is none, also if json
 * is NULL or of another kind. */
const struct vox_json *vox_json_at(const struct vox_json *json, size_t i);
const struct vox_json *vox_json_get(const struct vox_json *json, const char *key);

/* Steps through an object in the order of its text: begin with *cursor NULL. False at the end. */
bool vox_json_next(const struct vox_json *json, void **cursor, const char **key,
                   const struct vox_json **value);

/* The value of that kind; false, and *out untouched, for others and NULL. */
bool vox_json_int(const struct vox_json *json, int64_t *out) VOX_MUST_USE;
bool vox_json_bool(const struct vox_json *json, bool *out) VOX_MUST_USE;
const char *vox_json_text(const struct vox_json *json); /* NULL for others */

/* A number, integer or real, as a double; always finite. */
bool vox_json_number(const struct vox_json *json, double *out) VOX_MUST_USE;

/* The value as JSON text, members in the order of their text; numbers keep their values. The caller
 * frees *out with vox_free. VOX_E_NOMEM. */
enum vox_code vox_json_format(const struct vox_json *json, char **out,
                              struct vox_err *err) VOX_MUST_USE;

#endif
