/* NIfTI files that are damaged, hostile or of a kind that is not read: each has its code and its
 * sentence. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "volume/volume_bytes.h"

static const uint8_t voxels[64];

static struct nifti_spec spec_of(int version)
{
    return nifti_spec_default(version, 4, 4, 4);
}

static void bad(const struct nifti_spec *spec, enum vox_code code, const char *text)
{
    parse_bad(nifti_file(spec, voxels, sizeof(voxels)), code, text);
    parse_bad(gzip_of(nifti_file(spec, voxels, sizeof(voxels))), code, text);
}

static void files_that_end_early(void **state)
{
    (void)state;
    for (int version = 1; version <= 2; version++) {
        struct nifti_spec spec = spec_of(version);
        for (size_t size = 4; size < (version == 1 ? 348U : 540U); size += 43) {
            struct bytes file = nifti_file(&spec, voxels, sizeof(voxels));
            file.size = size;
            parse_bad(file, VOX_E_FORMAT, "ends inside the NIfTI header");
        }
        parse_bad(nifti_file(&spec, voxels, 63), VOX_E_FORMAT,
                  "holds 63 bytes of voxels, the header promises 64");
        parse_bad(nifti_file(&spec, voxels, 0), VOX_E_FORMAT,
                  "holds 0 bytes of voxels, the header promises 64");
        parse_bad(gzip_of(nifti_file(&spec, voxels, 63)), VOX_E_FORMAT,
                  "stream holds 63 bytes of voxels, the header promises 64");
    }
    parse_bad(nrrd_file("", NULL, 0), VOX_E_FORMAT, "the file is empty");
    parse_bad(nrrd_file("\x5c\x01", NULL, 0), VOX_E_FORMAT, "not a NIfTI, NRRD or MetaImage file");
}

static void bad_axis_counts(void **state)
{
    (void)state;
    for (int version = 1; version <= 2; version++) {
        struct nifti_spec spec = spec_of(version);
        spec.dim[0] = 0;
        bad(&spec, VOX_E_FORMAT, "dim[0] is 0;");
        spec.dim[0] = 8;
        bad(&spec, VOX_E_FORMAT, "dim[0] is 8;");
        spec.dim[0] = -1;
        bad(&spec, VOX_E_FORMAT, "dim[0] is -1;");
        spec.dim[0] = 1;
        bad(&spec, VOX_E_UNSUPPORTED, "one axis");
    }
}

static void bad_sizes(void **state)
{
    (void)state;
    struct nifti_spec spec = spec_of(1);
    spec.dim[2] = 0;
    bad(&spec, VOX_E_FORMAT, "dim[2] is 0;");
    spec.dim[2] = -4;
    bad(&spec, VOX_E_FORMAT, "dim[2] is -4;");
    spec.dim[2] = 32767;
    bad(&spec, VOX_E_LIMIT, "32767 voxels on axis 2, the limit is 4096");
    spec = spec_of(2);
    spec.dim[3] = INT64_MAX;
    bad(&spec, VOX_E_LIMIT, "9223372036854775807 voxels on axis 3");
    spec.dim[3] = INT64_MIN;
    bad(&spec, VOX_E_FORMAT, "dim[3] is -9223372036854775808;");
    spec = nifti_spec_default(2, 4096, 4096, 4096);
    bad(&spec, VOX_E_LIMIT, "4096 x 4096 x 4096 voxels of uint8 are more than the limit");
    spec = spec_of(1);
    spec.dim[0] = 4;
    spec.dim[4] = -1;
    bad(&spec, VOX_E_FORMAT, "dim[4] is -1;");
}

/* With limits that let everything pass, the product of the sizes itself must not wrap round. */
static void products_that_overflow(void **state)
{
    (void)state;
    struct nifti_spec spec = nifti_spec_default(2, INT64_C(1) << 32, INT64_C(1) << 32, 1);
    struct bytes file = nifti_file(&spec, voxels, 1);
    struct vox_volume_limits limits = {INT64_MAX, UINT64_MAX};
    struct vox_volume *volume = NULL;
    struct vox_err err;
    assert_int_equal(VOX_E_LIMIT, vox_volume_parse(file.data, file.size, &limits, &volume, &err));
    bytes_free(&file);
    spec = nifti_spec_default(2, INT64_C(1) << 31, INT64_C(1) << 31, 1);
    spec.datatype = 64;
    spec.bitpix = 64;
    file = nifti_file(&spec, voxels, 1);
    assert_int_equal(VOX_E_LIMIT, vox_volume_parse(file.data, file.size, &limits, &volume, &err));
    bytes_free(&file);
    assert_null(volume);
}

