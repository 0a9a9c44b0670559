/* Labels and images that come, are replaced and go. */
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
#include "util/file.h"
#include "util/memory.h"
#include "volume/volume.h"

static struct vox_datastore *store;

static int set_up(void **state)
{
    (void)state;
    store_folder_new();
    put_image("a.nii", 1);
    put_image("b.nii", 2);
    store = open_store(NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    vox_datastore_close(store);
    store_folder_remove();
    return 0;
}

static void reopen(const struct vox_datastore_options *options)
{
    vox_datastore_close(store);
    store = open_store(options);
}

/* The text of a label, or of a version of it; freed at the next call. */
static const char *label_text(const char *id, const char *tag, int version)
{
    static char text[256];
    struct vox_label_record label;
    if (vox_datastore_label(store, id, tag, version, &label, NULL) != VOX_OK) {
        return "none";
    }
    FILE *file = fopen(label.path, "rb");
    assert_non_null(file);
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    fclose(file);
    vox_label_record_free(&label);
    return text;
}

static void versions_are(const char *id, const char *tag, size_t wanted, int first)
{
    int *numbers = NULL;
    size_t n = 0;
    assert_int_equal(vox_datastore_versions(store, id, tag, &numbers, &n, NULL), VOX_OK);
    assert_int_equal(n, wanted);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(numbers[i], first + (int)i);
    }
    vox_free(numbers);
}

static void label_is_stored_as_it_came(void **state)
{
    (void)state;
    assert_int_equal(save_text(store, "a", "final", ".nrrd", "one",
                               "{\"label_info\": [{\"name\": \"liver\", \"idx\": 1}], \"model\": "
                               "\"m\", \"client_id\": \"u\"}"),
                     VOX_OK);
    assert_string_equal(label_text("a", "final", 0), "one");
    char *json = get_text("datastore_v2.json");
    HAS(json,
        "\"labels\": {\n        \"final\": {\n          \"ext\": \".nrrd\",\n          "
        "\"info\": {\n            \"label_info\": [\n              {\n                "
        "\"name\": \"liver\",\n                \"idx\": 1\n              }\n            ],\n  "
        "          \"model\": \"m\",\n            \"client_id\": \"u\",\n            \"ts\": ");
    HAS(json, ",\n            \"name\": \"a.nrrd\"\n          }");
    vox_free(json);
    HAS(stats_json(store), "\"completed\": 1, \"label_tags\": {\"final\": 1}");
    char *info = NULL;
    assert_int_equal(vox_datastore_label_info_json(store, "a", "final", &info, NULL), VOX_OK);
    HAS(info, "liver");
    vox_free(info);
    assert_int_equal(vox_datastore_label_info_json(store, "a", "no", &info, NULL), VOX_OK);
    assert_string_equal(info, "{}");
    vox_free(info);
    assert_int_equal(save_text(store, "c", "final", ".nrrd", "x", NULL), VOX_E_NOT_FOUND);
    assert_int_equal(save_text(store, "a", "../x", ".nrrd", "x", NULL), VOX_E_ARG);
    assert_int_equal(save_text(store, "a", "final", "./x", "x", NULL), VOX_E_ARG);
    assert_int_equal(save_text(store, "a", "final", ".nrrd", "x", "[]"), VOX_E_ARG);
    assert_int_equal(save_text(store, "a", "final", ".nrrd", "x", "{"), VOX_E_ARG);
    assert_string_equal(label_text("a", "final", 0), "one");
    assert_int_equal(count_names(".voxlabel-"), 0);
}

