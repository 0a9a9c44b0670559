/* Folders that go with their process, however it ends. */
#include "util/private_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char common[64];

static int make_common(void **state)
{
    (void)state;
    char base[] = "/tmp/vox-private-XXXXXX";
    if (mkdtemp(base) == NULL) {
        return -1;
    }
    snprintf(common, sizeof(common), "%s/common", base);
    return 0;
}

static int remove_common(void **state)
{
    (void)state;
    char base[64];
    snprintf(base, sizeof(base), "%s", common);
    *strrchr(base, '/') = '\0';
    vox_remove_tree(base);
    return access(base, F_OK) == 0 ? -1 : 0;
}

static void write_into(const char *folder)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/inner", folder);
    assert_int_equal(0, mkdir(path, 0700));
    snprintf(path, sizeof(path), "%s/inner/file", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("x", file);
    fclose(file);
    snprintf(path, sizeof(path), "%s/link", folder);
    assert_int_equal(0, symlink("/etc", path));
}

static bool exists(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

static void test_goes_when_closed(void **state)
{
    (void)state;
    struct vox_private_folder *folder;
    struct stat st;
    char path[256];
    assert_int_equal(VOX_OK, vox_private_folder_open(common, &folder, NULL));
    snprintf(path, sizeof(path), "%s", vox_private_folder_path(folder));
    assert_int_equal(0, stat(path, &st));
    assert_int_equal(0700, st.st_mode & 07777);
    write_into(path);
    vox_private_folder_close(folder);
    assert_false(exists(path));
    assert_true(exists("/etc"));
    assert_int_equal(0, rmdir(common)); /* no lock is left */
    vox_private_folder_close(NULL);
}

static void test_two_live(void **state)
{
    (void)state;
    struct vox_private_folder *first, *second;
    assert_int_equal(VOX_OK, vox_private_folder_open(common, &first, NULL));
    assert_int_equal(VOX_OK, vox_private_folder_open(common, &second, NULL));
    assert_string_not_equal(vox_private_folder_path(first), vox_private_folder_path(second));
    assert_true(exists(vox_private_folder_path(first)));
    vox_private_folder_close(second);
    assert_true(exists(vox_private_folder_path(first)));
    vox_private_folder_close(first);
}

/* A process that ends without a word leaves its folder to the next one. */
static void test_killed(void **state)
{
    (void)state;
    int ends[2], status;
    char path[256] = "";
    assert_int_equal(0, pipe(ends));
    pid_t child = fork();
    if (child == 0) {
        struct vox_private_folder *folder;
        if (vox_private_folder_open(common, &folder, NULL) == VOX_OK) {
            const char *made = vox_private_folder_path(folder);
            write_into(made);
            (void)!write(ends[1], made, strlen(made));
        }
        _exit(0);
    }
    close(ends[1]);
    assert_int_equal(child, waitpid(child, &status, 0));
    assert_true(read(ends[0], path, sizeof(path) - 1) > 0);
    close(ends[0]);
    assert_true(exists(path));
    struct vox_private_folder *folder;
    assert_int_equal(VOX_OK, vox_private_folder_open(common, &folder, NULL));
    assert_false(exists(path));
    vox_private_folder_close(folder);
    assert_int_equal(0, rmdir(common));
}

/* Processes that begin at the same time clean up behind each other, and all get a folder. */
static void test_at_once(void **state)
{
    (void)state;
    enum { PROCESSES = 4, TIMES = 200 };
    pid_t children[PROCESSES];
    for (int p = 0; p < PROCESSES; p++) {
        children[p] = fork();
        if (children[p] == 0) {
            struct vox_private_folder *folder;
            int times = 0;
            while (times < TIMES && vox_private_folder_open(common, &folder, NULL) == VOX_OK) {
                vox_private_folder_close(folder);
                times++;
            }
            _exit(times == TIMES ? 0 : 1);
        }
    }
    for (int p = 0; p < PROCESSES; p++) {
        int status = 1;
        assert_int_equal(children[p], waitpid(children[p], &status, 0));
        assert_int_equal(0, status);
    }
    assert_int_equal(0, rmdir(common));
}

static void test_open_to_others(void **state)
{
    (void)state;
    struct vox_private_folder *folder;
    struct vox_err err = {0};
    assert_int_equal(0, mkdir(common, 0755));
    assert_int_equal(0, chmod(common, 0755));
    assert_int_equal(VOX_E_ARG, vox_private_folder_open(common, &folder, &err));
    assert_non_null(strstr(err.msg, "chmod 700"));
    assert_int_equal(0, rmdir(common));
    assert_int_equal(VOX_E_IO, vox_private_folder_open("/proc/nothing", &folder, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_goes_when_closed), cmocka_unit_test(test_two_live),
        cmocka_unit_test(test_killed),           cmocka_unit_test(test_at_once),
        cmocka_unit_test(test_open_to_others),
    };
    return cmocka_run_group_tests(tests, make_common, remove_common);
}
