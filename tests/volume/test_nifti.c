/* NIfTI files that are in order: every type, byte order, version and packing; scaling, geometry,
 * odd sizes. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "volume/volume_bytes.h"

enum { W = 5, H = 3, D = 2, COUNT = W * H * D };

struct type_case {
    int code;
    int bits;
    enum vox_voxel_type type;
};

static const struct type_case type_cases[] = {
    {2, 8, VOX_VOXEL_U8},      {256, 8, VOX_VOXEL_I8},     {512, 16, VOX_VOXEL_U16},
    {4, 16, VOX_VOXEL_I16},    {768, 32, VOX_VOXEL_U32},   {8, 32, VOX_VOXEL_I32},
    {1280, 64, VOX_VOXEL_U64}, {1024, 64, VOX_VOXEL_I64},  {16, 32, VOX_VOXEL_F32},
    {64, 64, VOX_VOXEL_F64},   {1536, 128, VOX_VOXEL_F64},
};

/* What voxel n is in a type, and its bits in the file, most significant first. */
static double value_of(const struct type_case *t, int n, uint8_t *bits)
{
    uint64_t high = 0;
    uint64_t low;
    double value = n * 3 - ((t->type & 1) != 0 ? 40 : 0);
    float single;
    switch (t->type) {
    case VOX_VOXEL_F32:
        single = (float)(n - 7) * 0.25f;
        uint32_t single_bits;
        memcpy(&single_bits, &single, 4);
        low = single_bits;
        value = (double)single;
        break;
    case VOX_VOXEL_F64:
        value = (n - 7) * 0.1;
        memcpy(&low, &value, 8);
        break;
    default:
        low = (uint64_t)(int64_t)value;
    }
    if (t->code == 1536) {
        /* binary64 to binary128: a wider exponent, 60 more bits of significand. */
        uint64_t sign = low >> 63 << 63;
        uint64_t exponent = (low >> 52 & 0x7ff) + 16383 - 1023;
        uint64_t fraction = low & ((UINT64_C(1) << 52) - 1);
        high = value == 0.0 ? sign : sign | exponent << 48 | fraction >> 4;
        low = value == 0.0 ? 0 : fraction << 60;
    }
    for (int i = 0; i < t->bits / 8; i++) {
        uint64_t half = i < 8 ? low : high;
        bits[t->bits / 8 - 1 - i] = (uint8_t)(half >> (8 * (i % 8)));
    }
    return value;
}

static bool machine_is_little(void)
{
    const uint16_t one = 1;
    uint8_t first;
    memcpy(&first, &one, 1);
    return first == 1;
}

static void check_type(const struct type_case *t, int version, bool swapped, bool packed)
{
    uint8_t voxels[COUNT * 16];
    double wanted[COUNT];
    size_t width = (size_t)t->bits / 8;
    for (int n = 0; n < COUNT; n++) {
        uint8_t bits[16];
        wanted[n] = value_of(t, n, bits);
        for (size_t i = 0; i < width; i++) {
            voxels[(size_t)n * width + i] =
                bits[machine_is_little() != swapped ? width - 1 - i : i];
        }
    }
    struct nifti_spec spec = nifti_spec_default(version, W, H, D);
    spec.swapped = swapped;
    spec.datatype = t->code;
    spec.bitpix = t->bits;
    struct bytes file = nifti_file(&spec, voxels, COUNT * width);
    file = packed ? gzip_of(file) : file;
    struct vox_volume *volume = parse_good(&file);
    assert_int_equal(t->type, volume->type);
    assert_int_equal(version == 1 ? VOX_FORMAT_NIFTI1 : VOX_FORMAT_NIFTI2, volume->geometry.source);
    for (int k = 0; k < D; k++) {
        double slice[W * H];
        vox_volume_slice(volume, k, slice);
        for (int i = 0; i < W * H; i++) {
            assert_true(slice[i] == wanted[k * W * H + i]);
        }
    }
    vox_volume_free(volume);
    bytes_free(&file);
}

static void every_type_order_version_and_packing(void **state)
{
    (void)state;
    for (size_t t = 0; t < sizeof(type_cases) / sizeof(type_cases[0]); t++) {
        for (int bits = 0; bits < 8; bits++) {
            check_type(&type_cases[t], 1 + (bits & 1), (bits & 2) != 0, (bits & 4) != 0);
        }
    }
}

