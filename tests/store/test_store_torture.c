/* Every call under an allocation that fails: it fails with "out of memory" or does its work, and
 * what is on the disk stays whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "store/checkout.h"
#include "store/datastore.h"
#include "store/store_folder.h"
#include "store/strategy.h"
#include "support/failing_alloc.h"
#include "util/memory.h"

static const struct vox_incoming label = {.ext = ".nrrd", .info = "{\"k\": [1, {\"a\": 2}]}"};
static char paths[2][300];

static void expect(enum vox_code code, const struct vox_err *err)
{
    if (code != VOX_OK && code != VOX_E_NOMEM) {
        fail_msg("%d: %s", code, err->msg);
    }
    assert_int_equal(code == VOX_OK, err->msg[0] == '\0');
}

/* What went on; an error ends it. */
static enum vox_code use(struct vox_datastore *store, struct vox_err *err)
{
    struct vox_incoming upload = label;
    struct vox_strategies *strategies = NULL;
    struct vox_sample sample = {0};
    char *text = NULL;
    upload.path = paths[0];
    enum vox_code code = vox_datastore_save_label(store, "a", "final", &upload, err);
    if (code == VOX_OK) {
        code = vox_datastore_save_label(store, "a", "final", &upload, err);
    }
    upload.path = paths[1];
    upload.ext = ".nii";
    if (code == VOX_OK) {
        code = vox_datastore_add_image(store, "new/1", &upload, err);
    }
    if (code == VOX_OK) {
        code = vox_datastore_update_image_info(store, "new/1", "{\"x\": 1}", "me", err);
    }
    if (code == VOX_OK) {
        code = vox_strategies_new(store, NULL, &strategies, err);
    }
    if (code == VOX_OK) {
        code = vox_strategies_info_json(strategies, &text, err);
    }
    if (code == VOX_OK) {
        code = vox_strategies_next(strategies, "img_0002", "me", &sample, err);
    }
    if (code == VOX_OK) {
        vox_free(text);
        text = NULL;
        code = vox_datastore_all_json(store, &text, err);
    }
    if (code == VOX_OK) {
        code = vox_datastore_delete_label(store, "a", "final", err);
    }
    if (code == VOX_OK) {
        code = vox_datastore_delete_image(store, "new/1", err);
    }
    vox_free(text);
    vox_sample_free(&sample);
    vox_strategies_free(strategies);
    return code;
}

/* False when no allocation failed any more. */
static bool try_with(long k)
{
    struct vox_datastore_options options = quiet_options();
    struct vox_datastore *store = NULL;
    struct vox_err err = {0};
    store_folder_new();
    put_image("a.nii", 1);
    put_image("b.nii.gz", 2);
    put_text("a label", "label");
    make_dir("aside");
    put_image("aside/new.nii", 3);
    snprintf(paths[0], sizeof(paths[0]), "%s", in_folder("a label"));
    snprintf(paths[1], sizeof(paths[1]), "%s", in_folder("aside/new.nii"));
    char folder[300];
    snprintf(folder, sizeof(folder), "%s", in_folder("."));
    vox_fail_allocation(k);
    enum vox_code code = vox_datastore_open(folder, &options, &store, &err);
    expect(code, &err);
    if (code == VOX_OK) {
        code = use(store, &err);
        expect(code, &err);
    }
    bool failed = vox_allocation_failed();
    vox_fail_allocation(0);
    vox_datastore_close(store);
    /* Nothing is broken: a new process reads it, with both images. */
    store = open_store(NULL);
    HAS(all_json(store), "\"a\": {");
    HAS(all_json(store), "\"b\": {");
    assert_int_equal(count_names("datastore_v2.json.broken"), 0);
    assert_int_equal(count_names(".voxlabel-"), 0);
    vox_datastore_close(store);
    store_folder_remove();
    return failed;
}

static void every_allocation(void **state)
{
    (void)state;
    long k = 1, runs = 0;
    while (try_with(k)) {
        k += 1 + k / 14;
        runs++;
    }
    print_message("%ld runs, up to allocation %ld\n", runs, k);
    assert_true(runs > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_allocation)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
