/* Selection strategies: which keys there are, and what each hands out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/checkout.h"
#include "store/datastore.h"
#include "store/store_folder.h"
#include "store/strategy_rows.h"
#include "util/hash.h"
#include "util/memory.h"

static struct vox_datastore *store;
static struct vox_strategies *strategies;

static void begin(const struct vox_strategies_options *options)
{
    vox_strategies_free(strategies);
    strategies = NULL;
    assert_int_equal(vox_strategies_new(store, options, &strategies, NULL), VOX_OK);
}

static int set_up(void **state)
{
    (void)state;
    store_folder_new();
    put_image("c.nii", 1);
    put_image("a.nii", 2);
    put_image("b.nrrd", 3);
    store = open_store(NULL);
    begin(NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    vox_strategies_free(strategies);
    strategies = NULL;
    vox_datastore_close(store);
    store_folder_remove();
    return 0;
}

static void keys_are(const char *wanted)
{
    char *text = NULL;
    assert_int_equal(vox_strategies_info_json(strategies, &text, NULL), VOX_OK);
    assert_string_equal(text, wanted);
    vox_free(text);
}

#define TWO                                                                                        \
    "{\"first\": {\"description\": \"Get First Sample\"}, \"random\": {\"description\": "          \
    "\"Random Strategy\"}"

/* The answer's text, freed at the next call; "" where it fails. */
static char problem[500];

static const char *next(const char *strategy, const char *client)
{
    static char text[4096];
    struct vox_sample sample = {0};
    struct vox_err err = {0};
    enum vox_code code = vox_strategies_next(strategies, strategy, client, &sample, &err);
    assert_int_equal(code == VOX_OK, err.msg[0] == '\0');
    snprintf(problem, sizeof(problem), "%s", err.msg);
    snprintf(text, sizeof(text), "%s", code == VOX_OK ? sample.json : "");
    if (code == VOX_OK && sample.id != NULL) {
        char id[300];
        snprintf(id, sizeof(id), "\"id\":\"%s\"", sample.id);
        HAS(text, id);
        HAS(text, sample.path);
    } else if (code != VOX_OK) {
        assert_int_equal(code, VOX_E_NOT_FOUND);
    }
    vox_sample_free(&sample);
    return text;
}

static void label(const char *id)
{
    assert_int_equal(save_text(store, id, "final", ".nrrd", "x", NULL), VOX_OK);
}

static void list_follows(void **state)
{
    (void)state;
    keys_are(TWO ", \"img_0000\": {\"description\": \"a\"}, \"img_0001\": {\"description\": "
                 "\"b\"}, \"img_0002\": {\"description\": \"c\"}}");
    label("b");
    assert_int_equal(save_text(store, "a", "original", ".nrrd", "x", NULL), VOX_OK);
    keys_are(TWO ", \"img_0000\": {\"description\": \"a\"}, \"img_0002\": {\"description\": "
                 "\"c\"}}");
    /* Numbers are never given again. */
    assert_int_equal(vox_datastore_delete_image(store, "c", NULL), VOX_OK);
    put_image("0 before all.nii", 4);
    assert_int_equal(vox_datastore_refresh(store, NULL), VOX_OK);
    keys_are(TWO ", \"img_0000\": {\"description\": \"a\"}, \"img_0003\": {\"description\": "
                 "\"0 before all\"}}");
    assert_int_equal(vox_datastore_delete_label(store, "b", "final", NULL), VOX_OK);
    keys_are(TWO ", \"img_0000\": {\"description\": \"a\"}, \"img_0001\": {\"description\": "
                 "\"b\"}, \"img_0003\": {\"description\": \"0 before all\"}}");
}

/* The place among all objects of the file, those without an image left out, other formats counted.
 */
static void numbers_are_places(void **state)
{
    (void)state;
    vox_datastore_close(store);
    put_text("p.jpg", "a picture");
    put_text("datastore_v2.json",
             "{\"objects\": {\"gone\": {\"image\": {\"ext\": \".nii\"}}, \"b\": {\"image\": "
             "{\"ext\": \".nrrd\"}}, \"p\": {\"image\": {\"ext\": \".jpg\"}}, \"c\": {\"image\": "
             "{\"ext\": \".nii\"}}}}");
    store = open_store(NULL);
    begin(NULL);
    keys_are(TWO ", \"img_0000\": {\"description\": \"b\"}, \"img_0002\": {\"description\": "
                 "\"c\"}, \"img_0003\": {\"description\": \"a\"}}");
    HAS(next("img_0002", "u"), "\"id\":\"c\"");
}

