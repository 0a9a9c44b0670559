#include "util/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Every test has a folder of its own and works in it. */
static int enter_folder(void **state)
{
    char *folder = strdup("/tmp/test_file.XXXXXX");
    if (folder == NULL || mkdtemp(folder) == NULL || chdir(folder) != 0) {
        free(folder);
        return -1;
    }
    *state = folder;
    return 0;
}

static int leave_folder(void **state)
{
    char *folder = *state;
    DIR *entries = opendir(".");
    struct dirent *entry;
    while (entries != NULL && (entry = readdir(entries)) != NULL) {
        if (unlink(entry->d_name) != 0) {
            rmdir(entry->d_name);
        }
    }
    if (entries != NULL) {
        closedir(entries);
    }
    int bad = chdir("/") != 0 || rmdir(folder) != 0;
    free(folder);
    return bad;
}

/* Entries of the current folder, hidden ones too. */
static int count_entries(void)
{
    DIR *entries = opendir(".");
    assert_non_null(entries);
    int n = 0;
    struct dirent *entry;
    while ((entry = readdir(entries)) != NULL) {
        n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    }
    closedir(entries);
    return n;
}

static void put(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(strlen(text), fwrite(text, 1, strlen(text), file));
    assert_int_equal(0, fclose(file));
}

static void assert_content(const char *path, const char *text)
{
    struct vox_mapping mapping = {0};
    struct vox_err err = {0};
    assert_int_equal(VOX_OK, vox_file_map(path, &mapping, &err));
    assert_int_equal(strlen(text), mapping.size);
    assert_memory_equal(text, mapping.data, mapping.size);
    vox_file_unmap(&mapping);
}

static mode_t mode_of(const char *path)
{
    struct stat st;
    assert_int_equal(0, stat(path, &st));
    return st.st_mode & 07777;
}

static void map_gives_the_bytes(void **state)
{
    (void)state;
    put("file", "some bytes");
    struct vox_mapping mapping = {0};
    struct vox_err err = {0};
    assert_int_equal(VOX_OK, vox_file_map("file", &mapping, &err));
    assert_int_equal(10, mapping.size);
    assert_memory_equal("some bytes", mapping.data, 10);
    vox_file_unload(&mapping);
    assert_memory_equal("some bytes", mapping.data, 10);
    /* The name may go; the bytes stay until the end of the mapping. */
    assert_int_equal(0, unlink("file"));
    assert_memory_equal("some bytes", mapping.data, 10);
    vox_file_unmap(&mapping);
    assert_null(mapping.data);
    assert_int_equal(0, mapping.size);
    vox_file_unmap(&mapping);
    vox_file_unload(&mapping);
}

static void map_of_an_empty_file_is_empty(void **state)
{
    (void)state;
    put("file", "");
    struct vox_mapping mapping = {(const uint8_t *)"x", 9};
    struct vox_err err = {0};
    assert_int_equal(VOX_OK, vox_file_map("file", &mapping, &err));
    assert_null(mapping.data);
    assert_int_equal(0, mapping.size);
    vox_file_unmap(&mapping);
}

static void assert_not_mapped(enum vox_code code, const char *path)
{
    const uint8_t byte = 0;
    struct vox_mapping mapping = {&byte, 9};
    struct vox_err err = {0};
    assert_int_equal(code, vox_file_map(path, &mapping, &err));
    assert_int_equal(code, err.code);
    assert_true(err.msg[0] != '\0');
    /* Paths can hold a patient's name. */
    assert_null(strstr(err.msg, path));
    assert_ptr_equal(&byte, mapping.data);
    assert_int_equal(9, mapping.size);
}

static void what_cannot_be_mapped_is_said(void **state)
{
    (void)state;
    put("plain", "x");
    assert_int_equal(0, mkdir("drawer", 0700));
    assert_not_mapped(VOX_E_NOT_FOUND, "missing-one");
    assert_not_mapped(VOX_E_NOT_FOUND, "missing-one/below");
    assert_not_mapped(VOX_E_NOT_FOUND, "plain/below");
    assert_not_mapped(VOX_E_IO, "drawer");
    assert_not_mapped(VOX_E_IO, "/dev/zero");
}