static void replaced_labels_are_versions(void **state)
{
    (void)state;
    char text[16], info[32];
    for (int i = 0; i < 14; i++) {
        snprintf(text, sizeof(text), "label %d", i);
        snprintf(info, sizeof(info), "{\"round\": %d}", i);
        /* Endings change now and then; the file before goes. */
        assert_int_equal(
            save_text(store, "a", "final", i % 3 == 0 ? ".nii.gz" : ".nrrd", text, info), VOX_OK);
        assert_int_equal(is_there("labels/final/a.nii.gz") + is_there("labels/final/a.nrrd"), 1);
    }
    versions_are("a", "final", 10, 4);
    assert_string_equal(label_text("a", "final", 0), "label 13");
    assert_string_equal(label_text("a", "final", 13), "label 12");
    assert_string_equal(label_text("a", "final", 4), "label 3");
    assert_string_equal(label_text("a", "final", 3), "none");
    struct vox_label_record label;
    assert_int_equal(vox_datastore_label(store, "a", "final", 7, &label, NULL), VOX_OK);
    HAS(label.info, "\"round\":6");
    assert_string_equal(label.ext, ".nii.gz");
    vox_label_record_free(&label);
    reopen(NULL);
    versions_are("a", "final", 10, 4);
    struct vox_datastore_options options = quiet_options();
    options.versions = 0;
    reopen(&options);
    assert_int_equal(save_text(store, "b", "final", ".nrrd", "1", NULL), VOX_OK);
    assert_int_equal(save_text(store, "b", "final", ".nrrd", "2", NULL), VOX_OK);
    versions_are("b", "final", 0, 0);
}

static void deleted_label_does_not_come_back(void **state)
{
    (void)state;
    assert_int_equal(save_text(store, "a", "final", ".nrrd", "mine", "{\"k\": 1}"), VOX_OK);
    assert_int_equal(save_text(store, "a", "original", ".nrrd", "model's", NULL), VOX_OK);
    /* As MONAI Label leaves it where the ending changed. */
    put_text("labels/final/a.nii.gz", "older");
    assert_int_equal(vox_datastore_delete_label(store, "a", "final", NULL), VOX_OK);
    assert_int_equal(vox_datastore_refresh(store, NULL), VOX_OK);
    assert_string_equal(label_text("a", "final", 0), "none");
    assert_string_equal(label_text("a", "original", 0), "model's");
    versions_are("a", "final", 2, 1);
    assert_string_equal(label_text("a", "final", 2), "mine");
    HAS(stats_json(store), "\"completed\": 0, \"label_tags\": {\"original\": 1}");
    assert_int_equal(vox_datastore_delete_label(store, "a", "final", NULL), VOX_OK);
    assert_int_equal(vox_datastore_delete_label(store, "nobody", "final", NULL), VOX_OK);
    assert_int_equal(vox_datastore_delete_label(store, "a", "..", NULL), VOX_E_ARG);
    /* The next one goes on counting. */
    assert_int_equal(save_text(store, "a", "final", ".nrrd", "again", NULL), VOX_OK);
    assert_int_equal(save_text(store, "a", "final", ".nrrd", "more", NULL), VOX_OK);
    versions_are("a", "final", 3, 1);
}

static void deleted_image_takes_everything(void **state)
{
    (void)state;
    assert_int_equal(save_text(store, "a", "final", ".nrrd", "1", NULL), VOX_OK);
    assert_int_equal(save_text(store, "a", "final", ".nrrd", "2", NULL), VOX_OK);
    assert_int_equal(save_text(store, "a", "v_1", ".json", "3", NULL), VOX_OK);
    assert_int_equal(vox_datastore_delete_image(store, "a", NULL), VOX_OK);
    LACKS(all_json(store), "\"a\"");
    assert_int_equal(count_names("a."), 0);
    assert_false(is_there(".voxlabel/versions/final/a"));
    assert_int_equal(vox_datastore_delete_image(store, "a", NULL), VOX_E_NOT_FOUND);
    reopen(NULL);
    HAS(stats_json(store), "\"total\": 1,");
    /* b keeps its number, and a new image gets another. */
    put_image("c.nii", 3);
    assert_int_equal(vox_datastore_refresh(store, NULL), VOX_OK);
    struct vox_image_record image;
    assert_int_equal(vox_datastore_numbered(store, 1, &image, NULL), VOX_OK);
    assert_string_equal(image.id, "c");
    vox_image_record_free(&image);
}

