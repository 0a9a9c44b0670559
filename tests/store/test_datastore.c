/* The datastore's file and folder: what is read, made, kept and refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/datastore.h"
#include "store/store_folder.h"
#include "util/memory.h"

static int set_up(void **state)
{
    (void)state;
    store_folder_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    store_folder_remove();
    return 0;
}

static char notes[4096];

static void take_note(void *context, const char *text)
{
    (void)context;
    size_t used = strlen(notes);
    snprintf(notes + used, sizeof(notes) - used, "%s\n", text);
}

static struct vox_datastore *open_noting(void)
{
    struct vox_datastore_options options = quiet_options();
    notes[0] = '\0';
    options.note = take_note;
    return open_store(&options);
}

static void no_such_folder(void **state)
{
    (void)state;
    struct vox_datastore_options options = quiet_options();
    struct vox_datastore *store = NULL;
    struct vox_err err = {0};
    assert_int_equal(vox_datastore_open(in_folder("missing"), &options, &store, &err),
                     VOX_E_NOT_FOUND);
    assert_null(store);
    put_text("file", "x");
    assert_int_equal(vox_datastore_open(in_folder("file"), &options, &store, &err),
                     VOX_E_NOT_FOUND);
}

static void makes_one_of_a_folder(void **state)
{
    (void)state;
    put_image("b.nii.gz", 1);
    put_image("a.nrrd", 2);
    put_image("c.mha", 3);
    put_image("d.nii", 4);
    put_text("notes.txt", "left alone");
    put_text("broken.nii.gz", "no image");
    put_text("short.nii", "");
    make_dir("sub");
    put_image("sub/e.nii", 5);
    struct vox_datastore *store = open_store(NULL);
    char *text = get_text("datastore_v2.json");
    assert_non_null(text);
    assert_string_equal(stats_json(store), "{\"total\": 4, \"completed\": 0, \"label_tags\": {}, "
                                           "\"checked_out\": 0}");
    const char head[] = "{\n  \"name\": \"new-dataset\",\n  \"description\": \"New Dataset\",\n  "
                        "\"images_dir\": \".\",\n  \"labels_dir\": \"labels\",\n  \"label_dir\": "
                        "\"labels\",\n  \"objects\": {\n    \"a\": {\n      \"image\": {\n        "
                        "\"ext\": \".nrrd\",\n        \"info\": {\n          \"ts\": ";
    assert_memory_equal(text, head, sizeof(head) - 1);
    HAS(text, ",\n          \"name\": \"a.nrrd\"\n        }\n      },\n      \"labels\": {}\n    },"
              "\n    \"b\": {");
    LACKS(text, "broken");
    LACKS(text, "short");
    LACKS(text, "\"e\"");
    assert_true(is_there("labels/final"));
    assert_true(is_there("labels/original"));
    assert_true(is_there("notes.txt") && is_there("broken.nii.gz"));
    vox_free(text);
    vox_datastore_close(store);
    /* Nothing is written where nothing changed. */
    struct stat before, after;
    assert_int_equal(stat(in_folder("datastore_v2.json"), &before), 0);
    vox_datastore_close(open_store(NULL));
    assert_int_equal(stat(in_folder("datastore_v2.json"), &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
}

/* As the specification prints it, but for the names and its missing brace. */
static void spelling_of_the_specification(void **state)
{
    (void)state;
    put_image("CASE.nii.gz", 1);
    make_dir("annotations");
    make_dir("annotations/final");
    put_text("annotations/final/CASE.nrrd", "a label");
    put_text("datastore_v2.json",
             "{\n   \"name\": \"new-dataset\",\n   \"description\": \"NEW Dataset\",\n"
             "   \"images_dir\": \".\",\n   \"label_dir\": \"annotations\",\n   \"objects\": {\n"
             "        \"CASE\": {\n            \"image\": { \"ext\": \".nii.gz\", \"info\": { "
             "\"ts\": 1754010873, \"name\": \"CASE.nii.gz\" } },\n            \"labels\": {}\n"
             "    }\n}\n}\n");
    struct vox_datastore *store = open_store(NULL);
    const char *all = all_json(store);
    HAS(all, "\"description\": \"NEW Dataset\"");
    HAS(all, "\"labels_dir\": \"annotations\"");
    HAS(all, "\"label_dir\": \"annotations\"");
    HAS(all, "\"ts\": 1754010873");
    HAS(all, "\"final\": {");
    assert_false(is_there("labels"));
    char *text = get_text("datastore_v2.json");
    HAS(text, "\"labels_dir\": \"annotations\",\n  \"label_dir\": \"annotations\"");
    vox_free(text);
    vox_datastore_close(store);
}

static void keeps_what_it_does_not_know(void **state)
{
    (void)state;
    put_image("z.nii", 1);
    put_image("a.nii", 2);
    make_dir("labels");
    make_dir("labels/v 1");
    put_text("datastore_v2.json",
             "{\"name\": \"n\", \"project\": {\"lead\": [1, 2.5, null, true, \"\\u00e9\"]}, "
             "\"objects\": {\"z\": {\"image\": {\"ext\": \".nii\", \"info\": {\"free\": {\"form\": "
             "[[]]}, \"big\": 9007199254740993}, \"sop\": 1}, \"reviewed\": false}, "
             "\"a\": {\"image\": {\"ext\": \".nii\"}, \"labels\": {\"v 1\": {\"ext\": \".nrrd\", "
             "\"info\": {\"odd\": \"tag\"}}}}, "
             "\"../evil\": {\"image\": {\"ext\": \".nii\"}, \"labels\": {}}}}");
    struct vox_datastore *store = open_store(NULL);
    assert_int_equal(save_text(store, "a", "final", ".nrrd", "x", NULL), VOX_OK);
    vox_datastore_close(store);
    char *text = get_text("datastore_v2.json");
    HAS(text,
        "\"project\": {\n    \"lead\": [\n      1,\n      2.5,\n      null,\n      true,\n     "
        " \"\\u00e9\"\n    ]\n  },\n  \"objects\"");
    HAS(text, "\"free\": {\n            \"form\": [\n              []\n            ]\n          }");
    HAS(text, "9007199254740993");
    HAS(text, "\"sop\": 1");
    HAS(text, "\"reviewed\": false");
    HAS(text, "\"../evil\"");
    HAS(text,
        "\"v 1\": {\n          \"ext\": \".nrrd\",\n          \"info\": {\n            \"odd\"");
    assert_true(strstr(text, "\"z\"") < strstr(text, "\"a\""));
    vox_free(text);
}

static void what_python_writes(void **state)
{
    (void)state;
    put_image("a.nii", 1);
    put_text("datastore_v2.json",
             "{\"objects\": {\"a\": {\"image\": {\"ext\": \".nii\", \"info\": {\"dice\": NaN, "
             "\"far\": [Infinity, -Infinity, 123456789012345678901234567890, -1.5e-3], "
             "\"said\": \"NaN \\\" Infinity\", \"name\": \"x\\udcff\\ud83d\\ude00\\u0000\"}}}}}");
    struct vox_datastore *store = open_noting();
    assert_string_equal(notes, "");
    const char *all = all_json(store);
    HAS(all, "\"dice\": null");
    HAS(all, "null,\n            null,\n            1.2345678901234568e+29");
    HAS(all, "-0.0015");
    HAS(all, "\"NaN \\\" Infinity\"");
    HAS(all, "\"x\\ufffd\\ud83d\\ude00\\ufffd\"");
    vox_datastore_close(store);
}

static void broken_file_is_put_aside(void **state)
{
    (void)state;
    put_image("a.nii", 1);
    put_text("datastore_v2.json", "{\"name\": \"half");
    struct vox_datastore *store = open_noting();
    HAS(notes, "datastore_v2.json is broken (not JSON at line 1");
    assert_int_equal(count_names("datastore_v2.json.broken-"), 1);
    HAS(all_json(store), "\"a\": {");
    assert_int_equal(vox_datastore_update_image_info(store, "a", "{\"k\": 1}", "me", NULL), VOX_OK);
    /* While it runs memory has what the file had. */
    put_text("datastore_v2.json", "[]");
    assert_int_equal(vox_datastore_refresh(store, NULL), VOX_OK);
    assert_int_equal(count_names("datastore_v2.json.broken-"), 2);
    char *text = get_text("datastore_v2.json");
    HAS(text, "\"k\": 1");
    HAS(text, "\"user\": \"me\"");
    vox_free(text);
    vox_datastore_close(store);
}

static void edits_by_hand_are_merged(void **state)
{
    (void)state;
    put_image("a.nii", 1);
    put_image("b.nii", 2);
    struct vox_datastore *store = open_store(NULL);
    char *text = get_text("datastore_v2.json");
    char *at = strstr(text, "\"name\": \"b.nii\"");
    assert_non_null(at);
    char edited[4096];
    snprintf(edited, sizeof(edited), "%.*s\"by hand\": 1, %s", (int)(at - text), text, at);
    vox_free(text);
    put_text("datastore_v2.json", edited);
    /* A save reads it first. */
    assert_int_equal(save_text(store, "a", "final", ".nii.gz", "x", "{\"model\": \"m\"}"), VOX_OK);
    text = get_text("datastore_v2.json");
    HAS(text, "\"by hand\": 1");
    HAS(text, "\"model\": \"m\"");
    vox_free(text);
    HAS(all_json(store), "\"by hand\": 1");
    /* Gone files leave, and what was known of them comes back with them. */
    assert_int_equal(rename(in_folder("b.nii"), in_folder("b.aside")), 0);
    assert_int_equal(vox_datastore_refresh(store, NULL), VOX_OK);
    LACKS(all_json(store), "\"b\": {");
    assert_int_equal(rename(in_folder("b.aside"), in_folder("b.nii")), 0);
    vox_datastore_close(store);
    store = open_store(NULL);
    HAS(all_json(store), "\"b\": {");
    vox_datastore_close(store);
}

/* A write that fails has read them; the next one has to write them all the same. */
static void edits_by_hand_outlive_a_failure(void **state)
{
    (void)state;
    put_image("a.nii", 1);
    struct vox_datastore *store = open_store(NULL);
    assert_int_equal(save_text(store, "a", "final", ".nii", "old", NULL), VOX_OK);
    char *text = get_text("datastore_v2.json");
    char *name = strstr(text, "new-dataset");
    assert_non_null(name);
    memcpy(name, "edited-here", strlen("edited-here"));
    put_text("datastore_v2.json", text);
    vox_free(text);
    /* The label that is replaced cannot become a version. */
    put_text(".voxlabel/versions/final", "in the way");
    assert_int_equal(save_text(store, "a", "final", ".nii", "new", NULL), VOX_E_IO);
    assert_int_equal(save_text(store, "a", "other", ".nii", "new", NULL), VOX_OK);
    text = get_text("datastore_v2.json");
    HAS(text, "edited-here");
    vox_free(text);
    text = get_text("labels/final/a.nii");
    assert_string_equal(text, "old");
    vox_free(text);
    vox_datastore_close(store);
}

static void folders_outside_are_refused(void **state)
{
    (void)state;
    static const char *const dirs[] = {"\"..\"", "\"/tmp\"", "\"a/../../b\""};
    for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
        char text[200];
        struct vox_datastore_options options = quiet_options();
        struct vox_datastore *store = NULL;
        snprintf(text, sizeof(text), "{\"labels_dir\": %s, \"objects\": {}}", dirs[i]);
        put_text("datastore_v2.json", text);
        assert_int_equal(vox_datastore_open(in_folder("."), &options, &store, NULL),
                         VOX_E_UNSUPPORTED);
    }
}

