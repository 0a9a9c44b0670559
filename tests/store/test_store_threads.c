/* Many threads on one datastore, with a folder that is followed; for ThreadSanitizer above all. */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/checkout.h"
#include "store/datastore.h"
#include "store/store_folder.h"
#include "store/strategy.h"
#include "util/memory.h"

enum { SAVERS = 6, ROUNDS = 8, IMAGES = 6 };

static struct vox_datastore *store;
static struct vox_strategies *strategies;
static atomic_int wrong, saving;
static char label_path[300], image_path[300];

static int set_up(void **state)
{
    (void)state;
    char name[32];
    store_folder_new();
    for (int i = 0; i < IMAGES; i++) {
        snprintf(name, sizeof(name), "case_%d.nii", i);
        put_image(name, i);
    }
    struct vox_datastore_options options = vox_datastore_options_default();
    options.versions = 3;
    store = open_store(&options);
    assert_int_equal(vox_strategies_new(store, NULL, &strategies, NULL), VOX_OK);
    put_text("a label", "label");
    snprintf(label_path, sizeof(label_path), "%s", in_folder("a label"));
    snprintf(image_path, sizeof(image_path), "%s", in_folder("case_0.nii"));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    vox_strategies_free(strategies);
    vox_datastore_close(store);
    store_folder_remove();
    return 0;
}

static void need(bool good, int where)
{
    if (!good) {
        fprintf(stderr, "wrong at line %d\n", where);
        atomic_fetch_add(&wrong, 1);
    }
}

#define NEED(condition) need(condition, __LINE__)

static void *save_labels(void *argument)
{
    int me = *(const int *)argument;
    char id[32], tag[32], info[64];
    snprintf(tag, sizeof(tag), "tag_%d", me);
    for (int round = 0; round < ROUNDS; round++) {
        snprintf(id, sizeof(id), "case_%d", (me + round) % IMAGES);
        snprintf(info, sizeof(info), "{\"round\": %d}", round);
        const struct vox_incoming upload = {label_path, ".nrrd", info, NULL};
        NEED(vox_datastore_save_label(store, id, tag, &upload, NULL) == VOX_OK);
        NEED(vox_datastore_update_image_info(store, id, info, "me", NULL) == VOX_OK);
        if (round % 3 == 2) {
            NEED(vox_datastore_delete_label(store, id, tag, NULL) == VOX_OK);
        }
    }
    atomic_fetch_sub(&saving, 1);
    return NULL;
}

static void *come_and_go(void *argument)
{
    (void)argument;
    const struct vox_incoming upload = {image_path, ".nii", NULL, NULL};
    while (atomic_load(&saving) > 0) {
        NEED(vox_datastore_add_image(store, "guest/1", &upload, NULL) == VOX_OK);
        NEED(vox_datastore_delete_image(store, "guest/1", NULL) == VOX_OK);
    }
    return NULL;
}

static void *ask(void *argument)
{
    const char *client = argument;
    while (atomic_load(&saving) > 0) {
        struct vox_sample sample = {0};
        struct vox_checkout checkout;
        char *text = NULL;
        char sum[VOX_CHECKSUM_SIZE];
        enum vox_code code = vox_strategies_next(strategies, "random", client, &sample, NULL);
        /* The guest may go, or come again while its checksum is taken; then there are others. */
        NEED(code == VOX_OK);
        if (code == VOX_OK && sample.id != NULL) {
            (void)vox_checkout_find(store, sample.id, &checkout);
            vox_checkout_release(store, sample.id, client);
        }
        vox_sample_free(&sample);
        NEED(vox_datastore_all_json(store, &text, NULL) == VOX_OK);
        vox_free(text);
        NEED(vox_strategies_info_json(strategies, &text, NULL) == VOX_OK);
        vox_free(text);
        NEED(vox_datastore_stats_json(store, &text, NULL) == VOX_OK);
        vox_free(text);
        NEED(vox_datastore_checksum(store, "case_1", sum, NULL) == VOX_OK);
        NEED(vox_datastore_refresh(store, NULL) == VOX_OK);
    }
    return NULL;
}