/* A named pipe without a writer would hold an open(2) for ever. */
static void map_of_a_pipe_does_not_wait(void **state)
{
    (void)state;
    assert_int_equal(0, mkfifo("queue", 0600));
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        alarm(10);
        struct vox_mapping mapping = {0};
        struct vox_err err = {0};
        _exit(vox_file_map("queue", &mapping, &err) == VOX_E_IO ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(child, waitpid(child, &status, 0));
    assert_true(WIFEXITED(status));
    assert_int_equal(0, WEXITSTATUS(status));
}

static void written_file_appears_at_commit(void **state)
{
    (void)state;
    struct vox_file_writer *file = NULL;
    struct vox_err err = {0};
    assert_int_equal(VOX_OK, vox_file_create("out", &file, &err));
    assert_int_equal(VOX_OK, vox_file_write(file, "one ", 4, &err));
    assert_int_equal(VOX_OK, vox_file_write(file, NULL, 0, &err));
    assert_int_equal(VOX_OK, vox_file_write(file, "two", 3, &err));
    assert_int_equal(-1, access("out", F_OK));
    assert_int_equal(1, count_entries());
    assert_int_equal(VOX_OK, vox_file_commit(file, &err));
    assert_content("out", "one two");
    assert_int_equal(1, count_entries());
}

static void large_file_is_whole(void **state)
{
    (void)state;
    enum { SIZE = 3 << 20 };
    unsigned char *data = malloc(SIZE);
    assert_non_null(data);
    for (size_t i = 0; i < SIZE; i++) {
        data[i] = (unsigned char)(i * 2654435761U >> 13);
    }
    struct vox_file_writer *file = NULL;
    struct vox_err err = {0};
    assert_int_equal(VOX_OK, vox_file_create("out", &file, &err));
    assert_int_equal(VOX_OK, vox_file_write(file, data, SIZE, &err));
    assert_int_equal(VOX_OK, vox_file_commit(file, &err));
    struct vox_mapping mapping = {0};
    assert_int_equal(VOX_OK, vox_file_map("out", &mapping, &err));
    assert_int_equal(SIZE, mapping.size);
    assert_memory_equal(data, mapping.data, SIZE);
    vox_file_unmap(&mapping);
    free(data);
}

/* More than one step, and a flag that is set before the first. */
static void large_writes_can_be_cancelled(void **state)
{
    (void)state;
    const size_t size = ((size_t)33 << 20) + 5;
    unsigned char *data = calloc(size, 1);
    assert_non_null(data);
    data[size - 1] = 7;
    data[((size_t)16 << 20) - 1] = 8;
    data[(size_t)16 << 20] = 9;
    struct vox_file_writer *file = NULL;
    struct vox_err err = {0};
    atomic_int cancel = 0;
    assert_int_equal(VOX_OK, vox_file_create("out", &file, &err));
    assert_int_equal(VOX_OK, vox_file_write_large(file, data, size, &cancel, &err));
    assert_int_equal(VOX_OK, vox_file_sync(file, &err));
    assert_int_equal(0, access("out", F_OK) == 0);
    assert_int_equal(VOX_OK, vox_file_commit(file, &err));
    struct vox_mapping mapping = {0};
    assert_int_equal(VOX_OK, vox_file_map("out", &mapping, &err));
    assert_int_equal(size, mapping.size);
    assert_true(memcmp(data, mapping.data, size) == 0);
    vox_file_unmap(&mapping);

    atomic_store(&cancel, 1);
    assert_int_equal(VOX_OK, vox_file_create("other", &file, &err));
    assert_int_equal(VOX_E_CANCELLED, vox_file_write_large(file, data, size, &cancel, &err));
    assert_int_equal(VOX_OK, vox_file_write_large(file, data, 5, NULL, &err));
    vox_file_abandon(file);
    assert_int_equal(1, count_entries());
    free(data);
}

static void abandoned_file_leaves_nothing(void **state)
{
    (void)state;
    put("out", "old");
    struct vox_file_writer *file = NULL;
    struct vox_err err = {0};
    assert_int_equal(VOX_OK, vox_file_create("out", &file, &err));
    assert_int_equal(VOX_OK, vox_file_write(file, "new", 3, &err));
    vox_file_abandon(file);
    vox_file_abandon(NULL);
    assert_content("out", "old");
    assert_int_equal(1, count_entries());
}

static void crash_leaves_the_old_file(void **state)
{
    (void)state;
    put("out", "old");
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct vox_file_writer *file = NULL;
        struct vox_err err = {0};
        if (vox_file_create("out", &file, &err) == VOX_OK &&
            vox_file_write(file, "new", 3, &err) == VOX_OK) {
            kill(getpid(), SIGKILL);
        }
        _exit(1);
    }
    int status = 0;
    assert_int_equal(child, waitpid(child, &status, 0));
    assert_true(WIFSIGNALED(status));
    assert_content("out", "old");
}

