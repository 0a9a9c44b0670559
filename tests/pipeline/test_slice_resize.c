#include "pipeline/slice_resize.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "util/memory.h"

static void expect_weights(int64_t in, int64_t out, int64_t d, int64_t start, const int32_t *want,
                           int64_t n)
{
    struct vox_slice_resize *resize = NULL;
    assert_int_equal(vox_slice_resize_new(in, 3, out, 5, &resize, NULL), VOX_OK);
    int64_t first, count;
    const int32_t *weights = vox_slice_resize_weights(resize, 0, d, &first, &count);
    assert_non_null(weights);
    assert_int_equal(first, start);
    assert_true(count >= n);
    for (int64_t j = 0; j < count; j++) {
        assert_int_equal(weights[j], j < n ? want[j] : 0);
    }
    vox_slice_resize_free(resize);
}

/* Numbers of Pillow's precompute_coeffs and normalize_coeffs_8bpc. */
static void test_weights(void **state)
{
    (void)state;
    expect_weights(180, 512, 0, 0, (const int32_t[]){4629017, -434713}, 2);
    expect_weights(180, 512, 256, 88, (const int32_t[]){-148975, 1347308, 3306484, -310513}, 4);
    expect_weights(1024, 512, 0, 0, (const int32_t[]){1947982, 1947982, 508932, -157945, -52648},
                   5);
}

static int64_t sum(const uint8_t *bytes, size_t n)
{
    int64_t total = 0;
    for (size_t i = 0; i < n; i++) {
        total += bytes[i];
    }
    return total;
}

/* A wavy volume, and what Pillow 9 to 13 make of its slices. */
static void test_wavy_slices(void **state)
{
    (void)state;
    enum { WIDTH = 180, HEIGHT = 200, SIDE = 512 };
    static const int64_t sums[5] = {34002218, 33991309, 33966658, 33929806, 33882084};
    struct vox_slice_resize *resize = NULL;
    assert_int_equal(vox_slice_resize_new(WIDTH, HEIGHT, SIDE, SIDE, &resize, NULL), VOX_OK);
    uint8_t *in = vox_alloc((size_t)WIDTH * HEIGHT), *out = vox_alloc((size_t)SIDE * SIDE);
    int64_t stored = 0;
    for (int z = 0; z < 5; z++) {
        for (int y = 0; y < HEIGHT; y++) {
            for (int x = 0; x < WIDTH; x++) {
                int q = (3 * x + 2 * y + 11 * z + ((x * y) >> 6)) % 510;
                in[y * WIDTH + x] = (uint8_t)(q < 510 - q ? q : 510 - q);
            }
        }
        stored += sum(in, (size_t)WIDTH * HEIGHT);
        vox_slice_resize_run(resize, in, out);
        assert_int_equal(sum(out, (size_t)SIDE * SIDE), sums[z]);
        if (z == 2) {
            assert_memory_equal(out + 100 * SIDE + 100, ((const uint8_t[]){224, 226, 227, 228}), 4);
            assert_memory_equal(out + 255 * SIDE + 255, ((const uint8_t[]){117, 118, 120, 122}), 4);
            assert_memory_equal(out, ((const uint8_t[]){22, 22, 23, 24}), 4);
        }
    }
    assert_int_equal(stored, 23314400);
    vox_free(in);
    vox_free(out);
    vox_slice_resize_free(resize);
}

static void test_same_size_is_a_copy(void **state)
{
    (void)state;
    const uint8_t in[6] = {0, 255, 3, 4, 128, 9};
    uint8_t out[6] = {0};
    struct vox_slice_resize *resize = NULL;
    assert_int_equal(vox_slice_resize_new(3, 2, 3, 2, &resize, NULL), VOX_OK);
    vox_slice_resize_run(resize, in, out);
    assert_memory_equal(in, out, 6);
    int64_t first, n;
    assert_null(vox_slice_resize_weights(resize, 0, 0, &first, &n));
    vox_slice_resize_free(resize);
}

/* Overshoot of the cubic beside an edge is clamped and does not wrap. */
static void test_overshoot(void **state)
{
    (void)state;
    const uint8_t in[8] = {0, 0, 0, 0, 255, 255, 255, 255};
    uint8_t out[31];
    struct vox_slice_resize *resize = NULL;
    assert_int_equal(vox_slice_resize_new(8, 1, 31, 1, &resize, NULL), VOX_OK);
    vox_slice_resize_run(resize, in, out);
    for (int i = 1; i < 31; i++) {
        assert_true(out[i] >= out[i - 1] || out[i] >= 250 || out[i] <= 5);
    }
    assert_int_equal(out[0], 0);
    assert_int_equal(out[30], 255);
    vox_slice_resize_free(resize);
}

static void test_refuses(void **state)
{
    (void)state;
    struct vox_slice_resize *resize = NULL;
    struct vox_err err;
    assert_int_equal(vox_slice_resize_new(0, 5, 512, 512, &resize, &err), VOX_E_LIMIT);
    assert_int_equal(vox_slice_resize_new(5, VOX_RESIZE_MAX_SIDE + 1, 512, 512, &resize, &err),
                     VOX_E_LIMIT);
    assert_null(resize);
    vox_slice_resize_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_weights),
        cmocka_unit_test(test_wavy_slices),
        cmocka_unit_test(test_same_size_is_a_copy),
        cmocka_unit_test(test_overshoot),
        cmocka_unit_test(test_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
