/* Comparing float arrays in tests: NaN fails, infinities must match, the worst element is printed.
 */
#ifndef VOX_SUPPORT_COMPARE_H
#define VOX_SUPPORT_COMPARE_H

#include <stdbool.h>
#include <stddef.h>

/* True if |a[i] - b[i]| <= tolerance for every i, where `tolerance` is absolute. Prints `what`, the
 * worst element, both values and the limit to stderr when it is false. */
bool vox_close(const char *what, const float *a, const float *b, size_t n, double tolerance);

/* The largest absolute value of n floats; NaN if there is one. */
double vox_max_abs(const float *a, size_t n);

#endif
