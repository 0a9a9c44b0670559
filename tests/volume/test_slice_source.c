/* Slices of files that stay on disk equal those of the same files in memory, to the last bit, in
 * whatever order and with whatever budget; and reading them costs few passes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/failing_alloc.h"
#include "volume/gzip.h"
#include "volume/slice_source.h"
#include "volume/volume_bytes.h"

enum { W = 13, H = 11, D = 150, PIXELS = W * H, VOXELS = PIXELS * D };

static char path[] = "/tmp/vox_slices_XXXXXX";
static uint8_t noise[VOXELS * 16];

/* Bytes that were inflated. */
static uint64_t inflated;

enum vox_code __real_vox_gzip_reader_read(struct vox_gzip_reader *reader, void *out, size_t wanted,
                                          struct vox_err *err) VOX_MUST_USE;
enum vox_code __wrap_vox_gzip_reader_read(struct vox_gzip_reader *reader, void *out, size_t wanted,
                                          struct vox_err *err) VOX_MUST_USE;

enum vox_code __wrap_vox_gzip_reader_read(struct vox_gzip_reader *reader, void *out, size_t wanted,
                                          struct vox_err *err)
{
    inflated += wanted;
    return __real_vox_gzip_reader_read(reader, out, wanted, err);
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525U + 1013904223U;
    return *seed >> 8;
}

static int begin(void **state)
{
    (void)state;
    uint32_t seed = 7;
    for (size_t i = 0; i < sizeof(noise); i++) {
        noise[i] = (uint8_t)next_random(&seed);
    }
    int file = mkstemp(path);
    return file < 0 || close(file) != 0;
}

static int end(void **state)
{
    (void)state;
    return unlink(path);
}

static struct bytes nifti(int datatype, int bits, bool swapped)
{
    struct nifti_spec spec = nifti_spec_default(1, W, H, D);
    spec.datatype = datatype;
    spec.bitpix = bits;
    spec.swapped = swapped;
    spec.scl_slope = 0.37;
    spec.scl_inter = -3.25;
    return nifti_file(&spec, noise, (size_t)VOXELS * (size_t)bits / 8);
}

static struct bytes nrrd(bool packed)
{
    char head[200];
    snprintf(head, sizeof(head),
             "NRRD0004\ntype: int16\ndimension: 3\nsizes: %d %d %d\nencoding: %s\nendian: "
             "little\n\n",
             W, H, D, packed ? "gzip" : "raw");
    struct bytes voxels = nrrd_file("", noise, (size_t)VOXELS * 2);
    return joined(nrrd_file(head, NULL, 0), packed ? gzip_of(voxels) : voxels);
}

static struct bytes part_of(const struct bytes *whole, size_t from, size_t to)
{
    return nrrd_file("", whole->data + from, to - from);
}

static struct vox_slice_source *open_good(uint64_t budget)
{
    struct vox_volume_limits limits = test_limits();
    struct vox_slice_source *source = NULL;
    struct vox_err err = {VOX_OK, 0, ""};
    enum vox_code code = vox_slice_source_open(path, &limits, budget, &source, &err);
    if (code != VOX_OK) {
        fail_msg("%s: %s", vox_code_name(code), err.msg);
    }
    return source;
}

static void same_slice(struct vox_slice_source *source, const struct vox_volume *volume, int64_t k,
                       uint64_t budget)
{
    double wanted[PIXELS], got[PIXELS];
    vox_volume_slice(volume, k, wanted);
    assert_int_equal(VOX_OK, vox_slice_source_values(source, k, got, NULL));
    assert_memory_equal(wanted, got, sizeof(got));
    const void *stored = NULL;
    assert_int_equal(VOX_OK, vox_slice_source_stored(source, k, &stored, NULL));
    size_t bytes = PIXELS * vox_voxel_size(volume->type);
    assert_memory_equal((const uint8_t *)volume->voxels + (size_t)k * bytes, stored, bytes);
    assert_true(vox_slice_source_bytes(source) <= budget);
}

