/* NRRD files: what is read, and what is refused with which sentence. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "volume/volume_bytes.h"

static const uint8_t voxels[24] = {1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12,
                                   13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24};

#define SHAPE "dimension: 3\nsizes: 4 3 2\n"
#define BYTES "NRRD0004\ntype: uint8\n" SHAPE
#define PLACED "space: LPS\nspace directions: (2,0,0) (0,3,0) (0,0,4)\nspace origin: (10,20,30)\n"

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

static void a_plain_file(void **state)
{
    (void)state;
    struct vox_volume *volume = good(BYTES PLACED "kinds: domain domain domain\nencoding: raw\n\n");
    assert_int_equal(VOX_VOXEL_U8, volume->type);
    assert_int_equal(4, volume->size[0]);
    assert_int_equal(3, volume->size[1]);
    assert_int_equal(2, volume->size[2]);
    assert_memory_equal(voxels, volume->voxels, sizeof(voxels));
    double slice[12];
    vox_volume_slice(volume, 1, slice);
    assert_true(slice[0] == 13 && slice[11] == 24);
    assert_int_equal(VOX_FORMAT_NRRD, volume->geometry.source);
    assert_string_equal("LPS", volume->geometry.nrrd.space);
    assert_string_equal("(0,3,0)", volume->geometry.nrrd.directions[1]);
    assert_string_equal("(10,20,30)", volume->geometry.nrrd.origin);
    vox_volume_free(volume);
}

static void every_spelling_of_every_type(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum vox_voxel_type type;
    } cases[] = {
        {"signed char", VOX_VOXEL_I8},
        {"int8", VOX_VOXEL_I8},
        {"int8_t", VOX_VOXEL_I8},
        {"uchar", VOX_VOXEL_U8},
        {"unsigned char", VOX_VOXEL_U8},
        {"uint8", VOX_VOXEL_U8},
        {"uint8_t", VOX_VOXEL_U8},
        {"short", VOX_VOXEL_I16},
        {"short int", VOX_VOXEL_I16},
        {"signed short", VOX_VOXEL_I16},
        {"signed short int", VOX_VOXEL_I16},
        {"int16", VOX_VOXEL_I16},
        {"int16_t", VOX_VOXEL_I16},
        {"ushort", VOX_VOXEL_U16},
        {"unsigned short", VOX_VOXEL_U16},
        {"unsigned short int", VOX_VOXEL_U16},
        {"uint16", VOX_VOXEL_U16},
        {"uint16_t", VOX_VOXEL_U16},
        {"int", VOX_VOXEL_I32},
        {"signed int", VOX_VOXEL_I32},
        {"int32", VOX_VOXEL_I32},
        {"int32_t", VOX_VOXEL_I32},
        {"uint", VOX_VOXEL_U32},
        {"unsigned int", VOX_VOXEL_U32},
        {"uint32", VOX_VOXEL_U32},
        {"uint32_t", VOX_VOXEL_U32},
        {"longlong", VOX_VOXEL_I64},
        {"long long", VOX_VOXEL_I64},
        {"long long int", VOX_VOXEL_I64},
        {"signed long long", VOX_VOXEL_I64},
        {"signed long long int", VOX_VOXEL_I64},
        {"int64", VOX_VOXEL_I64},
        {"int64_t", VOX_VOXEL_I64},
        {"ulonglong", VOX_VOXEL_U64},
        {"unsigned long long", VOX_VOXEL_U64},
        {"unsigned long long int", VOX_VOXEL_U64},
        {"uint64", VOX_VOXEL_U64},
        {"uint64_t", VOX_VOXEL_U64},
        {"float", VOX_VOXEL_F32},
        {"double", VOX_VOXEL_F64},
        {"FLOAT", VOX_VOXEL_F32},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char header[256];
        snprintf(header, sizeof(header),
                 "NRRD0005\r\n# comment\r\ntype: %s\r\ndimension: 3\r\nsizes: 1 1 1\r\nendian: "
                 "big\r\nencoding: raw\r\n\r\n",
                 cases[i].name);
        struct vox_volume *volume = good(header);
        assert_int_equal(cases[i].type, volume->type);
        /* The first bytes 1, 2, ... read as one big-endian number. */
        uint64_t wanted = 0;
        size_t width = vox_voxel_size(volume->type);
        for (size_t n = 0; n < width; n++) {
            wanted = wanted << 8 | voxels[n];
        }
        uint64_t got = 0;
        uint8_t byte;
        uint16_t two;
        uint32_t four;
        switch (width) {
        case 1:
            memcpy(&byte, volume->voxels, 1);
            got = byte;
            break;
        case 2:
            memcpy(&two, volume->voxels, 2);
            got = two;
            break;
        case 4:
            memcpy(&four, volume->voxels, 4);
            got = four;
            break;
        default:
            memcpy(&got, volume->voxels, 8);
        }
        assert_true(got == wanted);
        vox_volume_free(volume);
    }
}