static void image_is_replaced(void **state)
{
    (void)state;
    assert_int_equal(save_text(store, "a", "final", ".nrrd", "1", "{\"model\": \"m\"}"), VOX_OK);
    assert_int_equal(
        vox_datastore_update_image_info(store, "a", "{\"Modality\": \"CT\"}", NULL, NULL), VOX_OK);
    make_dir("in");
    put_image("in/x.nrrd", 77);
    const struct vox_incoming upload = {.path = in_folder("in/x.nrrd"),
                                        .ext = ".nrrd",
                                        .info = "{\"client_id\": \"u\"}",
                                        .user = "admin"};
    assert_int_equal(vox_datastore_add_image(store, "a", &upload, NULL), VOX_OK);
    assert_false(is_there("a.nii"));
    assert_true(is_there("a.nrrd") && is_there("in/x.nrrd"));
    char *info = NULL;
    assert_int_equal(vox_datastore_info_json(store, "a", &info, NULL), VOX_OK);
    HAS(info, "\"Modality\":\"CT\"");
    HAS(info, "\"client_id\":\"u\"");
    HAS(info, "\"user\":\"admin\"");
    HAS(info, "\"name\":\"a.nrrd\"");
    HAS(info, "\"path\":\"/");
    vox_free(info);
    assert_int_equal(vox_datastore_info_json(store, "nobody", &info, NULL), VOX_OK);
    assert_string_equal(info, "{}");
    vox_free(info);
    assert_string_equal(label_text("a", "final", 0), "1");
    char *json = get_text("datastore_v2.json");
    HAS(json, "\"model\": \"m\"");
    vox_free(json);
    assert_int_equal(count_names(".voxlabel-"), 0);
}

static void images_that_cannot_be_decoded(void **state)
{
    (void)state;
    put_text("text", "no image at all");
    struct vox_incoming upload = {.path = in_folder("text"), .ext = ".nii.gz"};
    struct vox_err err = {0};
    assert_int_equal(vox_datastore_add_image(store, "t", &upload, &err), VOX_E_FORMAT);
    upload.ext = ".png";
    assert_int_equal(vox_datastore_add_image(store, "t", &upload, &err), VOX_E_UNSUPPORTED);
    upload.path = in_folder("nothing");
    upload.ext = "";
    assert_int_equal(vox_datastore_add_image(store, "t", &upload, &err), VOX_E_NOT_FOUND);
    /* 3D Slicer's "include DICOM files" sends one of these along. */
    upload.path = in_folder("text");
    upload.ext = ".dcm";
    assert_int_equal(vox_datastore_add_image(store, "t", &upload, &err), VOX_OK);
    assert_true(is_there("t.dcm"));
    LACKS(all_json(store), "\"t\"");
    assert_int_equal(count_names(".voxlabel-"), 0);
}

/* Objects of other formats stay in the file and are not offered. */
static void other_formats_stay(void **state)
{
    (void)state;
    vox_datastore_close(store);
    put_text("p.jpg", "a picture");
    put_text("datastore_v2.json", "{\"objects\": {\"p\": {\"image\": {\"ext\": \".jpg\", \"info\": "
                                  "{\"k\": 1}}, \"labels\": {}}}}");
    store = open_store(NULL);
    HAS(all_json(store), "\"p\": {");
    HAS(stats_json(store), "\"total\": 2,");
    struct vox_image_item *items;
    size_t n;
    assert_int_equal(vox_datastore_list(store, VOX_IMAGES_ALL, &items, &n, NULL), VOX_OK);
    assert_int_equal(n, 2);
    assert_string_equal(items[0].id, "a");
    /* The number counts all objects. */
    assert_int_equal(items[0].number, 1);
    vox_image_items_free(items, n);
    struct vox_image_record image;
    assert_int_equal(vox_datastore_image(store, "p", &image, NULL), VOX_OK);
    assert_false(image.decodable);
    vox_image_record_free(&image);
}

/* --- uncertain voxels --- */

enum { W = 4, H = 3, D = 2, N = W * H * D };

static void put_label(const char *name, enum vox_voxel_type type)
{
    const int64_t size[3] = {W, H, D};
    struct vox_volume like = {.geometry = {.source = VOX_FORMAT_NRRD}};
    uint8_t narrow[N];
    float wide[N];
    for (int i = 0; i < 3; i++) {
        like.geometry.affine[i][i] = 2.0;
        like.geometry.spacing[i] = 2.0;
    }
    for (int i = 0; i < N; i++) {
        narrow[i] = (uint8_t)(i % 3);
        wide[i] = (float)(i % 3);
    }
    const void *voxels = type == VOX_VOXEL_U8 ? (const void *)narrow : wide;
    assert_int_equal(vox_volume_write(in_folder(name), &like.geometry, size, type, voxels, NULL),
                     VOX_OK);
}