/* Patterns that only a correct rounding of 113 bits to 53 gets right. */
static void binary128_rounds_to_nearest(void **state)
{
    (void)state;
    static const struct {
        uint64_t high, low;
        double value;
    } cases[] = {
        {0x3fff000000000000, 0, 1.0},
        {0x3fff000000000000, UINT64_C(1) << 59, 1.0},                 /* half: to even */
        {0x3fff000000000000, (UINT64_C(1) << 59) + 1, 1.0 + 0x1p-52}, /* just over half */
        {0x3fff000000000000, UINT64_C(3) << 59, 1.0 + 0x1p-51},       /* odd and half: up */
        {0xbffe000000000000, 0, -0.5},
        {0x7fff000000000000, 0, (double)INFINITY},
        {0xffff000000000000, 0, -(double)INFINITY},
        {0x7ffe000000000000, 0, (double)INFINITY}, /* beyond the range of double */
        {0x0001000000000000, 0, 0.0},              /* below it */
        {0x0000000000000000, 1, 0.0},
    };
    enum { N = sizeof(cases) / sizeof(cases[0]) };
    uint64_t voxels[N + 1][2];
    for (int i = 0; i < N; i++) {
        voxels[i][machine_is_little() ? 1 : 0] = cases[i].high;
        voxels[i][machine_is_little() ? 0 : 1] = cases[i].low;
    }
    voxels[N][machine_is_little() ? 1 : 0] = 0x7fff000000000000;
    voxels[N][machine_is_little() ? 0 : 1] = 1;
    struct nifti_spec spec = nifti_spec_default(1, N + 1, 1, 1);
    spec.datatype = 1536;
    spec.bitpix = 128;
    struct bytes file = nifti_file(&spec, voxels, sizeof(voxels));
    struct vox_volume *volume = parse_good(&file);
    double slice[N + 1];
    vox_volume_slice(volume, 0, slice);
    for (int i = 0; i < N; i++) {
        assert_true(slice[i] == cases[i].value);
    }
    assert_true(isnan(slice[N]));
    vox_volume_free(volume);
    bytes_free(&file);
}

static double first_value(double slope, double inter)
{
    int16_t voxel = 7;
    struct nifti_spec spec = nifti_spec_default(2, 1, 1, 1);
    spec.datatype = 4;
    spec.bitpix = 16;
    spec.scl_slope = slope;
    spec.scl_inter = inter;
    struct bytes file = nifti_file(&spec, &voxel, sizeof(voxel));
    struct vox_volume *volume = parse_good(&file);
    double value;
    vox_volume_slice(volume, 0, &value);
    vox_volume_free(volume);
    bytes_free(&file);
    return value;
}

static void scaling_is_applied_in_double(void **state)
{
    (void)state;
    assert_true(first_value(0.1, -1024) == 0.1 * 7 - 1024);
    assert_true(first_value(-2, 0) == -14);
    /* No scaling: slope 0 or no number, whatever the intercept says. */
    assert_true(first_value(0, 5) == 7);
    assert_true(first_value((double)NAN, 5) == 7);
    assert_true(first_value((double)INFINITY, (double)NAN) == 7);
}

static void voxels_that_are_no_numbers_pass(void **state)
{
    (void)state;
    const float voxels[3] = {NAN, INFINITY, -INFINITY};
    struct nifti_spec spec = nifti_spec_default(1, 3, 1, 1);
    spec.datatype = 16;
    spec.bitpix = 32;
    struct bytes file = nifti_file(&spec, voxels, sizeof(voxels));
    struct vox_volume *volume = parse_good(&file);
    double slice[3];
    vox_volume_slice(volume, 0, slice);
    assert_true(isnan(slice[0]));
    assert_true(isinf(slice[1]) && slice[1] > 0);
    assert_true(isinf(slice[2]) && slice[2] < 0);
    vox_volume_free(volume);
    bytes_free(&file);
}

static void wants_size(const int64_t dim[8], int64_t w, int64_t h, int64_t d)
{
    static const uint8_t voxels[64];
    struct nifti_spec spec = nifti_spec_default(1, 1, 1, 1);
    memcpy(spec.dim, dim, sizeof(spec.dim));
    struct bytes file = nifti_file(&spec, voxels, (size_t)(w * h * d));
    struct vox_volume *volume = parse_good(&file);
    assert_int_equal(w, volume->size[0]);
    assert_int_equal(h, volume->size[1]);
    assert_int_equal(d, volume->size[2]);
    vox_volume_free(volume);
    bytes_free(&file);
}

static void odd_sizes(void **state)
{
    (void)state;
    wants_size((const int64_t[8]){3, 7, 5, 1, 1, 1, 1, 1}, 7, 5, 1);
    wants_size((const int64_t[8]){3, 1, 5, 3, 1, 1, 1, 1}, 1, 5, 3);
    wants_size((const int64_t[8]){3, 1, 1, 1, 0, 0, 0, 0}, 1, 1, 1);
    /* Sizes beyond dim[0] mean nothing. */
    wants_size((const int64_t[8]){2, 7, 5, 0, -1, 9, 0, 0}, 7, 5, 1);
    wants_size((const int64_t[8]){4, 2, 3, 4, 1, 0, 0, 0}, 2, 3, 4);
    wants_size((const int64_t[8]){5, 2, 3, 4, 1, 1, 0, 0}, 2, 3, 4);
    wants_size((const int64_t[8]){7, 2, 3, 4, 1, 1, 1, 1}, 2, 3, 4);
}