static void little_endian(void **state)
{
    (void)state;
    struct vox_volume *volume = good(
        "NRRD0001\ntype: uint16\ndimension: 3\nsizes: 2 2 2\nendian: little\nencoding: raw\n\n");
    double slice[4];
    vox_volume_slice(volume, 0, slice);
    assert_true(slice[0] == 0x0201 && slice[3] == 0x0807);
    vox_volume_free(volume);
}

static void gzip_encoding(void **state)
{
    (void)state;
    static const char *const headers[] = {
        BYTES PLACED "encoding: gzip\n\n",
        BYTES PLACED "encoding: GZ\n\n",
    };
    for (size_t i = 0; i < 2; i++) {
        struct bytes file =
            joined(nrrd_file(headers[i], NULL, 0), gzip_of(nrrd_file("", voxels, sizeof(voxels))));
        struct vox_volume *volume = parse_good(&file);
        assert_memory_equal(voxels, volume->voxels, sizeof(voxels));
        vox_volume_free(volume);
        bytes_free(&file);
    }
}

static void skips(void **state)
{
    (void)state;
    static const uint8_t lead[] = {'a', '\n', 'b', 'c', '\n', 0xff, 0xfe};
    struct bytes tail = nrrd_file("", voxels, sizeof(voxels));
    struct bytes file =
        joined(nrrd_file(BYTES "line skip: 2\nbyte skip: 2\nencoding: raw\n\n", lead, 7), tail);
    struct vox_volume *volume = parse_good(&file);
    assert_memory_equal(voxels, volume->voxels, sizeof(voxels));
    vox_volume_free(volume);
    bytes_free(&file);
    tail = nrrd_file("", voxels, sizeof(voxels));
    file = joined(nrrd_file(BYTES "byteskip: -1\nencoding: raw\n\n", lead, 7), tail);
    volume = parse_good(&file);
    assert_memory_equal(voxels, volume->voxels, sizeof(voxels));
    vox_volume_free(volume);
    bytes_free(&file);
    /* In a compressed file lines are skipped before inflating and bytes after. */
    tail = gzip_of(joined(nrrd_file("xyz", NULL, 0), nrrd_file("", voxels, sizeof(voxels))));
    file = joined(nrrd_file(BYTES "lineskip: 1\nbyte skip: 3\nencoding: gzip\n\n", lead, 2), tail);
    volume = parse_good(&file);
    assert_memory_equal(voxels, volume->voxels, sizeof(voxels));
    vox_volume_free(volume);
    bytes_free(&file);
}

static void wants_affine(const char *geometry, const double wanted[12])
{
    char header[512];
    snprintf(header, sizeof(header), BYTES "%sencoding: raw\n\n", geometry);
    struct vox_volume *volume = good(header);
    for (int i = 0; i < 12; i++) {
        double got = volume->geometry.affine[i / 4][i % 4];
        if (!(fabs(got - wanted[i]) <= 1e-12)) {
            fail_msg("%s: affine[%d][%d] is %g, wanted %g", geometry, i / 4, i % 4, got, wanted[i]);
        }
    }
    vox_volume_free(volume);
}

#define AXES "space directions: (2,0,0) (0,3,0) (0,0,4)\nspace origin: (10,20,30)\n"

