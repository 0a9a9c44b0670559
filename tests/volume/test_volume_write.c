/* Files written by us and read again by us: geometry kept bit for bit, or agreeing across formats.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "util/file.h"
#include "volume/volume_bytes.h"

static char folder[] = "/tmp/vox_write_XXXXXX";
static char path[64];

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

static const char *in_folder(const char *name)
{
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

/* The voxels of a .mhd go too. */
static void remove_written(void)
{
    assert_int_equal(0, unlink(path));
    size_t stem = strlen(path) - 4;
    if (strcmp(path + stem, ".mhd") == 0) {
        char beside[80];
        int removed = 0;
        snprintf(beside, sizeof(beside), "%.*s.raw", (int)stem, path);
        removed += unlink(beside) == 0;
        snprintf(beside, sizeof(beside), "%.*s.zraw", (int)stem, path);
        removed += unlink(beside) == 0;
        assert_int_equal(1, removed);
    }
}

static struct vox_volume *written(const char *name, const struct vox_geometry *like,
                                  const int64_t size[3], enum vox_voxel_type type,
                                  const void *voxels)
{
    struct vox_err err;
    struct vox_volume_limits limits = vox_volume_limits_default();
    struct vox_volume *volume = NULL;
    if (vox_volume_write(in_folder(name), like, size, type, voxels, &err) != VOX_OK ||
        vox_volume_read(path, &limits, &volume, &err) != VOX_OK) {
        fail_msg("%s: %s", name, err.msg);
    }
    remove_written();
    return volume;
}

/* Numbers whose last bits matter, forms that disagree, unusual codes. */
static struct nifti_spec odd_spec(int version)
{
    struct nifti_spec spec = nifti_spec_default(version, 3, 2, 2);
    spec.pixdim[0] = -1;
    spec.pixdim[1] = (double)0.626953125f;
    for (int i = 0; i < 8; i++) {
        spec.pixdim[i] += version == 1 ? 0 : 1e-13 * i;
    }
    spec.pixdim[5] = version == 1 ? (double)nanf("0x123") : nan("0x123");
    spec.pixdim[7] = -0.0;
    spec.xyzt_units = 10;
    spec.qform_code = 3;
    spec.sform_code = 4;
    spec.quatern[0] = version == 1 ? (double)0.1f : 0.1;
    spec.quatern[1] = version == 1 ? (double)-0.2f : -0.2;
    spec.quatern[2] = version == 1 ? (double)1e-30f : 1e-300;
    spec.qoffset[0] = version == 1 ? (double)-123.456f : -123.456;
    spec.srow[0][1] = version == 1 ? (double)0.3f : 0.3;
    spec.srow[2][3] = version == 1 ? (double)1e7f : 1e7 + 1e-9;
    return spec;
}

/* Offsets of the fields of space in nifti1.h and nifti2.h. */
static void assert_same_space(int version, const struct bytes *a, const struct bytes *b)
{
    if (version == 1) {
        assert_memory_equal(a->data + 76, b->data + 76, 32);
        assert_int_equal(a->data[123], b->data[123]);
        assert_memory_equal(a->data + 252, b->data + 252, 76);
    } else {
        assert_memory_equal(a->data + 104, b->data + 104, 64);
        assert_memory_equal(a->data + 344, b->data + 344, 152);
        assert_memory_equal(a->data + 500, b->data + 500, 4);
    }
}

