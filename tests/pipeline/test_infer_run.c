/* The stages of an inference: their order, what they leave behind, what becomes of errors. */
#include "pipeline/infer_task.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "pipeline/engine.h"
#include "pipeline/result.h"
#include "support/tiny_network.h"
#include "util/memory.h"

enum { W = 40, H = 30, D = 6 };

/* ---- a task that only takes notes ---- */

static char notes[128];
static const char *failing; /* the stage that fails; NULL: none */
static int freed;

static enum vox_code note(struct vox_infer_data *data, const char *stage, struct vox_err *err)
{
    strncat(notes, stage, sizeof(notes) - strlen(notes) - 1);
    strncat(notes, " ", sizeof(notes) - strlen(notes) - 1);
    data->pred = &freed;
    if (failing != NULL && strcmp(failing, stage) == 0) {
        return vox_fail(err, VOX_E_INTERNAL, "%s failed", stage);
    }
    return VOX_OK;
}

static enum vox_code note_pre(struct vox_infer_data *data, struct vox_err *err)
{
    /* A deep copy is the stage's own. */
    data->request->min_box = 99.0;
    data->request->objects[0].clicks[0].at[0] = -1.0;
    return note(data, "pre", err);
}

static enum vox_code note_run(struct vox_infer_data *data, struct vox_err *err)
{
    return note(data, "run", err);
}

static enum vox_code note_post(struct vox_infer_data *data, struct vox_err *err)
{
    return note(data, "post", err);
}

static enum vox_code note_writer(struct vox_infer_data *data, struct vox_err *err)
{
    data->outcome.counts = vox_calloc(1, sizeof(*data->outcome.counts));
    return note(data, "writer", err);
}

static void note_free(void *pred)
{
    int *count = pred;
    (*count)++;
}

static const struct vox_infer_task note_task = {
    .name = "notes",
    .pre_transform = note_pre,
    .run_inferer = note_run,
    .post_transform = note_post,
    .writer = note_writer,
    .free_pred = note_free,
};

static struct vox_request *new_request(void)
{
    struct vox_request *request;
    assert_int_equal(VOX_OK, vox_request_open(NULL, 0, &request, NULL));
    return request;
}

static struct vox_request *clicked_request(void)
{
    struct vox_request *request = new_request();
    const double at[3] = {20, 15, 2};
    assert_int_equal(VOX_OK, vox_request_click(request, NULL, at, 1, NULL));
    return request;
}

static void begin_notes(const char *stage)
{
    notes[0] = '\0';
    failing = stage;
    freed = 0;
}

static void test_stages_in_their_order(void **state)
{
    (void)state;
    struct vox_request *request = clicked_request();
    const struct vox_infer_input input = {.task = &note_task, .request = request};
    struct vox_infer_data *data;
    begin_notes(NULL);
    assert_int_equal(VOX_OK, vox_infer_run(&input, &data, NULL));
    assert_string_equal("pre run post writer ", notes);
    for (int s = 0; s < VOX_STAGES; s++) {
        assert_true(data->stage_seconds[s] > 0.0);
    }
    vox_infer_free(data);
    assert_int_equal(1, freed);
    assert_true(request->min_box == 6.0);
    assert_true(request->objects[0].clicks[0].at[0] == 20.0);
    vox_request_close(request);
}

static void test_a_stage_fails(void **state)
{
    (void)state;
    static const char *const stages[] = {"pre", "run", "post", "writer"};
    struct vox_request *request = clicked_request();
    const struct vox_infer_input input = {.task = &note_task, .request = request};
    for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++) {
        struct vox_infer_data *data = NULL;
        struct vox_err err = {0};
        begin_notes(stages[i]);
        assert_int_equal(VOX_E_INTERNAL, vox_infer_run(&input, &data, &err));
        assert_null(data);
        assert_non_null(strstr(err.msg, stages[i]));
        assert_non_null(strstr(notes, stages[i]));
        assert_int_equal(1, freed);
    }
    vox_request_close(request);
}