static void spaces(void **state)
{
    (void)state;
    static const double ras[12] = {2, 0, 0, 10, 0, 3, 0, 20, 0, 0, 4, 30};
    static const double las[12] = {-2, 0, 0, -10, 0, 3, 0, 20, 0, 0, 4, 30};
    static const double lps[12] = {-2, 0, 0, -10, 0, -3, 0, -20, 0, 0, 4, 30};
    wants_affine("space: right-anterior-superior\n" AXES, ras);
    wants_affine("space: RAS\n" AXES, ras);
    wants_affine("space: left-anterior-superior\n" AXES, las);
    wants_affine("space: LAS\n" AXES, las);
    wants_affine("space: Left-Posterior-Superior\n" AXES, lps);
    wants_affine("space: 3D-right-handed\n" AXES, lps);
    wants_affine("space: 3D-left-handed\n" AXES, lps);
    wants_affine("space: scanner-xyz\n" AXES, lps);
    wants_affine("space dimension: 3\n" AXES, lps);
    wants_affine(AXES, lps);
    /* No space at all, and words with blanks between. */
    wants_affine("spacings: 2 3 nan\n", (const double[12]){-2, 0, 0, 0, 0, -3, 0, 0, 0, 0, 1, 0});
    wants_affine("", (const double[12]){-1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 1, 0});
    wants_affine(
        "space: RAS\nspacedirections: ( 0, 2 ,0)(0,0,3)\t(4,0,0)\nspaceorigin: (1e1, -2.5, 0)\n",
        (const double[12]){0, 0, 4, 10, 2, 0, 0, -2.5, 0, 3, 0, 0});
}

/* As Slicer writes a segmentation of one layer, with its tables. */
static void a_segmentation_of_one_layer(void **state)
{
    (void)state;
    static const char header[] =
        "NRRD0004\n# Complete NRRD file format specification at:\n# "
        "http://teem.sourceforge.net/nrrd/format.html\n"
        "type: unsigned char\ndimension: 4\nspace: left-posterior-superior\nsizes: 1 4 3 2\n"
        "space directions: none (2,0,0) (0,3,0) (0,0,4)\nkinds: list domain domain "
        "domain\nencoding: raw\n"
        "space origin: (10,20,30)\nmeasurement frame: (1,0,0) (0,1,0) (0,0,1)\n"
        "Segment0_ID:=Segment_1\nSegment0_Tags:=TerminologyEntry:Segmentation category: a~b^c|\n"
        "Segmentation_MasterRepresentation:=Binary labelmap\nDICOM_0010:0010:=x\n\n";
    struct vox_volume *volume = good(header);
    assert_int_equal(4, volume->size[0]);
    assert_int_equal(2, volume->size[2]);
    assert_string_equal("(2,0,0)", volume->geometry.nrrd.directions[0]);
    assert_memory_equal(voxels, volume->voxels, sizeof(voxels));
    vox_volume_free(volume);
    /* A single time point behind the axes of space. */
    volume = good("NRRD0004\ntype: uint8\ndimension: 4\nspace dimension: 3\nsizes: 4 3 2 1\n"
                  "space directions: (2,0,0) (0,3,0) (0,0,4) none\nencoding: raw\n\n");
    assert_int_equal(4, volume->size[0]);
    assert_string_equal("(2,0,0)", volume->geometry.nrrd.directions[0]);
    vox_volume_free(volume);
}

static void fields_that_are_missing(void **state)
{
    (void)state;
    bad("NRRD0004\n" SHAPE "encoding: raw\n\n", VOX_E_FORMAT, "has no field \"type\"");
    bad("NRRD0004\ntype: uint8\nsizes: 4 3 2\nencoding: raw\n\n", VOX_E_FORMAT,
        "has no field \"dimension\"");
    bad("NRRD0004\ntype: uint8\ndimension: 3\nencoding: raw\n\n", VOX_E_FORMAT,
        "has no field \"sizes\"");
    bad(BYTES "\n", VOX_E_FORMAT, "has no field \"encoding\"");
    bad("NRRD0004\ntype: short\n" SHAPE "encoding: raw\n\n", VOX_E_FORMAT,
        "has no field \"endian\"");
}