static void nifti_keeps_every_bit(void **state)
{
    (void)state;
    static const uint8_t voxels[12] = {1, 0, 2, 0, 3};
    for (int version = 1; version <= 2; version++) {
        struct nifti_spec spec = odd_spec(version);
        struct bytes source = nifti_file(&spec, voxels, sizeof(voxels));
        struct vox_volume *volume = parse_good(&source);
        struct vox_err err;
        assert_int_equal(VOX_OK, vox_volume_write(in_folder("a.nii"), &volume->geometry,
                                                  volume->size, VOX_VOXEL_U8, voxels, &err));
        struct bytes copy = file_bytes(path, true);
        assert_int_equal(source.size, copy.size);
        assert_same_space(version, &source, &copy);
        assert_memory_equal(voxels, copy.data + (version == 1 ? 352 : 544), sizeof(voxels));
        bytes_free(&copy);
        /* The same through gzip, and with the other byte order as the source. */
        spec.swapped = true;
        struct bytes swapped = nifti_file(&spec, voxels, sizeof(voxels));
        struct vox_volume *other = parse_good(&swapped);
        struct vox_volume *again =
            written("a.nii.gz", &other->geometry, other->size, VOX_VOXEL_U8, voxels);
        assert_int_equal(volume->geometry.source, again->geometry.source);
        assert_memory_equal(&volume->geometry.nifti, &again->geometry.nifti,
                            sizeof(volume->geometry.nifti));
        assert_memory_equal(volume->geometry.affine, again->geometry.affine,
                            sizeof(volume->geometry.affine));
        vox_volume_free(again);
        vox_volume_free(other);
        vox_volume_free(volume);
        bytes_free(&swapped);
        bytes_free(&source);
    }
}

static void every_type_comes_back(void **state)
{
    (void)state;
    static const char *const names[] = {"a.nii",      "a.nii.gz", "a.nrrd",
                                        "A.SEG.NRRD", "a.mha",    "a.mhd"};
    uint8_t voxels[8 * 8];
    for (size_t i = 0; i < sizeof(voxels); i++) {
        voxels[i] = (uint8_t)(i * 37);
    }
    struct nifti_spec spec = nifti_spec_default(1, 1, 1, 1);
    struct bytes source = nifti_file(&spec, voxels, 1);
    struct vox_volume *like = parse_good(&source);
    for (int type = VOX_VOXEL_U8; type <= VOX_VOXEL_F64; type++) {
        for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
            const int64_t size[3] = {4, 2, 1};
            struct vox_volume *volume =
                written(names[n], &like->geometry, size, (enum vox_voxel_type)type, voxels);
            assert_int_equal(type, volume->type);
            assert_memory_equal(size, volume->size, sizeof(size));
            assert_true(volume->slope == 1 && volume->intercept == 0);
            assert_memory_equal(voxels, volume->voxels, 8 * vox_voxel_size(volume->type));
            vox_volume_free(volume);
        }
    }
    vox_volume_free(like);
    bytes_free(&source);
}

static void nrrd_keeps_its_text(void **state)
{
    (void)state;
    static const uint8_t voxels[8];
    static const char *const geometries[] = {
        "space: right-anterior-superior\nspace directions: (0.62695310000000004,0,-0) (0, 1.5e0,0) "
        "(0,0,+4)\n"
        "space origin: (-170.50,-324.5,-359.99999999999989)\n",
        "space dimension: 3\nspace directions: (1,0,0) (0,1,0) (0,0,1)\n",
        "spacings: 0.70 .5 3\n",
        "space: LAS\nspace directions: (1,0,0) (0,1,0) (0,0,1)\n",
        "",
    };
    for (size_t i = 0; i < sizeof(geometries) / sizeof(geometries[0]); i++) {
        char header[512];
        snprintf(header, sizeof(header),
                 "NRRD0004\ntype: uint8\ndimension: 3\nsizes: 2 2 2\n%sencoding: raw\n\n",
                 geometries[i]);
        struct bytes source = nrrd_file(header, voxels, sizeof(voxels));
        struct vox_volume *volume = parse_good(&source);
        struct vox_volume *again =
            written("a.nrrd", &volume->geometry, volume->size, VOX_VOXEL_U8, voxels);
        assert_memory_equal(&volume->geometry.nrrd, &again->geometry.nrrd,
                            sizeof(volume->geometry.nrrd));
        assert_memory_equal(volume->geometry.affine, again->geometry.affine,
                            sizeof(volume->geometry.affine));
        vox_volume_free(again);
        vox_volume_free(volume);
        bytes_free(&source);
    }
}

