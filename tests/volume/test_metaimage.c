/* MetaImage files: what is read, and what is refused with which sentence. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "volume/volume_bytes.h"

static const uint8_t voxels[24] = {1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12,
                                   13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24};

#define SHAPE "NDims = 3\nDimSize = 4 3 2\n"
#define BYTES "ObjectType = Image\n" SHAPE "ElementType = MET_UCHAR\n"
#define LOCAL "ElementDataFile = LOCAL\n"

static struct vox_volume *good(const char *header)
{
    struct bytes file = nrrd_file(header, voxels, sizeof(voxels));
    struct vox_volume *volume = parse_good(&file);
    bytes_free(&file);
    return volume;
}

static void bad(const char *header, enum vox_code code, const char *text)
{
    parse_bad(nrrd_file(header, voxels, sizeof(voxels)), code, text);
}

static void wants_voxels(struct bytes file)
{
    struct vox_volume *volume = parse_good(&file);
    assert_int_equal(4, volume->size[0]);
    assert_int_equal(3, volume->size[1]);
    assert_int_equal(2, volume->size[2]);
    assert_memory_equal(voxels, volume->voxels, sizeof(voxels));
    assert_int_equal(VOX_FORMAT_METAIMAGE, volume->geometry.source);
    vox_volume_free(volume);
    bytes_free(&file);
}

static void plain_files(void **state)
{
    (void)state;
    static const char *const headers[] = {
        BYTES LOCAL,
        BYTES "ElementDataFile = local\n",
        "NDims: 3\r\nDimSize:\t4  3\t2 \r\nElementType=MET_UCHAR\r\nElementDataFile=Local\r\n",
        "\n \nComment = x = y: z\n" BYTES "\nModality = MET_MOD_CT\nElementNBits = 8\n" LOCAL,
        "NDims = 4\nDimSize = 4 3 2 1\nElementType = MET_UCHAR\nOffset = 1 2 3 4\n" LOCAL,
        BYTES "ElementNumberOfChannels = 1\nBinaryData = true\nCompressedData = 0\n" LOCAL,
    };
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        wants_voxels(nrrd_file(headers[i], voxels, sizeof(voxels)));
    }
}

static void every_type(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum vox_voxel_type type;
    } cases[] = {
        {"MET_UCHAR", VOX_VOXEL_U8},      {"MET_CHAR", VOX_VOXEL_I8},
        {"MET_ASCII_CHAR", VOX_VOXEL_I8}, {"MET_USHORT", VOX_VOXEL_U16},
        {"MET_SHORT", VOX_VOXEL_I16},     {"MET_UINT", VOX_VOXEL_U32},
        {"MET_INT", VOX_VOXEL_I32},       {"MET_ULONG", VOX_VOXEL_U32},
        {"MET_LONG", VOX_VOXEL_I32},      {"MET_ULONG_LONG", VOX_VOXEL_U64},
        {"MET_LONG_LONG", VOX_VOXEL_I64}, {"MET_FLOAT", VOX_VOXEL_F32},
        {"MET_DOUBLE", VOX_VOXEL_F64},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char header[200];
        snprintf(header, sizeof(header), "NDims = 3\nDimSize = 3 1 1\nElementType = %s\n" LOCAL,
                 cases[i].name);
        struct vox_volume *volume = good(header);
        assert_int_equal(cases[i].type, volume->type);
        assert_memory_equal(voxels, volume->voxels, 3 * vox_voxel_size(volume->type));
        vox_volume_free(volume);
    }
}

/* BinaryDataByteOrderMSB counts where both are given; with neither, the machine's order. */
static void byte_order(void **state)
{
    (void)state;
    static const struct {
        const char *lines;
        uint16_t first;
    } cases[] = {
        {"ElementByteOrderMSB = False\n", 0x0201},
        {"ElementByteOrderMSB = True\n", 0x0102},
        {"BinaryDataByteOrderMSB = T\n", 0x0102},
        {"BinaryDataByteOrderMSB = False\nElementByteOrderMSB = True\n", 0x0201},
        {"ElementByteOrderMSB = False\nBinaryDataByteOrderMSB = 1\n", 0x0102},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char header[200];
        snprintf(header, sizeof(header),
                 "NDims = 3\nDimSize = 4 3 1\nElementType = MET_USHORT\n%s" LOCAL, cases[i].lines);
        struct vox_volume *volume = good(header);
        assert_int_equal(cases[i].first, ((const uint16_t *)volume->voxels)[0]);
        vox_volume_free(volume);
    }
    uint16_t native;
    memcpy(&native, voxels, 2);
    struct vox_volume *volume =
        good("NDims = 3\nDimSize = 4 3 1\nElementType = MET_USHORT\n" LOCAL);
    assert_int_equal(native, ((const uint16_t *)volume->voxels)[0]);
    vox_volume_free(volume);
}

