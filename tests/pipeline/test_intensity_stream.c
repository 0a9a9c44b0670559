/* Windows of files that stay on disk: the same numbers and bytes as in memory, in few passes, and
 * errors where reading or memory fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "pipeline/intensity.h"
#include "support/failing_alloc.h"
#include "volume/volume_bytes.h"

enum { W = 9, H = 7, D = 40, PIXELS = W * H, VOXELS = PIXELS * D };

static char path[] = "/tmp/vox_windows_XXXXXX";
static double work[PIXELS];

/* Slices that were looked at. */
static int64_t looks;

enum vox_code __real_vox_slice_source_values(struct vox_slice_source *source, int64_t k,
                                             double *out, struct vox_err *err) VOX_MUST_USE;
enum vox_code __wrap_vox_slice_source_values(struct vox_slice_source *source, int64_t k,
                                             double *out, struct vox_err *err) VOX_MUST_USE;
enum vox_code __real_vox_slice_source_stored(struct vox_slice_source *source, int64_t k,
                                             const void **out, struct vox_err *err) VOX_MUST_USE;
enum vox_code __wrap_vox_slice_source_stored(struct vox_slice_source *source, int64_t k,
                                             const void **out, struct vox_err *err) VOX_MUST_USE;

enum vox_code __wrap_vox_slice_source_values(struct vox_slice_source *source, int64_t k,
                                             double *out, struct vox_err *err)
{
    looks++;
    return __real_vox_slice_source_values(source, k, out, err);
}

enum vox_code __wrap_vox_slice_source_stored(struct vox_slice_source *source, int64_t k,
                                             const void **out, struct vox_err *err)
{
    looks++;
    return __real_vox_slice_source_stored(source, k, out, err);
}

static int begin(void **state)
{
    (void)state;
    int file = mkstemp(path);
    return file < 0 || close(file) != 0;
}

static int end(void **state)
{
    (void)state;
    return unlink(path);
}

/* The numbers are many and spread, from `least` on, and many are 0. */
static double value_at(int i, double least)
{
    uint32_t mixed = (uint32_t)i * 2654435761U;
    return mixed % 5 == 0 ? 0.0 : least + (double)(mixed >> 16) * 0.4;
}

static struct bytes file_of(int datatype, double least, double slope)
{
    static uint8_t voxels[VOXELS * 8];
    int bits = 0;
    for (int i = 0; i < VOXELS; i++) {
        double value = value_at(i, least);
        int16_t word = (int16_t)value;
        int32_t integer = (int32_t)(value * 5);
        float single = (float)value;
        const void *at = datatype == 4    ? (const void *)&word
                         : datatype == 8  ? (const void *)&integer
                         : datatype == 16 ? (const void *)&single
                                          : (const void *)&value;
        bits = datatype == 4 ? 16 : datatype == 64 ? 64 : 32;
        memcpy(voxels + (size_t)i * (size_t)bits / 8, at, (size_t)bits / 8);
    }
    struct nifti_spec spec = nifti_spec_default(1, W, H, D);
    spec.datatype = datatype;
    spec.bitpix = bits;
    spec.scl_slope = slope;
    return nifti_file(&spec, voxels, (size_t)VOXELS * (size_t)bits / 8);
}

static struct vox_slice_source *open_file(uint64_t budget)
{
    struct vox_volume_limits limits = test_limits();
    struct vox_slice_source *source = NULL;
    assert_int_equal(VOX_OK, vox_slice_source_open(path, &limits, budget, &source, NULL));
    return source;
}

static const uint64_t small_budget = 8 * PIXELS * 3;
static const uint64_t large_budget = 8 * VOXELS;

