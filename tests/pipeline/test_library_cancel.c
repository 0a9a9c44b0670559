/* Whoever may cancel does so at each place where they are asked: the call says so at once, nothing
 * is left behind, and what was there before is as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "library_rig.h"
#include "own_folder.h"
#include "util/memory.h"

static const char box[] = "{\"box\": {\"key\": 2, \"xyxy\": [8, 6, 30, 22], \"z\": [0, 5]}}";

static struct vox_model *model;

/* Says yes to the question of this number, and to any after it, which there must not be. */
struct asker {
    int at;
    int asked;
};

static int ask(void *context)
{
    struct asker *asker = context;
    return ++asker->asked > asker->at;
}

/* All of the first questions, then every third. */
static int step(int at)
{
    return at < 10 ? at + 1 : at + 3;
}

static struct vox_callbacks asked_by(struct asker *asker, int at)
{
    *asker = (struct asker){.at = at};
    return (struct vox_callbacks){.cancelled = ask, .context = asker};
}

/* ---- segmenting ---- */

/* Returns how many questions there are. */
static int cancel_segment(struct vox_image *image, const struct vox_request *request)
{
    for (int at = 0;; at = step(at)) {
        struct asker asker;
        const struct vox_callbacks callbacks = asked_by(&asker, at);
        struct vox_result *result = NULL;
        enum vox_code code = vox_segment(model, image, request, &callbacks, &result, NULL);
        if (code == VOX_OK) {
            vox_result_close(result);
            return asker.asked;
        }
        assert_int_equal(VOX_E_CANCELLED, code);
        assert_null(result);
        assert_int_equal(at + 1, asker.asked);
    }
}

static void test_segment(void **state)
{
    (void)state;
    static const char *const windows[] = {"", ", \"window\": \"full\""};
    for (int i = 0; i < 2; i++) {
        char params[200];
        snprintf(params, sizeof(params), "%.*s%s}", (int)strlen(box) - 1, box, windows[i]);
        struct vox_request *request = rig_request(NULL, 0, params);
        struct vox_image *image = rig_image(model);
        /* At the very least once per slice that is looked at, tracked both ways, and combined. */
        assert_true(cancel_segment(image, request) > 4 * RIG_D);
        vox_image_close(image);
        vox_request_close(request);
    }
}

/* The same image as a file: of the cache's parts another thread would have to wait for. */
static void test_segment_a_file(void **state)
{
    (void)state;
    struct vox_image *image = NULL;
    struct vox_request *request = rig_request(NULL, 0, box);
    rig_write_scan();
    assert_int_equal(VOX_OK, vox_image_open(model, "scan.nii", &image, NULL));
    assert_true(cancel_segment(image, request) > 4 * RIG_D);
    vox_image_close(image);
    vox_request_close(request);
}

/* ---- correcting ---- */

static const double corner[1][2] = {{12, 9}};
static const int negative[1] = {0};

/* A result that takes no corrections any more, but is what it was. */
static void expect_kept(struct vox_result *result, const char *told, const uint16_t *labels)
{
    static uint16_t now[RIG_VOXELS];
    struct vox_err err = {0};
    rig_labels(result, now);
    assert_memory_equal(labels, now, sizeof(now));
    char *json = rig_json(result);
    assert_string_equal(told, json);
    vox_free(json);
    assert_int_equal(VOX_E_ARG,
                     vox_result_correct(result, NULL, 3, corner, negative, 1, NULL, &err));
}

static void expect_written(struct vox_result *result)
{
    struct vox_err err = {0};
    const char *which = NULL;
    const struct vox_files logits = {.mask = "no.nii", .logits = "logits.nii"};
    int files = rig_count_files();
    assert_int_equal(VOX_E_ARG, vox_result_save(result, &logits, NULL, &which, &err));
    assert_string_equal("logits.nii", which);
    assert_int_equal(files, rig_count_files());
    const struct vox_files rest = {"kept.nii", NULL, "kept.json", "kept.png"};
    assert_int_equal(VOX_OK, vox_result_save(result, &rest, NULL, NULL, &err));
    assert_int_equal(0, unlink(rest.mask) | unlink(rest.json) | unlink(rest.preview));
}

static void cancel_corrections(const char *params, int64_t k)
{
    static uint16_t labels[RIG_VOXELS];
    struct vox_image *image = rig_image(model);
    for (int at = 0;; at = step(at)) {
        struct vox_result *result = rig_segment(model, image, params);
        struct asker asker;
        const struct vox_callbacks callbacks = asked_by(&asker, at);
        char *told = rig_json(result);
        rig_labels(result, labels);
        enum vox_code code =
            vox_result_correct(result, NULL, k, corner, negative, 1, &callbacks, NULL);
        if (code == VOX_OK) {
            char *json = rig_json(result);
            assert_string_not_equal(told, json);
            assert_non_null(strstr(json, "[[12, 9]]"));
            vox_free(json);
        } else if (at == 0) {
            /* Nothing had begun. */
            assert_int_equal(VOX_E_CANCELLED, code);
            assert_int_equal(VOX_OK,
                             vox_result_correct(result, NULL, k, corner, negative, 1, NULL, NULL));
        } else {
            assert_int_equal(VOX_E_CANCELLED, code);
            assert_int_equal(at + 1, asker.asked);
            expect_kept(result, told, labels);
            if (at % 16 == 1) {
                expect_written(result);
            }
        }
        vox_free(told);
        vox_result_close(result);
        if (code == VOX_OK) {
            assert_true(at > 4);
            break;
        }
    }
    vox_image_close(image);
}

static void test_corrections(void **state)
{
    (void)state;
    cancel_corrections(box, 4);
    /* On the prompted slice all begins anew; with free borders these are found again. */
    cancel_corrections(box, 2);
    cancel_corrections("{\"intersection\": [[20, 15, 2]], \"passes\": \"intersection\"}", 2);
}

/* ---- saving ---- */

static void test_save(void **state)
{
    (void)state;
    const struct vox_files files = {"mask.mhd", "logits.nii.gz", "report.json", "preview.png"};
    struct vox_image *image = rig_image(model);
    struct vox_result *result = rig_segment(model, image, box);
    int before = rig_count_files();
    for (int at = 0;; at = step(at)) {
        struct asker asker;
        const struct vox_callbacks callbacks = asked_by(&asker, at);
        const char *which = "untouched";
        enum vox_code code = vox_result_save(result, &files, &callbacks, &which, NULL);
        if (code == VOX_OK) {
            assert_true(at > 2 * RIG_D);
            assert_int_equal(before + 5, rig_count_files());
            break;
        }
        assert_int_equal(VOX_E_CANCELLED, code);
        assert_string_equal("untouched", which);
        assert_int_equal(before, rig_count_files());
    }
    vox_result_close(result);
    vox_image_close(image);
}

static int set_up(void **state)
{
    int status = vox_enter_folder(state);
    if (status == 0) {
        model = rig_model(0);
    }
    return status;
}

static int tear_down(void **state)
{
    vox_model_close(model);
    return vox_leave_folder(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_segment),
        cmocka_unit_test(test_segment_a_file),
        cmocka_unit_test(test_corrections),
        cmocka_unit_test(test_save),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
