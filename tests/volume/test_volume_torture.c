/* Reading, writing and cleaning with an allocator that fails from the k-th call on, for every k
 * until nothing fails. The linker puts these functions in front of vox_alloc, vox_calloc and
 * vox_strdup; leaks are the sanitizers' to find. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "util/memory.h"
#include "volume/components.h"
#include "volume/label_map.h"
#include "volume/volume_bytes.h"

static long allowed = -1; /* allocations that still succeed; -1 for all */

void *__real_vox_alloc(size_t size);
void *__wrap_vox_alloc(size_t size);
void *__real_vox_calloc(size_t count, size_t size);
void *__wrap_vox_calloc(size_t count, size_t size);

static bool fails(void)
{
    if (allowed > 0) {
        allowed--;
        return false;
    }
    return allowed == 0;
}

void *__real_vox_realloc(void *block, size_t old_size, size_t new_size);
void *__wrap_vox_realloc(void *block, size_t old_size, size_t new_size);

void *__wrap_vox_realloc(void *block, size_t old_size, size_t new_size)
{
    return fails() ? NULL : __real_vox_realloc(block, old_size, new_size);
}

char *__real_vox_strdup(const char *text);
char *__wrap_vox_strdup(const char *text);

void *__wrap_vox_alloc(size_t size)
{
    return fails() ? NULL : __real_vox_alloc(size);
}

/* The calls of vox_alloc in these two lie in its own object file, out of the linker's reach. */
void *__wrap_vox_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_vox_calloc(count, size);
}

char *__wrap_vox_strdup(const char *text)
{
    return fails() ? NULL : __real_vox_strdup(text);
}

static const uint8_t voxels[4096] = {1, 2, 0, 3};

static bool read_volume(const struct bytes *file, struct vox_err *err)
{
    struct vox_volume_limits limits = test_limits();
    struct vox_volume *volume = NULL;
    enum vox_code code = vox_volume_parse(file->data, file->size, &limits, &volume, err);
    assert_true(code == VOX_OK ? volume != NULL : volume == NULL && code == VOX_E_NOMEM);
    vox_volume_free(volume);
    return code == VOX_OK;
}

static bool read_label_map(const struct bytes *file, struct vox_err *err)
{
    struct vox_volume_limits limits = test_limits();
    struct vox_label_map *map = NULL;
    enum vox_code code = vox_label_map_parse(file->data, file->size, &limits, &map, err);
    assert_true(code == VOX_OK ? map != NULL : map == NULL && code == VOX_E_NOMEM);
    vox_label_map_free(map);
    return code == VOX_OK;
}

/* Tries with 0, 1, 2, ... allocations and returns how many failures it took. */
static int torture(const struct bytes *file, bool (*read)(const struct bytes *, struct vox_err *))
{
    for (int k = 0;; k++) {
        struct vox_err err;
        allowed = k;
        bool done = read(file, &err);
        allowed = -1;
        if (done) {
            return k;
        }
        assert_int_equal(VOX_E_NOMEM, err.code);
        assert_true(k < 100);
    }
}

static int torture_read(const struct bytes *file)
{
    return torture(file, read_volume);
}

static struct bytes nifti(void)
{
    struct nifti_spec spec = nifti_spec_default(1, 16, 16, 16);
    return nifti_file(&spec, voxels, sizeof(voxels));
}

static void reading(void **state)
{
    (void)state;
    struct bytes file = nifti();
    assert_int_equal(2, torture_read(&file)); /* the volume and its voxels */
    bytes_free(&file);
    file = gzip_of(nifti());
    assert_true(torture_read(&file) > 2);
    bytes_free(&file);
    /* Through zlib instead of libdeflate: one byte more than promised. */
    file = gzip_of(joined(nifti(), nrrd_file("x", NULL, 0)));
    assert_true(torture_read(&file) > 3);
    bytes_free(&file);
    file =
        joined(nrrd_file("NRRD0004\ntype: uint8\ndimension: 3\nsizes: 16 16 16\nencoding: gzip\n\n",
                         NULL, 0),
               gzip_of(nrrd_file("", voxels, sizeof(voxels))));
    assert_int_equal(2, torture_read(&file));
    bytes_free(&file);
    file = nrrd_file("NDims = 3\nDimSize = 16 16 16\nElementType = MET_UCHAR\n"
                     "ElementDataFile = LOCAL\n",
                     voxels, sizeof(voxels));
    assert_int_equal(2, torture_read(&file));
    bytes_free(&file);
}

