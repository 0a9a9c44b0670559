/* Names and values in a request's address and in bodies of the kind
 * application/x-www-form-urlencoded.
 *
 * Percent escapes are decoded once; what is no escape ("%zz") stays as it is. The result is UTF-8
 * without NUL, or an error. */
#ifndef VOX_SERVER_QUERY_H
#define VOX_SERVER_QUERY_H

#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"

/* The caller frees *out with vox_free. plus: "+" is a space. VOX_E_FORMAT, VOX_E_NOMEM. */
enum vox_code vox_percent_decode(const char *text, size_t size, bool plus, char **out,
                                 struct vox_err *err) VOX_MUST_USE;

struct vox_pair {
    char *name;
    char *value;
};

/* In the order of the text; all zero is an empty list. */
struct vox_pairs {
    struct vox_pair *items;
    size_t count;
    size_t room;
};

/* "a=1&b=&c" appended to the list, which may then hold at most `most`. VOX_E_FORMAT, VOX_E_LIMIT,
 * VOX_E_NOMEM: the list is as it was. */
enum vox_code vox_query_parse(const char *text, size_t size, size_t most, struct vox_pairs *pairs,
                              struct vox_err *err) VOX_MUST_USE;

/* Appends one; takes name and value, also where it fails. VOX_E_LIMIT, VOX_E_NOMEM. */
enum vox_code vox_pairs_add(struct vox_pairs *pairs, size_t most, char *name, char *value,
                            struct vox_err *err) VOX_MUST_USE;

/* The last value of that name, NULL if there is none. */
const char *vox_pairs_get(const struct vox_pairs *pairs, const char *name);

void vox_pairs_clear(struct vox_pairs *pairs);

/* Whether bytes are UTF-8 without NUL. */
bool vox_is_clean_text(const char *text, size_t size);

#endif
