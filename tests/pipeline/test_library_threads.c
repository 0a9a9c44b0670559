/* Several threads segment one file with one model, some of them cancelled at any moment: what they
 * share stays whole, and each result is that of one who is alone. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "library_rig.h"
#include "own_folder.h"
#include "util/memory.h"

enum { THREADS = 3, ROUNDS = 4, KINDS = 3 };

static const char *const kinds[KINDS] = {
    "{\"box\": {\"key\": 2, \"xyxy\": [8, 6, 30, 22], \"z\": [1, 4]}}",
    "{\"intersection\": [[20, 15, 2]], \"window\": [-100, 250]}",
    "{\"roi\": [10, 30, 5, 20, 1, 3], \"window\": \"full\", \"zoom\": 2}",
};
static const double ij[1][2] = {{14, 11}};
static const int positive[1] = {1};
static uint16_t wanted[KINDS][RIG_VOXELS];

struct worker {
    struct vox_model *model;
    int number;
    int wrong, cancelled;
    uint16_t labels[RIG_VOXELS];
    int asked, at;
};

static int ask(void *context)
{
    struct worker *worker = context;
    return ++worker->asked > worker->at;
}

/* Segments and corrects a kind; the code of the first step that fails. No cmocka here: it is not
 * for threads. */
static enum vox_code work(struct vox_model *model, int kind, const struct vox_callbacks *callbacks,
                          uint16_t *labels)
{
    struct vox_image *image = NULL;
    struct vox_request *request = NULL;
    struct vox_result *result = NULL;
    enum vox_code code = vox_image_open(model, "scan.nii", &image, NULL);
    if (code == VOX_OK) {
        code = vox_request_open(NULL, 0, &request, NULL);
    }
    if (code == VOX_OK) {
        code = vox_request_params(request, kinds[kind], strlen(kinds[kind]), NULL);
    }
    if (code == VOX_OK) {
        code = vox_segment(model, image, request, callbacks, &result, NULL);
    }
    if (code == VOX_OK) {
        code = vox_result_correct(result, NULL, 2, ij, positive, 1, callbacks, NULL);
    }
    if (code == VOX_OK) {
        rig_labels(result, labels);
    }
    vox_result_close(result);
    vox_request_close(request);
    vox_image_close(image);
    return code;
}

static void *run(void *context)
{
    struct worker *worker = context;
    for (int round = 0; round < ROUNDS; round++) {
        int kind = (worker->number + round) % KINDS;
        bool hurried = (worker->number + round) % 2 == 0;
        const struct vox_callbacks callbacks = {.cancelled = ask, .context = worker};
        worker->asked = 0;
        worker->at = hurried ? 1 + (7 * worker->number + 11 * round) % 40 : 1 << 30;
        enum vox_code code = work(worker->model, kind, &callbacks, worker->labels);
        worker->cancelled += code == VOX_E_CANCELLED;
        worker->wrong += code != VOX_OK && !(hurried && code == VOX_E_CANCELLED);
        worker->wrong +=
            code == VOX_OK && memcmp(wanted[kind], worker->labels, sizeof(worker->labels)) != 0;
    }
    return NULL;
}

static void share(uint64_t memory)
{
    static struct worker workers[THREADS];
    pthread_t threads[THREADS];
    struct vox_model *model = rig_model(memory);
    int cancelled = 0;
    for (int t = 0; t < THREADS; t++) {
        workers[t] = (struct worker){.model = model, .number = t};
        assert_int_equal(0, pthread_create(&threads[t], NULL, run, &workers[t]));
    }
    for (int t = 0; t < THREADS; t++) {
        assert_int_equal(0, pthread_join(threads[t], NULL));
        assert_int_equal(0, workers[t].wrong);
        cancelled += workers[t].cancelled;
    }
    assert_true(cancelled > 0);
    vox_model_close(model);
}

static void test_sharing(void **state)
{
    (void)state;
    struct vox_model *model = rig_model(1);
    rig_write_scan();
    for (int kind = 0; kind < KINDS; kind++) {
        assert_int_equal(VOX_OK, work(model, kind, NULL, wanted[kind]));
        bool any = false;
        for (int i = 0; i < RIG_VOXELS; i++) {
            any = any || wanted[kind][i] != 0;
        }
        assert_true(any);
    }
    vox_model_close(model);
    share(0);       /* all is kept */
    share(1 << 17); /* some of it: what one leaves others throw out */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sharing),
    };
    return cmocka_run_group_tests(tests, vox_enter_folder, vox_leave_folder);
}
