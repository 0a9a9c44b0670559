/* Matrices with guards around them and repeatable contents, for the tests of this part. */
#ifndef VOX_TENSOR_FIXTURE_H
#define VOX_TENSOR_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tensor/backend.h"

/* Values in -range ... range, the same for the same seed. */
void vox_test_fill(float *to, size_t n, uint32_t seed, float range);

/* rows x ld floats, all guard pattern (a NaN of its own), with guards before and after. Fails the
 * test when there is no memory. */
float *vox_guarded_new(int64_t rows, int64_t ld);

/* As above, with the first `columns` of every row filled like vox_test_fill. */
float *vox_guarded_filled(int64_t rows, int64_t columns, int64_t ld, uint32_t seed, float range);

/* Whether the guards and everything beyond the first `columns` of every row still is the pattern;
 * says so if not. */
bool vox_guarded_intact(const char *what, const float *data, int64_t rows, int64_t columns,
                        int64_t ld);

/* Whether every row's first `columns` values are within `tolerance`, as vox_close, and the rest is
 * intact. */
bool vox_rows_close(const char *what, const float *data, const float *wanted, int64_t rows,
                    int64_t columns, int64_t ld, double tolerance);

void vox_guarded_free(float *data);

/* A pool, and the backend of that name on it; fails the test otherwise. */
struct vox_pool *vox_test_pool(int threads);
struct vox_backend *vox_test_backend(const char *name, struct vox_pool *pool);

#endif
