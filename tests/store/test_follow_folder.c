/* Changes of others: noticed by the kernel's word and by polling. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/datastore.h"
#include "store/store_folder.h"
#include "util/memory.h"

/* Generous: nothing here is judged by time. */
enum { PATIENCE = 60 };

static struct vox_datastore *store;
static char notes[4096];

static void take_note(void *context, const char *text)
{
    (void)context;
    snprintf(notes, sizeof(notes), "%s", text);
}

static void open_following(enum vox_follow follow)
{
    struct vox_datastore_options options = quiet_options();
    options.follow = follow;
    options.poll_seconds = 0.2;
    options.note = take_note;
    store = open_store(&options);
}

static int set_up(void **state)
{
    (void)state;
    store_folder_new();
    put_image("a.nii", 1);
    open_following(VOX_FOLLOW_NOTIFY);
    assert_false(vox_datastore_polled(store));
    return 0;
}

static int set_up_polling(void **state)
{
    (void)state;
    store_folder_new();
    put_image("a.nii", 1);
    open_following(VOX_FOLLOW_POLL);
    assert_true(vox_datastore_polled(store));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    vox_datastore_close(store);
    store_folder_remove();
    return 0;
}

static void nap(long ms)
{
    const struct timespec step = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&step, NULL);
}

/* Waits until the datastore says (or does not say any more) a text. */
static void wait_until(const char *part, bool there)
{
    for (int i = 0; i < PATIENCE * 20; i++) {
        uint64_t generation = vox_datastore_generation(store);
        if ((strstr(all_json(store), part) != NULL) == there) {
            return;
        }
        (void)vox_datastore_wait(store, generation, 0.05);
    }
    fail_msg("after %d s still %s: %s", PATIENCE, there ? "not there" : "there", part);
}

static void images_come_and_go(void **state)
{
    (void)state;
    put_image("b.nii.gz", 2);
    wait_until("\"b\": {", true);
    make_dir("outside");
    put_image("outside/c.nrrd", 3);
    assert_int_equal(rename(in_folder("outside/c.nrrd"), in_folder("c.part")), 0);
    assert_int_equal(rename(in_folder("c.part"), in_folder("c.nrrd")), 0);
    wait_until("\"c\": {", true);
    put_image("outside/d.mha", 4);
    assert_int_equal(rename(in_folder("outside/d.mha"), in_folder("d.mha")), 0);
    wait_until("\"d\": {", true);
    assert_int_equal(link(in_folder("d.mha"), in_folder("e.mha")), 0);
    wait_until("\"e\": {", true);
    assert_int_equal(symlink(in_folder("a.nii"), in_folder("f.nii")), 0);
    wait_until("\"f\": {", true);
    assert_int_equal(unlink(in_folder("b.nii.gz")), 0);
    wait_until("\"b\": {", false);
    assert_int_equal(rename(in_folder("c.nrrd"), in_folder("outside/c.nrrd")), 0);
    wait_until("\"c\": {", false);
    assert_int_equal(rename(in_folder("d.mha"), in_folder("g.mha")), 0);
    wait_until("\"g\": {", true);
    LACKS(all_json(store), "\"d\": {");
    char *json = get_text("datastore_v2.json");
    HAS(json, "\"g\": {");
    LACKS(json, "\"d\": {");
    vox_free(json);
}

static void labels_come_and_go(void **state)
{
    (void)state;
    put_text("labels/final/a.nrrd", "x");
    wait_until("\"final\": {", true);
    put_text("labels/final/nobody.nrrd", "x");
    make_dir("labels/version_1");
    put_text("labels/version_1/a.nii.gz", "x");
    wait_until("\"version_1\": {", true);
    make_dir("outside");
    put_text("outside/a.nrrd", "x");
    assert_int_equal(rename(in_folder("outside"), in_folder("labels/moved_in")), 0);
    wait_until("\"moved_in\": {", true);
    put_text("labels/moved_in/later", "x");
    assert_int_equal(unlink(in_folder("labels/final/a.nrrd")), 0);
    wait_until("\"final\": {", false);
    LACKS(all_json(store), "nobody");
}

static void json_by_hand(void **state)
{
    (void)state;
    char *json = get_text("datastore_v2.json");
    char *at = strstr(json, "\"New Dataset\"");
    assert_non_null(at);
    memcpy(at, "\"By my hand\"", 12);
    at[12] = ' ';
    put_text("edited", json);
    assert_int_equal(rename(in_folder("edited"), in_folder("datastore_v2.json")), 0);
    wait_until("By my hand", true);
    memcpy(at, "\"In place !\"", 12);
    put_text("datastore_v2.json", json);
    wait_until("In place !", true);
    vox_free(json);
    assert_int_equal(unlink(in_folder("datastore_v2.json")), 0);
    for (int i = 0; i < PATIENCE * 20 && !is_there("datastore_v2.json"); i++) {
        nap(50);
    }
    json = get_text("datastore_v2.json");
    assert_non_null(json);
    HAS(json, "In place !");
    vox_free(json);
}