static void file_names(void **state)
{
    (void)state;
    const struct vox_strategies_options options = {.file_names = true};
    begin(&options);
    keys_are(TWO ", \"img_0000_a.nii\": {\"description\": \"a\"}, \"img_0001_b.nrrd\": "
                 "{\"description\": \"b\"}, \"img_0002_c.nii\": {\"description\": \"c\"}}");
    HAS(next("img_0002_c.nii", "u"), "\"id\":\"c\"");
    HAS(next("img_0002", "u"), "\"id\":\"c\"");
    /* A key from before a restart that numbers otherwise. */
    assert_string_equal(next("img_0002_b.nrrd", "u"), "");
    HAS(problem, "another file name");
}

static void one_image(void **state)
{
    (void)state;
    char sum[VOX_CHECKSUM_SIZE], hex[VOX_SHA256_HEX], part[200];
    FILE *file = fopen(in_folder("b.nrrd"), "rb");
    assert_non_null(file);
    char content[8192];
    size_t size = fread(content, 1, sizeof(content), file);
    fclose(file);
    assert_int_equal(vox_sha256_hex(content, size, hex, NULL), VOX_OK);
    snprintf(part, sizeof(part), "\"name\":\"b.nrrd\",\"checksum\":\"SHA256:%s\",\"ts\":", hex);
    const char *answer = next("img_0001", "anna");
    const char *begin_text = "{\"id\":\"b\",\"path\":\"/";
    assert_memory_equal(answer, begin_text, strlen(begin_text));
    HAS(answer, part);
    /* What is written down shows from the next time on. */
    LACKS(answer, "strategy");
    LACKS(answer, "warnings");
    char *json = get_text("datastore_v2.json");
    HAS(json, "\"strategy\": {\n            \"img_0001\": {\n              \"ts\": ");
    HAS(json, "\"client_id\": \"anna\"");
    LACKS(json, "checksum");
    vox_free(json);
    answer = next("img_0001", "bob");
    HAS(answer, "\"strategy\":{\"img_0001\":{");
    HAS(answer, "\"warnings\":[\"this image was checked out by anna 0 min ago and is yours now\"]");
    LACKS(next("img_0001", "bob"), "warnings");
    HAS(all_json(store), "\"client_id\": \"bob\"");
    assert_int_equal(vox_datastore_checksum(store, "b", sum, NULL), VOX_OK);
    assert_string_equal(sum + 7, hex);
    /* The same name with other voxels is another file. */
    put_image("b.nrrd", 4);
    LACKS(next("img_0001", "bob"), hex);
    HAS(next("img_0001", NULL), "checked out by bob");
}

static void unknown_keys(void **state)
{
    (void)state;
    label("b");
    assert_string_equal(next("img_0001", "u"), "");
    assert_string_equal(problem, "the image with this number has its label; nearest are img_0000, "
                                 "img_0002, first and random");
    assert_string_equal(next("img_0099", "u"), "");
    assert_string_equal(problem, "there is no image with this number; nearest are img_0002, "
                                 "img_0000, first and random");
    static const char *const bad[] = {"",       "img_",   "img_x", "img_1x",
                                      "img_-1", "Random", "last",  "img_99999999999999999999999"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_string_equal(next(bad[i], "u"), "");
        HAS(problem, "there is no such strategy; nearest are img_0000, img_0002, first");
    }
    HAS(next("img_2", "u"), "\"id\":\"c\"");
}