/* Both ways give the same, and the stream takes this many passes. */
static void same_window(struct bytes file, const struct vox_window *window,
                        enum vox_window_rule rule, int64_t passes)
{
    bytes_save(path, file);
    struct vox_slice_source *resident = open_file(large_budget);
    struct vox_slice_source *stream = open_file(small_budget);
    assert_true(vox_slice_source_resident(resident));
    assert_false(vox_slice_source_resident(stream));
    struct vox_intensity wanted, got;
    memset(&wanted, 0, sizeof(wanted));
    memset(&got, 0, sizeof(got));
    assert_int_equal(VOX_OK, vox_intensity_prepare(resident, window, &wanted, NULL));
    looks = 0;
    assert_int_equal(VOX_OK, vox_intensity_prepare(stream, window, &got, NULL));
    assert_int_equal(passes * D, looks);
    assert_int_equal(rule, got.rule);
    assert_int_equal(wanted.rule, got.rule);
    assert_true(wanted.low == got.low && wanted.high == got.high);
    assert_true(wanted.min == got.min && wanted.max == got.max);
    assert_true(wanted.flat == got.flat && wanted.single == got.single && !got.flat);
    for (int64_t k = D - 1; k >= 0; k--) {
        uint8_t want[PIXELS], have[PIXELS];
        assert_int_equal(VOX_OK, vox_intensity_slice(resident, &wanted, k, work, want, NULL));
        assert_int_equal(VOX_OK, vox_intensity_slice(stream, &got, k, work, have, NULL));
        assert_memory_equal(want, have, sizeof(have));
    }
    vox_slice_source_close(resident);
    vox_slice_source_close(stream);
}

static void same_windows(void **state)
{
    (void)state;
    const struct vox_window automatic = {.automatic = true};
    const struct vox_window given = {.low = -20, .high = 3000};
    const struct vox_window full = {.rule = VOX_WINDOW_FULL};
    static const struct {
        int datatype;
        int64_t passes; /* for percentiles */
    } cases[] = {{4, 1}, {8, 2}, {16, 2}, {64, 3}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int type = cases[i].datatype;
        same_window(gzip_of(file_of(type, -80, 0)), &automatic, VOX_WINDOW_PERCENTILES,
                    cases[i].passes);
        same_window(file_of(type, -80, -0.37), &automatic, VOX_WINDOW_ABDOMEN, 1);
        same_window(file_of(type, 1, 0.0037), &automatic, VOX_WINDOW_PERCENTILES,
                    type == 4 ? 1 : 3);
        same_window(gzip_of(file_of(type, -1000, 0)), &automatic, VOX_WINDOW_ABDOMEN, 1);
        same_window(gzip_of(file_of(type, -1000, 0)), &given, VOX_WINDOW_GIVEN, 1);
        same_window(file_of(type, -1000, 0), &full, VOX_WINDOW_FULL, 1);
    }
}

static void damage_is_reported(void **state)
{
    (void)state;
    struct bytes file = gzip_of(file_of(16, -80, 0));
    file.size /= 2;
    bytes_save(path, file);
    struct vox_slice_source *source = open_file(small_budget);
    const struct vox_window automatic = {.automatic = true};
    struct vox_intensity intensity = {.not_finite = 77};
    struct vox_err err;
    assert_int_equal(VOX_E_FORMAT, vox_intensity_prepare(source, &automatic, &intensity, &err));
    assert_int_equal(77, intensity.not_finite);
    const struct vox_intensity known = {.high = 255, .max = 255};
    uint8_t out[PIXELS];
    assert_int_equal(VOX_OK, vox_intensity_slice(source, &known, 1, work, out, &err));
    assert_int_equal(VOX_E_FORMAT, vox_intensity_slice(source, &known, D - 1, work, out, &err));
    vox_slice_source_close(source);
}

static void without_memory(void **state)
{
    (void)state;
    static const int types[] = {4, 64};
    const struct vox_window automatic = {.automatic = true};
    for (int i = 0; i < 2; i++) {
        bytes_save(path, i == 0 ? gzip_of(file_of(types[i], -80, 0)) : file_of(types[i], -80, 0));
        int refused = 0;
        for (long n = 1;; n++) {
            struct vox_slice_source *source = open_file(small_budget);
            struct vox_intensity intensity;
            struct vox_err err;
            vox_fail_allocation(n);
            enum vox_code code = vox_intensity_prepare(source, &automatic, &intensity, &err);
            bool failed = vox_allocation_failed();
            vox_fail_allocation(0);
            vox_slice_source_close(source);
            if (!failed) {
                assert_int_equal(VOX_OK, code);
                break;
            }
            /* A place in the stream that is not remembered, a slice that is not kept: no error. */
            assert_true(code == VOX_OK || code == VOX_E_NOMEM);
            refused += code == VOX_E_NOMEM;
            assert_true(n < 5000);
        }
        assert_true(refused >= 4);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_windows),
        cmocka_unit_test(damage_is_reported),
        cmocka_unit_test(without_memory),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
