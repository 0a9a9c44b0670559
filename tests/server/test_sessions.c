/* Sessions: what is kept of uploads, for how long, and what is refused. */
#include "server/sessions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "own_folder.h"
#include "support/failing_alloc.h"

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void expect_file(const char *path, const char *text)
{
    char found[64] = "";
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t n = fread(found, 1, sizeof(found) - 1, file);
    fclose(file);
    assert_int_equal(strlen(text), n);
    assert_string_equal(text, found);
}

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

static struct vox_sessions *open_sessions(int64_t expiry, int64_t count, uint64_t bytes)
{
    const struct vox_sessions_setup setup = {
        .folder = "sessions", .expiry = expiry, .count = count, .bytes = bytes};
    struct vox_sessions *sessions = NULL;
    assert_int_equal(VOX_OK, vox_sessions_open(&setup, &sessions, NULL));
    return sessions;
}

static struct vox_session_facts create(struct vox_sessions *sessions, const char *name,
                                       int64_t expiry)
{
    struct vox_session_facts facts;
    write_file("upload", "voxels");
    const struct vox_session_file file = {.path = "upload", .name = name};
    assert_int_equal(VOX_OK, vox_sessions_create(sessions, &file, 1, expiry, &facts, NULL));
    return facts;
}

static void test_life(void **state)
{
    (void)state;
    struct vox_sessions *sessions = open_sessions(0, 0, 0);
    struct vox_session_facts made = create(sessions, "C:\\scans\\Anna.NII.GZ", 0), found, gone;
    assert_false(exists("upload"));
    assert_int_equal(36, strlen(made.id));
    assert_true(made.single);
    assert_string_equal("/image.nii.gz", made.image + strlen(made.folder));
    assert_int_equal(3600, made.expiry);
    expect_file(made.image, "voxels");
    assert_int_equal(VOX_OK, vox_sessions_find(sessions, made.id, true, &found, NULL));
    assert_string_equal(made.image, found.image);
    vox_session_facts_fini(&found);
    assert_int_equal(VOX_E_NOT_FOUND, vox_sessions_find(sessions, "../x", true, &found, NULL));
    assert_int_equal(VOX_E_NOT_FOUND, vox_sessions_find(sessions, "", true, &found, NULL));
    assert_int_equal(1, vox_sessions_count(sessions));
    assert_int_equal(VOX_OK, vox_sessions_remove(sessions, made.id, &gone, NULL));
    assert_string_equal(made.id, gone.id);
    vox_session_facts_fini(&gone);
    assert_false(exists(made.folder));
    assert_int_equal(VOX_E_NOT_FOUND, vox_sessions_remove(sessions, made.id, &gone, NULL));
    assert_int_equal(0, vox_sessions_count(sessions));
    vox_session_facts_fini(&made);
    vox_sessions_close(sessions);
}

static void test_several_files(void **state)
{
    (void)state;
    struct vox_sessions *sessions = open_sessions(0, 0, 0);
    struct vox_session_facts facts;
    char path[4096];
    write_file("a", "one");
    write_file("b", "two");
    const struct vox_session_file files[] = {{.path = "a", .name = "../../x.dcm"},
                                             {.path = "b", .name = "y", .keep = true}};
    assert_int_equal(VOX_OK, vox_sessions_create(sessions, files, 2, 100, &facts, NULL));
    assert_false(facts.single);
    assert_string_equal(facts.folder, facts.image);
    assert_int_equal(100, facts.expiry);
    snprintf(path, sizeof(path), "%s/0000.dcm", facts.folder);
    expect_file(path, "one");
    snprintf(path, sizeof(path), "%s/0001", facts.folder);
    expect_file(path, "two");
    expect_file("b", "two");
    vox_session_facts_fini(&facts);
    vox_sessions_close(sessions);
}

static void test_expiry(void **state)
{
    (void)state;
    struct vox_sessions *sessions = open_sessions(100, 0, 0);
    struct vox_session_facts brief = create(sessions, "x.nrrd", 1), found;
    struct vox_session_facts longer = create(sessions, "x.nrrd", 1000);
    assert_int_equal(100, longer.expiry);
    while (vox_sessions_find(sessions, brief.id, false, &found, NULL) == VOX_OK) {
        vox_session_facts_fini(&found);
        usleep(10000);
    }
    /* Its files go behind. */
    while (exists(brief.folder)) {
        usleep(10000);
    }
    assert_int_equal(VOX_OK, vox_sessions_find(sessions, longer.id, false, &found, NULL));
    vox_session_facts_fini(&found);
    assert_int_equal(1, vox_sessions_count(sessions));
    vox_sessions_close(sessions);
    assert_false(exists(longer.folder));
    vox_session_facts_fini(&brief);
    vox_session_facts_fini(&longer);
    assert_int_equal(0, rmdir("sessions"));
}

static void test_limits(void **state)
{
    (void)state;
    struct vox_sessions *sessions = open_sessions(0, 1, 10);
    struct vox_session_facts facts;
    struct vox_err err = {0};
    write_file("big", "eleven char");
    const struct vox_session_file big = {.path = "big", .name = "big.nii"};
    assert_int_equal(VOX_E_LIMIT, vox_sessions_create(sessions, &big, 1, 0, &facts, &err));
    assert_non_null(strstr(err.msg, "10 bytes"));
    assert_true(exists("big"));
    assert_int_equal(VOX_E_LIMIT, vox_sessions_create(sessions, &big, 0, 0, &facts, &err));
    const struct vox_session_file nothing = {.path = "nothing", .name = "x.nii"};
    assert_int_equal(VOX_E_IO, vox_sessions_create(sessions, &nothing, 1, 0, &facts, &err));
    struct vox_session_facts first = create(sessions, "x.nii", 0);
    write_file("small", "small");
    const struct vox_session_file small = {.path = "small", .name = "small.nii"};
    assert_int_equal(VOX_E_BUSY, vox_sessions_create(sessions, &small, 1, 0, &facts, &err));
    assert_int_equal(VOX_OK, vox_sessions_remove(sessions, first.id, &facts, NULL));
    vox_session_facts_fini(&facts);
    assert_int_equal(VOX_OK, vox_sessions_create(sessions, &small, 1, 0, &facts, &err));
    vox_session_facts_fini(&facts);
    vox_session_facts_fini(&first);
    vox_sessions_close(sessions);
}

/* What fails leaves no session and no folder, and the upload where it was or nowhere. */
static void test_no_memory(void **state)
{
    (void)state;
    struct vox_sessions *sessions = open_sessions(0, 0, 0);
    struct vox_session_facts facts;
    enum vox_code code = VOX_E_NOMEM;
    for (long k = 1; code != VOX_OK; k++) {
        assert_true(k < 100);
        write_file("upload", "voxels");
        const struct vox_session_file file = {.path = "upload", .name = "x.nii"};
        vox_fail_allocation(k);
        code = vox_sessions_create(sessions, &file, 1, 0, &facts, NULL);
        bool failed = vox_allocation_failed();
        vox_fail_allocation(0);
        assert_int_equal(failed ? VOX_E_NOMEM : VOX_OK, code);
        assert_int_equal(code == VOX_OK, vox_sessions_count(sessions));
    }
    vox_session_facts_fini(&facts);
    vox_sessions_close(sessions);
    assert_int_equal(0, rmdir("sessions"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life),      cmocka_unit_test(test_several_files),
        cmocka_unit_test(test_expiry),    cmocka_unit_test(test_limits),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, vox_enter_folder, vox_leave_folder);
}