static struct bytes zlib_of_voxels(void)
{
    /* RFC 1950 and a stored block of RFC 1951. */
    static const uint8_t head[] = {0x78, 0x01, 0x01, 24, 0, 0xe7, 0xff};
    uint32_t a = 1;
    uint32_t b = 0;
    for (size_t i = 0; i < sizeof(voxels); i++) {
        a += voxels[i];
        b += a;
    }
    const uint8_t sum[] = {(uint8_t)(b >> 8), (uint8_t)b, (uint8_t)(a >> 8), (uint8_t)a};
    return joined(joined(nrrd_file("", head, sizeof(head)), nrrd_file("", voxels, sizeof(voxels))),
                  nrrd_file("", sum, sizeof(sum)));
}

static void compressed(void **state)
{
    (void)state;
#define PACKED BYTES "CompressedData = True\n"
    wants_voxels(joined(nrrd_file(PACKED LOCAL, NULL, 0), zlib_of_voxels()));
    wants_voxels(joined(nrrd_file(PACKED "CompressedDataSize = 35\n" LOCAL, NULL, 0),
                        joined(zlib_of_voxels(), nrrd_file("rest", NULL, 0))));
    wants_voxels(joined(nrrd_file(PACKED "CompressedDataSize = 0\n" LOCAL, NULL, 0),
                        gzip_of(nrrd_file("", voxels, sizeof(voxels)))));
    parse_bad(
        joined(nrrd_file(PACKED "CompressedDataSize = 30\n" LOCAL, NULL, 0), zlib_of_voxels()),
        VOX_E_FORMAT, "stream ends early");
    struct bytes damaged = zlib_of_voxels();
    damaged.data[20] ^= 1;
    parse_bad(joined(nrrd_file(PACKED LOCAL, NULL, 0), damaged), VOX_E_FORMAT, "stream is damaged");
    bad(PACKED LOCAL, VOX_E_FORMAT, "stream is damaged");
    bad(PACKED "HeaderSize = -1\n" LOCAL, VOX_E_FORMAT, "\"HeaderSize\" is negative");
    bad(PACKED "CompressedDataSize = many\n" LOCAL, VOX_E_FORMAT,
        "\"CompressedDataSize\" is not a whole number");
}

/* Counted from the file's first byte, as MetaIO does; -1 for the last bytes. */
static void header_size(void **state)
{
    (void)state;
    struct bytes tail = nrrd_file("junk", voxels, sizeof(voxels));
    wants_voxels(joined(nrrd_file(BYTES "HeaderSize = -1\n" LOCAL, NULL, 0), tail));
    static const char header[] = BYTES "HeaderSize =  120\n" LOCAL;
    assert_in_range(sizeof(header), 90, 120);
    struct bytes file = nrrd_file(header, NULL, 0);
    static const uint8_t gap[120];
    file = joined(file, nrrd_file("", gap, 120 - file.size));
    wants_voxels(joined(file, nrrd_file("", voxels, sizeof(voxels))));
    bad(BYTES "HeaderSize = -2\n" LOCAL, VOX_E_FORMAT, "\"HeaderSize\" is negative");
    bad(BYTES "HeaderSize = 9223372036854775807\n" LOCAL, VOX_E_FORMAT, "holds 0 bytes of voxels");
    bad(BYTES "HeaderSize = some\n" LOCAL, VOX_E_FORMAT, "\"HeaderSize\" is not a whole number");
    bad("NDims = 3\nDimSize = 4 3 40\nElementType = MET_UCHAR\nHeaderSize = -1\n" LOCAL,
        VOX_E_FORMAT, "the header promises 480");
}

