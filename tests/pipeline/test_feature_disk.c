#include "pipeline/feature_disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "feature_fixture.h"
#include "own_folder.h"
#include "pipeline/feature_folder.h"
#include "util/memory.h"

enum { ROOMY = 1 << 20 };

/* Every test works in a folder of its own and keeps its cache in "cache". */
static struct vox_feature_disk *open_disk(uint64_t bytes)
{
    struct vox_feature_disk *disk = NULL;
    struct vox_err err = {0};
    if (vox_feature_disk_new("cache", bytes, &vox_small_config, &disk, &err) != VOX_OK) {
        fail_msg("%s", err.msg);
    }
    return disk;
}

/* Counts what a process begins to save, where its parent wants to know. */
static atomic_int *saves;

static void save(struct vox_feature_disk *disk, int seed)
{
    if (saves != NULL) {
        atomic_fetch_add(saves, 1);
    }
    struct vox_feature_key key = vox_small_key(seed);
    struct vox_features *features = vox_small_features(seed);
    vox_feature_disk_save(disk, &key, features);
    vox_features_free(features);
}

/* 1: there, and right; 0: not there; -1: there, and wrong, which must never be. */
static int load_from(struct vox_feature_disk *disk, int seed)
{
    struct vox_feature_key key = vox_small_key(seed);
    struct vox_features *features = vox_small_features(-1);
    int result = 0;
    if (vox_feature_disk_load(disk, &key, features)) {
        result = vox_are_small_features(features, seed) ? 1 : -1;
    }
    vox_features_free(features);
    return result;
}

static bool load(struct vox_feature_disk *disk, int seed)
{
    int result = load_from(disk, seed);
    assert_int_not_equal(result, -1);
    return result == 1;
}

static uint64_t file_bytes(void)
{
    return vox_feature_disk_file_bytes(&vox_small_config);
}

struct path {
    char text[80];
};

static struct path path_of(int seed)
{
    struct path path;
    char name[VOX_FEATURE_NAME_SIZE];
    struct vox_feature_key key = vox_small_key(seed);
    vox_feature_name(&key, name);
    snprintf(path.text, sizeof(path.text), "cache/%s", name);
    return path;
}

