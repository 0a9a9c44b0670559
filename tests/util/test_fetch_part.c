#include "util/fetch_part.h"

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
#include "util/memory.h"

static char folder[] = "/tmp/test_fetch_part.XXXXXX";
static char path[64], part_path[64], notes_path[80];

static int make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    snprintf(path, sizeof(path), "%s/file", folder);
    snprintf(part_path, sizeof(part_path), "%s/file.part", folder);
    snprintf(notes_path, sizeof(notes_path), "%s/file.part.json", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

static void remove_files(void)
{
    unlink(path);
    unlink(part_path);
    unlink(notes_path);
}

static bool is_there(const char *file)
{
    return access(file, F_OK) == 0;
}

/* Begins a version and keeps three bytes of it. */
static enum vox_code begin(struct vox_err *err)
{
    struct vox_fetch_part *part;
    enum vox_code code = vox_fetch_part_open(part_path, &part, err);
    if (code != VOX_OK) {
        return code;
    }
    code = vox_fetch_part_restart(part, "\"v\"", 6, err);
    if (code == VOX_OK) {
        code = vox_fetch_part_add(part, "abc", 3, err);
    }
    if (code == VOX_OK) {
        code = vox_fetch_part_keep(part, err);
    }
    vox_fetch_part_close(part);
    return code;
}

/* Goes on with it to the end. */
static enum vox_code end(char hex[VOX_SHA256_HEX], struct vox_err *err)
{
    struct vox_fetch_part *part;
    enum vox_code code = vox_fetch_part_open(part_path, &part, err);
    if (code != VOX_OK) {
        return code;
    }
    assert_int_equal(3, vox_fetch_part_size(part));
    assert_int_equal(6, vox_fetch_part_total(part));
    assert_string_equal("\"v\"", vox_fetch_part_version(part));
    code = vox_fetch_part_add(part, "def", 3, err);
    if (code == VOX_OK) {
        vox_fetch_part_hash(part, hex);
        code = vox_fetch_part_finish(part, path, err);
    }
    vox_fetch_part_close(part);
    return code;
}

static void test_goes_on(void **state)
{
    (void)state;
    char hex[VOX_SHA256_HEX], wanted[VOX_SHA256_HEX];
    struct vox_err err = {0};
    assert_int_equal(VOX_OK, begin(&err));
    assert_int_equal(VOX_OK, end(hex, &err));
    assert_int_equal(VOX_OK, vox_sha256_hex("abcdef", 6, wanted, &err));
    assert_string_equal(wanted, hex);
    assert_true(is_there(path));
    assert_false(is_there(part_path));
    assert_false(is_there(notes_path));
    remove_files();
}

static void test_version_that_is_too_long(void **state)
{
    (void)state;
    char version[2 * VOX_FETCH_VALIDATOR_BYTES];
    struct vox_fetch_part *part;
    struct vox_err err = {0};
    memset(version, 'v', sizeof(version));
    version[sizeof(version) - 1] = '\0';
    assert_int_equal(VOX_OK, vox_fetch_part_open(part_path, &part, &err));
    assert_int_equal(VOX_OK, vox_fetch_part_restart(part, version, 6, &err));
    assert_string_equal("", vox_fetch_part_version(part));
    assert_int_equal(VOX_OK, vox_fetch_part_add(part, "abc", 3, &err));
    assert_int_equal(VOX_OK, vox_fetch_part_keep(part, &err));
    vox_fetch_part_close(part);
    /* Nothing says of what the bytes are a part. */
    assert_int_equal(VOX_OK, vox_fetch_part_open(part_path, &part, &err));
    assert_int_equal(0, vox_fetch_part_size(part));
    vox_fetch_part_remove(part);
    vox_fetch_part_close(part);
    assert_false(is_there(part_path));
    assert_false(is_there(notes_path));
}

static void test_taken(void **state)
{
    (void)state;
    struct vox_fetch_part *first, *second;
    struct vox_err err = {0};
    assert_int_equal(VOX_OK, vox_fetch_part_open(part_path, &first, &err));
    assert_int_equal(VOX_E_BUSY, vox_fetch_part_open(part_path, &second, &err));
    assert_int_equal(0, err.sys);
    vox_fetch_part_remove(first);
    vox_fetch_part_close(first);
}

/* Whatever allocation fails, the call after it goes on or begins anew, and ends with the file. */
static void test_no_memory(void **state)
{
    (void)state;
    char hex[VOX_SHA256_HEX];
    bool failed = true;
    for (long k = 1; failed; k++) {
        struct vox_err err = {0};
        vox_fail_allocation(k);
        enum vox_code code = begin(&err);
        if (code == VOX_OK) {
            code = end(hex, &err);
        }
        failed = vox_allocation_failed();
        vox_fail_allocation(0);
        assert_true(code == VOX_OK || code == VOX_E_NOMEM);
        if (code != VOX_OK) {
            assert_false(is_there(path));
            assert_int_equal(VOX_OK, begin(&err));
            assert_int_equal(VOX_OK, end(hex, &err));
        }
        assert_true(is_there(path));
        remove_files();
        assert_true(k < 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_goes_on),
        cmocka_unit_test(test_version_that_is_too_long),
        cmocka_unit_test(test_taken),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
