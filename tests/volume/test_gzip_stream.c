/* gzip written and read part by part. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <zlib.h>

#include "support/failing_alloc.h"
#include "util/file.h"
#include "volume/gzip.h"
#include "volume/volume_bytes.h"

enum { SIZE = 700000 };

static char folder[] = "/tmp/vox_gzip_XXXXXX";
static char path[64];
static uint8_t plain[SIZE];

/* Runs, as in a mask, then noise, which does not shrink. */
static int begin(void **state)
{
    (void)state;
    uint32_t seed = 5;
    for (size_t i = 0; i < SIZE; i++) {
        seed = seed * 1664525U + 1013904223U;
        plain[i] = (uint8_t)(i < SIZE / 2 ? i / 1000 % 3 : seed >> 24);
    }
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    snprintf(path, sizeof(path), "%s/stream", folder);
    return 0;
}

static int end(void **state)
{
    (void)state;
    return rmdir(folder);
}

/* Writes what is plain in parts of this size; VOX_OK and a file, or neither. */
static enum vox_code write_parts(bool zlib_container, size_t size, size_t part)
{
    struct vox_file_writer *file;
    enum vox_code code = vox_file_create(path, &file, NULL);
    if (code != VOX_OK) {
        return code;
    }
    struct vox_gzip_writer *writer = NULL;
    code = vox_gzip_writer_new(file, zlib_container, &writer, NULL);
    for (size_t at = 0; at < size && code == VOX_OK; at += part) {
        code = vox_gzip_writer_put(writer, plain + at, size - at < part ? size - at : part, NULL);
    }
    if (code == VOX_OK) {
        code = vox_gzip_writer_finish(writer, NULL);
    }
    vox_gzip_writer_free(writer);
    if (code != VOX_OK) {
        vox_file_abandon(file);
        return code;
    }
    return vox_file_commit(file, NULL);
}

/* The whole stream through zlib itself, which compares the checksum and the framing asked for. */
static void wants_plain(const struct bytes *packed, int window_bits, size_t size)
{
    z_stream z;
    memset(&z, 0, sizeof(z));
    assert_int_equal(Z_OK, inflateInit2(&z, window_bits));
    uint8_t *out = malloc(SIZE + 1);
    assert_non_null(out);
    z.next_in = packed->data;
    z.avail_in = (unsigned)packed->size;
    z.next_out = out;
    z.avail_out = SIZE + 1;
    assert_int_equal(Z_STREAM_END, inflate(&z, Z_FINISH));
    assert_int_equal(0, z.avail_in);
    assert_int_equal(size, z.total_out);
    assert_memory_equal(plain, out, size);
    inflateEnd(&z);
    free(out);
}

static void written_is_read(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 1000, SIZE};
    static const size_t parts[] = {1 << 20, 65536, 4097};
    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        struct bytes first = {NULL, 0};
        for (size_t p = 0; p < sizeof(parts) / sizeof(parts[0]); p++) {
            assert_int_equal(VOX_OK, write_parts(false, sizes[s], parts[p]));
            struct bytes packed = file_bytes(path, true);
            wants_plain(&packed, 15 + 16, sizes[s]);
            /* The bytes do not depend on the parts. */
            if (p > 0) {
                assert_int_equal(first.size, packed.size);
                assert_memory_equal(first.data, packed.data, packed.size);
                bytes_free(&first);
            }
            first = packed;
        }
        bytes_free(&first);
        assert_int_equal(VOX_OK, write_parts(true, sizes[s], 5000));
        struct bytes packed = file_bytes(path, true);
        wants_plain(&packed, 15, sizes[s]);
        bytes_free(&packed);
    }
}

static struct bytes members(const size_t *cuts, size_t n)
{
    struct bytes file = gzip_of(nrrd_file("", plain, cuts[0]));
    for (size_t i = 1; i < n; i++) {
        file = joined(file, gzip_of(nrrd_file("", plain + cuts[i - 1], cuts[i] - cuts[i - 1])));
    }
    return file;
}

static void next_is(struct vox_gzip_reader *reader, size_t from, size_t size)
{
    static uint8_t out[SIZE];
    assert_int_equal(VOX_OK, vox_gzip_reader_read(reader, out, size, NULL));
    assert_memory_equal(plain + from, out, size);
}