static bool exists(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

/* Bytes and number of the files in the cache's folder, whatever their names. */
static uint64_t measure(int *n)
{
    DIR *entries = opendir("cache");
    assert_non_null(entries);
    uint64_t bytes = 0;
    *n = 0;
    struct dirent *entry;
    while ((entry = readdir(entries)) != NULL) {
        struct stat st;
        if (fstatat(dirfd(entries), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(st.st_mode)) {
            bytes += (uint64_t)st.st_size;
            (*n)++;
        }
    }
    closedir(entries);
    return bytes;
}

static void age(const char *path, int seconds)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    const struct timespec times[2] = {{.tv_sec = now.tv_sec - seconds},
                                      {.tv_sec = now.tv_sec - seconds}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void what_is_saved_is_loaded(void **state)
{
    (void)state;
    struct vox_feature_disk *disk = open_disk(ROOMY);
    assert_false(load(disk, 1));
    save(disk, 1);
    save(disk, 2);
    assert_true(load(disk, 1));
    assert_true(load(disk, 2));
    assert_false(load(disk, 3));
    vox_feature_disk_free(disk);
    disk = open_disk(ROOMY);
    assert_true(load(disk, 1));
    struct vox_feature_disk_counts counts = vox_feature_disk_counts(disk);
    assert_int_equal(counts.damaged, 0);
    assert_int_equal(counts.failed_writes, 0);
    vox_feature_disk_free(disk);
    vox_feature_disk_free(NULL);
    int n;
    assert_int_equal(measure(&n), 2 * file_bytes());
    assert_int_equal(n, 2);
}

static void folder_and_files_are_private(void **state)
{
    (void)state;
    mode_t before = umask(0);
    struct vox_feature_disk *disk = open_disk(ROOMY);
    save(disk, 1);
    umask(0777);
    save(disk, 2);
    umask(before);
    struct stat st;
    assert_int_equal(stat("cache", &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    for (int seed = 1; seed <= 2; seed++) {
        assert_int_equal(stat(path_of(seed).text, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
    }
    assert_true(load(disk, 2));

    /* A file that others may read is no file of ours. */
    assert_int_equal(chmod(path_of(1).text, 0640), 0);
    assert_false(load(disk, 1));
    assert_false(exists(path_of(1).text));
    assert_int_equal(vox_feature_disk_counts(disk).damaged, 1);
    vox_feature_disk_free(disk);
}

static enum vox_code try_open(const char *folder, struct vox_err *err)
{
    struct vox_feature_disk *disk = NULL;
    enum vox_code code = vox_feature_disk_new(folder, ROOMY, &vox_small_config, &disk, err);
    assert_true((code == VOX_OK) == (disk != NULL));
    vox_feature_disk_free(disk);
    return code;
}

static void bad_folders_are_refused(void **state)
{
    (void)state;
    struct vox_err err = {0};
    const mode_t modes[] = {0701, 0710, 0750, 0770, 0755, 0704, 0777};
    assert_int_equal(mkdir("real", 0700), 0);
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        assert_int_equal(chmod("real", modes[i]), 0);
        assert_int_equal(try_open("real", &err), VOX_E_ARG);
        assert_non_null(strstr(err.msg, "chmod 700"));
    }
    assert_int_equal(chmod("real", 0700), 0);
    assert_int_equal(symlink("real", "link"), 0);
    assert_int_equal(symlink("nowhere", "dangling"), 0);
    assert_int_equal(try_open("link", &err), VOX_E_ARG);
    assert_int_equal(try_open("link/", &err), VOX_E_ARG);
    assert_int_equal(try_open("dangling", &err), VOX_E_ARG);
    assert_false(exists("nowhere"));
    FILE *file = fopen("file", "wb");
    assert_non_null(file);
    fclose(file);
    assert_int_equal(try_open("file", &err), VOX_E_ARG);
    assert_int_equal(try_open("missing/folder", &err), VOX_E_IO);
    assert_int_equal(try_open("real//", &err), VOX_OK);
    assert_int_equal(try_open("new/", &err), VOX_OK);
    if (geteuid() == 0) {
        assert_int_equal(chown("real", 65534, 65534), 0);
        assert_int_equal(try_open("real", &err), VOX_E_ARG);
        assert_non_null(strstr(err.msg, "another user"));
    }
}

/* --- damage --- */

static void flip(const char *path, uint64_t at)
{
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, (long)at, SEEK_SET), 0);
    int byte = fgetc(file);
    assert_int_not_equal(byte, EOF);
    assert_int_equal(fseek(file, (long)at, SEEK_SET), 0);
    assert_int_equal(fputc(byte ^ 16, file), byte ^ 16);
    assert_int_equal(fclose(file), 0);
}

static void expect_dropped(struct vox_feature_disk *disk, int seed)
{
    int64_t before = vox_feature_disk_counts(disk).damaged;
    assert_false(load(disk, seed));
    assert_int_equal(vox_feature_disk_counts(disk).damaged, before + 1);
    assert_false(exists(path_of(seed).text));
    save(disk, seed);
    assert_true(load(disk, seed));
}

static void a_flipped_byte_is_found(void **state)
{
    (void)state;
    struct vox_feature_disk *disk = open_disk(ROOMY);
    save(disk, 1);
    uint64_t size = file_bytes();
    for (uint64_t at = 0; at < size; at += at < 80 || at > size - 40 ? 1 : 97) {
        flip(path_of(1).text, at);
        expect_dropped(disk, 1);
    }
    vox_feature_disk_free(disk);
}

static void a_wrong_length_is_found(void **state)
{
    (void)state;
    struct vox_feature_disk *disk = open_disk(ROOMY);
    save(disk, 1);
    off_t size = (off_t)file_bytes();
    const off_t lengths[] = {0, 1, 71, 72, 73, size / 2, size - 32, size - 1, size + 1, 3 * size};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        assert_int_equal(truncate(path_of(1).text, lengths[i]), 0);
        expect_dropped(disk, 1);
    }
    vox_feature_disk_free(disk);
}

static void a_file_of_another_key_is_found(void **state)
{
    (void)state;
    struct vox_feature_disk *disk = open_disk(ROOMY);
    save(disk, 1);
    assert_int_equal(rename(path_of(1).text, path_of(2).text), 0);
    expect_dropped(disk, 2);

    /* Of another shape, with its own right digest. */
    struct vox_model_config other = vox_small_config;
    other.image_size = 32;
    other.neck.d_model = 128; /* as many bytes */
    assert_int_equal(vox_feature_disk_file_bytes(&other), file_bytes());
    struct vox_feature_disk *another = NULL;
    assert_int_equal(vox_feature_disk_new("cache", ROOMY, &other, &another, NULL), VOX_OK);
    assert_int_equal(unlink(path_of(2).text), 0);
    save(another, 2);
    assert_true(load(another, 2));
    expect_dropped(disk, 2);
    vox_feature_disk_free(another);
    vox_feature_disk_free(disk);
}

static void links_and_others_are_not_followed(void **state)
{
    (void)state;
    struct vox_feature_disk *disk = open_disk(ROOMY);
    save(disk, 1);
    assert_int_equal(rename(path_of(1).text, "elsewhere"), 0);
    assert_int_equal(symlink("../elsewhere", path_of(1).text), 0);
    expect_dropped(disk, 1);
    assert_true(exists("elsewhere"));
    assert_int_equal(mkfifo(path_of(2).text, 0600), 0);
    expect_dropped(disk, 2);

    /* Writing replaces a link, and does not write through it. */
    assert_int_equal(symlink("../victim", path_of(3).text), 0);
    save(disk, 3);
    assert_false(exists("victim"));
    assert_true(load(disk, 3));

    /* A folder in the way stays, and costs the file. */
    assert_int_equal(mkdir(path_of(4).text, 0700), 0);
    assert_false(load(disk, 4));
    save(disk, 4);
    assert_false(load(disk, 4));
    assert_int_equal(vox_feature_disk_counts(disk).failed_writes, 1);
    int n;
    measure(&n);
    assert_int_equal(n, 3);
    vox_feature_disk_free(disk);
}

/* --- bounds --- */

static void the_oldest_files_make_room(void **state)
{
    (void)state;
    struct vox_feature_disk *disk = open_disk(3 * file_bytes() + file_bytes() / 2);
    for (int seed = 1; seed <= 3; seed++) {
        save(disk, seed);
        age(path_of(seed).text, 100 - seed);
    }
    assert_true(load(disk, 1)); /* used again */
    save(disk, 4);
    assert_false(load(disk, 2));
    assert_true(load(disk, 1) && load(disk, 3) && load(disk, 4));
    assert_int_equal(vox_feature_disk_counts(disk).removed, 1);
    vox_feature_disk_free(disk);

    /* A smaller budget holds as soon as the folder is opened. */
    age(path_of(3).text, 50);
    age(path_of(1).text, 40);
    disk = open_disk(file_bytes());
    int n;
    assert_int_equal(measure(&n), file_bytes());
    assert_true(load(disk, 4));
    save(disk, 5);
    assert_int_equal(measure(&n), file_bytes());
    assert_true(load(disk, 5));
    vox_feature_disk_free(disk);

    disk = open_disk(file_bytes() - 1);
    assert_int_equal(measure(&n), 0);
    save(disk, 6);
    assert_int_equal(n, 0);
    assert_int_equal(vox_feature_disk_counts(disk).failed_writes, 0);
    vox_feature_disk_free(disk);
}

static void put(const char *path, uint64_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)size), 0);
    close(fd);
}