/* The file's own size bounds what is allocated, before it is: with these limits 3.2 GB would be
 * allowed. */
static void small_files_with_large_promises(void **state)
{
    (void)state;
    struct nifti_spec spec = nifti_spec_default(2, 40000, 40000, 1);
    spec.datatype = 4;
    spec.bitpix = 16;
    struct vox_volume_limits limits = vox_volume_limits_default();
    for (int packed = 0; packed < 2; packed++) {
        struct bytes file = nifti_file(&spec, voxels, 48);
        file = packed != 0 ? gzip_of(file) : file;
        struct vox_volume *volume = NULL;
        struct vox_err err;
        assert_int_equal(VOX_E_FORMAT,
                         vox_volume_parse(file.data, file.size, &limits, &volume, &err));
        assert_null(volume);
        assert_non_null(strstr(err.msg, packed != 0 ? "cannot hold the 3200000000 bytes"
                                                    : "the header promises 3200000000"));
        bytes_free(&file);
    }
}

static void bad_offsets(void **state)
{
    (void)state;
    static const double offsets[] = {0, 351, 352.5, -352, 1e30};
    for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
        struct nifti_spec spec = spec_of(1);
        spec.vox_offset = offsets[i];
        bad(&spec, VOX_E_FORMAT, "vox_offset is ");
    }
    struct nifti_spec spec = spec_of(1);
    spec.vox_offset = (double)NAN;
    bad(&spec, VOX_E_FORMAT, "vox_offset is ");
    spec.vox_offset = (double)INFINITY;
    bad(&spec, VOX_E_FORMAT, "vox_offset is inf");
    spec = spec_of(2);
    spec.vox_offset = 543;
    bad(&spec, VOX_E_FORMAT, "vox_offset is 543; the voxels of a single file begin at 544");
    spec.vox_offset = -1;
    bad(&spec, VOX_E_FORMAT, "vox_offset is -1");
    /* Beyond the file. */
    spec = spec_of(1);
    spec.vox_offset = 1 << 20;
    parse_bad(nifti_file(&spec, voxels, 64), VOX_E_FORMAT, "holds 0 bytes of voxels");
    parse_bad(gzip_of(nifti_file(&spec, voxels, 64)), VOX_E_FORMAT, "ends before the voxels begin");
    spec.vox_offset = 1 << 30;
    parse_bad(gzip_of(nifti_file(&spec, voxels, 64)), VOX_E_LIMIT,
              "begin 1073741824 bytes into the gzip stream");
    spec.vox_offset = 353;
    parse_bad(nifti_file(&spec, voxels, 64), VOX_E_FORMAT, "holds 63 bytes of voxels");
}

static void magics(void **state)
{
    (void)state;
    struct nifti_spec spec = spec_of(1);
    memcpy(spec.magic, "ni1", 4);
    bad(&spec, VOX_E_UNSUPPORTED, ".hdr/.img pair; save it as a single .nii file");
    memset(spec.magic, 0, 4);
    bad(&spec, VOX_E_UNSUPPORTED, "ANALYZE 7.5");
    memcpy(spec.magic, "n+1x", 4);
    bad(&spec, VOX_E_UNSUPPORTED, "save it as a single .nii file");
    spec = spec_of(2);
    memcpy(spec.magic, "ni2", 4);
    bad(&spec, VOX_E_UNSUPPORTED, ".hdr/.img pair");
    memcpy(spec.magic, "n+1", 4);
    bad(&spec, VOX_E_FORMAT, "NIfTI-2 magic is wrong");
    spec = spec_of(2);
    struct bytes file = nifti_file(&spec, voxels, sizeof(voxels));
    file.data[8] = '\n';
    parse_bad(file, VOX_E_FORMAT, "copied as text");
}