static void a_file_beside(void **state)
{
    (void)state;
    char folder[] = "/tmp/vox_torture_XXXXXX";
    assert_non_null(mkdtemp(folder));
    struct bytes file = nifti();
    struct vox_volume *like = parse_good(&file);
    char path[64];
    struct vox_err err;
    snprintf(path, sizeof(path), "%s/a.mhd", folder);
    assert_int_equal(
        VOX_OK, vox_volume_write(path, &like->geometry, like->size, VOX_VOXEL_U8, voxels, &err));
    int k = 0;
    for (enum vox_code code = VOX_E_NOMEM; code != VOX_OK; k++) {
        struct vox_volume_limits limits = test_limits();
        struct vox_volume *volume = NULL;
        allowed = k;
        code = vox_volume_read(path, &limits, &volume, &err);
        allowed = -1;
        assert_true(code == VOX_OK ? volume != NULL : volume == NULL && code == VOX_E_NOMEM);
        vox_volume_free(volume);
    }
    assert_int_equal(4, k); /* the other file's path, the volume and its voxels failed */
    assert_int_equal(0, unlink(path));
    snprintf(path, sizeof(path), "%s/a.raw", folder);
    assert_int_equal(0, unlink(path));
    assert_int_equal(0, rmdir(folder));
    vox_volume_free(like);
    bytes_free(&file);
}

static void label_maps(void **state)
{
    (void)state;
    static const char header[] =
        "NRRD0004\ntype: uint8\ndimension: 4\nsizes: 2 16 16 8\nencoding: %s\n"
        "kinds: list domain domain domain\nSegment0_ID:=a\nSegment1_ID:=b\n\n";
    char text[256];
    uint8_t busy[4096]; /* many runs and values, so that their lists grow */
    for (size_t i = 0; i < sizeof(busy); i++) {
        busy[i] = (uint8_t)(i * 7);
    }
    snprintf(text, sizeof(text), header, "raw");
    struct bytes file = nrrd_file(text, busy, sizeof(busy));
    assert_true(torture(&file, read_label_map) > 15);
    bytes_free(&file);
    snprintf(text, sizeof(text), header, "gzip");
    file = joined(nrrd_file(text, NULL, 0), gzip_of(nrrd_file("", busy, sizeof(busy))));
    assert_true(torture(&file, read_label_map) > 17);
    bytes_free(&file);
}

static void writing(void **state)
{
    (void)state;
    static const char *const endings[] = {"nii", "nii.gz", "nrrd", "mha", "mhd"};
    char folder[] = "/tmp/vox_torture_XXXXXX";
    assert_non_null(mkdtemp(folder));
    struct bytes file = nifti();
    struct vox_volume *like = parse_good(&file);
    for (size_t i = 0; i < 5; i++) {
        char path[64];
        snprintf(path, sizeof(path), "%s/a.%s", folder, endings[i]);
        int k = 0;
        for (enum vox_code code = VOX_E_NOMEM; code != VOX_OK; k++) {
            struct vox_err err;
            allowed = k;
            code = vox_volume_write(path, &like->geometry, like->size, VOX_VOXEL_U8, voxels, &err);
            allowed = -1;
            /* Once the file has its name, the folder's path is needed to make that durable; the
             * system's code says so. */
            assert_true(code == VOX_OK || code == VOX_E_NOMEM ||
                        (code == VOX_E_IO && access(path, F_OK) == 0));
            assert_true(k < 100);
        }
        assert_true(k > 3);
        /* Nothing but the file itself is left. */
        assert_int_equal(0, unlink(path));
        snprintf(path, sizeof(path), "%s/a.raw", folder);
        assert_int_equal(i == 4 ? 0 : -1, unlink(path));
    }
    assert_int_equal(0, rmdir(folder));
    vox_volume_free(like);
    bytes_free(&file);
}

static void components(void **state)
{
    (void)state;
    const int64_t size[3] = {4, 1, 1};
    const uint8_t before[4] = {1, 0, 1, 1};
    const uint8_t after[4] = {0, 0, 1, 1};
    uint8_t mask[4];
    for (int k = 0; k < 3; k++) {
        memcpy(mask, before, 4);
        int64_t got = -5;
        allowed = k;
        enum vox_code code = vox_largest_component(mask, size, &got, NULL);
        allowed = -1;
        assert_int_equal(k < 2 ? VOX_E_NOMEM : VOX_OK, code);
        assert_memory_equal(k < 2 ? before : after, mask, 4);
        assert_int_equal(k < 2 ? -5 : 2, got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reading), cmocka_unit_test(a_file_beside), cmocka_unit_test(label_maps),
        cmocka_unit_test(writing), cmocka_unit_test(components),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