/* Up, down, at random, within a plan and outside. */
static void same_in_any_order(const struct vox_volume *volume, uint64_t budget)
{
    struct vox_slice_source *source = open_good(budget);
    assert_false(vox_slice_source_resident(source));
    const struct vox_volume *shown = vox_slice_source_volume(source);
    assert_null(shown->voxels);
    assert_int_equal(volume->type, shown->type);
    assert_memory_equal(volume->size, shown->size, sizeof(shown->size));
    assert_memory_equal(&volume->slope, &shown->slope, sizeof(shown->slope));
    assert_memory_equal(&volume->intercept, &shown->intercept, sizeof(shown->intercept));
    assert_memory_equal(&volume->geometry, &shown->geometry, sizeof(shown->geometry));
    uint32_t seed = 3;
    for (int64_t k = D / 3; k < D; k++) {
        same_slice(source, volume, k, budget);
    }
    vox_slice_source_plan(source, 20, 70);
    for (int64_t k = D - 1; k >= 0; k--) {
        same_slice(source, volume, k, budget);
    }
    for (int i = 0; i < 60; i++) {
        same_slice(source, volume, next_random(&seed) % D, budget);
        if (i % 20 == 0) {
            int64_t first = next_random(&seed) % D;
            vox_slice_source_plan(source, first, first + next_random(&seed) % (D - first));
        }
    }
    vox_slice_source_close(source);
}

static void same_with_any_budget(struct bytes file, uint64_t stored_size)
{
    bytes_save(path, file);
    struct vox_volume_limits limits = test_limits();
    struct vox_volume *volume = NULL;
    assert_int_equal(VOX_OK, vox_volume_read(path, &limits, &volume, NULL));
    static const uint64_t slices[] = {1, 2, 3, 5, 40, 149};
    for (size_t i = 0; i < sizeof(slices) / sizeof(slices[0]); i++) {
        /* Not a whole number of slices. */
        same_in_any_order(volume, slices[i] * PIXELS * stored_size + 17);
    }
    vox_volume_free(volume);
}

static void plain_files(void **state)
{
    (void)state;
    same_with_any_budget(nifti(4, 16, false), 2);
    same_with_any_budget(nifti(512, 16, true), 2);
    same_with_any_budget(nifti(16, 32, true), 4);
    same_with_any_budget(nifti(1536, 128, false), 16);
    same_with_any_budget(nrrd(false), 2);
}

static void gzip_files(void **state)
{
    (void)state;
    same_with_any_budget(gzip_of(nifti(4, 16, true)), 2);
    same_with_any_budget(gzip_of(nifti(2, 8, false)), 1);
    same_with_any_budget(gzip_of(nifti(64, 64, false)), 8);
    same_with_any_budget(gzip_of(nifti(1536, 128, true)), 16);
    same_with_any_budget(nrrd(true), 2);
}

static void several_members(void **state)
{
    (void)state;
    struct bytes plain = nifti(4, 16, false);
    static const size_t cuts[] = {100, 352, 352 + 2 * PIXELS, 20000, 352 + 2 * VOXELS};
    struct bytes file = gzip_of(part_of(&plain, 0, cuts[0]));
    for (size_t i = 1; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
        file = joined(file, gzip_of(part_of(&plain, cuts[i - 1], cuts[i])));
    }
    bytes_free(&plain);
    same_with_any_budget(joined(file, nrrd_file("garbage", NULL, 0)), 2);
}

static void resident(struct bytes file)
{
    bytes_save(path, file);
    struct vox_volume_limits limits = test_limits();
    struct vox_volume *volume = NULL;
    assert_int_equal(VOX_OK, vox_volume_read(path, &limits, &volume, NULL));
    struct vox_slice_source *source = open_good(2 * VOXELS);
    assert_true(vox_slice_source_resident(source));
    assert_int_equal(2 * VOXELS, vox_slice_source_bytes(source));
    struct vox_slice_source *borrowed = NULL;
    assert_int_equal(VOX_OK, vox_slice_source_borrow(volume, &borrowed, NULL));
    for (int64_t k = D - 1; k >= 0; k--) {
        same_slice(source, volume, k, 2 * VOXELS);
        same_slice(borrowed, volume, k, 2 * VOXELS);
    }
    vox_slice_source_plan(source, 0, 0);
    vox_slice_source_close(borrowed);
    vox_slice_source_close(source);
    vox_volume_free(volume);
    source = open_good(2 * VOXELS - 1);
    assert_false(vox_slice_source_resident(source));
    vox_slice_source_close(source);
}

static void what_fits_is_resident(void **state)
{
    (void)state;
    resident(gzip_of(nifti(4, 16, false)));
    resident(nifti(4, 16, true));
    resident(nrrd(true));
    resident(nrrd(false));
    vox_slice_source_close(NULL);
}

static void look(struct vox_slice_source *source, int64_t from, int64_t to)
{
    double values[PIXELS];
    int64_t step = from <= to ? 1 : -1;
    for (int64_t k = from; k != to + step; k += step) {
        assert_int_equal(VOX_OK, vox_slice_source_values(source, k, values, NULL));
    }
}

