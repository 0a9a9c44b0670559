/* UTF-8 as RFC 3629 defines it. */
#ifndef VOX_UTIL_UTF8_H
#define VOX_UTIL_UTF8_H

#include <stddef.h>

/* Bytes (1 ... 4) of the character at the start of a text that a NUL ends; 0 where there is none.
 * The NUL itself is a character of one byte. */
size_t vox_utf8_size(const char *text);

#endif
