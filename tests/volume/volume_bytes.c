#include "volume/volume_bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <zlib.h>

static void put_bits(uint8_t *at, uint64_t value, size_t width, bool swapped)
{
    const uint16_t one = 1;
    uint8_t little;
    memcpy(&little, &one, 1);
    for (size_t i = 0; i < width; i++) {
        at[(little == 1) != swapped ? i : width - 1 - i] = (uint8_t)(value >> (8 * i));
    }
}

static void put_f32(uint8_t *at, double value, bool swapped)
{
    float single = (float)value;
    uint32_t bits;
    memcpy(&bits, &single, 4);
    put_bits(at, bits, 4, swapped);
}

static void put_f64(uint8_t *at, double value, bool swapped)
{
    uint64_t bits;
    memcpy(&bits, &value, 8);
    put_bits(at, bits, 8, swapped);
}

struct nifti_spec nifti_spec_default(int version, int64_t w, int64_t h, int64_t d)
{
    struct nifti_spec spec = {
        .version = version,
        .dim = {3, w, h, d, 1, 1, 1, 1},
        .pixdim = {1, 2, 3, 4, 1, 1, 1, 1},
        .datatype = 2,
        .bitpix = 8,
        .vox_offset = version == 1 ? 352 : 544,
        .xyzt_units = 2,
        .sform_code = 1,
        .srow = {{2, 0, 0, 10}, {0, 3, 0, 20}, {0, 0, 4, 30}},
    };
    memcpy(spec.magic, version == 1 ? "n+1" : "n+2", 4);
    return spec;
}

static void first_header(uint8_t *h, const struct nifti_spec *s)
{
    put_bits(h, 348, 4, s->swapped);
    for (size_t i = 0; i < 8; i++) {
        put_bits(h + 40 + 2 * i, (uint64_t)s->dim[i], 2, s->swapped);
        put_f32(h + 76 + 4 * i, s->pixdim[i], s->swapped);
    }
    put_bits(h + 70, (uint64_t)s->datatype, 2, s->swapped);
    put_bits(h + 72, (uint64_t)s->bitpix, 2, s->swapped);
    put_f32(h + 108, s->vox_offset, s->swapped);
    put_f32(h + 112, s->scl_slope, s->swapped);
    put_f32(h + 116, s->scl_inter, s->swapped);
    h[123] = (uint8_t)s->xyzt_units;
    put_bits(h + 252, (uint64_t)s->qform_code, 2, s->swapped);
    put_bits(h + 254, (uint64_t)s->sform_code, 2, s->swapped);
    for (size_t i = 0; i < 3; i++) {
        put_f32(h + 256 + 4 * i, s->quatern[i], s->swapped);
        put_f32(h + 268 + 4 * i, s->qoffset[i], s->swapped);
    }
    for (size_t i = 0; i < 12; i++) {
        put_f32(h + 280 + 4 * i, s->srow[i / 4][i % 4], s->swapped);
    }
    memcpy(h + 344, s->magic, 4);
}

static void second_header(uint8_t *h, const struct nifti_spec *s)
{
    put_bits(h, 540, 4, s->swapped);
    memcpy(h + 4, s->magic, 4);
    memcpy(h + 8, "\r\n\032\n", 4);
    put_bits(h + 12, (uint64_t)s->datatype, 2, s->swapped);
    put_bits(h + 14, (uint64_t)s->bitpix, 2, s->swapped);
    for (size_t i = 0; i < 8; i++) {
        put_bits(h + 16 + 8 * i, (uint64_t)s->dim[i], 8, s->swapped);
        put_f64(h + 104 + 8 * i, s->pixdim[i], s->swapped);
    }
    put_bits(h + 168, (uint64_t)(int64_t)s->vox_offset, 8, s->swapped);
    put_f64(h + 176, s->scl_slope, s->swapped);
    put_f64(h + 184, s->scl_inter, s->swapped);
    put_bits(h + 344, (uint64_t)s->qform_code, 4, s->swapped);
    put_bits(h + 348, (uint64_t)s->sform_code, 4, s->swapped);
    for (size_t i = 0; i < 3; i++) {
        put_f64(h + 352 + 8 * i, s->quatern[i], s->swapped);
        put_f64(h + 376 + 8 * i, s->qoffset[i], s->swapped);
    }
    for (size_t i = 0; i < 12; i++) {
        put_f64(h + 400 + 8 * i, s->srow[i / 4][i % 4], s->swapped);
    }
    put_bits(h + 500, (uint64_t)s->xyzt_units, 4, s->swapped);
}