static void save_uncertain(enum vox_uncertain mode, const char *name, const char *ext,
                           const char *info, int wanted)
{
    struct vox_datastore_options options = quiet_options();
    options.uncertain = mode;
    reopen(&options);
    const struct vox_incoming upload = {.path = in_folder(name), .ext = ext, .info = info};
    struct vox_err err = {0};
    if (vox_datastore_save_label(store, "a", "final", &upload, &err) != VOX_OK) {
        fail_msg("%s", err.msg);
    }
    struct vox_label_record label;
    struct vox_volume *volume = NULL;
    const struct vox_volume_limits limits = vox_volume_limits_default();
    assert_int_equal(vox_datastore_label(store, "a", "final", 0, &label, NULL), VOX_OK);
    assert_int_equal(vox_volume_read(label.path, &limits, &volume, &err), VOX_OK);
    double *slice = vox_calloc(W * H, sizeof(*slice));
    assert_non_null(slice);
    for (int64_t k = 0; k < D; k++) {
        vox_volume_slice(volume, k, slice);
        for (int i = 0; i < W * H; i++) {
            int was = (int)((k * W * H + i) % 3);
            assert_int_equal((int)slice[i], was == 2 ? wanted : was);
        }
    }
    vox_free(slice);
    vox_volume_free(volume);
    vox_label_record_free(&label);
    assert_int_equal(count_names(".voxlabel-"), 0);
}

static void uncertain_voxels(void **state)
{
    (void)state;
    static const char slicer[] =
        "{\"label_info\": [{\"name\": \"background\", \"idx\": 1}, {\"name\": \"intersection\", "
        "\"idx\": 2}, {\"name\": \"uncertain\", \"idx\": 3}]}";
    static const char one_other[] =
        "{\"label_info\": [{\"name\": \"liver\", \"idx\": 1}, {\"name\": \"Uncertain\"}]}";
    static const char two_others[] = "{\"label_info\": [{\"name\": \"liver\"}, {\"name\": "
                                     "\"uncertain\"}, {\"name\": \"spleen\"}]}";
    put_label("label.nii.gz.aside.nii.gz", VOX_VOXEL_U8);
    put_label("label.aside.nrrd", VOX_VOXEL_F32);
    const char *gz = "label.nii.gz.aside.nii.gz", *nrrd = "label.aside.nrrd";
    save_uncertain(VOX_UNCERTAIN_KEEP, gz, ".nii.gz", slicer, 2);
    versions_are("a", "final", 0, 0);
    save_uncertain(VOX_UNCERTAIN_DROP, gz, ".nii.gz", slicer, 0);
    versions_are("a", "final", 2, 1);
    save_uncertain(VOX_UNCERTAIN_MERGE, gz, ".nii.gz", slicer, 1);
    save_uncertain(VOX_UNCERTAIN_MERGE, nrrd, ".nrrd", one_other, 1);
    versions_are("a", "final", 6, 1);
    /* The last one is what the client sent. */
    struct vox_label_record label;
    struct vox_volume *volume = NULL;
    const struct vox_volume_limits limits = vox_volume_limits_default();
    assert_int_equal(vox_datastore_label(store, "a", "final", 6, &label, NULL), VOX_OK);
    assert_int_equal(vox_volume_read(label.path, &limits, &volume, NULL), VOX_OK);
    assert_true(((const float *)volume->voxels)[2] > 1.5F);
    vox_volume_free(volume);
    vox_label_record_free(&label);
    /* Nothing that is called so, or nothing to merge with: as it came. */
    save_uncertain(VOX_UNCERTAIN_DROP, gz, ".nii.gz", "{}", 2);
    save_uncertain(VOX_UNCERTAIN_MERGE, gz, ".nii.gz", two_others + 0, 2);
    versions_are("a", "final", 8, 1);
    /* "intersection" is 300, which is no uint8. */
    char many[16384] = "{\"label_info\": [{\"name\": \"x\"}, {\"name\": \"uncertain\"}";
    size_t used = strlen(many);
    for (int i = 3; i < 300; i++) {
        used += (size_t)snprintf(many + used, sizeof(many) - used, ", {\"name\": \"n%d\"}", i);
    }
    snprintf(many + used, sizeof(many) - used, ", {\"name\": \"intersection\"}]}");
    save_uncertain(VOX_UNCERTAIN_MERGE, gz, ".nii.gz", many, 2);
    assert_int_equal(save_text(store, "a", "final", ".json", "no voxels", slicer), VOX_OK);
    assert_string_equal(label_text("a", "final", 0), "no voxels");
}