static void wants_affine(const char *lines, const double wanted[12])
{
    char header[512];
    snprintf(header, sizeof(header), BYTES "%s" LOCAL, lines);
    struct vox_volume *volume = good(header);
    for (int i = 0; i < 12; i++) {
        double got = volume->geometry.affine[i / 4][i % 4];
        if (!(fabs(got - wanted[i]) <= 1e-12)) {
            fail_msg("%s: affine[%d][%d] is %g, wanted %g", lines, i / 4, i % 4, got, wanted[i]);
        }
    }
    vox_volume_free(volume);
}

/* What SimpleITK 2.5 makes of the same lines, turned from LPS to RAS. */
static void geometry(void **state)
{
    (void)state;
    static const double at[12] = {-1, 0, 0, -1, 0, -1, 0, -2, 0, 0, 1, 3};
    static const double turned[12] = {0, 1, 0, 0, -1, 0, 0, 0, 0, 0, 1, 0};
    wants_affine("", (const double[12]){-1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 1, 0});
    wants_affine("Offset = 1 2 3\n", at);
    wants_affine("Position = 1 2 3\n", at);
    wants_affine("Origin = 1 2 3\n", at);
    wants_affine("Position = 7 8 9\nOffset = 1 2 3\n", at);
    wants_affine("Offset = 4 5 6\nOrigin = 1 2 3\n", at);
    wants_affine("Origin = 1 2 3\nPosition = 4 5 6\n", at);
    wants_affine("TransformMatrix = 0 1 0 -1 0 0 0 0 1\n", turned);
    wants_affine("Rotation = 0 1 0 -1 0 0 0 0 1\n", turned);
    wants_affine("Orientation = 0 1 0 -1 0 0 0 0 1\n", turned);
    wants_affine("Rotation = 1 0 0 0 1 0 0 0 1\nTransformMatrix = 0 1 0 -1 0 0 0 0 1\n", turned);
    wants_affine("TransformMatrix = 0 1 0 -1 0 0 0 0 1\nCenterOfRotation = 5 6 7\n"
                 "AnatomicalOrientation = RAS\nDistanceUnits = cm\n",
                 turned);
    wants_affine("ElementSize = 2 3 4\n", (const double[12]){-2, 0, 0, 0, 0, -3, 0, 0, 0, 0, 4, 0});
    wants_affine("ElementSize = 2 3 4\nElementSpacing = 5 6 7\n",
                 (const double[12]){-5, 0, 0, 0, 0, -6, 0, 0, 0, 0, 7, 0});
    wants_affine("ElementSpacing = 2 -3 4\n",
                 (const double[12]){-2, 0, 0, 0, 0, 3, 0, 0, 0, 0, 4, 0});
    wants_affine("ElementSpacing = 2 2 2\nTransformMatrix = 1 0 0 0.5 1 0 0 0 1\n",
                 (const double[12]){-2, -1, 0, 0, 0, -2, 0, 0, 0, 0, 2, 0});
}

static void four_axes(void **state)
{
    (void)state;
    struct vox_volume *volume = good(
        "NDims = 4\nDimSize = 4 3 2 1\nElementType = MET_UCHAR\nOffset = 1 2 3 4\n"
        "ElementSpacing = 2 3 4 5\nTransformMatrix = 0 1 0 0 -1 0 0 0 0 0 1 0 0 0 0 1\n" LOCAL);
    static const double wanted[12] = {0, 3, 0, -1, -2, 0, 0, -2, 0, 0, 4, 3};
    for (int i = 0; i < 12; i++) {
        assert_true(fabs(volume->geometry.affine[i / 4][i % 4] - wanted[i]) <= 1e-12);
    }
    assert_string_equal("0 1 0", volume->geometry.metaimage.matrix[0]);
    assert_string_equal("-1 0 0", volume->geometry.metaimage.matrix[1]);
    assert_string_equal("1 2 3", volume->geometry.metaimage.origin);
    vox_volume_free(volume);
}