static void first_and_random(void **state)
{
    (void)state;
    HAS(next("first", "anna"), "\"id\":\"a\"");
    HAS(next("first", "anna"), "\"id\":\"a\"");
    HAS(next("first", "bob"), "\"id\":\"b\"");
    HAS(next("first", "carl"), "\"id\":\"c\"");
    assert_string_equal(next("first", "dora"), "{\"warnings\": [\"3 images are without a final "
                                               "label: others are working on them\"]}");
    assert_string_equal(next("random", "dora"), "{\"warnings\": [\"3 images are without a final "
                                                "label: others are working on them\"]}");
    const char *answer = next("random", "bob");
    HAS(answer, "\"id\":\"b\",\"weight\":");
    HAS(next("random", "bob"), "\"random\":{\"ts\":");
    label("a");
    label("c");
    HAS(next("first", "bob"), "\"id\":\"b\"");
    label("b");
    assert_string_equal(next("first", "bob"), "{}");
    assert_string_equal(next("random", "bob"), "{}");
    keys_are(TWO "}");
}

static void random_hands_out_all(void **state)
{
    (void)state;
    bool seen[3] = {false};
    for (int i = 0; i < 200 && !(seen[0] && seen[1] && seen[2]); i++) {
        const char *answer = next("random", "u");
        for (int j = 0; j < 3; j++) {
            const char ids[3][9] = {"\"id\":\"a\"", "\"id\":\"b\"", "\"id\":\"c\""};
            seen[j] = seen[j] || strstr(answer, ids[j]) != NULL;
        }
    }
    assert_true(seen[0] && seen[1] && seen[2]);
}

/* A file that went bad after it was indexed. */
static void damaged_images_are_not_offered(void **state)
{
    (void)state;
    char *text = NULL;
    assert_int_equal(vox_strategies_info_json(strategies, &text, NULL), VOX_OK);
    vox_free(text);
    put_text("a.nii", "not an image any more");
    HAS(next("first", "u"), "\"id\":\"b\"");
    assert_string_equal(next("img_0000", "u"), "");
    HAS(problem, "cannot be decoded");
    keys_are(TWO ", \"img_0001\": {\"description\": \"b\"}, \"img_0002\": {\"description\": "
                 "\"c\"}}");
    for (int i = 0; i < 20; i++) {
        LACKS(next("random", "u"), "\"id\":\"a\"");
    }
    put_image("a.nii", 1);
    HAS(next("img_0000", "u"), "\"id\":\"a\"");
}

static enum vox_code next_last(struct vox_datastore *from, const struct vox_strategy_ask *ask,
                               struct vox_strategy_pick *pick, struct vox_err *err)
{
    (void)err;
    assert_ptr_equal(from, store);
    assert_string_equal(ask->key, "last");
    pick->id = vox_strdup("c");
    return VOX_OK;
}

/* A row is all that a new strategy takes. */
static void another_row(void **state)
{
    (void)state;
    const struct vox_strategy last = {.name = "last", .description = "The last", .next = next_last};
    const struct vox_strategy *const more[] = {&last};
    const struct vox_strategies_options options = {.more = more, .n_more = 1};
    begin(&options);
    HAS(next("last", "u"), "\"id\":\"c\"");
    char *text = NULL;
    assert_int_equal(vox_strategies_info_json(strategies, &text, NULL), VOX_OK);
    HAS(text, "}, \"last\": {\"description\": \"The last\"}, \"img_0000\"");
    vox_free(text);
    char *json = get_text("datastore_v2.json");
    HAS(json, "\"last\": {\n");
    vox_free(json);
}

/* Somebody takes the image's file away right after it was picked. */
static enum vox_code next_leaving(struct vox_datastore *from, const struct vox_strategy_ask *ask,
                                  struct vox_strategy_pick *pick, struct vox_err *err)
{
    (void)from;
    (void)err;
    if (ask->passed == NULL) {
        pick->id = vox_strdup("a");
        assert_int_equal(rename(in_folder("a.nii"), in_folder("a.aside")), 0);
    } else if (strcmp(ask->key, "leaving") == 0) {
        assert_string_equal(ask->passed, "a");
        pick->id = vox_strdup("c");
    }
    return VOX_OK;
}