static void parts_marks_and_members(void **state)
{
    (void)state;
    static const size_t cuts[] = {100, 100, 350001, SIZE};
    struct bytes files[3] = {members(cuts, 4), gzip_of(nrrd_file("", plain, SIZE))};
    assert_int_equal(VOX_OK, write_parts(true, SIZE, 5000));
    files[2] = file_bytes(path, true);
    for (int i = 0; i < 3; i++) {
        struct vox_gzip_reader *reader = NULL;
        struct vox_gzip_mark *marks[3] = {NULL, NULL, NULL};
        assert_int_equal(VOX_OK, vox_gzip_reader_new(files[i].data, files[i].size, &reader, NULL));
        assert_int_equal(VOX_OK, vox_gzip_reader_mark(reader, &marks[0], NULL));
        next_is(reader, 0, 100);
        next_is(reader, 100, 0);
        assert_int_equal(VOX_OK, vox_gzip_reader_mark(reader, &marks[1], NULL));
        assert_int_equal(VOX_OK, vox_gzip_reader_read(reader, NULL, 400000, NULL));
        assert_int_equal(VOX_OK, vox_gzip_reader_mark(reader, &marks[2], NULL));
        next_is(reader, 400100, SIZE - 400100);
        assert_int_equal(VOX_OK, vox_gzip_reader_finish(reader, SIZE, NULL));
        uint8_t byte = 77;
        assert_int_equal(VOX_E_FORMAT, vox_gzip_reader_read(reader, &byte, 1, NULL));
        assert_int_equal(VOX_OK, vox_gzip_reader_return(reader, marks[2], NULL));
        next_is(reader, 400100, SIZE - 400100);
        assert_int_equal(VOX_OK, vox_gzip_reader_return(reader, marks[1], NULL));
        next_is(reader, 100, 300000);
        assert_int_equal(VOX_OK, vox_gzip_reader_rewind(reader, NULL));
        next_is(reader, 0, SIZE);
        /* Twice from the same mark. */
        for (int round = 0; round < 2; round++) {
            assert_int_equal(VOX_OK, vox_gzip_reader_return(reader, marks[0], NULL));
            next_is(reader, 0, SIZE);
            assert_int_equal(VOX_OK, vox_gzip_reader_finish(reader, SIZE, NULL));
        }
        vox_gzip_reader_free(reader);
        for (int m = 0; m < 3; m++) {
            vox_gzip_mark_free(marks[m]);
        }
        bytes_free(&files[i]);
    }
    vox_gzip_reader_free(NULL);
    vox_gzip_mark_free(NULL);
    vox_gzip_writer_free(NULL);
}

/* Reads all; takes the bytes. */
static void refused(struct bytes bytes, const char *text)
{
    uint8_t *out = malloc(SIZE);
    assert_non_null(out);
    struct vox_gzip_reader *reader = NULL;
    struct vox_err err = {VOX_OK, 0, ""};
    assert_int_equal(VOX_OK, vox_gzip_reader_new(bytes.data, bytes.size, &reader, &err));
    for (int round = 0; round < 2; round++) {
        enum vox_code code = vox_gzip_reader_read(reader, out, SIZE, &err);
        if (code == VOX_OK) {
            code = vox_gzip_reader_finish(reader, SIZE, &err);
        }
        assert_int_equal(VOX_E_FORMAT, code);
        assert_non_null(strstr(err.msg, text));
        assert_int_equal(VOX_OK, vox_gzip_reader_rewind(reader, &err));
    }
    vox_gzip_reader_free(reader);
    free(out);
    bytes_free(&bytes);
}

static void damage(void **state)
{
    (void)state;
    static const size_t cuts[] = {100, 350001, SIZE};
    struct bytes whole = members(cuts, 3);
    const size_t lengths[] = {0, 1, 2, 11, 200, whole.size / 2, whole.size - 1};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        refused(nrrd_file("", whole.data, lengths[i]), "gzip stream");
    }
    /* The checksum of the first member, the length of the last. */
    struct bytes first = gzip_of(nrrd_file("", plain, 100));
    struct bytes bad = nrrd_file("", whole.data, whole.size);
    bad.data[first.size - 6] ^= 1;
    refused(bad, "the gzip stream is damaged");
    bad = nrrd_file("", whole.data, whole.size);
    bad.data[bad.size - 1] ^= 1;
    refused(bad, "the gzip stream is damaged");
    refused(nrrd_file("", plain, 1000), "the gzip stream is damaged");
    bytes_free(&first);
    bytes_free(&whole);
}

static void writing_without_memory(void **state)
{
    (void)state;
    int refusals = 0;
    for (long n = 1;; n++) {
        vox_fail_allocation(n);
        enum vox_code code = write_parts(n % 2 == 0, 1000, 100);
        bool failed = vox_allocation_failed();
        vox_fail_allocation(0);
        if (!failed) {
            assert_int_equal(VOX_OK, code);
            assert_int_equal(0, unlink(path));
            break;
        }
        assert_int_equal(VOX_E_NOMEM, code);
        refusals++;
        assert_true(n < 100);
    }
    assert_true(refusals > 3);
}

static void reading_without_memory(void **state)
{
    (void)state;
    struct bytes packed = gzip_of(nrrd_file("", plain, SIZE));
    int refusals = 0;
    for (long n = 1;; n++) {
        struct vox_gzip_reader *reader = NULL;
        struct vox_gzip_mark *mark = NULL;
        vox_fail_allocation(n);
        enum vox_code code = vox_gzip_reader_new(packed.data, packed.size, &reader, NULL);
        if (code == VOX_OK) {
            code = vox_gzip_reader_read(reader, NULL, 1000, NULL);
        }
        if (code == VOX_OK) {
            code = vox_gzip_reader_mark(reader, &mark, NULL);
        }
        if (code == VOX_OK) {
            code = vox_gzip_reader_read(reader, NULL, 1000, NULL);
        }
        if (code == VOX_OK) {
            code = vox_gzip_reader_return(reader, mark, NULL);
            /* Without memory the reader is where it was. */
            next_is(reader, code == VOX_OK ? 1000 : 2000, 3000);
        }
        bool failed = vox_allocation_failed();
        vox_fail_allocation(0);
        vox_gzip_reader_free(reader);
        vox_gzip_mark_free(mark);
        if (!failed) {
            assert_int_equal(VOX_OK, code);
            break;
        }
        assert_int_equal(VOX_E_NOMEM, code);
        refusals++;
        assert_true(n < 100);
    }
    assert_true(refusals > 6);
    bytes_free(&packed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written_is_read),
        cmocka_unit_test(parts_marks_and_members),
        cmocka_unit_test(damage),
        cmocka_unit_test(writing_without_memory),
        cmocka_unit_test(reading_without_memory),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