static void broken_json(void **state)
{
    (void)state;
    assert_int_equal(vox_datastore_update_image_info(store, "a", "{\"k\": 1}", NULL, NULL), VOX_OK);
    put_text("datastore_v2.json", "{\"objects\": ");
    for (int i = 0; i < PATIENCE * 20 && count_names("datastore_v2.json.broken-") == 0; i++) {
        nap(50);
    }
    assert_int_equal(count_names("datastore_v2.json.broken-"), 1);
    assert_int_equal(vox_datastore_refresh(store, NULL), VOX_OK);
    HAS(notes, "datastore_v2.json is broken");
    char *json = get_text("datastore_v2.json");
    HAS(json, "\"k\": 1");
    vox_free(json);
}

/* A file that grows waits until its writer closes it. */
static void half_written_files_wait(void **state)
{
    (void)state;
    put_image("whole.aside.nii.gz", 5);
    wait_until("\"whole.aside\": {", true);
    char content[8192];
    FILE *whole = fopen(in_folder("whole.aside.nii.gz"), "rb");
    assert_non_null(whole);
    size_t size = fread(content, 1, sizeof(content), whole);
    fclose(whole);
    int fd = open(in_folder("slow.nii.gz"), O_WRONLY | O_CREAT, 0666);
    assert_true(fd >= 0);
    for (size_t at = 0; at < size; at += size / 4 + 1) {
        size_t part = size - at < size / 4 + 1 ? size - at : size / 4 + 1;
        LACKS(all_json(store), "\"slow\": {");
        assert_int_equal(write(fd, content + at, part), part);
        nap(300);
    }
    close(fd);
    wait_until("\"slow\": {", true);
    char *info = NULL;
    assert_int_equal(vox_datastore_info_json(store, "slow", &info, NULL), VOX_OK);
    vox_free(info);
}

/* New content under an old name: what was known of the file goes. */
static void content_changes(void **state)
{
    (void)state;
    char before[VOX_CHECKSUM_SIZE], after[VOX_CHECKSUM_SIZE];
    vox_datastore_close(store);
    struct vox_datastore_options options = vox_datastore_options_default();
    store = open_store(&options);
    char *info = NULL;
    for (int i = 0; i < PATIENCE * 20; i++) {
        assert_int_equal(vox_datastore_info_json(store, "a", &info, NULL), VOX_OK);
        bool there = strstr(info, "\"checksum\":\"SHA256:") != NULL;
        vox_free(info);
        if (there) {
            break;
        }
        assert_true(i + 1 < PATIENCE * 20);
        nap(50);
    }
    assert_int_equal(vox_datastore_checksum(store, "a", before, NULL), VOX_OK);
    uint64_t generation = vox_datastore_generation(store);
    put_image("a.nii", 9);
    assert_true(vox_datastore_wait(store, generation, PATIENCE));
    assert_int_equal(vox_datastore_checksum(store, "a", after, NULL), VOX_OK);
    assert_string_not_equal(before, after);
}

static void own_writes_ask_for_no_look(void **state)
{
    (void)state;
    put_image("b.nii", 2);
    wait_until("\"b\": {", true);
    assert_int_equal(save_text(store, "a", "final", ".nrrd", "x", NULL), VOX_OK);
    nap(300);
    uint64_t generation = vox_datastore_generation(store);
    struct stat first, last;
    assert_int_equal(stat(in_folder("datastore_v2.json"), &first), 0);
    nap(500);
    assert_int_equal(vox_datastore_generation(store), generation);
    assert_int_equal(stat(in_folder("datastore_v2.json"), &last), 0);
    assert_int_equal(first.st_ino, last.st_ino);
}

/* Somebody unmounts the disk, or moves the folder away: nothing is lost and nothing is made. */
static void folder_that_is_another(void **state)
{
    (void)state;
    char aside[300];
    struct vox_err err = {0};
    snprintf(aside, sizeof(aside), "%s.aside", vox_datastore_folder(store));
    assert_int_equal(rename(vox_datastore_folder(store), aside), 0);
    assert_int_equal(mkdir(vox_datastore_folder(store), 0777), 0);
    assert_int_equal(save_text(store, "a", "final", ".nrrd", "x", NULL), VOX_E_IO);
    assert_int_equal(vox_datastore_refresh(store, &err), VOX_E_IO);
    HAS(err.msg, "not the one that was opened");
    HAS(all_json(store), "\"a\": {");
    assert_false(is_there("datastore_v2.json"));
    store_folder_remove();
    assert_int_equal(rename(aside, vox_datastore_folder(store)), 0);
    assert_int_equal(save_text(store, "a", "final", ".nrrd", "x", NULL), VOX_OK);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define POLLED(name)                                                                               \
    {                                                                                              \
#name "_polled", name, set_up_polling, tear_down, NULL                                     \
    }
    const struct CMUnitTest tests[] = {
        TEST(images_come_and_go),
        TEST(labels_come_and_go),
        TEST(json_by_hand),
        TEST(broken_json),
        TEST(half_written_files_wait),
        TEST(content_changes),
        TEST(own_writes_ask_for_no_look),
        TEST(folder_that_is_another),
        POLLED(images_come_and_go),
        POLLED(labels_come_and_go),
        POLLED(json_by_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