static void test_cancelled_before_a_stage(void **state)
{
    (void)state;
    struct vox_request *request = clicked_request();
    atomic_int cancel = 1;
    const struct vox_watch watch = {.cancel = &cancel};
    const struct vox_infer_input input = {.task = &note_task, .request = request, .watch = &watch};
    struct vox_infer_data *data = NULL;
    begin_notes(NULL);
    assert_int_equal(VOX_E_CANCELLED, vox_infer_run(&input, &data, NULL));
    assert_string_equal("", notes);
    vox_request_close(request);
}

/* ---- MedSAM2 on a small network ---- */

struct bench {
    struct vox_tiny tiny;
    struct vox_model model;
    struct vox_image *image;
    int16_t *voxels;
};

static void open_bench(struct bench *bench)
{
    struct vox_model_config config;
    vox_tiny_config(&config);
    vox_tiny_open(&bench->tiny, &config, NULL, true);
    bench->model =
        (struct vox_model){.pool = bench->tiny.pool, .backend = bench->tiny.be, .sha256 = "0"};
    assert_int_equal(VOX_OK, vox_network_open(&config, bench->tiny.weights, bench->tiny.be,
                                              &bench->model.network, NULL));
    const struct vox_feature_store_setup setup = {
        .config = vox_network_config(bench->model.network), .memory = 1 << 26, .identity = "test"};
    assert_int_equal(VOX_OK, vox_feature_store_new(&setup, &bench->model.features, NULL));
    bench->voxels = vox_calloc((size_t)W * H * D, sizeof(int16_t));
    for (int i = 0; i < W * H * D; i++) {
        bench->voxels[i] = (int16_t)((37 * (i % W) + 23 * (i / W) + ((i * 7) >> 3)) % 900 - 600);
    }
    const struct vox_voxels voxels = {
        .size = {W, H, D},
        .type = VOX_VOXEL_I16,
        .data = bench->voxels,
        .affine = {{-0.7, 0, 0, 5}, {0, 0.9, 0, 3}, {0, 0, 2.5, -40}},
    };
    assert_int_equal(VOX_OK, vox_image_wrap(&bench->model, &voxels, &bench->image, NULL));
}

static void close_bench(struct bench *bench)
{
    vox_image_close(bench->image);
    vox_free(bench->voxels);
    vox_feature_store_free(bench->model.features);
    vox_network_close(bench->model.network);
    vox_tiny_close(&bench->tiny);
}

static struct vox_infer_data *run(struct bench *bench, const struct vox_request *request,
                                  const char *params)
{
    const struct vox_infer_input input = {
        .task = &vox_sam_task,
        .model = &bench->model,
        .image = bench->image,
        .request = request,
        .params = params,
        .params_size = params != NULL ? strlen(params) : 0,
    };
    struct vox_infer_data *data = NULL;
    struct vox_err err = {0};
    enum vox_code code = vox_infer_run(&input, &data, &err);
    if (code != VOX_OK) {
        fail_msg("%s", err.msg);
    }
    return data;
}

static void test_what_the_stages_leave(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    struct vox_request *request = new_request();
    struct vox_infer_data *data =
        run(&bench, request, "{\"box\": {\"key\": 2, \"xyxy\": [8, 6, 30, 22], \"z\": [1, 4]}}");
    assert_int_equal(W, data->w);
    assert_int_equal(H, data->h);
    assert_int_equal(D, data->d);
    assert_non_null(data->img_3d);
    assert_non_null(data->pred);
    assert_int_equal(1, data->n_obj_ids);
    assert_int_equal(1, data->obj_ids[0]);
    assert_true(data->outcome.valid);
    assert_true(data->outcome.counts[0].voxels > 0);
    assert_true(data->outcome.slab.first >= 1);
    assert_true(data->outcome.slab.first + data->outcome.slab.n <= 5);
    assert_int_equal(4, data->encoded_slices);
    /* The prompts came as JSON and went into the copy alone. */
    assert_int_equal(1, data->request->objects[0].n_boxes);
    assert_int_equal(0, request->objects[0].n_boxes);
    vox_infer_free(data);
    vox_request_close(request);
    close_bench(&bench);
}

