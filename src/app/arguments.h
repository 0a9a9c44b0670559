/* Numbers in arguments. */
#ifndef VOX_APP_ARGUMENTS_H
#define VOX_APP_ARGUMENTS_H

#include <stdbool.h>
#include <stdint.h>

/* Numbers, strictly: decimal digits with sign, point and exponent, no blanks, nothing that is not
 * finite. Each reads at *at and moves it behind the number; false, and nothing changed, where there
 * is none or it does not fit. */
bool vox_read_int(const char **at, int64_t *out);
bool vox_read_real(const char **at, double *out);

/* True, and *at moved, where *at begins with this character. */
bool vox_read_char(const char **at, char c);

#endif
