/* Every allocation behind the public interface fails once: the call says so, leaves nothing behind
 * and what was there before as it was. Leaks are the sanitizers' to find. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "library_rig.h"
#include "own_folder.h"
#include "support/failing_alloc.h"
#include "util/memory.h"

enum { MOST_ALLOCATIONS = 20000 };

static const char *const labels[] = {"liver", "tumour"};
static const char params[] =
    "{\"box\": {\"key\": 2, \"xyxy\": [8, 6, 30, 22], \"z\": [2, 3]}, \"fill_holes\": true, "
    "\"tumour\": [[12, 9, 2], [20, 15, 3]], \"background\": [[30, 20, 3]], "
    "\"corrections\": [{\"k\": 3, \"points\": [[12, 9]], \"labels\": [0]}]}";

static struct vox_model *model;

/* One call under test: runs with an allocation failing, or without; must leave things as they
 * were where it fails. */
typedef enum vox_code attempt(void *context, struct vox_err *err);

/* Lets each allocation of the call fail, and then none. Returns how many there are. */
static long sweep(attempt *call, void *context)
{
    for (long k = 1;; k++) {
        struct vox_err err = {0};
        assert_true(k < MOST_ALLOCATIONS);
        vox_fail_allocation(k);
        enum vox_code code = call(context, &err);
        bool failed = vox_allocation_failed();
        vox_fail_allocation(0);
        if (!failed) {
            if (code != VOX_OK) {
                fail_msg("%s", err.msg);
            }
            return k - 1;
        }
        assert_int_equal(VOX_E_NOMEM, code);
        assert_true(strlen(err.msg) > 5);
    }
}

/* ---- opening ---- */

static enum vox_code open_model(void *context, struct vox_err *err)
{
    const struct vox_model_options options = {
        .config = rig_config, .backend = "ref", .threads = 2, .cache_dir = context};
    struct vox_model *opened = NULL;
    enum vox_code code = vox_model_open("tiny.pt", &options, &opened, err);
    assert_int_equal(code == VOX_OK, opened != NULL);
    vox_model_close(opened);
    return code;
}

/* No built-in configuration fits, which is an error of its own; memory that runs out is another. */
static enum vox_code open_misfit(void *context, struct vox_err *err)
{
    const struct vox_model_options options = {.backend = "ref", .threads = 1};
    struct vox_model *opened = NULL;
    (void)context;
    enum vox_code code = vox_model_open("tiny.pt", &options, &opened, err);
    assert_null(opened);
    return code == VOX_E_FORMAT ? VOX_OK : code;
}

static void test_model(void **state)
{
    (void)state;
    assert_true(sweep(open_misfit, NULL) > 50);
    char folder[] = "cache";
    assert_true(sweep(open_model, folder) > 50);
}

/* ---- images and requests ---- */

static enum vox_code look_at_file(void *context, struct vox_err *err)
{
    (void)context;
    struct vox_image *image = NULL;
    struct vox_image_facts facts;
    enum vox_code code = vox_image_open(model, "scan.nii", &image, err);
    if (code == VOX_OK) {
        code = vox_image_describe(image, &facts, err);
    }
    vox_image_close(image);
    return code;
}

static enum vox_code wrap(void *context, struct vox_err *err)
{
    (void)context;
    const struct vox_voxels voxels = {
        .size = {RIG_W, RIG_H, RIG_D},
        .type = VOX_VOXEL_I16,
        .data = rig_voxels,
        .affine = {{0, 0, 2, 1}, {1, 0, 0, 2}, {0, 1, 0, 3}},
    };
    struct vox_image *image = NULL;
    enum vox_code code = vox_image_wrap(model, &voxels, &image, err);
    assert_int_equal(code == VOX_OK, image != NULL);
    vox_image_close(image);
    return code;
}

static enum vox_code ask(void *context, struct vox_err *err)
{
    static uint8_t mask[RIG_VOXELS] = {[RIG_SLICE + 99] = 1};
    const int64_t size[3] = {RIG_W, RIG_H, RIG_D};
    const double at[3] = {10, 10, -35}, corners[4] = {1, 2, 9, 11};
    struct vox_image *image = context;
    struct vox_request *request = NULL;
    enum vox_code code = vox_request_open(labels, 2, &request, err);
    if (code == VOX_OK) {
        code = vox_request_params(request, params, strlen(params), err);
    }
    if (code == VOX_OK) {
        vox_request_clear_boxes(request);
        code = vox_request_box(request, "liver", 3, corners, NULL, err);
    }
    if (code == VOX_OK) {
        code = vox_request_click(request, "tumour", at, 1, err);
    }
    if (code == VOX_OK) {
        code = vox_request_mask(request, "liver", size, mask, err);
    }
    if (code == VOX_OK) {
        code = vox_request_ras(request, image, err);
    }
    vox_request_close(request);
    return code;
}

static enum vox_code explain(void *context, struct vox_err *err)
{
    const struct vox_request *request = context;
    struct vox_image *image = NULL;
    char *text = NULL;
    enum vox_code code = vox_image_open(NULL, "scan.nii", &image, err);
    if (code == VOX_OK) {
        code = vox_explain(NULL, image, request, &text, err);
        assert_int_equal(code == VOX_OK, text != NULL);
    }
    vox_text_free(text);
    vox_image_close(image);
    return code;
}

static void test_images_and_requests(void **state)
{
    (void)state;
    struct vox_image *image = rig_image(model);
    assert_true(sweep(look_at_file, NULL) > 2);
    assert_true(sweep(wrap, NULL) > 2);
    assert_true(sweep(ask, image) > 20);
    struct vox_request *request = rig_request(labels, 2, params);
    assert_true(sweep(explain, request) > 20);
    vox_request_close(request);
    vox_image_close(image);
}