/* Slices inflated since the last call. */
static uint64_t cost(void)
{
    uint64_t slices = inflated / (2 * PIXELS);
    inflated = 0;
    return slices;
}

static void few_passes(void **state)
{
    (void)state;
    bytes_save(path, gzip_of(nifti(4, 16, false)));
    struct vox_slice_source *source = open_good(20 * 2 * PIXELS);
    inflated = 0;
    look(source, 0, D - 1);
    assert_in_range(cost(), D, D + 1); /* and the header */
    /* Down again: 19 slices are there, each block of nine costs itself and at most two slices,
     * which lie between a mark and its begin. */
    look(source, D - 1, 0);
    assert_in_range(cost(), D - 19, (D - 19) * 12 / 9 + 3);
    look(source, 0, D - 1);
    assert_in_range(cost(), D - 30, D);
    /* What is planned and fits stays, whatever else is read. */
    vox_slice_source_plan(source, 60, 78);
    look(source, 0, D - 1);
    cost();
    look(source, 60, 78);
    look(source, 78, 60);
    assert_in_range(cost(), 0, 0);
    look(source, 0, 30);
    look(source, 100, D - 1);
    cost();
    look(source, 78, 60);
    assert_in_range(cost(), 0, 0);
    vox_slice_source_close(source);
    /* One slice only: then every step down goes back to a mark, which are three slices apart. */
    source = open_good(2 * PIXELS);
    look(source, 0, D - 1);
    cost();
    look(source, D - 1, 0);
    assert_in_range(cost(), D, 2 * D + 3);
    vox_slice_source_close(source);
}

static void damaged(struct bytes file, int64_t good, const char *text)
{
    bytes_save(path, file);
    struct vox_slice_source *source = open_good(9 * 2 * PIXELS);
    double values[PIXELS];
    struct vox_err err = {VOX_OK, 0, ""};
    for (int round = 0; round < 2; round++) {
        enum vox_code code = VOX_OK;
        int64_t k = 0;
        while (k < D && code == VOX_OK) {
            code = vox_slice_source_values(source, k++, values, &err);
        }
        assert_int_equal(VOX_E_FORMAT, code);
        assert_non_null(strstr(err.msg, text));
        assert_true(k > good);
        /* What lies before is still there. */
        assert_int_equal(VOX_OK, vox_slice_source_values(source, good - 1, values, &err));
        assert_int_equal(VOX_OK, vox_slice_source_values(source, 0, values, &err));
    }
    vox_slice_source_close(source);
}

static void damage_in_the_middle(void **state)
{
    (void)state;
    struct bytes whole = gzip_of(nifti(4, 16, false));
    damaged(part_of(&whole, 0, whole.size / 2), D / 3, "gzip stream ends early");
    damaged(part_of(&whole, 0, whole.size - 1), D - 1, "gzip stream ends early");
    struct bytes bad = part_of(&whole, 0, whole.size);
    bad.data[bad.size - 8] ^= 1; /* the checksum */
    damaged(bad, D - 1, "the gzip stream is damaged");
    bad = part_of(&whole, 0, whole.size);
    memset(bad.data + bad.size / 2, 0, 64);
    damaged(bad, D / 3, "gzip stream");
    bytes_free(&whole);
    /* A whole stream that holds too little. */
    struct bytes plain = nifti(4, 16, false);
    damaged(gzip_of(part_of(&plain, 0, plain.size - 100)), D - 1, "gzip stream ends early");
    bytes_free(&plain);
}

static void open_bad(struct bytes file, uint64_t budget, enum vox_code wanted, const char *text)
{
    bytes_save(path, file);
    struct vox_volume_limits limits = test_limits();
    struct vox_slice_source *source = NULL;
    struct vox_err err = {VOX_OK, 0, ""};
    assert_int_equal(wanted, vox_slice_source_open(path, &limits, budget, &source, &err));
    assert_non_null(strstr(err.msg, text));
    assert_null(source);
}

