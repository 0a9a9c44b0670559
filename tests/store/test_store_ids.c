/* Ids, tags and file names: what is taken, and that both ways agree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "store/datastore.h"
#include "store/store_folder.h"
#include "store/store_ids.h"
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

static void checks(void **state)
{
    (void)state;
    char longest[VOX_ID_MAX + 2];
    memset(longest, 'x', sizeof(longest));
    assert_int_equal(vox_id_check(longest, VOX_ID_MAX, NULL), VOX_OK);
    assert_int_equal(vox_id_check(longest, VOX_ID_MAX + 1, NULL), VOX_E_ARG);
    assert_int_equal(vox_id_check("", 0, NULL), VOX_E_ARG);
    assert_int_equal(vox_id_check("a\0b", 3, NULL), VOX_E_ARG);
    assert_int_equal(vox_id_check("a\xFF", 2, NULL), VOX_E_ARG);
    assert_int_equal(vox_id_check("\xED\xA0\x80", 3, NULL), VOX_E_ARG);
    assert_int_equal(vox_id_check("../x", 4, NULL), VOX_OK);
    static const char *const good[] = {"final", "version_1", "...", "A.b-C_9"};
    static const char *const bad[] = {"", ".", "..", "a/b", "a b", "\xC3\xA9", "a\n"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(vox_tag_check(good[i], strlen(good[i]), NULL), VOX_OK);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(vox_tag_check(bad[i], strlen(bad[i]), NULL), VOX_E_ARG);
    }
    assert_int_equal(vox_tag_check(longest, 64, NULL), VOX_OK);
    assert_int_equal(vox_tag_check(longest, 65, NULL), VOX_E_ARG);
    assert_int_equal(vox_tag_check("a\0", 2, NULL), VOX_E_ARG);
}

static void endings(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"a.nii.gz", ".nii.gz"},
        {"C:\\Users x\\a.b.NII.GZ", ".nii.gz"},
        {"/tmp/x/label.seg.nrrd", ".seg.nrrd"},
        {"points.json", ".json"},
        {"none", ""},
        {".nii.gz", ".gz"},
        {"a.", ""},
        {"a.b c", ""},
        {"dir.nii/name", ""},
        {"a.0123456789012345678901234567890123456789", ""},
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        char ext[VOX_EXT_MAX + 1];
        vox_file_ext(pairs[i][0], ext);
        assert_string_equal(ext, pairs[i][1]);
    }
    char *id = NULL;
    assert_true(vox_id_from_name("C:\\x\\weird.name.v2.nii.gz", &id));
    assert_string_equal(id, "weird");
    vox_free(id);
    id = NULL;
    assert_false(vox_id_from_name("/tmp/.nii", &id));
    assert_null(id);
}

static void stem_of(const char *id, const char *wanted)
{
    char stem[VOX_STEM_SIZE];
    bool hashed = true;
    assert_int_equal(vox_stem_from_id(id, stem, &hashed, NULL), VOX_OK);
    assert_string_equal(stem, wanted);
    assert_false(hashed);
    char *back = NULL;
    assert_int_equal(vox_stem_to_id(stem, NULL, &back, NULL), VOX_OK);
    assert_string_equal(back, id);
    vox_free(back);
}

static void stems(void **state)
{
    (void)state;
    stem_of("case_1", "case_1");
    stem_of("1.2.840", "1.2.840");
    stem_of("\xE8\x82\x9D", "\xE8\x82\x9D");
    stem_of("2: CT Chest (a/b)", "id=2=3A CT Chest (a=2Fb)");
    stem_of("../x", "id==2E.=2Fx");
    stem_of(".hidden", "id==2Ehidden");
    stem_of("id=x", "id=id=3Dx");
    stem_of("a=b", "a=b");
    stem_of("tail.", "id=tail=2E");
    stem_of("a\nb\x7F", "id=a=0Ab=7F");
    /* Names that only look so are ids themselves. */
    static const char *const plain[] = {"id=",    "id=5",     "id=a=2f",  "id=a=00",
                                        "id=a=2", "id=a=41b", "id=a=~zz", "id=\xC3=28"};
    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
        char *id = NULL;
        assert_int_equal(vox_stem_to_id(plain[i], NULL, &id, NULL), VOX_OK);
        assert_string_equal(id, plain[i]);
        vox_free(id);
    }
}

/* Ids from a generator: each has a safe file name of its own that leads back. */
static void any_id_round_trips(void **state)
{
    (void)state;
    static const char *const pieces[] = {"a",
                                         "/",
                                         "..",
                                         ".",
                                         "=",
                                         "id=",
                                         "\xE8\x82\x9D",
                                         " ",
                                         ":",
                                         "\\",
                                         "=2F",
                                         "\x01",
                                         "\xF0\x9F\x98\x80",
                                         "-"};
    uint32_t seed = 5;
    for (int round = 0; round < 20000; round++) {
        char id[256] = "", stem[VOX_STEM_SIZE];
        bool hashed;
        seed = seed * 1664525U + 1013904223U;
        for (uint32_t i = 0; i <= (seed >> 28); i++) {
            uint32_t pick = (seed >> (i & 15)) * 2654435761U;
            size_t used = strlen(id);
            snprintf(id + used, sizeof(id) - used, "%s", pieces[(pick >> 20) % 14]);
        }
        assert_int_equal(vox_stem_from_id(id, stem, &hashed, NULL), VOX_OK);
        assert_true(vox_is_file_stem(stem) && vox_is_utf8(stem) && !hashed);
        char *back = NULL;
        assert_int_equal(vox_stem_to_id(stem, NULL, &back, NULL), VOX_OK);
        assert_string_equal(back, id);
        vox_free(back);
    }
}