static void read_only(void **state)
{
    (void)state;
    put_image("a.nii", 1);
    struct vox_datastore_options options = quiet_options();
    options.read_only = true;
    struct vox_datastore *store = open_store(&options);
    assert_true(vox_datastore_read_only(store));
    HAS(all_json(store), "\"a\": {");
    assert_int_equal(save_text(store, "a", "final", ".nii", "x", NULL), VOX_E_UNSUPPORTED);
    assert_int_equal(vox_datastore_delete_image(store, "a", NULL), VOX_E_UNSUPPORTED);
    assert_int_equal(vox_datastore_update_image_info(store, "a", "{}", NULL, NULL),
                     VOX_E_UNSUPPORTED);
    put_image("b.nii", 1);
    assert_int_equal(vox_datastore_refresh(store, NULL), VOX_OK);
    HAS(all_json(store), "\"b\": {");
    vox_datastore_close(store);
    assert_false(is_there("datastore_v2.json"));
    assert_false(is_there("labels"));
    assert_false(is_there(".lock"));
    assert_false(is_there(".voxlabel"));
}

static void temporary_files_go(void **state)
{
    (void)state;
    put_image("a.nii", 1);
    vox_datastore_close(open_store(NULL));
    put_text(".datastore_v2.json.Ab12Cd", "half");
    put_text(".voxlabel-1-2", "half");
    put_text("labels/final/.voxlabel-1-3", "half");
    put_text(".voxlabel/staging/.voxlabel-1-4", "half");
    put_text(".a.nii.Xy34Zz", "of rsync");
    /* Another one that is open may be using them. */
    struct vox_datastore *first = open_store(NULL);
    assert_int_equal(count_names(".voxlabel-"), 0);
    assert_int_equal(count_names(".datastore_v2"), 0);
    assert_true(is_there(".a.nii.Xy34Zz"));
    put_text(".voxlabel-1-2", "of the first");
    struct vox_datastore *second = open_store(NULL);
    assert_int_equal(count_names(".voxlabel-"), 1);
    vox_datastore_close(second);
    vox_datastore_close(first);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(no_such_folder),
        TEST(makes_one_of_a_folder),
        TEST(spelling_of_the_specification),
        TEST(keeps_what_it_does_not_know),
        TEST(what_python_writes),
        TEST(broken_file_is_put_aside),
        TEST(edits_by_hand_are_merged),
        TEST(edits_by_hand_outlive_a_failure),
        TEST(folders_outside_are_refused),
        TEST(read_only),
        TEST(temporary_files_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