static void leftovers_are_removed_and_strangers_are_not(void **state)
{
    (void)state;
    struct vox_feature_disk *disk = open_disk(2 * file_bytes());
    static const char *const young = "cache/.0123456789abcdef0123456789abcdef.part";
    static const char *const old = "cache/.ffffffffffffffffffffffffffffffff.part";
    static const char *const future = "cache/.eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee.part";
    static const char *const strangers[] = {
        "cache/notes.txt", "cache/.ffffffffffffffffffffffffffffffff.par",
        "cache/.FFFFffffffffffffffffffffffffffff.part",
        "cache/00000000000000000000000000000000000000000000000000000000000000000"};
    put(young, file_bytes() / 2);
    put(old, 10);
    age(old, VOX_FEATURE_LEFT_OVER + 5);
    put(future, 10);
    age(future, -VOX_FEATURE_LEFT_OVER - 60);
    for (int i = 0; i < 4; i++) {
        put(strangers[i], 100 * file_bytes());
        age(strangers[i], 100000);
    }
    save(disk, 1);
    assert_true(exists(young));
    assert_false(exists(old) || exists(future));
    /* What is being written counts. */
    save(disk, 2);
    assert_true(load(disk, 2));
    assert_false(load(disk, 1));
    for (int i = 0; i < 4; i++) {
        assert_true(exists(strangers[i]));
    }
    vox_feature_disk_free(disk);
}

