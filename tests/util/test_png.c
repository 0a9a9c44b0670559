#include "util/png.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>
#include <png.h>

#include "support/failing_alloc.h"

enum { WIDTH = 300, HEIGHT = 170 };

static char path[] = "/tmp/test_png.XXXXXX";

static int make_file(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

static void paint_row(int y, uint8_t *row)
{
    for (int x = 0; x < WIDTH; x++) {
        row[3 * x] = (uint8_t)x;
        row[3 * x + 1] = (uint8_t)(3 * y);
        row[3 * x + 2] = (uint8_t)(x * y);
    }
}

/* Writes the picture and commits it; what failed, with nothing left. */
static enum vox_code write_picture(struct vox_err *err)
{
    struct vox_file_writer *file;
    enum vox_code code = vox_file_create(path, &file, err);
    if (code != VOX_OK) {
        return code;
    }
    struct vox_png *png = NULL;
    code = vox_png_begin(file, WIDTH, HEIGHT, &png, err);
    uint8_t row[3 * WIDTH];
    for (int y = 0; y < HEIGHT && code == VOX_OK; y++) {
        paint_row(y, row);
        code = vox_png_row(png, row, err);
    }
    if (code == VOX_OK) {
        code = vox_png_end(png, err);
    } else {
        vox_png_free(png);
    }
    if (code == VOX_OK) {
        return vox_file_commit(file, err);
    }
    vox_file_abandon(file);
    return code;
}

static void libpng_reads_it(void **state)
{
    (void)state;
    assert_int_equal(VOX_OK, write_picture(NULL));
    png_image image = {.version = PNG_IMAGE_VERSION};
    assert_int_not_equal(0, png_image_begin_read_from_file(&image, path));
    assert_int_equal(WIDTH, image.width);
    assert_int_equal(HEIGHT, image.height);
    assert_int_equal(PNG_FORMAT_RGB, image.format);
    uint8_t *pixels = malloc(PNG_IMAGE_SIZE(image));
    assert_non_null(pixels);
    assert_int_not_equal(0, png_image_finish_read(&image, NULL, pixels, 0, NULL));
    uint8_t row[3 * WIDTH];
    for (int y = 0; y < HEIGHT; y++) {
        paint_row(y, row);
        assert_memory_equal(row, pixels + (size_t)y * sizeof(row), sizeof(row));
    }
    free(pixels);
}

static void bad_sizes(void **state)
{
    (void)state;
    struct vox_file_writer *file;
    struct vox_png *png;
    assert_int_equal(VOX_OK, vox_file_create(path, &file, NULL));
    assert_int_equal(VOX_E_LIMIT, vox_png_begin(file, 0, 5, &png, NULL));
    assert_int_equal(VOX_E_LIMIT, vox_png_begin(file, 5, -1, &png, NULL));
    assert_int_equal(VOX_E_LIMIT, vox_png_begin(file, VOX_PNG_SIDE_MAX + 1, 5, &png, NULL));
    vox_file_abandon(file);
    vox_png_free(NULL);
}

/* A full disk, played by a limit on file sizes, is the file's own error. */
static void a_full_disk(void **state)
{
    (void)state;
    struct rlimit before, small;
    assert_int_equal(0, getrlimit(RLIMIT_FSIZE, &before));
    signal(SIGXFSZ, SIG_IGN);
    for (rlim_t most = 0; most < 4096; most += 37) {
        small = (struct rlimit){most, before.rlim_max};
        assert_int_equal(0, setrlimit(RLIMIT_FSIZE, &small));
        struct vox_err err = {0};
        enum vox_code code = write_picture(&err);
        assert_int_equal(0, setrlimit(RLIMIT_FSIZE, &before));
        assert_int_equal(VOX_E_IO, code);
        assert_int_equal(VOX_E_IO, err.code);
        assert_non_null(strstr(err.msg, "cannot write the file"));
    }
}

static void failing_allocations(void **state)
{
    (void)state;
    long k = 1;
    for (;; k++) {
        struct vox_err err = {0};
        vox_fail_allocation(k);
        enum vox_code code = write_picture(&err);
        if (!vox_allocation_failed()) {
            assert_int_equal(VOX_OK, code);
            break;
        }
        assert_int_equal(VOX_E_NOMEM, code);
        assert_int_equal(VOX_E_NOMEM, err.code);
    }
    vox_fail_allocation(0);
    assert_true(k > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(libpng_reads_it),
        cmocka_unit_test(bad_sizes),
        cmocka_unit_test(a_full_disk),
        cmocka_unit_test(failing_allocations),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