static void metaimage_keeps_its_text(void **state)
{
    (void)state;
    static const uint8_t voxels[8];
    static const struct {
        const char *lines, *kept;
    } cases[] = {
        {"TransformMatrix = 1 0  -0 0 0.99999999999999989 0 0 0 +1\nOffset = -170.50 1e2 3\n"
         "ElementSpacing = .70 1.50 3\n",
         "TransformMatrix = 1 0 -0 0 0.99999999999999989 0 0 0 +1\nOffset = -170.50 1e2 3\n"
         "ElementSpacing = .70 1.50 3\n"},
        {"Rotation = 0 1 0 1 0 0 0 0 1\nPosition = 1 2 3\nElementSize = 2 -2 2\n",
         "TransformMatrix = 0 1 0 1 0 0 0 0 1\nOffset = 1 2 3\nElementSpacing = 2 -2 2\n"},
        {"", "CompressedData = False\nDimSize"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char header[512];
        snprintf(header, sizeof(header),
                 "NDims = 3\nDimSize = 2 2 2\nElementType = MET_UCHAR\n%sElementDataFile = LOCAL\n",
                 cases[i].lines);
        struct bytes source = nrrd_file(header, voxels, sizeof(voxels));
        struct vox_volume *volume = parse_good(&source);
        struct vox_err err;
        assert_int_equal(VOX_OK, vox_volume_write(in_folder("a.mha"), &volume->geometry,
                                                  volume->size, VOX_VOXEL_U8, voxels, &err));
        struct bytes copy = joined(file_bytes(path, true), nrrd_file("", "", 1));
        assert_non_null(strstr((const char *)copy.data, cases[i].kept));
        bytes_free(&copy);
        struct vox_volume *again =
            written("a.mhd", &volume->geometry, volume->size, VOX_VOXEL_U8, voxels);
        assert_memory_equal(&volume->geometry, &again->geometry, sizeof(volume->geometry));
        vox_volume_free(again);
        vox_volume_free(volume);
        bytes_free(&source);
    }
}

/* The distance in voxels along each axis; the axes are at right angles, or nearly. */
static void assert_corners_agree(const struct vox_volume *a, const struct vox_volume *b)
{
    for (int corner = 0; corner < 8; corner++) {
        double off[3];
        for (int r = 0; r < 3; r++) {
            off[r] = b->geometry.affine[r][3] - a->geometry.affine[r][3];
            for (int c = 0; c < 3; c++) {
                double index = (corner >> c & 1) != 0 ? (double)(a->size[c] - 1) : 0;
                off[r] += (b->geometry.affine[r][c] - a->geometry.affine[r][c]) * index;
            }
        }
        for (int c = 0; c < 3; c++) {
            double voxels = 0;
            for (int r = 0; r < 3; r++) {
                voxels += off[r] * a->geometry.affine[r][c];
            }
            voxels /= a->geometry.spacing[c] * a->geometry.spacing[c];
            if (!(fabs(voxels) <= 1e-4)) {
                fail_msg("a corner moved by %g voxels along axis %d", voxels, c + 1);
            }
        }
    }
}

/* A rotation about a crooked axis, times spacings, with an optional reflection or shear; LPS text.
 */
static void crooked_header(char *header, size_t room, double angle, int kind)
{
    const double axis[3] = {0.36, 0.48, 0.8};
    double c = cos(angle);
    double s = sin(angle);
    double m[3][3];
    for (int r = 0; r < 3; r++) {
        for (int k = 0; k < 3; k++) {
            double cross = r == k ? 0 : axis[3 - r - k] * ((k - r + 3) % 3 == 1 ? -1 : 1);
            m[r][k] = (r == k ? c : 0) + (1 - c) * axis[r] * axis[k] + s * cross;
        }
    }
    double t[3][3];
    const double spacing[3] = {0.3, 0.7, 5};
    for (int r = 0; r < 3; r++) {
        for (int k = 0; k < 3; k++) {
            t[r][k] = m[r][k] * spacing[k] * (kind == 1 && k == 2 ? -1 : 1);
        }
        t[r][1] += kind == 2 ? 0.1 * t[r][0] : 0;
    }
    snprintf(header, room,
             "NRRD0004\ntype: uint8\ndimension: 3\nspace: LPS\nsizes: 200 300 3\n"
             "space directions: (%.17g,%.17g,%.17g) (%.17g,%.17g,%.17g) (%.17g,%.17g,%.17g)\n"
             "space origin: (-123.4,56.78,910.1)\nencoding: raw\n\n",
             t[0][0], t[1][0], t[2][0], t[0][1], t[1][1], t[2][1], t[0][2], t[1][2], t[2][2]);
}

/* NRRD to NIfTI and MetaImage and back; the qform alone, where there is one, says the same. */
static void formats_agree(void **state)
{
    (void)state;
    const size_t count = 200 * 300 * 3;
    uint8_t *voxels = calloc(1, count);
    assert_non_null(voxels);
    static const double angles[] = {0, 0.3, 1.5707963267948966, 3.1415, 3.141592653589793, 4.5};
    int with_qform = 0;
    for (int kind = 0; kind < 3; kind++) {
        for (size_t i = 0; i < sizeof(angles) / sizeof(angles[0]); i++) {
            char header[1024];
            crooked_header(header, sizeof(header), angles[i], kind);
            struct bytes file = nrrd_file(header, voxels, count);
            struct vox_volume *source = parse_good(&file);
            struct vox_volume *nifti =
                written("a.nii.gz", &source->geometry, source->size, VOX_VOXEL_U8, voxels);
            assert_int_equal(VOX_FORMAT_NIFTI1, nifti->geometry.source);
            assert_int_equal(1, nifti->geometry.nifti.sform_code);
            assert_int_equal(2, nifti->geometry.nifti.xyzt_units);
            assert_corners_agree(source, nifti);
            if (nifti->geometry.nifti.qform_code > 0) {
                with_qform++;
                assert_int_not_equal(2, kind);
                struct vox_geometry by_qform = nifti->geometry;
                by_qform.nifti.sform_code = 0;
                struct vox_volume *alone =
                    written("a.nii", &by_qform, source->size, VOX_VOXEL_U8, voxels);
                assert_corners_agree(source, alone);
                vox_volume_free(alone);
            }
            struct vox_volume *back =
                written("a.nrrd", &nifti->geometry, source->size, VOX_VOXEL_U8, voxels);
            assert_corners_agree(source, back);
            vox_volume_free(back);
            struct vox_volume *meta =
                written("a.mha", &source->geometry, source->size, VOX_VOXEL_U8, voxels);
            assert_int_equal(VOX_FORMAT_METAIMAGE, meta->geometry.source);
            assert_corners_agree(source, meta);
            back = written("a.nrrd", &meta->geometry, source->size, VOX_VOXEL_U8, voxels);
            assert_corners_agree(source, back);
            vox_volume_free(back);
            back = written("a.nii", &meta->geometry, source->size, VOX_VOXEL_U8, voxels);
            assert_int_equal(1, back->geometry.nifti.sform_code);
            assert_corners_agree(source, back);
            vox_volume_free(back);
            vox_volume_free(meta);
            vox_volume_free(nifti);
            vox_volume_free(source);
            bytes_free(&file);
        }
    }
    /* Rotations and reflections have one, but for half turns nearby, whose quaternion floats cannot
     * hold. */
    assert_in_range(with_qform, 8, 12);
    free(voxels);
}

/* Voxels of two micrometres, ten centimetres away: NIfTI-1 moves them by what a float cannot hold,
 * and no more. */
static void floats_bound_the_place_of_tiny_voxels(void **state)
{
    (void)state;
    static const uint8_t voxels[8];
    struct bytes file = nrrd_file("NRRD0004\ntype: uint8\ndimension: 3\nspace: LPS\nsizes: 2 2 2\n"
                                  "space directions: (0.002,0,0) (0,0.002,0) (0,0,0.002)\n"
                                  "space origin: (-100.12345,56.78,91.01)\nencoding: raw\n\n",
                                  voxels, sizeof(voxels));
    struct vox_volume *source = parse_good(&file);
    struct vox_volume *nifti =
        written("a.nii", &source->geometry, source->size, VOX_VOXEL_U8, voxels);
    assert_int_equal(VOX_FORMAT_NIFTI1, nifti->geometry.source);
    for (int r = 0; r < 3; r++) {
        for (int c = 0; c < 4; c++) {
            double wanted = source->geometry.affine[r][c];
            assert_true(nifti->geometry.affine[r][c] == (double)(float)wanted);
        }
    }
    vox_volume_free(nifti);
    vox_volume_free(source);
    bytes_free(&file);
}

static void long_sides_take_nifti_2(void **state)
{
    (void)state;
    static uint8_t voxels[32768];
    voxels[32767] = 9;
    struct nifti_spec spec = nifti_spec_default(1, 1, 1, 1);
    struct bytes source = nifti_file(&spec, voxels, 1);
    struct vox_volume *like = parse_good(&source);
    struct vox_volume *volume =
        written("a.nii.gz", &like->geometry, (const int64_t[3]){1, 32768, 1}, VOX_VOXEL_U8, voxels);
    assert_int_equal(VOX_FORMAT_NIFTI2, volume->geometry.source);
    assert_memory_equal(voxels, volume->voxels, sizeof(voxels));
    vox_volume_free(volume);
    volume =
        written("a.nii", &like->geometry, (const int64_t[3]){32767, 1, 1}, VOX_VOXEL_U8, voxels);
    assert_int_equal(VOX_FORMAT_NIFTI1, volume->geometry.source);
    vox_volume_free(volume);
    vox_volume_free(like);
    bytes_free(&source);
}

static void wrong_arguments(void **state)
{
    (void)state;
    struct vox_geometry like;
    memset(&like, 0, sizeof(like));
    const uint8_t voxel = 0;
    struct vox_err err;
    const int64_t one[3] = {1, 1, 1};
    static const char *const names[] = {"a.dcm", "a", ".nii", "nii", "a.gz"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_int_equal(VOX_E_ARG,
                         vox_volume_write(names[i], &like, one, VOX_VOXEL_U8, &voxel, &err));
        assert_non_null(strstr(err.msg, "must end in .nii.gz, .nii, .nrrd, .mha or .mhd"));
    }
    static const char *const series[] = {"a%d.mhd", "LISTS.mhd", ".a.mhd", " a.mhd", "a\n.mhd"};
    for (size_t i = 0; i < sizeof(series) / sizeof(series[0]); i++) {
        assert_int_equal(VOX_E_ARG,
                         vox_volume_write(series[i], &like, one, VOX_VOXEL_U8, &voxel, &err));
        assert_non_null(strstr(err.msg, "the name of a .mhd file must not hold %"));
    }
    assert_int_equal(VOX_E_ARG, vox_volume_write("a.nii", &like, (const int64_t[3]){1, 0, 1},
                                                 VOX_VOXEL_U8, &voxel, &err));
    assert_int_equal(VOX_E_ARG,
                     vox_volume_write("a.nii", &like, one, (enum vox_voxel_type)99, &voxel, &err));
    assert_int_equal(
        VOX_E_IO, vox_volume_write("/nowhere/at/all.nii", &like, one, VOX_VOXEL_U8, &voxel, &err));
    assert_null(strstr(err.msg, "nowhere"));
    struct vox_volume_limits limits = test_limits();
    struct vox_volume *volume = NULL;
    assert_int_equal(VOX_E_NOT_FOUND,
                     vox_volume_read("/nowhere/at/all.nii", &limits, &volume, &err));
    assert_null(strstr(err.msg, "nowhere"));
    assert_null(volume);
}

/* Not seen before the commit; a cancelled one leaves nothing, whatever the format. */
static void prepared_and_cancelled(void **state)
{
    (void)state;
    const struct vox_geometry like = {.source = VOX_FORMAT_NRRD};
    const uint8_t voxel = 1;
    const int64_t one[3] = {1, 1, 1};
    static const char *const names[] = {"p.nii", "p.nii.gz", "p.nrrd", "p.mha", "p.mhd"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct vox_err err = {0};
        struct vox_file_writer *file = NULL;
        atomic_int cancel = 0;
        struct vox_slice_array array = vox_slice_array(one, VOX_VOXEL_U8, &voxel);
        struct vox_slice_supply supply = vox_slice_array_supply(&array);
        assert_int_equal(VOX_OK, vox_volume_prepare(in_folder(names[i]), &like, one, VOX_VOXEL_U8,
                                                    &supply, NULL, &cancel, &file, &err));
        assert_int_equal(-1, access(path, F_OK));
        assert_int_equal(VOX_OK, vox_file_commit(file, &err));
        remove_written();

        atomic_store(&cancel, 1);
        file = NULL;
        assert_int_equal(VOX_E_CANCELLED, vox_volume_prepare(path, &like, one, VOX_VOXEL_U8,
                                                             &supply, NULL, &cancel, &file, &err));
        assert_null(file);
        assert_int_equal(0, rmdir(folder)); /* only an empty folder goes */
        assert_int_equal(0, mkdir(folder, 0700));
    }
}

/* A grid without any text. */
static const struct vox_geometry plain = {
    .source = VOX_FORMAT_NRRD,
    .affine = {{-1, 0, 0, 0}, {0, -1, 0, 0}, {0, 0, 1, 0}},
};

/* What a supply was asked for, and where it fails or raises the flag. */
struct asked {
    int64_t calls, fails_at, cancels_at;
    atomic_int cancel;
};

static enum vox_code count_slices(void *context, int64_t k, void *out, struct vox_err *err)
{
    struct asked *asked = context;
    assert_int_equal(asked->calls, k);
    asked->calls++;
    if (k == asked->cancels_at) {
        atomic_store(&asked->cancel, 1);
    }
    memset(out, (int)k, 6 * sizeof(uint16_t));
    return k == asked->fails_at ? vox_fail(err, VOX_E_BUSY, "not now") : VOX_OK;
}

/* Slices are asked for once each, in order; a supply that fails or a flag that is raised between
 * two of them leaves nothing. */
static void slice_by_slice(void **state)
{
    (void)state;
    const int64_t size[3] = {3, 2, 5};
    static const char *const names[] = {"s.nii", "s.nii.gz", "s.nrrd", "s.mha", "s.mhd"};
    for (size_t i = 0; i < 3 * sizeof(names) / sizeof(names[0]); i++) {
        struct asked asked = {.fails_at = i % 3 == 1 ? 2 : -1, .cancels_at = i % 3 == 2 ? 1 : -1};
        const struct vox_slice_supply supply = {count_slices, &asked};
        struct vox_err err = {0};
        struct vox_file_writer *file = NULL;
        enum vox_code code =
            vox_volume_prepare(in_folder(names[i / 3]), &plain, size, VOX_VOXEL_U16, &supply, NULL,
                               &asked.cancel, &file, &err);
        if (i % 3 == 0) {
            assert_int_equal(VOX_OK, code);
            assert_int_equal(5, asked.calls);
            assert_int_equal(VOX_OK, vox_file_commit(file, &err));
            struct vox_volume *volume = NULL;
            struct vox_volume_limits limits = test_limits();
            assert_int_equal(VOX_OK, vox_volume_read(path, &limits, &volume, &err));
            for (size_t v = 0; v < 30; v++) {
                assert_int_equal(0x0101 * (v / 6), ((const uint16_t *)volume->voxels)[v]);
            }
            vox_volume_free(volume);
            remove_written();
        } else {
            assert_int_equal(i % 3 == 1 ? VOX_E_BUSY : VOX_E_CANCELLED, code);
            assert_int_equal(i % 3 == 1 ? 3 : 2, asked.calls);
            assert_null(file);
        }
        assert_int_equal(0, rmdir(folder)); /* only an empty folder goes */
        assert_int_equal(0, mkdir(folder, 0700));
    }
}

static enum vox_code zeros_slice(void *context, int64_t k, void *out, struct vox_err *err)
{
    (void)context;
    (void)k;
    (void)err;
    memset(out, 0, 1024 * 1024);
    return VOX_OK;
}

/* 128 MiB of voxels pass through memory for a slice of 1 MiB. */
static void a_volume_larger_than_its_memory(void **state)
{
    (void)state;
    const int64_t size[3] = {1024, 1024, 128};
    const struct vox_slice_supply supply = {zeros_slice, NULL};
    struct vox_err err = {0};
    struct vox_file_writer *file = NULL;
    struct rusage before;
    struct rusage after;
    assert_int_equal(0, getrusage(RUSAGE_SELF, &before));
    assert_int_equal(VOX_OK, vox_volume_prepare(in_folder("large.nii.gz"), &plain, size,
                                                VOX_VOXEL_U8, &supply, NULL, NULL, &file, &err));
    assert_int_equal(0, getrusage(RUSAGE_SELF, &after));
    vox_file_abandon(file);
    assert_true(after.ru_maxrss - before.ru_maxrss < 32 << 10); /* KiB */
}

/* Bytes of a file of zeros written with these options; the file goes. */
static size_t size_with(const char *name, const struct vox_write_options *options)
{
    static const uint8_t zeros[4096];
    const int64_t size[3] = {16, 16, 16};
    struct vox_slice_array array = vox_slice_array(size, VOX_VOXEL_U8, zeros);
    struct vox_slice_supply supply = vox_slice_array_supply(&array);
    struct vox_err err = {0};
    struct vox_file_writer *file = NULL;
    assert_int_equal(VOX_OK, vox_volume_prepare(in_folder(name), &plain, size, VOX_VOXEL_U8,
                                                &supply, options, NULL, &file, &err));
    assert_int_equal(VOX_OK, vox_file_commit(file, &err));
    struct vox_volume_limits limits = test_limits();
    struct vox_volume *volume = NULL;
    assert_int_equal(VOX_OK, vox_volume_read(path, &limits, &volume, &err));
    assert_memory_equal(zeros, volume->voxels, sizeof(zeros));
    vox_volume_free(volume);
    char beside[80];
    snprintf(beside, sizeof(beside), "%.*s%s", (int)strlen(path) - 4, path,
             options != NULL && options->compress ? ".zraw" : ".raw");
    struct stat st;
    assert_int_equal(0, stat(strcmp(name, "c.mhd") == 0 ? beside : path, &st));
    remove_written();
    return (size_t)st.st_size;
}

static void compression_is_an_option(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool by_default, always, never;
    } cases[] = {
        {"c.nii", false, false, true},  {"c.nii.gz", true, true, false},
        {"c.nrrd", true, false, false}, {"c.seg.nrrd", true, false, false},
        {"c.mha", false, false, false}, {"c.mhd", false, false, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct vox_write_options on = {.compress = true};
        const struct vox_write_options off = {.compress = false};
        assert_int_equal(cases[i].by_default, size_with(cases[i].name, NULL) < 4096);
        assert_int_equal(!cases[i].never, size_with(cases[i].name, &on) < 4096);
        assert_int_equal(cases[i].always, size_with(cases[i].name, &off) < 4096);
        assert_int_equal(cases[i].by_default, vox_write_options_default(cases[i].name).compress);
    }
    assert_false(vox_write_options_default("c").compress);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nifti_keeps_every_bit),
        cmocka_unit_test(every_type_comes_back),
        cmocka_unit_test(nrrd_keeps_its_text),
        cmocka_unit_test(metaimage_keeps_its_text),
        cmocka_unit_test(formats_agree),
        cmocka_unit_test(floats_bound_the_place_of_tiny_voxels),
        cmocka_unit_test(long_sides_take_nifti_2),
        cmocka_unit_test(wrong_arguments),
        cmocka_unit_test(prepared_and_cancelled),
        cmocka_unit_test(slice_by_slice),
        cmocka_unit_test(a_volume_larger_than_its_memory),
        cmocka_unit_test(compression_is_an_option),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