static void uncertain_segments(void **state)
{
    (void)state;
    const int64_t size[3] = {W, H, D};
    struct vox_volume like = {.geometry = {.source = VOX_FORMAT_NRRD}};
    uint8_t voxels[N];
    const struct vox_segment_info segments[] = {{.name = "uncertain", .value = 2},
                                                {.name = "lung", .value = 1}};
    for (int i = 0; i < 3; i++) {
        like.geometry.affine[i][i] = 1.0;
        like.geometry.spacing[i] = 1.0;
    }
    for (int i = 0; i < N; i++) {
        voxels[i] = (uint8_t)(i % 3);
    }
    struct vox_slice_array array = vox_slice_array(size, VOX_VOXEL_U8, voxels);
    const struct vox_slice_supply supply = vox_slice_array_supply(&array);
    struct vox_write_options options = {.segments = segments, .n_segments = 2};
    struct vox_file_writer *file = NULL;
    assert_int_equal(vox_volume_prepare(in_folder("s.seg.nrrd"), &like.geometry, size, VOX_VOXEL_U8,
                                        &supply, &options, NULL, &file, NULL),
                     VOX_OK);
    assert_int_equal(vox_file_commit(file, NULL), VOX_OK);
    save_uncertain(VOX_UNCERTAIN_MERGE, "s.seg.nrrd", ".seg.nrrd", NULL, 1);
    char *text = get_text("labels/final/a.seg.nrrd");
    HAS(text, "lung");
    LACKS(text, "uncertain");
    vox_free(text);
}

/* --- checkouts --- */

static void checkouts(void **state)
{
    (void)state;
    struct vox_checkout before = {.since = 7}, found;
    assert_false(vox_checkout_find(store, "a", &found));
    uint64_t generation = vox_datastore_generation(store);
    assert_int_equal(vox_checkout_take(store, "a", "anna", &before, NULL), VOX_OK);
    assert_true(vox_datastore_wait(store, generation, 0.0));
    assert_string_equal(before.client, "");
    assert_int_equal(vox_checkout_take(store, "a", "anna", &before, NULL), VOX_OK);
    assert_string_equal(before.client, "");
    assert_false(vox_checkout_by_other(store, "a", "anna"));
    assert_true(vox_checkout_by_other(store, "a", "anna2"));
    assert_true(vox_checkout_by_other(store, "a", "ann"));
    HAS(all_json(store),
        "\"labels\": {},\n      \"checkout\": {\n        \"client_id\": \"anna\",");
    HAS(stats_json(store), "\"checked_out\": 1");
    assert_int_equal(vox_checkout_take(store, "a", "bob", &before, NULL), VOX_OK);
    assert_string_equal(before.client, "anna");
    vox_checkout_release(store, "a", "anna");
    assert_true(vox_checkout_find(store, "a", &found));
    assert_string_equal(found.client, "bob");
    assert_int_equal(found.expires - found.since, 3600);
    assert_int_equal(save_text(store, "a", "final", ".nrrd", "1", NULL), VOX_OK);
    assert_false(vox_checkout_find(store, "a", &found));
    assert_int_equal(vox_checkout_take(store, "nobody", "bob", NULL, NULL), VOX_E_NOT_FOUND);
    struct vox_datastore_options options = quiet_options();
    options.checkout_seconds = 0.0;
    reopen(&options);
    assert_int_equal(vox_checkout_take(store, "b", "bob", NULL, NULL), VOX_OK);
    assert_false(vox_checkout_find(store, "b", &found));
    char *json = get_text("datastore_v2.json");
    LACKS(json, "checkout");
    vox_free(json);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(label_is_stored_as_it_came),
        TEST(replaced_labels_are_versions),
        TEST(deleted_label_does_not_come_back),
        TEST(deleted_image_takes_everything),
        TEST(image_is_replaced),
        TEST(images_that_cannot_be_decoded),
        TEST(other_formats_stay),
        TEST(uncertain_voxels),
        TEST(uncertain_segments),
        TEST(checkouts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
