#include "tensor_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/compare.h"
#include "util/memory.h"

enum { GUARD = 64 };
static const uint32_t pattern = 0x7fc5a5a5U;

void vox_test_fill(float *to, size_t n, uint32_t seed, float range)
{
    uint32_t state = seed * 2654435761U + 12345U;
    for (size_t i = 0; i < n; i++) {
        state = state * 1664525U + 1013904223U;
        to[i] = ((float)(state >> 8) * 0x1p-23F - 1.0F) * range;
    }
}

float *vox_guarded_new(int64_t rows, int64_t ld)
{
    size_t n = (size_t)(rows * ld) + (size_t)2 * GUARD;
    float *block = vox_alloc(n * sizeof(float));
    assert_non_null(block);
    for (size_t i = 0; i < n; i++) {
        memcpy(&block[i], &pattern, sizeof(pattern));
    }
    return block + GUARD;
}

float *vox_guarded_filled(int64_t rows, int64_t columns, int64_t ld, uint32_t seed, float range)
{
    float *data = vox_guarded_new(rows, ld);
    for (int64_t row = 0; row < rows; row++) {
        vox_test_fill(data + row * ld, (size_t)columns, seed + (uint32_t)row * 77U, range);
    }
    return data;
}

static bool is_pattern(const char *what, const float *from, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        if (memcmp(&from[i], &pattern, sizeof(pattern)) != 0) {
            fprintf(stderr, "%s: a value outside the result was overwritten\n", what);
            return false;
        }
    }
    return true;
}

bool vox_guarded_intact(const char *what, const float *data, int64_t rows, int64_t columns,
                        int64_t ld)
{
    bool intact = is_pattern(what, data - GUARD, GUARD);
    for (int64_t row = 0; row < rows && intact; row++) {
        intact = is_pattern(what, data + row * ld + columns, ld - columns);
    }
    return intact && is_pattern(what, data + rows * ld, GUARD);
}

bool vox_rows_close(const char *what, const float *data, const float *wanted, int64_t rows,
                    int64_t columns, int64_t ld, double tolerance)
{
    for (int64_t row = 0; row < rows; row++) {
        if (!vox_close(what, data + row * ld, wanted + row * ld, (size_t)columns, tolerance)) {
            return false;
        }
    }
    return vox_guarded_intact(what, data, rows, columns, ld);
}

void vox_guarded_free(float *data)
{
    vox_free(data - GUARD);
}

struct vox_pool *vox_test_pool(int threads)
{
    struct vox_pool *pool = NULL;
    assert_int_equal(vox_pool_new(threads, &pool, NULL), VOX_OK);
    return pool;
}

struct vox_backend *vox_test_backend(const char *name, struct vox_pool *pool)
{
    struct vox_backend *be = NULL;
    struct vox_err err = {VOX_OK, 0, ""};
    if (vox_backend_open(name, pool, &be, &err) != VOX_OK) {
        fail_msg("%s: %s", name, err.msg);
    }
    return be;
}