static void refusals(void **state)
{
    (void)state;
    open_bad(gzip_of(nifti(4, 16, false)), 2 * PIXELS - 1, VOX_E_LIMIT,
             "one slice takes 286 bytes");
    open_bad(nifti(4, 16, false), 0, VOX_E_LIMIT, "allow more memory");
    struct bytes plain = nifti(4, 16, false);
    open_bad(part_of(&plain, 0, plain.size - 1), 3000, VOX_E_FORMAT, "the header promises");
    open_bad(part_of(&plain, 0, 20), 3000, VOX_E_FORMAT, "ends inside the NIfTI header");
    open_bad(part_of(&plain, 0, 0), 3000, VOX_E_FORMAT, "the file is empty");
    struct bytes packed = gzip_of(part_of(&plain, 0, 1000));
    open_bad(part_of(&packed, 0, 40), 3000, VOX_E_FORMAT, "gzip");
    bytes_free(&packed);
    bytes_free(&plain);
}

/* What the header says, and nothing of the voxels: they may be damaged. */
static void headers_alone(void **state)
{
    (void)state;
    struct vox_volume_limits limits = test_limits();
    for (int i = 0; i < 4; i++) {
        bool packed = i % 2 == 1;
        bytes_save(path, i < 2 ? (packed ? gzip_of(nifti(4, 16, false)) : nifti(4, 16, false))
                               : nrrd(packed));
        struct vox_volume *wanted = NULL, *got = NULL;
        assert_int_equal(VOX_OK, vox_volume_read(path, &limits, &wanted, NULL));
        inflated = 0;
        assert_int_equal(VOX_OK, vox_volume_read_header(path, &limits, &got, NULL));
        assert_true(inflated < VOXELS);
        assert_null(got->voxels);
        assert_memory_equal(wanted->size, got->size, sizeof(got->size));
        assert_int_equal(wanted->type, got->type);
        assert_memory_equal(&wanted->slope, &got->slope, sizeof(got->slope));
        assert_memory_equal(&wanted->intercept, &got->intercept, sizeof(got->intercept));
        assert_memory_equal(&wanted->geometry, &got->geometry, sizeof(got->geometry));
        vox_volume_free(got);
        vox_volume_free(wanted);
    }
    struct vox_volume *volume = NULL;
    struct vox_err err;
    struct bytes packed = gzip_of(nifti(4, 16, false));
    bytes_save(path, part_of(&packed, 0, packed.size / 2));
    assert_int_equal(VOX_E_FORMAT, vox_volume_read(path, &limits, &volume, &err));
    assert_int_equal(VOX_OK, vox_volume_read_header(path, &limits, &volume, &err));
    vox_volume_free(volume);
    volume = NULL;
    bytes_save(path, part_of(&packed, 0, 40));
    assert_int_equal(VOX_E_FORMAT, vox_volume_read_header(path, &limits, &volume, &err));
    assert_int_equal(VOX_E_NOT_FOUND, vox_volume_read_header("/none", &limits, &volume, &err));
    assert_null(volume);
    bytes_free(&packed);
}

/* The k-th allocation fails, for every k: then opening or reading says so or goes on without. */
static void without_memory(void **state)
{
    (void)state;
    static const uint64_t budgets[] = {2 * PIXELS * 4, 2 * VOXELS, 2 * VOXELS};
    for (size_t i = 0; i < 3; i++) {
        bytes_save(path, i == 2 ? nifti(4, 16, false) : gzip_of(nifti(4, 16, false)));
        double wanted[PIXELS], got[PIXELS];
        struct vox_slice_source *source = open_good(budgets[i]);
        assert_int_equal(VOX_OK, vox_slice_source_values(source, 1, wanted, NULL));
        vox_slice_source_close(source);
        int refused = 0;
        for (long n = 1; n < 500; n++) {
            struct vox_volume_limits limits = test_limits();
            struct vox_err err;
            vox_fail_allocation(n);
            enum vox_code code = vox_slice_source_open(path, &limits, budgets[i], &source, &err);
            if (code == VOX_OK) {
                for (int64_t k = 20; k >= 0 && code == VOX_OK; k--) {
                    code = vox_slice_source_values(source, k, k == 1 ? wanted : got, &err);
                }
                vox_slice_source_close(source);
            }
            bool failed = vox_allocation_failed();
            vox_fail_allocation(0);
            if (code != VOX_OK) {
                assert_int_equal(VOX_E_NOMEM, code);
                assert_true(failed);
                refused++;
            }
            if (!failed) {
                break;
            }
            assert_true(n < 499);
        }
        assert_true(refused > 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_files),     cmocka_unit_test(gzip_files),
        cmocka_unit_test(several_members), cmocka_unit_test(what_fits_is_resident),
        cmocka_unit_test(few_passes),      cmocka_unit_test(damage_in_the_middle),
        cmocka_unit_test(refusals),        cmocka_unit_test(headers_alone),
        cmocka_unit_test(without_memory),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