/* Through the datastore and a restart, also where a file name is too short for the id. */
static void ids_of_clients(void **state)
{
    (void)state;
    char chinese[VOX_ID_MAX + 1] = "";
    for (size_t i = 0; i + 3 <= VOX_ID_MAX - 1; i += 3) {
        memcpy(chinese + i, i % 2 == 0 ? "\xE8\x82\x9D" : "\xE8\x84\x8F", 4);
    }
    char sibling[VOX_ID_MAX + 1];
    memcpy(sibling, chinese, sizeof(sibling));
    sibling[strlen(sibling) - 1] ^= 1;
    const char *const ids[] = {"2: CT Chest (a/b)", "\xE8\x83\xB8\xE9\x83\xA8 CT", chinese, sibling,
                               "../../etc/passwd",  "id=2=3A CT Chest (a=2Fb)"};
    enum { N = sizeof(ids) / sizeof(ids[0]) };
    put_image("upload.nrrd", 9);
    make_dir("studies");
    struct vox_datastore_options options = quiet_options();
    struct vox_datastore *store = NULL;
    assert_int_equal(vox_datastore_open(in_folder("studies"), &options, &store, NULL), VOX_OK);
    const struct vox_incoming upload = {.path = in_folder("upload.nrrd"), .ext = ".nrrd"};
    for (size_t i = 0; i < N; i++) {
        struct vox_err err = {0};
        if (vox_datastore_add_image(store, ids[i], &upload, &err) != VOX_OK) {
            fail_msg("%zu: %s", i, err.msg);
        }
        assert_int_equal(save_text(store, ids[i], "final", ".nrrd", ids[i], NULL), VOX_OK);
    }
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < N; i++) {
            struct vox_image_record image;
            struct vox_label_record label;
            assert_int_equal(vox_datastore_image(store, ids[i], &image, NULL), VOX_OK);
            assert_string_equal(image.id, ids[i]);
            assert_int_equal(image.number, i);
            assert_true(image.labelled && image.decodable);
            assert_null(strstr(image.path, "/../"));
            vox_image_record_free(&image);
            assert_int_equal(vox_datastore_label(store, ids[i], "final", 0, &label, NULL), VOX_OK);
            vox_label_record_free(&label);
        }
        vox_datastore_close(store);
        assert_int_equal(vox_datastore_open(in_folder("studies"), &options, &store, NULL), VOX_OK);
    }
    HAS(stats_json(store), "\"total\": 6, \"completed\": 6");
    HAS(all_json(store), "\"2: CT Chest (a/b)\": {");
    assert_true(is_there("studies/id=2=3A CT Chest (a=2Fb).nrrd"));
    assert_true(is_there("studies/labels/final/id=2=3A CT Chest (a=2Fb).nrrd"));
    vox_datastore_close(store);
    /* Without the file the folder leads to the same ids. */
    assert_int_equal(remove(in_folder("studies/datastore_v2.json")), 0);
    assert_int_equal(vox_datastore_open(in_folder("studies"), &options, &store, NULL), VOX_OK);
    for (size_t i = 0; i < N; i++) {
        struct vox_image_record image;
        assert_int_equal(vox_datastore_image(store, ids[i], &image, NULL), VOX_OK);
        assert_true(image.labelled);
        vox_image_record_free(&image);
    }
    vox_datastore_close(store);
}

/* Files that were there keep their names as ids. */
static void ids_of_files(void **state)
{
    (void)state;
    static const char *const names[] = {"a b.nii",    "x.seg.nrrd",       "e.nii.gz.nii.gz",
                                        "id=5.nii",   "id=a=2Fb.nii",     "a:b.nii",
                                        "100%25.mha", "\xE8\x82\x9D.nrrd"};
    static const char *const ids[] = {"a b", "x.seg", "e.nii.gz", "id=5",
                                      "a/b", "a:b",   "100%25",   "\xE8\x82\x9D"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        put_image(names[i], (int)i);
    }
    put_image("two.nii.gz", 1);
    put_image("two.nrrd", 1);
    put_image("SHOUT.NII", 1);
    put_image(".hidden.nii", 1);
    struct vox_datastore *store = open_store(NULL);
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        struct vox_image_record image;
        assert_int_equal(vox_datastore_image(store, ids[i], &image, NULL), VOX_OK);
        assert_string_equal(image.file_name, names[i]);
        vox_image_record_free(&image);
    }
    struct vox_image_record image;
    assert_int_equal(vox_datastore_image(store, "two", &image, NULL), VOX_OK);
    assert_string_equal(image.ext, ".nrrd");
    vox_image_record_free(&image);
    HAS(stats_json(store), "\"total\": 9");
    assert_int_equal(vox_datastore_image(store, "nobody", &image, NULL), VOX_E_NOT_FOUND);
    vox_datastore_close(store);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(checks),         TEST(endings),      TEST(stems), TEST(any_id_round_trips),
        TEST(ids_of_clients), TEST(ids_of_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