static void types_that_are_not_read(void **state)
{
    (void)state;
    static const struct {
        int datatype, bitpix;
        enum vox_code code;
        const char *text;
    } cases[] = {
        {128, 24, VOX_E_UNSUPPORTED, "colours (RGB)"},
        {2304, 32, VOX_E_UNSUPPORTED, "colours (RGBA)"},
        {32, 64, VOX_E_UNSUPPORTED, "complex"},
        {1792, 128, VOX_E_UNSUPPORTED, "complex"},
        {2048, 256, VOX_E_UNSUPPORTED, "complex"},
        {1, 1, VOX_E_UNSUPPORTED, "single bits"},
        {0, 0, VOX_E_FORMAT, "datatype 0 is not one of the NIfTI standard"},
        {-4, 16, VOX_E_FORMAT, "datatype -4 is not"},
        {2, 16, VOX_E_FORMAT, "bitpix is 16, but datatype 2 has 8 bits"},
        {64, 32, VOX_E_FORMAT, "bitpix is 32, but datatype 64 has 64 bits"},
        {4, 0, VOX_E_FORMAT, "bitpix is 0, but datatype 4 has 16 bits"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct nifti_spec spec = spec_of(1 + (int)(i % 2));
        spec.datatype = cases[i].datatype;
        spec.bitpix = cases[i].bitpix;
        bad(&spec, cases[i].code, cases[i].text);
    }
    struct nifti_spec spec = spec_of(1);
    spec.dim[0] = 4;
    spec.dim[4] = 120;
    bad(&spec, VOX_E_UNSUPPORTED, "120 time points; save one of them as a 3D file");
    spec.dim[0] = 5;
    spec.dim[4] = 1;
    spec.dim[5] = 3;
    bad(&spec, VOX_E_UNSUPPORTED, "3 values per voxel (dim[5])");
}

static void bad_scaling_and_geometry(void **state)
{
    (void)state;
    struct nifti_spec spec = spec_of(1);
    spec.scl_slope = 2;
    spec.scl_inter = (double)NAN;
    bad(&spec, VOX_E_FORMAT, "scl_inter is not a finite number");
    spec = spec_of(1);
    spec.srow[1][2] = (double)NAN;
    bad(&spec, VOX_E_FORMAT, "the geometry in the sform is not finite");
    spec = spec_of(1);
    memset(spec.srow, 0, sizeof(spec.srow));
    bad(&spec, VOX_E_FORMAT, "spacing of 0 mm on axis 1 in the sform");
    spec = spec_of(1);
    spec.srow[1][0] = 2;
    spec.srow[0][1] = 3;
    bad(&spec, VOX_E_FORMAT, "lie in one plane");
    spec = spec_of(2);
    spec.sform_code = 0;
    spec.qform_code = 1;
    spec.quatern[1] = (double)NAN;
    bad(&spec, VOX_E_FORMAT, "the geometry in the qform is not finite");
    spec = spec_of(2);
    spec.sform_code = 0;
    spec.pixdim[3] = 1e30;
    bad(&spec, VOX_E_FORMAT, "on axis 3 in pixdim");
}

static void other_files(void **state)
{
    (void)state;
    struct bytes file = nrrd_file("", voxels, 64);
    parse_bad(file, VOX_E_FORMAT, "not a NIfTI, NRRD or MetaImage file");
    uint8_t dicom[200] = {0};
    memcpy(dicom + 128, "DICM", 4);
    parse_bad(nrrd_file("", dicom, sizeof(dicom)), VOX_E_UNSUPPORTED, "DICOM file; convert");
    parse_bad(gzip_of(nrrd_file("NRRD0004\n", NULL, 0)), VOX_E_UNSUPPORTED,
              "inside a gzip stream; unpack it");
    parse_bad(gzip_of(nrrd_file("something else", NULL, 0)), VOX_E_FORMAT,
              "not a NIfTI, NRRD or MetaImage file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_that_end_early),
        cmocka_unit_test(bad_axis_counts),
        cmocka_unit_test(bad_sizes),
        cmocka_unit_test(products_that_overflow),
        cmocka_unit_test(small_files_with_large_promises),
        cmocka_unit_test(bad_offsets),
        cmocka_unit_test(magics),
        cmocka_unit_test(types_that_are_not_read),
        cmocka_unit_test(bad_scaling_and_geometry),
        cmocka_unit_test(other_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