static void folder_that_cannot_be_written_is_said(void **state)
{
    (void)state;
    put("plain", "x");
    static const char *const paths[] = {"missing/out", "plain/out", "/proc/out"};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        struct vox_file_writer *file = NULL;
        struct vox_err err = {0};
        assert_int_equal(VOX_E_IO, vox_file_create(paths[i], &file, &err));
        assert_null(file);
        assert_int_equal(VOX_E_IO, err.code);
        assert_int_not_equal(0, err.sys);
        assert_null(strstr(err.msg, paths[i]));
    }
}

static void folder_in_the_way_is_said(void **state)
{
    (void)state;
    assert_int_equal(0, mkdir("out", 0700));
    struct vox_file_writer *file = NULL;
    struct vox_err err = {0};
    assert_int_equal(VOX_OK, vox_file_create("out", &file, &err));
    assert_int_equal(VOX_OK, vox_file_write(file, "new", 3, &err));
    assert_int_equal(VOX_E_IO, vox_file_commit(file, &err));
    assert_int_equal(EISDIR, err.sys);
    assert_int_equal(1, count_entries());
}

/* RLIMIT_FSIZE stands for a full disk: write(2) is short once and refused afterwards. In a child,
 * because a limit that was lowered stays. */
static int write_beyond_the_limit(void)
{
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit = {5000, 5000};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) {
        return 2;
    }
    static char data[9000];
    struct vox_file_writer *file = NULL;
    struct vox_err err = {0};
    if (vox_file_create("out", &file, &err) != VOX_OK ||
        vox_file_write(file, data, 4000, &err) != VOX_OK) {
        return 3;
    }
    if (vox_file_write(file, data, sizeof(data), &err) != VOX_E_IO || err.sys != EFBIG) {
        return 4;
    }
    vox_file_abandon(file);
    return vox_file_save("out", data, sizeof(data), &err) == VOX_E_IO ? 0 : 5;
}

static void full_disk_leaves_nothing(void **state)
{
    (void)state;
    put("out", "old");
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(write_beyond_the_limit());
    }
    int status = 0;
    assert_int_equal(child, waitpid(child, &status, 0));
    assert_true(WIFEXITED(status));
    assert_int_equal(0, WEXITSTATUS(status));
    assert_content("out", "old");
    assert_int_equal(1, count_entries());
}

static void write_file(const char *path)
{
    struct vox_err err = {0};
    assert_int_equal(VOX_OK, vox_file_save(path, "new", 3, &err));
    assert_content(path, "new");
}

static void mode_follows_the_umask(void **state)
{
    (void)state;
    static const mode_t masks[] = {0, 022, 027, 077};
    for (size_t i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
        mode_t old = umask(masks[i]);
        write_file("out");
        umask(old);
        assert_int_equal(0666 & ~masks[i], mode_of("out"));
        assert_int_equal(0, unlink("out"));
    }
}

static void unfinished_file_is_private(void **state)
{
    (void)state;
    mode_t old = umask(0);
    struct vox_file_writer *file = NULL;
    struct vox_err err = {0};
    assert_int_equal(VOX_OK, vox_file_create("out", &file, &err));
    umask(old);
    DIR *entries = opendir(".");
    assert_non_null(entries);
    int seen = 0;
    struct dirent *entry;
    while ((entry = readdir(entries)) != NULL) {
        if (strncmp(entry->d_name, ".out.", 5) == 0) {
            assert_int_equal(0600, mode_of(entry->d_name));
            seen++;
        }
    }
    closedir(entries);
    assert_int_equal(1, seen);
    vox_file_abandon(file);
}

static void replaced_file_keeps_its_mode(void **state)
{
    (void)state;
    put("out", "old");
    assert_int_equal(0, chmod("out", 0640));
    write_file("out");
    assert_int_equal(0640, mode_of("out"));
    assert_int_equal(0, chmod("out", 0444));
    write_file("out");
    assert_int_equal(0444, mode_of("out"));
}