static void another_is_picked(void **state)
{
    (void)state;
    const struct vox_strategy leaving = {.name = "leaving", .next = next_leaving};
    const struct vox_strategy only = {.name = "only", .next = next_leaving};
    const struct vox_strategy *const more[] = {&leaving, &only};
    const struct vox_strategies_options options = {.more = more, .n_more = 2};
    begin(&options);
    HAS(next("leaving", "u"), "\"id\":\"c\"");
    assert_int_equal(rename(in_folder("a.aside"), in_folder("a.nii")), 0);
    assert_string_equal(next("only", "u"), "");
    HAS(problem, "file is gone");
    assert_int_equal(rename(in_folder("a.aside"), in_folder("a.nii")), 0);
    /* Those that choose freely pass it over. */
    const struct vox_strategy_ask ask = {.key = "", .client = "u", .passed = "a"};
    for (int i = 0; i < 40; i++) {
        struct vox_strategy_pick pick = {0};
        const struct vox_strategy *row = i == 0 ? &vox_first_strategy : &vox_random_strategy;
        assert_int_equal(row->next(store, &ask, &pick, NULL), VOX_OK);
        assert_true(i == 0 ? strcmp(pick.id, "b") == 0 : strcmp(pick.id, "a") != 0);
        vox_free(pick.id);
    }
}

static void read_only_hands_out(void **state)
{
    (void)state;
    vox_datastore_close(store);
    struct vox_datastore_options options = quiet_options();
    options.read_only = true;
    store = open_store(&options);
    begin(NULL);
    const char *answer = next("img_0001", "u");
    HAS(answer, "\"id\":\"b\"");
    LACKS(answer, "warnings");
    char *json = get_text("datastore_v2.json");
    LACKS(json, "strategy");
    vox_free(json);
}

/* Checksums outlive the process, and go with the file they are of. */
static void checksums_are_kept(void **state)
{
    (void)state;
    char sums[3][VOX_CHECKSUM_SIZE], again[VOX_CHECKSUM_SIZE];
    const char *const ids[] = {"a", "b", "c"};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(vox_datastore_checksum(store, ids[i], sums[i], NULL), VOX_OK);
    }
    vox_datastore_close(store);
    char *kept = get_text(".voxlabel/checksums");
    HAS(kept, sums[0] + 7);
    /* A made-up one shows whether it is read. */
    char *at = strstr(kept, sums[0] + 7);
    memset(at, 'e', 64);
    put_text(".voxlabel/checksums", kept);
    vox_free(kept);
    store = open_store(NULL);
    begin(NULL);
    assert_int_equal(vox_datastore_checksum(store, "a", again, NULL), VOX_OK);
    HAS(again, "SHA256:eeeeeeee");
    char *info = NULL;
    assert_int_equal(vox_datastore_info_json(store, "a", &info, NULL), VOX_OK);
    HAS(info, "\"checksum\":\"SHA256:eeee");
    vox_free(info);
    assert_int_equal(vox_datastore_checksum(store, "b", again, NULL), VOX_OK);
    assert_string_equal(again, sums[1]);
    /* Two files of one size that change names. */
    assert_int_equal(rename(in_folder("a.nii"), in_folder("t")), 0);
    assert_int_equal(rename(in_folder("c.nii"), in_folder("a.nii")), 0);
    assert_int_equal(rename(in_folder("t"), in_folder("c.nii")), 0);
    assert_int_equal(vox_datastore_checksum(store, "a", again, NULL), VOX_OK);
    assert_string_equal(again, sums[2]);
    /* What cannot be read is computed again. */
    static const char *const damaged[] = {"voxlabel-checksums 1\nnonsense\n\n0 1 2\n",
                                          "something else\n"};
    for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
        vox_datastore_close(store);
        put_text(".voxlabel/checksums", damaged[i]);
        store = open_store(NULL);
        assert_int_equal(vox_datastore_checksum(store, "c", again, NULL), VOX_OK);
        assert_string_equal(again, sums[0]);
    }
    assert_int_equal(vox_datastore_checksum(store, "x", again, NULL), VOX_E_NOT_FOUND);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(list_follows),         TEST(numbers_are_places),
        TEST(file_names),           TEST(one_image),
        TEST(unknown_keys),         TEST(first_and_random),
        TEST(random_hands_out_all), TEST(another_row),
        TEST(another_is_picked),    TEST(damaged_images_are_not_offered),
        TEST(read_only_hands_out),  TEST(checksums_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