static void together(void **state)
{
    (void)state;
    pthread_t savers[SAVERS], guests, askers[2];
    int numbers[SAVERS];
    char anna[] = "anna", bob[] = "bob";
    atomic_store(&saving, SAVERS);
    for (int i = 0; i < SAVERS; i++) {
        numbers[i] = i;
        assert_int_equal(pthread_create(&savers[i], NULL, save_labels, &numbers[i]), 0);
    }
    assert_int_equal(pthread_create(&guests, NULL, come_and_go, NULL), 0);
    assert_int_equal(pthread_create(&askers[0], NULL, ask, anna), 0);
    assert_int_equal(pthread_create(&askers[1], NULL, ask, bob), 0);
    for (int i = 0; i < SAVERS; i++) {
        pthread_join(savers[i], NULL);
    }
    pthread_join(guests, NULL);
    pthread_join(askers[0], NULL);
    pthread_join(askers[1], NULL);
    assert_int_equal(atomic_load(&wrong), 0);
    assert_int_equal(vox_datastore_refresh(store, NULL), VOX_OK);
    assert_int_equal(count_names(".voxlabel-"), 0);
    /* Each saver's last word about each of its labels holds. */
    for (int me = 0; me < SAVERS; me++) {
        for (int round = ROUNDS - IMAGES; round < ROUNDS; round++) {
            char id[32], tag[32], info[64];
            struct vox_label_record label = {0};
            snprintf(id, sizeof(id), "case_%d", (me + round) % IMAGES);
            snprintf(tag, sizeof(tag), "tag_%d", me);
            snprintf(info, sizeof(info), "{\"round\":%d,", round);
            enum vox_code code = vox_datastore_label(store, id, tag, 0, &label, NULL);
            assert_int_equal(code, round % 3 == 2 ? VOX_E_NOT_FOUND : VOX_OK);
            if (code == VOX_OK) {
                assert_memory_equal(label.info, info, strlen(info));
            }
            vox_label_record_free(&label);
        }
    }
    /* What is in memory is what a new process reads. */
    char *before = NULL;
    assert_int_equal(vox_datastore_all_json(store, &before, NULL), VOX_OK);
    struct vox_datastore *again = open_store(NULL);
    assert_string_equal(before, all_json(again));
    vox_free(before);
    vox_datastore_close(again);
}

static const char *const both_exts[] = {".nrrd", ".nii.gz"};

/* One image's label is saved with two endings, deleted and saved again by several threads; and so
 * is the image. */
static void *quarrel(void *argument)
{
    const int me = *(const int *)argument;
    for (int round = 0; round < ROUNDS; round++) {
        const struct vox_incoming label = {label_path, both_exts[(me + round) % 2], NULL, NULL};
        const struct vox_incoming image = {image_path, ".nii", NULL, NULL};
        enum vox_code code = vox_datastore_add_image(store, "q", &image, NULL);
        NEED(code == VOX_OK);
        code = vox_datastore_save_label(store, "q", "final", &label, NULL);
        NEED(code == VOX_OK || code == VOX_E_NOT_FOUND);
        NEED(vox_datastore_delete_label(store, "q", "final", NULL) == VOX_OK);
        code = vox_datastore_save_label(store, "q", "final", &label, NULL);
        NEED(code == VOX_OK || code == VOX_E_NOT_FOUND);
        if (code == VOX_OK && me == 0) {
            code = vox_datastore_delete_image(store, "q", NULL);
            NEED(code == VOX_OK);
        }
    }
    return NULL;
}

static void of_one_image(void **state)
{
    (void)state;
    pthread_t threads[4];
    int numbers[4];
    struct vox_image_record image = {0};
    struct vox_label_record label = {0};
    atomic_store(&wrong, 0);
    for (int i = 0; i < 4; i++) {
        numbers[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, quarrel, &numbers[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(atomic_load(&wrong), 0);
    const struct vox_incoming upload = {image_path, ".nii", NULL, NULL};
    assert_int_equal(vox_datastore_add_image(store, "q", &upload, NULL), VOX_OK);
    assert_int_equal(vox_datastore_refresh(store, NULL), VOX_OK);
    assert_int_equal(vox_datastore_image(store, "q", &image, NULL), VOX_OK);
    vox_image_record_free(&image);
    int files = is_there("labels/final/q.nrrd") + is_there("labels/final/q.nii.gz");
    bool there = vox_datastore_label(store, "q", "final", 0, &label, NULL) == VOX_OK;
    assert_int_equal(files, there);
    vox_label_record_free(&label);
}

static void *save_one(void *argument)
{
    const char *id = argument;
    const struct vox_incoming upload = {label_path, ".nrrd", NULL, NULL};
    NEED(vox_datastore_save_label(store, id, "final", &upload, NULL) == VOX_OK);
    return NULL;
}

/* Saves that wait together share a write: while another program holds the lock, they queue up. */
static void saves_share_a_write(void **state)
{
    (void)state;
    enum { MANY = 24 };
    static char ids[MANY][16];
    const struct timespec while_they_queue = {.tv_nsec = 500000000};
    pthread_t threads[MANY];
    int lock = open(in_folder(".lock"), O_RDWR);
    assert_true(lock >= 0);
    assert_int_equal(flock(lock, LOCK_EX), 0);
    uint64_t before = vox_datastore_generation(store);
    for (int i = 0; i < MANY; i++) {
        snprintf(ids[i], sizeof(ids[i]), "case_%d", i % IMAGES);
        assert_int_equal(pthread_create(&threads[i], NULL, save_one, ids[i]), 0);
    }
    nanosleep(&while_they_queue, NULL);
    assert_int_equal(vox_datastore_generation(store), before);
    close(lock);
    for (int i = 0; i < MANY; i++) {
        pthread_join(threads[i], NULL);
    }
    /* Each write is published once. Those of one image follow each other. */
    uint64_t writes = vox_datastore_generation(store) - before;
    assert_int_equal(atomic_load(&wrong), 0);
    assert_true(writes >= MANY / IMAGES && writes < MANY);
    char *stats = NULL;
    assert_int_equal(vox_datastore_stats_json(store, &stats, NULL), VOX_OK);
    HAS(stats, "\"completed\": 6");
    vox_free(stats);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {TEST(together), TEST(of_one_image),
                                       TEST(saves_share_a_write)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