static struct bytes bytes_new(size_t size)
{
    struct bytes bytes = {malloc(size == 0 ? 1 : size), size};
    assert_non_null(bytes.data);
    memset(bytes.data, 0, size);
    return bytes;
}

struct bytes nifti_file(const struct nifti_spec *spec, const void *voxels, size_t size)
{
    size_t head = spec->version == 1 ? 352 : 544;
    struct bytes bytes = bytes_new(head + size);
    (spec->version == 1 ? first_header : second_header)(bytes.data, spec);
    if (size > 0) {
        memcpy(bytes.data + head, voxels, size);
    }
    return bytes;
}

struct bytes nrrd_file(const char *header, const void *voxels, size_t size)
{
    size_t head = strlen(header);
    struct bytes bytes = bytes_new(head + size);
    memcpy(bytes.data, header, head);
    if (size > 0) {
        memcpy(bytes.data + head, voxels, size);
    }
    return bytes;
}

struct bytes gzip_of(struct bytes plain)
{
    z_stream z;
    memset(&z, 0, sizeof(z));
    assert_int_equal(Z_OK, deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY));
    struct bytes packed = bytes_new(deflateBound(&z, plain.size));
    z.next_in = plain.data;
    z.avail_in = (unsigned)plain.size;
    z.next_out = packed.data;
    z.avail_out = (unsigned)packed.size;
    assert_int_equal(Z_STREAM_END, deflate(&z, Z_FINISH));
    packed.size = z.total_out;
    deflateEnd(&z);
    free(plain.data);
    return packed;
}

struct bytes joined(struct bytes a, struct bytes b)
{
    struct bytes both = bytes_new(a.size + b.size);
    memcpy(both.data, a.data, a.size);
    memcpy(both.data + a.size, b.data, b.size);
    free(a.data);
    free(b.data);
    return both;
}

void bytes_free(struct bytes *bytes)
{
    free(bytes->data);
    bytes->data = NULL;
}

struct vox_volume_limits test_limits(void)
{
    return (struct vox_volume_limits){.max_side = 4096, .max_bytes = 16 << 20};
}

struct vox_volume *parse_good(const struct bytes *bytes)
{
    struct vox_volume_limits limits = test_limits();
    struct vox_volume *volume = NULL;
    struct vox_err err = {VOX_OK, 0, ""};
    enum vox_code code = vox_volume_parse(bytes->data, bytes->size, &limits, &volume, &err);
    if (code != VOX_OK) {
        fail_msg("%s: %s", vox_code_name(code), err.msg);
    }
    assert_non_null(volume);
    return volume;
}

void parse_bad(struct bytes bytes, enum vox_code code, const char *text)
{
    struct vox_volume_limits limits = test_limits();
    struct vox_volume *volume = NULL;
    struct vox_err err = {VOX_OK, 0, ""};
    /* A block of exactly this size, so that a sanitizer sees every read beyond the end. */
    uint8_t *exact = malloc(bytes.size == 0 ? 1 : bytes.size);
    assert_non_null(exact);
    memcpy(exact, bytes.data, bytes.size);
    free(bytes.data);
    enum vox_code got = vox_volume_parse(exact, bytes.size, &limits, &volume, &err);
    free(exact);
    assert_null(volume);
    if (got != code || strstr(err.msg, text) == NULL) {
        fail_msg("wanted %s \"...%s...\", got %s \"%s\"", vox_code_name(code), text,
                 vox_code_name(got), err.msg);
    }
    assert_int_equal(code, err.code);
}

struct bytes file_bytes(const char *path, bool remove)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(0, fseek(file, 0, SEEK_END));
    struct bytes bytes = bytes_new((size_t)ftell(file));
    rewind(file);
    assert_int_equal(bytes.size, fread(bytes.data, 1, bytes.size, file));
    fclose(file);
    if (remove) {
        assert_int_equal(0, unlink(path));
    }
    return bytes;
}

void bytes_save(const char *path, struct bytes bytes)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(bytes.size, fwrite(bytes.data, 1, bytes.size, file));
    assert_int_equal(0, fclose(file));
    bytes_free(&bytes);
}