static void what_is_no_grey_volume(void **state)
{
    (void)state;
    bad(BYTES "ElementNumberOfChannels = 3\n" LOCAL, VOX_E_UNSUPPORTED,
        "has 3 values per voxel (colours, vectors or time); save one");
    bad(SHAPE "ElementType = MET_UCHAR_ARRAY\n" LOCAL, VOX_E_UNSUPPORTED,
        "has several values per voxel");
    bad("NDims = 4\nDimSize = 4 3 1 2\nElementType = MET_UCHAR\n" LOCAL, VOX_E_UNSUPPORTED,
        "has a fourth axis (time points or vectors); save one");
    bad("NDims = 2\nDimSize = 4 3\nElementType = MET_UCHAR\n" LOCAL, VOX_E_UNSUPPORTED,
        "has 2 axes; a volume has three");
    bad("NDims = 5\nDimSize = 4 3 2 1 1\nElementType = MET_UCHAR\n" LOCAL, VOX_E_UNSUPPORTED,
        "has 5 axes; a volume has three");
    bad("ObjectType = Tube\n" SHAPE "ElementType = MET_UCHAR\n" LOCAL, VOX_E_UNSUPPORTED,
        "holds no image");
    bad(BYTES "BinaryData = False\n" LOCAL, VOX_E_UNSUPPORTED, "voxels as text; save it as binary");
    parse_bad(gzip_of(nrrd_file(BYTES LOCAL, voxels, sizeof(voxels))), VOX_E_UNSUPPORTED,
              "MetaImage inside a gzip stream; unpack it");
}