static void bad_sizes(void **state)
{
    (void)state;
    static const struct {
        const char *lines;
        enum vox_code code;
        const char *text;
    } cases[] = {
        {"dimension: 3\nsizes: 4 3\n", VOX_E_FORMAT, "\"sizes\" is not one whole number per axis"},
        {"dimension: 3\nsizes: 4 3 2 1\n", VOX_E_FORMAT,
         "\"sizes\" is not one whole number per axis"},
        {"dimension: 3\nsizes: 4 x 2\n", VOX_E_FORMAT,
         "\"sizes\" is not one whole number per axis"},
        {"dimension: 3\nsizes: 4 3.5 2\n", VOX_E_FORMAT,
         "\"sizes\" is not one whole number per axis"},
        {"dimension: 3\nsizes: 4 99999999999999999999 2\n", VOX_E_FORMAT,
         "\"sizes\" is not one whole number"},
        {"dimension: 3\nsizes:\n", VOX_E_FORMAT, "\"sizes\" is not one whole number per axis"},
        {"dimension: 3\nsizes: 4 0 2\n", VOX_E_FORMAT, "size 0 on axis 2"},
        {"dimension: 3\nsizes: 4 3 -2\n", VOX_E_FORMAT, "size -2 on axis 3"},
        {"dimension: 3\nsizes: 4 3 4097\n", VOX_E_LIMIT,
         "4097 voxels on axis 3, the limit is 4096"},
        {"dimension: 3\nsizes: 4096 4096 4096\n", VOX_E_LIMIT, "are more than the limit"},
        {"dimension: 3\nsizes: 4 3 3\n", VOX_E_FORMAT,
         "holds 24 bytes of voxels, the header promises 36"},
        {"dimension: two\nsizes: 4 3 2\n", VOX_E_FORMAT, "\"dimension\" is not a whole number"},
        {"dimension: 0\nsizes: 4 3 2\n", VOX_E_FORMAT, "\"dimension\" is not between 1 and 16"},
        {"dimension: 17\nsizes: 4 3 2\n", VOX_E_FORMAT, "\"dimension\" is not between 1 and 16"},
        {"dimension: 2\nsizes: 4 3\n", VOX_E_UNSUPPORTED, "has 2 axes; a volume has three"},
        {"dimension: 5\nsizes: 1 1 4 3 2\n", VOX_E_UNSUPPORTED, "has 5 axes; a volume has three"},
        {"dimension: 4\nsizes: 3 4 2 2\n", VOX_E_UNSUPPORTED,
         "fourth axis (colours, vectors, time or segment"},
        {"dimension: 3\nsizes: 4 3 2\nkinds: RGB-color domain domain\n", VOX_E_UNSUPPORTED,
         "axis 1 of the NRRD"},
        {"dimension: 3\nsizes: 4 3 2\nkinds: domain domain time\n", VOX_E_UNSUPPORTED,
         "axis 3 of the NRRD image"},
        {"dimension: 3\nsizes: 4 3 2\nkinds: domain domain\n", VOX_E_FORMAT,
         "\"kinds\" does not have one entry"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char header[256];
        snprintf(header, sizeof(header), "NRRD0004\ntype: uint8\n%sencoding: raw\n\n",
                 cases[i].lines);
        bad(header, cases[i].code, cases[i].text);
    }
}

static void types_and_encodings_that_are_not_read(void **state)
{
    (void)state;
    bad("NRRD0004\ntype: block\nblock size: 4\n" SHAPE "encoding: raw\n\n", VOX_E_UNSUPPORTED,
        "opaque blocks");
    bad("NRRD0004\ntype: char\n" SHAPE "encoding: raw\n\n", VOX_E_FORMAT, "\"type\" names no type");
    bad("NRRD0004\ntype: short\n" SHAPE "endian: middle\nencoding: raw\n\n", VOX_E_FORMAT,
        "neither little nor big");
    bad(BYTES "encoding: ascii\n\n", VOX_E_UNSUPPORTED,
        "encoding ascii is not read; save the file as gzip or raw");
    bad(BYTES "encoding: txt\n\n", VOX_E_UNSUPPORTED, "encoding ascii is not read");
    bad(BYTES "encoding: text\n\n", VOX_E_UNSUPPORTED, "encoding ascii is not read");
    bad(BYTES "encoding: hex\n\n", VOX_E_UNSUPPORTED, "encoding hex is not read");
    bad(BYTES "encoding: bzip2\n\n", VOX_E_UNSUPPORTED, "encoding bzip2 is not read");
    bad(BYTES "encoding: bz2\n\n", VOX_E_UNSUPPORTED, "encoding bzip2 is not read");
    bad(BYTES "encoding: rot13\n\n", VOX_E_FORMAT, "\"encoding\" names no encoding");
    bad(BYTES "encoding: gzip\n\n", VOX_E_FORMAT, "the gzip stream is damaged");
    bad(BYTES "encoding: raw\ndata file: x.raw\n\n", VOX_E_UNSUPPORTED,
        "voxels are in another file; save it");
    bad(BYTES "encoding: raw\ndatafile: LIST\n\n", VOX_E_UNSUPPORTED,
        "voxels are in another file; save it");
}

static void bad_geometry(void **state)
{
    (void)state;
    static const struct {
        const char *lines;
        enum vox_code code;
        const char *text;
    } cases[] = {
        {"space: left-posterior-superior-time\n", VOX_E_UNSUPPORTED,
         "the NRRD space is not one of RAS"},
        {"space: somewhere\n", VOX_E_UNSUPPORTED, "the NRRD space is not one of RAS"},
        {"space dimension: 4\n", VOX_E_UNSUPPORTED, "has not three dimensions"},
        {"space dimension: x\n", VOX_E_FORMAT, "\"space dimension\" is not a whole number"},
        {"space directions: (1,0,0) (0,1,0)\n", VOX_E_FORMAT,
         "\"space directions\" does not have one entry per axis"},
        {"space directions: (1,0,0) (0,1,0) (0,0,1) none\n", VOX_E_FORMAT,
         "does not have one entry per axis"},
        {"space directions: (1,0,0) (0,1,0) none\n", VOX_E_UNSUPPORTED,
         "axis 3 of the NRRD image has no direction"},
        {"space directions: (1,0,0) (0,1,0) (0,0)\n", VOX_E_FORMAT,
         "is not three vectors of 3 numbers"},
        {"space directions: (1,0,0) (0,1,0) (0,0,1,2)\n", VOX_E_FORMAT,
         "is not three vectors of 3 numbers"},
        {"space directions: (1,0,0) (0,1,0) (0,0,1\n", VOX_E_FORMAT,
         "is not three vectors of 3 numbers"},
        {"space directions: (1,0,0) (0,1,0) (0,0,one)\n", VOX_E_FORMAT,
         "is not three vectors of 3 numbers"},
        {"space directions: (1,0,0) (0,1,0) (0,0,)\n", VOX_E_FORMAT,
         "is not three vectors of 3 numbers"},
        {"space directions: 1 2 3\n", VOX_E_FORMAT, "is not three vectors of 3 numbers"},
        {"space directions: (1,0,0) (0,1,0) (0,0,nan)\n", VOX_E_FORMAT,
         "the NRRD header is not finite"},
        {"space directions: (1,0,0) (0,1,0) (0,0,0)\n", VOX_E_FORMAT, "spacing of 0 mm on axis 3"},
        {"space directions: (1,0,0) (0,1,0) (1,1,0)\n", VOX_E_FORMAT, "lie in one plane"},
        {"space origin: 1 2 3\n", VOX_E_FORMAT, "\"space origin\" is not a vector"},
        {"space origin: (inf,2,3)\n", VOX_E_FORMAT, "the NRRD header is not finite"},
        {"spacings: 1 x 3\n", VOX_E_FORMAT, "\"spacings\" holds something that is not a number"},
        {"spacings: 1 0x3 3\n", VOX_E_FORMAT, "\"spacings\" holds something that is not a number"},
        {"spacings: 1 3\n", VOX_E_FORMAT, "\"spacings\" does not have one entry per axis"},
        {"spacings: 1 3 0\n", VOX_E_FORMAT, "spacing of 0 mm on axis 3"},
        {"line skip: -1\n", VOX_E_FORMAT, "\"line skip\" is negative"},
        {"line skip: 5\n", VOX_E_FORMAT, "fewer lines than NRRD field \"line skip\""},
        {"byte skip: -2\n", VOX_E_FORMAT, "\"byte skip\" is negative"},
        {"byte skip: 9223372036854775807\n", VOX_E_FORMAT, "holds 0 bytes of voxels"},
        {"byte skip: 1\n", VOX_E_FORMAT, "holds 23 bytes of voxels, the header promises 24"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char header[256];
        snprintf(header, sizeof(header), BYTES "%sencoding: raw\n\n", cases[i].lines);
        bad(header, cases[i].code, cases[i].text);
    }
    bad(BYTES "byte skip: -1\nencoding: gzip\n\n", VOX_E_FORMAT, "\"byte skip\" is negative");
    bad("NRRD0004\ntype: uint8\ndimension: 3\nsizes: 4 3 4\nbyte skip: -1\nencoding: raw\n\n",
        VOX_E_FORMAT, "holds 24 bytes of voxels, the header promises 48");
}

static void bad_lines(void **state)
{
    (void)state;
    bad("NRRD0006\n\n", VOX_E_UNSUPPORTED, "not one of NRRD0001 to NRRD0005");
    bad("NRRD00.01\n\n", VOX_E_UNSUPPORTED, "not one of NRRD0001 to NRRD0005");
    bad("NRRD0004 x\n\n", VOX_E_UNSUPPORTED, "not one of NRRD0001 to NRRD0005");
    parse_bad(nrrd_file("NRRD0004", NULL, 0), VOX_E_UNSUPPORTED, "not one of NRRD0001 to NRRD0005");
    parse_bad(nrrd_file(BYTES "encoding: raw\n", NULL, 0), VOX_E_FORMAT,
              "ends inside the NRRD header");
    parse_bad(nrrd_file(BYTES "encoding: ra", NULL, 0), VOX_E_FORMAT,
              "ends inside the NRRD header");
    bad(BYTES "encoding raw\n\n", VOX_E_FORMAT, "neither a field nor a key with a value");
    bad(BYTES "type: uint8\nencoding: raw\n\n", VOX_E_FORMAT, "\"type\" is given twice");
    bad(BYTES "linespacing: 3\nspace  origin: 3\nencoding: rot\n\n", VOX_E_FORMAT,
        "names no encoding");
    static const uint8_t rest[] = "\0x\nencoding: raw\n\n";
    parse_bad(nrrd_file(BYTES "content: ", rest, sizeof(rest)), VOX_E_FORMAT, "holds a NUL byte");
    /* An entry longer than what is kept, a line longer than a number, and a header without end. */
    char *text = malloc(1200000);
    assert_non_null(text);
    snprintf(text, 1200000,
             BYTES "space directions: (%0200d,0,0) (0,1,0) (0,0,1)\nencoding: raw\n\n", 1);
    bad(text, VOX_E_FORMAT, "\"space directions\" has an entry of more than 127 characters");
    snprintf(text, 1200000, BYTES "space: %0100d\nencoding: raw\n\n", 1);
    bad(text, VOX_E_FORMAT, "\"space\" has an entry of more than 63 characters");
    snprintf(text, 1200000,
             "NRRD0004\ntype: uint8\ndimension: %070d\nsizes: 4 3 2\nencoding: raw\n\n", 3);
    bad(text, VOX_E_FORMAT, "\"dimension\" is not a whole number");
    memset(text, 'x', 1200000 - 1);
    memcpy(text, "NRRD0004\ncontent: ", 18);
    text[1200000 - 1] = '\0';
    bad(text, VOX_E_FORMAT, "longer than 1 MiB");
    /* A long line that is none of ours is passed over. */
    snprintf(text, 1200000, BYTES "Segment0_Tags:=%0900000d\nencoding: raw\n\n", 1);
    vox_volume_free(good(text));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_file),
        cmocka_unit_test(every_spelling_of_every_type),
        cmocka_unit_test(little_endian),
        cmocka_unit_test(gzip_encoding),
        cmocka_unit_test(skips),
        cmocka_unit_test(spaces),
        cmocka_unit_test(a_segmentation_of_one_layer),
        cmocka_unit_test(fields_that_are_missing),
        cmocka_unit_test(bad_sizes),
        cmocka_unit_test(types_and_encodings_that_are_not_read),
        cmocka_unit_test(bad_geometry),
        cmocka_unit_test(bad_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
