/* The rules of the window; oracle_intensity.py compares the bytes with numpy's. */
#include "pipeline/intensity.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pipeline/percentile.h"

static struct vox_volume volume_of(enum vox_voxel_type type, void *voxels, int64_t w, int64_t h,
                                   int64_t d)
{
    return (struct vox_volume){.size = {w, h, d}, .type = type, .slope = 1.0, .voxels = voxels};
}

static struct vox_slice_source *source_of(const struct vox_volume *volume)
{
    struct vox_slice_source *source = NULL;
    assert_int_equal(vox_slice_source_borrow(volume, &source, NULL), VOX_OK);
    return source;
}

static struct vox_intensity prepare(const struct vox_volume *volume,
                                    const struct vox_window *window)
{
    struct vox_slice_source *source = source_of(volume);
    struct vox_intensity intensity;
    struct vox_err err = {0};
    assert_int_equal(vox_intensity_prepare(source, window, &intensity, &err), VOX_OK);
    vox_slice_source_close(source);
    return intensity;
}

static enum vox_code refusal(const struct vox_volume *volume, const struct vox_window *window)
{
    struct vox_slice_source *source = source_of(volume);
    struct vox_intensity intensity;
    struct vox_err err = {0};
    enum vox_code code = vox_intensity_prepare(source, window, &intensity, &err);
    assert_int_equal(code, err.code);
    vox_slice_source_close(source);
    return code;
}

static void slice_bytes(const struct vox_volume *volume, const struct vox_intensity *intensity,
                        int64_t k, uint8_t *out)
{
    double work[4];
    struct vox_slice_source *source = source_of(volume);
    assert_int_equal(vox_intensity_slice(source, intensity, k, work, out, NULL), VOX_OK);
    vox_slice_source_close(source);
}

/* The range of all slices is used on each, and the fraction is cut off. */
static void test_given_window(void **state)
{
    (void)state;
    int16_t voxels[8] = {-1000, 0, 10, 20, 100, 150, 400, 3000};
    struct vox_volume volume = volume_of(VOX_VOXEL_I16, voxels, 2, 2, 2);
    const struct vox_window window = {.low = -100, .high = 200};
    struct vox_intensity intensity = prepare(&volume, &window);
    assert_int_equal(intensity.rule, VOX_WINDOW_GIVEN);
    assert_true(intensity.min == -100.0 && intensity.max == 200.0);
    uint8_t out[4];
    slice_bytes(&volume, &intensity, 0, out);
    assert_memory_equal(out, ((const uint8_t[]){0, 85, 93, 102}), 4);
    slice_bytes(&volume, &intensity, 1, out);
    assert_memory_equal(out, ((const uint8_t[]){170, 212, 255, 255}), 4);
}

/* Minimum and maximum are those of the clipped voxels, not of the window. */
static void test_range_of_the_voxels(void **state)
{
    (void)state;
    int16_t voxels[4] = {0, 50, 100, 50};
    struct vox_volume volume = volume_of(VOX_VOXEL_I16, voxels, 4, 1, 1);
    const struct vox_window window = {.low = -1000, .high = 1000};
    struct vox_intensity intensity = prepare(&volume, &window);
    uint8_t out[4];
    slice_bytes(&volume, &intensity, 0, out);
    assert_memory_equal(out, ((const uint8_t[]){0, 127, 255, 127}), 4);
}

static void test_automatic_rules(void **state)
{
    (void)state;
    const struct vox_window automatic = {.automatic = true};
    uint8_t bytes[4] = {3, 0, 9, 200};
    struct vox_volume volume = volume_of(VOX_VOXEL_U8, bytes, 2, 1, 2);
    struct vox_intensity intensity = prepare(&volume, &automatic);
    assert_int_equal(intensity.rule, VOX_WINDOW_AS_IS);
    uint8_t out[2];
    slice_bytes(&volume, &intensity, 1, out);
    assert_memory_equal(out, bytes + 2, 2);

    int16_t ct[4] = {-500, 0, 9, 200};
    volume = volume_of(VOX_VOXEL_I16, ct, 2, 1, 2);
    intensity = prepare(&volume, &automatic);
    assert_int_equal(intensity.rule, VOX_WINDOW_ABDOMEN);
    assert_true(intensity.low == -160.0 && intensity.high == 240.0);
    assert_true(intensity.min == -160.0 && intensity.max == 200.0);

    ct[0] = -499;
    intensity = prepare(&volume, &automatic);
    assert_int_equal(intensity.rule, VOX_WINDOW_PERCENTILES);

    /* Scaled bytes are no bytes. */
    volume = volume_of(VOX_VOXEL_U8, bytes, 2, 1, 2);
    volume.slope = 2.0;
    intensity = prepare(&volume, &automatic);
    assert_int_equal(intensity.rule, VOX_WINDOW_PERCENTILES);
    assert_true(intensity.max <= 400.0 && intensity.max > 396.0);
}

