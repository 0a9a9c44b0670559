/* JSON as Python's json module writes it, which is a little more than JSON. */
#ifndef VOX_STORE_PYTHON_JSON_H
#define VOX_STORE_PYTHON_JSON_H

#include <stddef.h>

#include "util/error.h"

/* A copy that is JSON where the text was Python's: NaN and infinities become null, integers of more
 * than 64 bits become reals, and escapes of what is no character (a NUL, half a surrogate pair, as
 * in names of files that are not UTF-8) become U+FFFD. The caller frees *out with vox_free.
 * VOX_E_NOMEM. */
enum vox_code vox_python_json(const char *text, size_t size, char **out, size_t *out_size,
                              struct vox_err *err) VOX_MUST_USE;

#endif