static void wants_affine(const struct nifti_spec *spec, const double wanted[12])
{
    static const uint8_t voxels[8];
    struct bytes file = nifti_file(spec, voxels, 8);
    struct vox_volume *volume = parse_good(&file);
    for (int i = 0; i < 12; i++) {
        double got = volume->geometry.affine[i / 4][i % 4];
        if (!(fabs(got - wanted[i]) <= 1e-6)) {
            fail_msg("affine[%d][%d] is %g, wanted %g", i / 4, i % 4, got, wanted[i]);
        }
    }
    for (int axis = 0; axis < 3; axis++) {
        double length = hypot(hypot(wanted[axis], wanted[4 + axis]), wanted[8 + axis]);
        assert_true(fabs(volume->geometry.spacing[axis] - length) <= 1e-6);
    }
    vox_volume_free(volume);
    bytes_free(&file);
}

static void sform_then_qform_then_pixdim(void **state)
{
    (void)state;
    struct nifti_spec spec = nifti_spec_default(1, 2, 2, 2);
    spec.qform_code = 1;
    spec.quatern[2] = 1; /* half a turn about z */
    spec.qoffset[0] = 5;
    spec.qoffset[1] = 6;
    spec.qoffset[2] = 7;
    wants_affine(&spec, (const double[12]){2, 0, 0, 10, 0, 3, 0, 20, 0, 0, 4, 30});
    spec.sform_code = 0;
    wants_affine(&spec, (const double[12]){-2, 0, 0, 5, 0, -3, 0, 6, 0, 0, 4, 7});
    spec.pixdim[0] = -1;
    wants_affine(&spec, (const double[12]){-2, 0, 0, 5, 0, -3, 0, 6, 0, 0, -4, 7});
    spec.qform_code = 0;
    wants_affine(&spec, (const double[12]){-2, 0, 0, 0, 0, -3, 0, 0, 0, 0, 4, 0});
    spec.pixdim[1] = 0;
    spec.pixdim[2] = (double)NAN;
    wants_affine(&spec, (const double[12]){-1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 4, 0});
}

static void a_quarter_turn_about_x(void **state)
{
    (void)state;
    struct nifti_spec spec = nifti_spec_default(2, 2, 2, 2);
    spec.sform_code = 0;
    spec.qform_code = 2;
    spec.quatern[0] = sqrt(0.5);
    /* y turns into z, z into -y. */
    wants_affine(&spec, (const double[12]){2, 0, 0, 0, 0, 0, -4, 0, 0, 3, 0, 0});
}

static void metres_and_microns_become_millimetres(void **state)
{
    (void)state;
    struct nifti_spec spec = nifti_spec_default(2, 2, 2, 2);
    spec.xyzt_units = 1 + 8;
    wants_affine(&spec,
                 (const double[12]){2000, 0, 0, 10000, 0, 3000, 0, 20000, 0, 0, 4000, 30000});
    spec.xyzt_units = 3;
    wants_affine(&spec, (const double[12]){2e-3, 0, 0, 1e-2, 0, 3e-3, 0, 2e-2, 0, 0, 4e-3, 3e-2});
}

static void extensions_are_passed_over(void **state)
{
    (void)state;
    uint8_t tail[32 + 8];
    memset(tail, 0xee, 32);
    for (uint8_t i = 0; i < 8; i++) {
        tail[32 + i] = i;
    }
    for (int packed = 0; packed < 2; packed++) {
        struct nifti_spec spec = nifti_spec_default(1, 2, 2, 2);
        spec.vox_offset = 352 + 32;
        struct bytes file = nifti_file(&spec, tail, sizeof(tail));
        file = packed != 0 ? gzip_of(file) : file;
        struct vox_volume *volume = parse_good(&file);
        assert_memory_equal(tail + 32, volume->voxels, 8);
        vox_volume_free(volume);
        bytes_free(&file);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_order_version_and_packing),
        cmocka_unit_test(binary128_rounds_to_nearest),
        cmocka_unit_test(scaling_is_applied_in_double),
        cmocka_unit_test(voxels_that_are_no_numbers_pass),
        cmocka_unit_test(odd_sizes),
        cmocka_unit_test(sform_then_qform_then_pixdim),
        cmocka_unit_test(a_quarter_turn_about_x),
        cmocka_unit_test(metres_and_microns_become_millimetres),
        cmocka_unit_test(extensions_are_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