static void test_presets(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        double low, high;
    } wanted[] = {
        {"abdomen", -160, 240}, {"lung", -1350, 150},       {"bone", -500, 1300},
        {"brain", 0, 80},       {"mediastinum", -125, 225},
    };
    int16_t voxels[4] = {-2000, 0, 9, 3000};
    struct vox_volume volume = volume_of(VOX_VOXEL_I16, voxels, 2, 1, 2);
    struct vox_window window;
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        assert_true(vox_window_preset(wanted[i].name, &window));
        assert_false(window.automatic);
        struct vox_intensity intensity = prepare(&volume, &window);
        assert_string_equal(vox_window_rule_name(intensity.rule), wanted[i].name);
        assert_true(intensity.low == wanted[i].low && intensity.high == wanted[i].high);
        assert_true(intensity.min == wanted[i].low && intensity.max == wanted[i].high);
    }
    assert_true(vox_window_preset("full", &window));
    struct vox_intensity intensity = prepare(&volume, &window);
    assert_int_equal(intensity.rule, VOX_WINDOW_FULL);
    assert_true(intensity.min == -2000.0 && intensity.max == 3000.0);
    assert_true(intensity.low == -2000.0 && intensity.high == 3000.0);
    uint8_t out[2];
    slice_bytes(&volume, &intensity, 0, out);
    assert_memory_equal(out, ((const uint8_t[]){0, 102}), 2);
    /* Bytes are stretched too: only the automatic window leaves them alone. */
    uint8_t bytes[2] = {50, 100};
    struct vox_volume small = volume_of(VOX_VOXEL_U8, bytes, 2, 1, 1);
    intensity = prepare(&small, &window);
    slice_bytes(&small, &intensity, 0, out);
    assert_memory_equal(out, ((const uint8_t[]){0, 255}), 2);
    float nothing[2] = {NAN, INFINITY};
    small = volume_of(VOX_VOXEL_F32, nothing, 2, 1, 1);
    intensity = prepare(&small, &window);
    assert_true(intensity.flat && intensity.low == 0.0 && intensity.high == 0.0);

    assert_true(vox_window_preset("auto", &window));
    assert_true(window.automatic);
    static const char *const others[] = {"", "Lung", "lungs", "as is", "percentiles", "given"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_false(vox_window_preset(others[i], &window));
    }
}

static void test_percentiles(void **state)
{
    (void)state;
    float voxels[205];
    for (int i = 0; i < 205; i++) {
        voxels[i] = (float)((i * 37) % 205) - 4.0F; /* -4 ... 200, so 1 ... 200 count */
    }
    voxels[7] = NAN;
    float lost = (float)((7 * 37) % 205) - 4.0F;
    assert_true(lost == 50.0F);
    struct vox_volume volume = volume_of(VOX_VOXEL_F32, voxels, 5, 1, 41);
    const double fractions[2] = {0.5, 0.005};
    double work[5], values[2] = {0, 0};
    struct vox_slice_source *source = source_of(&volume);
    struct vox_value_survey *survey = NULL;
    assert_int_equal(vox_value_survey_new(source, true, work, NULL, &survey, NULL), VOX_OK);
    assert_int_equal(vox_value_survey_percentiles(survey, source, fractions, 2, work, values, NULL),
                     VOX_OK);
    struct vox_value_range range = vox_value_survey_range(survey);
    assert_true(range.min == -4.0 && range.max == 200.0 && range.not_finite == 1);
    vox_value_survey_free(survey);
    vox_slice_source_close(source);
    /* 199 values: the middle one is the 100th, which is 101 because 50 is missing. */
    assert_true(values[0] == 101.0);
    assert_true(fabs(values[1] - 1.99) < 1e-12);
}

static void test_flat_and_not_finite(void **state)
{
    (void)state;
    const struct vox_window window = {.low = 0, .high = 100};
    float voxels[4] = {NAN, 40.0F, INFINITY, 80.0F};
    struct vox_volume volume = volume_of(VOX_VOXEL_F32, voxels, 4, 1, 1);
    struct vox_intensity intensity = prepare(&volume, &window);
    assert_int_equal(intensity.not_finite, 2);
    assert_true(intensity.single);
    uint8_t out[4] = {9, 9, 9, 9};
    slice_bytes(&volume, &intensity, 0, out);
    assert_memory_equal(out, ((const uint8_t[]){0, 0, 0, 255}), 4);

    voxels[3] = 40.0F;
    intensity = prepare(&volume, &window);
    assert_true(intensity.flat);
    memset(out, 9, sizeof(out));
    slice_bytes(&volume, &intensity, 0, out);
    assert_memory_equal(out, ((const uint8_t[]){0, 0, 0, 0}), 4);

    voxels[1] = voxels[3] = -INFINITY;
    intensity = prepare(&volume, &window);
    assert_true(intensity.flat);
    assert_int_equal(intensity.not_finite, 4);
}

static void test_refuses(void **state)
{
    (void)state;
    static const double bad[][2] = {{1, 1}, {2, 1}, {(double)NAN, 1}, {0, (double)INFINITY}};
    int16_t voxel = 0;
    struct vox_volume volume = volume_of(VOX_VOXEL_I16, &voxel, 1, 1, 1);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const struct vox_window window = {.low = bad[i][0], .high = bad[i][1]};
        assert_int_equal(refusal(&volume, &window), VOX_E_ARG);
    }
    const struct vox_window automatic = {.automatic = true};
    volume.size[0] = VOX_SLICE_MAX_PIXELS / 2;
    volume.size[1] = 3;
    assert_int_equal(refusal(&volume, &automatic), VOX_E_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_given_window),    cmocka_unit_test(test_range_of_the_voxels),
        cmocka_unit_test(test_automatic_rules), cmocka_unit_test(test_presets),
        cmocka_unit_test(test_percentiles),     cmocka_unit_test(test_flat_and_not_finite),
        cmocka_unit_test(test_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