static void test_no_usable_prompt_is_no_error(void **state)
{
    (void)state;
    static const char *const params[] = {
        "{}",
        "{\"nothing of this model\": [[1, 2, 3]]}",
        "{\"intersection\": []}",
        "{\"intersection\": [[1000, 2, 3]]}",
        "{\"background\": [[1, 2, 3]]}",
    };
    struct bench bench;
    open_bench(&bench);
    struct vox_request *request = new_request();
    for (size_t i = 0; i < sizeof(params) / sizeof(params[0]); i++) {
        struct vox_infer_data *data = run(&bench, request, params[i]);
        assert_false(data->outcome.valid);
        assert_true(strlen(data->outcome.reason) > 10);
        assert_int_equal(0, data->outcome.slab.n);
        assert_int_equal(0, data->outcome.counts[0].voxels);
        uint16_t slice[W * H];
        memset(slice, 1, sizeof(slice));
        vox_outcome_slice(&data->outcome, 2, slice);
        for (int p = 0; p < W * H; p++) {
            assert_int_equal(0, slice[p]);
        }
        vox_infer_free(data);
    }
    vox_request_close(request);
    close_bench(&bench);
}

/* Label values of a whole result. */
static void read_labels(const struct vox_infer_data *data, uint16_t *out)
{
    for (int64_t k = 0; k < D; k++) {
        vox_outcome_slice(&data->outcome, k, out + k * W * H);
    }
}

static void test_a_correction_equals_a_fresh_run(void **state)
{
    (void)state;
    static const char box[] = "{\"box\": {\"key\": 2, \"xyxy\": [8, 6, 30, 22], \"z\": [0, 5]}}";
    static const char both[] =
        "{\"box\": {\"key\": 2, \"xyxy\": [8, 6, 30, 22], \"z\": [0, 5]}, \"corrections\": ["
        "{\"k\": 4, \"points\": [[12, 9], [20.5, 15]], \"labels\": [0, 1]},"
        "{\"k\": 2, \"points\": [[28, 20]], \"labels\": [0]}]}";
    struct bench bench;
    open_bench(&bench);
    struct vox_request *request = new_request();
    struct vox_infer_data *fresh = run(&bench, request, both);
    struct vox_infer_data *data = run(&bench, request, box);
    struct vox_plan_click first[] = {{12, 9, false}, {20.5, 15, true}},
                          second[] = {{28, 20, false}};
    const struct vox_plan_correction corrections[] = {
        {.k = 4, .clicks = first, .n_clicks = 2},
        {.k = 2, .on_prompt = true, .clicks = second, .n_clicks = 1},
    };
    uint16_t *wanted = vox_calloc((size_t)W * H * D, sizeof(uint16_t));
    uint16_t *found = vox_calloc((size_t)W * H * D, sizeof(uint16_t));
    read_labels(data, found);
    read_labels(fresh, wanted);
    assert_memory_not_equal(wanted, found, (size_t)W * H * D * sizeof(uint16_t));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(VOX_OK, vox_infer_correct(data, &corrections[i], 1, 0, NULL, NULL));
        assert_int_equal(0, data->encoded_slices);
    }
    read_labels(data, found);
    assert_memory_equal(wanted, found, (size_t)W * H * D * sizeof(uint16_t));
    vox_free(wanted);
    vox_free(found);
    vox_infer_free(data);
    vox_infer_free(fresh);
    vox_request_close(request);
    close_bench(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stages_in_their_order),
        cmocka_unit_test(test_a_stage_fails),
        cmocka_unit_test(test_cancelled_before_a_stage),
        cmocka_unit_test(test_what_the_stages_leave),
        cmocka_unit_test(test_no_usable_prompt_is_no_error),
        cmocka_unit_test(test_a_correction_equals_a_fresh_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
