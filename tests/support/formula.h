/* Weights from a formula: every value follows from the tensor's name and the element's index, so
 * that a test, a script and another implementation make the same network without a file. */
#ifndef VOX_SUPPORT_FORMULA_H
#define VOX_SUPPORT_FORMULA_H

#include <stdint.h>

/* FNV-1a, 32 bits, of the salt followed by the name. */
uint32_t vox_formula_hash(const char *salt, const char *name);

/* Fills all values of a tensor. With u spread evenly over -1..1: u * sqrt(3 * shape[0] / values)
 * for two or more dimensions, else 1 + 0.2 * u for names that end in ".weight", else 0.2 * u. */
void vox_formula_fill(const char *salt, const char *name, int rank, const int64_t *shape,
                      float *out);

#endif