static void damaged_headers(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        enum vox_code code;
        const char *text;
    } cases[] = {
        {"ObjectType = Image\n" LOCAL, VOX_E_FORMAT, "has no field \"NDims\""},
        {"NDims = 3\n" LOCAL, VOX_E_FORMAT, "has no field \"DimSize\""},
        {SHAPE LOCAL, VOX_E_FORMAT, "has no field \"ElementType\""},
        {BYTES "DimSize = 4 3 2\n" LOCAL, VOX_E_FORMAT, "\"DimSize\" is given twice"},
        {BYTES "no field\n" LOCAL, VOX_E_FORMAT, "is no field with a value"},
        {"NDims = three\n" LOCAL, VOX_E_FORMAT, "\"NDims\" is not a whole number"},
        {"NDims = 0\n" LOCAL, VOX_E_FORMAT, "has 0 axes"},
        {"NDims = 3\nDimSize = 4 3\n" LOCAL, VOX_E_FORMAT, "\"DimSize\" does not have 3 numbers"},
        {"NDims = 3\nDimSize = 4 3 2 1\n" LOCAL, VOX_E_FORMAT, "does not have 3 numbers"},
        {"NDims = 3\nDimSize = 4 3 x\n" LOCAL, VOX_E_FORMAT, "not a whole number"},
        {"NDims = 3\nDimSize = 4 3 0\nElementType = MET_UCHAR\n" LOCAL, VOX_E_FORMAT,
         "size 0 on axis 3"},
        {"NDims = 3\nDimSize = 4 3 -1\nElementType = MET_UCHAR\n" LOCAL, VOX_E_FORMAT,
         "size -1 on axis 3"},
        {"NDims = 3\nDimSize = 4 3 4097\nElementType = MET_UCHAR\n" LOCAL, VOX_E_LIMIT,
         "4097 voxels on axis 3, the limit is 4096"},
        {"NDims = 3\nDimSize = 4 3 3\nElementType = MET_UCHAR\n" LOCAL, VOX_E_FORMAT,
         "holds 24 bytes of voxels, the header promises 36"},
        {SHAPE "ElementType = MET_STRING\n" LOCAL, VOX_E_FORMAT, "names no type of numbers"},
        {SHAPE "ElementType =\n" LOCAL, VOX_E_FORMAT, "names no type of numbers"},
        {BYTES "ElementByteOrderMSB = Yes\n" LOCAL, VOX_E_FORMAT, "neither True nor False"},
        {BYTES "CompressedData =\n" LOCAL, VOX_E_FORMAT, "neither True nor False"},
        {BYTES "Offset = 1 2\n" LOCAL, VOX_E_FORMAT, "\"Offset\" does not have 3 numbers"},
        {BYTES "Offset =\n" LOCAL, VOX_E_FORMAT, "\"Offset\" does not have 3 numbers"},
        {BYTES "Offset = 1 2 x\n" LOCAL, VOX_E_FORMAT, "the origin in the MetaImage header holds"},
        {BYTES "Offset = 1 2 nan\n" LOCAL, VOX_E_FORMAT, "MetaImage header is not finite"},
        {BYTES "ElementSpacing = 1 2 x\n" LOCAL, VOX_E_FORMAT, "the spacing in the MetaImage"},
        {BYTES "ElementSpacing = 1 2 0\n" LOCAL, VOX_E_FORMAT, "spacing of 0 mm on axis 3"},
        {BYTES "TransformMatrix = 1 0 0 0 1 0 0 0\n" LOCAL, VOX_E_FORMAT,
         "\"TransformMatrix\" does not have 9 numbers"},
        {BYTES "TransformMatrix = 1 0 0 0 1 0 0 0 one\n" LOCAL, VOX_E_FORMAT, "the matrix in the"},
        {BYTES "TransformMatrix = 1 0 0 1 0 0 0 0 1\n" LOCAL, VOX_E_FORMAT, "lie in one plane"},
        {BYTES "ElementDataFile =\n", VOX_E_FORMAT, "\"ElementDataFile\" is empty"},
        {BYTES "ElementDataFile = LIST\na.raw\n", VOX_E_UNSUPPORTED, "slices are in a file each"},
        {BYTES "ElementDataFile = a%03d.raw 1 2 1\n", VOX_E_UNSUPPORTED, "in a file each"},
        {BYTES "ElementDataFile = /etc/passwd\n", VOX_E_UNSUPPORTED, "a file of its own folder"},
        {BYTES "ElementDataFile = ../a.raw\n", VOX_E_UNSUPPORTED, "a file of its own folder"},
        {BYTES "ElementDataFile = ..\\a.raw\n", VOX_E_UNSUPPORTED, "a file of its own folder"},
        {BYTES "ElementDataFile = .hidden\n", VOX_E_UNSUPPORTED, "a file of its own folder"},
        {BYTES "ElementDataFile = a.raw\n", VOX_E_UNSUPPORTED, "voxels are in another file"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bad(cases[i].header, cases[i].code, cases[i].text);
    }
    parse_bad(nrrd_file("NDims = 3\nDimSize = 4 3 2", NULL, 0), VOX_E_FORMAT,
              "before MetaImage field \"ElementDataFile\"");
    static const uint8_t rest[] = "\0x\n" LOCAL;
    parse_bad(nrrd_file(BYTES "Comment = ", rest, sizeof(rest)), VOX_E_FORMAT, "holds a NUL byte");
    char *text = malloc(1200000);
    assert_non_null(text);
    snprintf(text, 1200000, BYTES "Offset = %0200d 0 0\n" LOCAL, 1);
    bad(text, VOX_E_FORMAT, "\"Offset\" has an entry that is too long");
    snprintf(text, 1200000, BYTES "ElementSpacing = %0100d 0 0\n" LOCAL, 1);
    bad(text, VOX_E_FORMAT, "\"ElementSpacing\" has an entry that is too long");
    snprintf(text, 1200000, BYTES "Comment = %01100000d\n" LOCAL, 1);
    bad(text, VOX_E_FORMAT, "longer than 1 MiB");
    snprintf(text, 1200000, BYTES "Comment = %0900000d\n" LOCAL, 1);
    vox_volume_free(good(text));
    free(text);
}