/* ---- segmenting ---- */

static enum vox_code segment_file(void *context, struct vox_err *err)
{
    const struct vox_request *request = context;
    struct vox_image *image = NULL;
    struct vox_result *result = NULL;
    enum vox_code code = vox_image_open(model, "scan.nii", &image, err);
    if (code == VOX_OK) {
        code = vox_segment(model, image, request, NULL, &result, err);
        assert_int_equal(code == VOX_OK, result != NULL);
    }
    vox_result_close(result);
    vox_image_close(image);
    return code;
}

static void test_segment(void **state)
{
    (void)state;
    struct vox_request *request = rig_request(labels, 2, params);
    assert_true(sweep(segment_file, request) > 100);
    vox_request_close(request);
    request = rig_request(labels, 2, "{\"liver\": []}");
    assert_true(sweep(segment_file, request) > 10);
    vox_request_close(request);
}

/* ---- what a result gives ---- */

struct scene {
    struct vox_image *image;
    struct vox_request *request;
    struct vox_result *result;
    const struct vox_files *files;
    int before; /* files in the folder */
};

static enum vox_code save(void *context, struct vox_err *err)
{
    const struct scene *scene = context;
    const char *which = NULL;
    enum vox_code code = vox_result_save(scene->result, scene->files, NULL, &which, err);
    assert_int_equal(code != VOX_OK, which != NULL);
    assert_true(code == VOX_OK || rig_count_files() == scene->before);
    return code;
}

static enum vox_code check_files(void *context, struct vox_err *err)
{
    const struct scene *scene = context;
    enum vox_code code = vox_files_check(scene->files, NULL, err);
    assert_int_equal(scene->before, rig_count_files());
    return code;
}

static enum vox_code give_json(void *context, struct vox_err *err)
{
    const struct scene *scene = context;
    const char *text = "untouched";
    size_t size = 9;
    enum vox_code code = vox_result_json(scene->result, scene->files, &text, &size, err);
    assert_true(code == VOX_OK || (size == 9 && strcmp(text, "untouched") == 0));
    return code;
}

static void test_save(void **state)
{
    (void)state;
    static const struct vox_files all[] = {
        {"a.seg.nrrd", "a.mhd", "a.json", "a.png"},
        {"b.mha", "b.nrrd", NULL, NULL},
        {"c.nii.gz", NULL, "c", NULL},
    };
    struct scene scene = {.image = rig_image(model), .request = rig_request(labels, 2, params)};
    assert_int_equal(VOX_OK,
                     vox_segment(model, scene.image, scene.request, NULL, &scene.result, NULL));
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        scene.files = &all[i];
        scene.before = rig_count_files();
        assert_true(sweep(give_json, &scene) > 2);
        assert_true(sweep(check_files, &scene) > 2);
        assert_true(sweep(save, &scene) > 10);
        assert_true(rig_count_files() > scene.before);
    }
    vox_result_close(scene.result);
    vox_request_close(scene.request);
    vox_image_close(scene.image);
}

/* ---- correcting ---- */

static enum vox_code correct(void *context, struct vox_err *err)
{
    static uint16_t before[RIG_VOXELS], after[RIG_VOXELS];
    static const double ij[2][2] = {{12, 9}, {20.5, 15}};
    static const int positive[2] = {0, 1};
    const struct scene *scene = context;
    struct vox_result *result = scene->result;
    rig_labels(result, before);
    enum vox_code code = vox_result_correct(result, "liver", 2, ij, positive, 2, NULL, err);
    rig_labels(result, after);
    if (code != VOX_OK) {
        assert_memory_equal(before, after, sizeof(after));
    }
    return code;
}

/* A result of its own for each, since one that failed half-way takes no more. */
static void test_correct(void **state)
{
    (void)state;
    static const char box[] = "{\"box\": {\"key\": 2, \"xyxy\": [8, 6, 30, 22], \"z\": [2, 3]}}";
    struct scene scene = {.image = rig_image(model), .request = rig_request(labels, 2, box)};
    bool failed = true;
    long stale = 0;
    for (long k = 1; failed; k++) {
        struct vox_err err = {0};
        assert_true(k < MOST_ALLOCATIONS);
        assert_int_equal(VOX_OK,
                         vox_segment(model, scene.image, scene.request, NULL, &scene.result, NULL));
        char *told = rig_json(scene.result);
        vox_fail_allocation(k);
        enum vox_code code = correct(&scene, &err);
        failed = vox_allocation_failed();
        vox_fail_allocation(0);
        assert_int_equal(failed ? VOX_E_NOMEM : VOX_OK, code);
        char *now = rig_json(scene.result);
        assert_int_equal(failed, strcmp(told, now) == 0);
        vox_free(told);
        vox_free(now);
        if (failed) {
            /* Either nothing had begun, or it takes no more. */
            code = correct(&scene, &err);
            assert_true(code == VOX_OK || code == VOX_E_ARG);
            stale += code != VOX_OK;
        }
        vox_result_close(scene.result);
    }
    assert_true(stale > 50);
    vox_request_close(scene.request);
    vox_image_close(scene.image);
}

static int set_up(void **state)
{
    int status = vox_enter_folder(state);
    if (status == 0) {
        model = rig_model(0);
        rig_write_scan();
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
        cmocka_unit_test(test_model),   cmocka_unit_test(test_images_and_requests),
        cmocka_unit_test(test_segment), cmocka_unit_test(test_save),
        cmocka_unit_test(test_correct),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