/* --- disks that do not work --- */

static void a_short_write_leaves_nothing(void **state)
{
    (void)state;
    struct vox_feature_disk *disk = open_disk(ROOMY);
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit before, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    const rlim_t limits[] = {0, 10, 72, 3000, file_bytes() - 1};
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        small = (struct rlimit){limits[i], before.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
        save(disk, 1);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_int_equal(vox_feature_disk_counts(disk).failed_writes, i + 1);
        assert_false(load(disk, 1));
        int n;
        measure(&n);
        assert_int_equal(n, 0);
    }
    save(disk, 1);
    assert_true(load(disk, 1));
    signal(SIGXFSZ, SIG_DFL);
    vox_feature_disk_free(disk);
}

/* A file system of one or two files, where the machine lets us mount one. */
static void a_full_disk_fails_no_run(void **state)
{
    (void)state;
    assert_int_equal(mkdir("cache", 0700), 0);
    if (mount("none", "cache", "tmpfs", 0, "size=20k,mode=0700") != 0) {
        print_message("mounting is not allowed here; the limit of file sizes stands in for it\n");
        return;
    }
    struct vox_feature_disk *disk = open_disk(ROOMY);
    for (int seed = 0; seed < 4; seed++) {
        save(disk, seed);
    }
    int there = 0;
    for (int seed = 0; seed < 4; seed++) {
        there += load(disk, seed);
    }
    int64_t failed = vox_feature_disk_counts(disk).failed_writes;
    int n;
    measure(&n);
    bool changed = mount("none", "cache", "tmpfs", MS_REMOUNT | MS_RDONLY, NULL) == 0;
    bool first = load(disk, 0);
    save(disk, 9);
    int64_t failed_later = vox_feature_disk_counts(disk).failed_writes;
    vox_feature_disk_free(disk);
    assert_int_equal(umount("cache"), 0);
    assert_true(there > 0);
    assert_int_equal(there + failed, 4);
    assert_int_equal(n, there);
    assert_true(changed && first);
    assert_int_equal(failed_later, failed + 1);
}

/* --- several processes --- */

enum { SHARED_KEYS = 10 };

/* Reads and writes at random; the exit status says whether a load was ever wrong or damaged. */
static int use_cache(int number, int rounds, uint64_t budget)
{
    struct vox_feature_disk *disk = NULL;
    if (vox_feature_disk_new("cache", budget, &vox_small_config, &disk, NULL) != VOX_OK) {
        return 2;
    }
    unsigned random = 77U * (unsigned)number;
    for (int i = 0; i < rounds; i++) {
        random = random * 1664525U + 1013904223U;
        int seed = (int)(random >> 16) % SHARED_KEYS;
        int result = load_from(disk, seed);
        if (result < 0) {
            return 3;
        }
        if (result == 0) {
            save(disk, seed);
        }
    }
    struct vox_feature_disk_counts counts = vox_feature_disk_counts(disk);
    vox_feature_disk_free(disk);
    return counts.damaged > 0 ? 4 : counts.failed_writes > 0 ? 5 : 0;
}