static void put(const char *path, const void *data, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(size, fwrite(data, 1, size, file));
    assert_int_equal(0, fclose(file));
}

static enum vox_code read_header(const char *path, const char *lines, struct vox_err *err)
{
    char header[512];
    snprintf(header, sizeof(header), BYTES "%s", lines);
    put(path, header, strlen(header));
    struct vox_volume_limits limits = test_limits();
    struct vox_volume *volume = NULL;
    enum vox_code code = vox_volume_read(path, &limits, &volume, err);
    assert_true((code == VOX_OK) == (volume != NULL));
    if (volume != NULL) {
        assert_memory_equal(voxels, volume->voxels, sizeof(voxels));
        vox_volume_free(volume);
    }
    assert_int_equal(0, unlink(path));
    return code;
}

static void a_file_beside(void **state)
{
    (void)state;
    char folder[] = "/tmp/vox_mhd_XXXXXX";
    assert_non_null(mkdtemp(folder));
    assert_int_equal(0, chdir(folder));
    struct vox_err err;
    struct bytes junk = joined(nrrd_file("junk", NULL, 0), nrrd_file("", voxels, sizeof(voxels)));
    struct bytes packed = zlib_of_voxels();
    put("a b.raw", voxels, sizeof(voxels));
    put("junk.raw", junk.data, junk.size);
    put("a.zraw", packed.data, packed.size);
    put("empty.raw", "", 0);
    char inside[64];
    snprintf(inside, sizeof(inside), "%s/a.mhd", folder);
    assert_int_equal(VOX_OK, read_header("a.mhd", "ElementDataFile = a b.raw\n", &err));
    assert_int_equal(VOX_OK, read_header(inside, "ElementDataFile = a b.raw\n", &err));
    assert_int_equal(VOX_OK,
                     read_header(inside, "HeaderSize = 4\nElementDataFile = junk.raw\n", &err));
    assert_int_equal(VOX_OK,
                     read_header(inside, "HeaderSize = -1\nElementDataFile = junk.raw\n", &err));
    assert_int_equal(
        VOX_OK, read_header(inside, "CompressedData = True\nElementDataFile = a.zraw\n", &err));
    assert_int_equal(VOX_E_FORMAT, read_header("a.mhd", "ElementDataFile = empty.raw\n", &err));
    assert_non_null(strstr(err.msg, "holds 0 bytes of voxels"));
    assert_int_equal(VOX_E_FORMAT,
                     read_header("a.mhd", "HeaderSize = -9\nElementDataFile = a b.raw\n", &err));
    assert_int_equal(VOX_E_NOT_FOUND, read_header("a.mhd", "ElementDataFile = none.raw\n", &err));
    assert_non_null(strstr(err.msg, "the MetaImage header's file of voxels: cannot open"));
    assert_null(strstr(err.msg, "none"));
    assert_int_equal(0, mkdir("folder.raw", 0700));
    assert_int_equal(VOX_E_IO, read_header("a.mhd", "ElementDataFile = folder.raw\n", &err));
    assert_int_equal(0, rmdir("folder.raw"));
    static const char *const names[] = {"a b.raw", "junk.raw", "a.zraw", "empty.raw"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_int_equal(0, unlink(names[i]));
    }
    assert_int_equal(0, chdir("/"));
    assert_int_equal(0, rmdir(folder));
    bytes_free(&junk);
    bytes_free(&packed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_files),     cmocka_unit_test(every_type),
        cmocka_unit_test(byte_order),      cmocka_unit_test(compressed),
        cmocka_unit_test(header_size),     cmocka_unit_test(geometry),
        cmocka_unit_test(four_axes),       cmocka_unit_test(what_is_no_grey_volume),
        cmocka_unit_test(damaged_headers), cmocka_unit_test(a_file_beside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
