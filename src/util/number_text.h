/* Numbers as text, in headers of files and in JSON: read from bytes that no NUL ends, written so
 * that they read back exactly; always with a decimal point, whatever locale the process has. */
#ifndef VOX_UTIL_NUMBER_TEXT_H
#define VOX_UTIL_NUMBER_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The whole of text[0..size) as a decimal number; false if it is anything else or longer than 60
 * characters. Infinities and NaN are numbers here. */
bool vox_text_to_double(const char *text, size_t size, double *out);

/* The same for an integer that fits. */
bool vox_text_to_int(const char *text, size_t size, int64_t *out);

enum { VOX_DOUBLE_TEXT = 32 };

/* The shortest of 15 to 17 digits that reads back as value. */
void vox_double_to_text(double value, char out[VOX_DOUBLE_TEXT]);

#endif