static void processes_share_a_folder(void **state)
{
    (void)state;
    enum { PROCESSES = 3, ROUNDS = 150 };
    pid_t processes[PROCESSES];
    for (int p = 0; p < PROCESSES; p++) {
        processes[p] = fork();
        if (processes[p] == 0) {
            _exit(use_cache(p + 1, ROUNDS, 6 * file_bytes()));
        }
        assert_true(processes[p] > 0);
    }
    for (int p = 0; p < PROCESSES; p++) {
        int status;
        assert_int_equal(waitpid(processes[p], &status, 0), processes[p]);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
    int n;
    assert_true(measure(&n) <= 6 * file_bytes());
    assert_true(n > 0);
}

/* Lets a process of its own write until it is in its n-th write, and kills it some time later. */
static void kill_in_write(int number, int n, long nanoseconds)
{
    atomic_store(saves, 0);
    pid_t process = fork();
    if (process == 0) {
        _exit(use_cache(number, 1 << 30, 4 * file_bytes()));
    }
    assert_true(process > 0);
    const struct timespec moment = {.tv_nsec = 50000}, pause = {.tv_nsec = nanoseconds};
    for (int i = 0; i < 400000 && atomic_load(saves) < n; i++) {
        nanosleep(&moment, NULL);
    }
    nanosleep(&pause, NULL);
    assert_int_equal(kill(process, SIGKILL), 0);
    int status;
    assert_int_equal(waitpid(process, &status, 0), process);
    assert_true(WIFSIGNALED(status));
    assert_true(atomic_load(saves) >= n);
}

/* Killed at any moment, a writer leaves whole files and at most one under construction. */
static void a_killed_writer_does_no_harm(void **state)
{
    (void)state;
    enum { KILLS = 40 };
    void *page =
        mmap(NULL, sizeof(*saves), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(page, MAP_FAILED);
    saves = page;
    struct vox_feature_disk *disk = open_disk(ROOMY);
    int there = 0;
    for (int i = 0; i < KILLS; i++) {
        kill_in_write(i + 1, 2 + i % 3, 37000L * i);
        for (int seed = 0; seed < SHARED_KEYS; seed++) {
            there += load(disk, seed);
        }
    }
    saves = NULL;
    assert_int_equal(munmap(page, sizeof(*saves)), 0);
    assert_true(there > 0);
    assert_int_equal(vox_feature_disk_counts(disk).damaged, 0);
    int n;
    uint64_t bytes = measure(&n);
    assert_true(bytes <= 4 * file_bytes() + file_bytes());
    vox_feature_disk_free(disk);

    /* What they left under construction goes when it is old. */
    DIR *entries = opendir("cache");
    assert_non_null(entries);
    struct dirent *entry;
    while ((entry = readdir(entries)) != NULL) {
        if (entry->d_name[0] == '.' && strlen(entry->d_name) > 2) {
            char path[300];
            snprintf(path, sizeof(path), "cache/%s", entry->d_name);
            age(path, 2 * VOX_FEATURE_LEFT_OVER);
        }
    }
    closedir(entries);
    vox_feature_disk_free(open_disk(4 * file_bytes()));
    assert_true(measure(&n) <= 4 * file_bytes());
    assert_true(n <= 4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, vox_enter_folder, vox_leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_saved_is_loaded),
        TEST(folder_and_files_are_private),
        TEST(bad_folders_are_refused),
        TEST(a_flipped_byte_is_found),
        TEST(a_wrong_length_is_found),
        TEST(a_file_of_another_key_is_found),
        TEST(links_and_others_are_not_followed),
        TEST(the_oldest_files_make_room),
        TEST(leftovers_are_removed_and_strangers_are_not),
        TEST(a_short_write_leaves_nothing),
        TEST(a_full_disk_fails_no_run),
        TEST(processes_share_a_folder),
        TEST(a_killed_writer_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