static void open_mapping_keeps_the_old_bytes(void **state)
{
    (void)state;
    put("out", "old");
    struct vox_mapping mapping = {0};
    struct vox_err err = {0};
    assert_int_equal(VOX_OK, vox_file_map("out", &mapping, &err));
    write_file("out");
    assert_memory_equal("old", mapping.data, 3);
    vox_file_unmap(&mapping);
}

static void path_with_folders_works(void **state)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/deep.nii.gz", (const char *)*state);
    write_file(path);
    assert_int_equal(1, count_entries());
}

static void bytes_written_before_are_replaced(void **state)
{
    (void)state;
    struct vox_file_writer *file = NULL;
    struct vox_err err = {0};
    assert_int_equal(VOX_OK, vox_file_create("a", &file, &err));
    assert_int_equal(0, vox_file_written(file));
    assert_int_equal(VOX_OK, vox_file_write(file, "size = ???, ", 12, &err));
    assert_int_equal(VOX_OK, vox_file_patch(file, 7, "12 ", 3, &err));
    assert_int_equal(VOX_OK, vox_file_write(file, "rest", 4, &err));
    assert_int_equal(16, vox_file_written(file));
    assert_int_equal(VOX_OK, vox_file_patch(file, 15, "T", 1, &err));
    assert_int_equal(VOX_OK, vox_file_commit(file, &err));
    assert_content("a", "size = 12 , resT");
}

/* "a" tells of "b", which is joined to it. */
static struct vox_file_writer *joined(void)
{
    struct vox_file_writer *file = NULL;
    struct vox_file_writer *first = NULL;
    struct vox_err err = {0};
    assert_int_equal(VOX_OK, vox_file_create("a", &file, &err));
    assert_int_equal(VOX_OK, vox_file_create("b", &first, &err));
    assert_int_equal(VOX_OK, vox_file_write(file, "of b", 4, &err));
    assert_int_equal(VOX_OK, vox_file_write(first, "b", 1, &err));
    vox_file_join(file, first);
    return file;
}

static void joined_files_end_together(void **state)
{
    (void)state;
    struct vox_err err = {0};
    vox_file_abandon(joined());
    assert_int_equal(0, count_entries());
    struct vox_file_writer *file = joined();
    assert_int_equal(VOX_OK, vox_file_sync(file, &err));
    assert_int_equal(VOX_OK, vox_file_commit(file, &err));
    assert_content("a", "of b");
    assert_content("b", "b");
    assert_int_equal(2, count_entries());
}

/* What is told of does not get its name: neither does what tells of it. The other way round, only
 * the joined file is there. */
static void a_joined_file_that_fails(void **state)
{
    (void)state;
    struct vox_err err = {0};
    assert_int_equal(0, mkdir("b", 0700)); /* a file cannot be renamed to a folder's name */
    assert_int_equal(VOX_E_IO, vox_file_commit(joined(), &err));
    assert_int_equal(1, count_entries());
    assert_int_equal(0, rmdir("b"));
    assert_int_equal(0, mkdir("a", 0700));
    assert_int_equal(VOX_E_IO, vox_file_commit(joined(), &err));
    assert_content("b", "b");
    assert_int_equal(2, count_entries());
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(map_gives_the_bytes),
        IN_FOLDER(map_of_an_empty_file_is_empty),
        IN_FOLDER(what_cannot_be_mapped_is_said),
        IN_FOLDER(map_of_a_pipe_does_not_wait),
        IN_FOLDER(written_file_appears_at_commit),
        IN_FOLDER(large_file_is_whole),
        IN_FOLDER(large_writes_can_be_cancelled),
        IN_FOLDER(abandoned_file_leaves_nothing),
        IN_FOLDER(crash_leaves_the_old_file),
        IN_FOLDER(folder_that_cannot_be_written_is_said),
        IN_FOLDER(folder_in_the_way_is_said),
        IN_FOLDER(full_disk_leaves_nothing),
        IN_FOLDER(mode_follows_the_umask),
        IN_FOLDER(unfinished_file_is_private),
        IN_FOLDER(replaced_file_keeps_its_mode),
        IN_FOLDER(open_mapping_keeps_the_old_bytes),
        IN_FOLDER(path_with_folders_works),
        IN_FOLDER(bytes_written_before_are_replaced),
        IN_FOLDER(joined_files_end_together),
        IN_FOLDER(a_joined_file_that_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
