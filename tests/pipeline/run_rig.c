#include "run_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "pipeline/params_read.h"
#include "support/tiny_network.h"
#include "util/memory.h"

static char names[2][VOX_LABEL_BYTES] = {"liver", "tumour"};
static const struct vox_labels labels = {.n = 2, .names = names};

/* Raises the error where a call fails, so that the test shows its text. */
static void must(enum vox_code code, const struct vox_err *err)
{
    if (code != VOX_OK) {
        fail_msg("%s", err->msg);
    }
}

/* Waves; no two slices are alike. */
static void fill(struct rig *rig)
{
    for (int z = 0; z < RIG_DEPTH; z++) {
        for (int y = 0; y < RIG_HEIGHT; y++) {
            for (int x = 0; x < RIG_WIDTH; x++) {
                int q = (5 * x + 3 * y + 29 * z + ((x * y) >> 2) + ((x * z) >> 1)) % 490;
                q = q < 490 - q ? q : 490 - q;
                rig->voxels[z * RIG_PIXELS + y * RIG_WIDTH + x] = (uint8_t)(7 + q);
            }
        }
    }
}

void rig_open(struct rig *rig, const struct rig_options *options)
{
    struct vox_err err = {0};
    struct vox_model_config config;
    memset(rig, 0, sizeof(*rig));
    vox_tiny_config(&config);
    if (options->change != NULL) {
        options->change(&config);
    }
    struct vox_weights *weights = vox_tiny_weights(&config, options->salt, options->present);
    must(vox_pool_new(options->threads, &rig->pool, &err), &err);
    must(vox_backend_open("ref", rig->pool, &rig->backend, &err), &err);
    must(vox_network_open(&config, weights, rig->backend, &rig->network, &err), &err);
    vox_weights_close(weights);
    fill(rig);
    rig->volume = (struct vox_volume){.size = {RIG_WIDTH, RIG_HEIGHT, RIG_DEPTH},
                                      .type = VOX_VOXEL_U8,
                                      .slope = 1.0,
                                      .voxels = rig->voxels};
    rig->image = (struct vox_plan_image){{RIG_WIDTH, RIG_HEIGHT, RIG_DEPTH}, {1.0, 1.0, 2.0}};
    must(vox_slice_source_borrow(&rig->volume, &rig->slices, &err), &err);
    const struct vox_window window = {.automatic = true};
    must(vox_intensity_prepare(rig->slices, &window, &rig->intensity, &err), &err);
    const struct vox_feature_store_setup setup = {
        .config = &config, .memory = options->cache, .identity = "rig"};
    must(vox_feature_store_new(&setup, &rig->store, &err), &err);
}

void rig_close(struct rig *rig)
{
    for (int k = 0; k < RIG_DEPTH; k++) {
        vox_features_free(rig->features[k]);
    }
    vox_feature_store_free(rig->store);
    vox_slice_source_close(rig->slices);
    vox_network_close(rig->network);
    vox_backend_close(rig->backend);
    vox_pool_free(rig->pool);
}

static struct vox_request *read_request(const char *params)
{
    struct vox_request *request = NULL;
    struct vox_err err = {0};
    char *json = vox_strdup(params);
    assert_non_null(json);
    for (char *at = json; *at != '\0'; at++) {
        *at = *at == '\'' ? '"' : *at;
    }
    must(vox_request_new(&labels, &request, &err), &err);
    must(vox_params_read(request, json, strlen(json), &err), &err);
    vox_free(json);
    return request;
}

static void make_plan(const struct rig *rig, double zoom, struct rig_job *job)
{
    struct vox_err err = {0};
    const struct vox_plan_defaults defaults = {.zoom = zoom};
    must(vox_plan_new(job->request, &rig->image, &defaults, &job->plan, &err), &err);
    assert_true(job->plan->valid);
}

void rig_plan(const struct rig *rig, const char *params, double zoom, struct rig_job *job)
{
    job->request = read_request(params);
    make_plan(rig, zoom, job);
}

void rig_plan_mask(const struct rig *rig, const char *params, double zoom, double i, double j,
                   double radius, int64_t first, int64_t last, struct rig_job *job)
{
    static uint8_t mask[RIG_PIXELS * RIG_DEPTH];
    struct vox_err err = {0};
    memset(mask, 0, sizeof(mask));
    for (int64_t k = first; k <= last; k++) {
        for (int y = 0; y < RIG_HEIGHT; y++) {
            for (int x = 0; x < RIG_WIDTH; x++) {
                double dx = x - i, dy = y - j;
                mask[k * RIG_PIXELS + y * RIG_WIDTH + x] = dx * dx + dy * dy <= radius * radius;
            }
        }
    }
    job->request = read_request(params);
    must(vox_request_set_mask(job->request, 0, RIG_WIDTH, RIG_HEIGHT, 0, RIG_DEPTH, mask, &err),
         &err);
    make_plan(rig, zoom, job);
}

void rig_end_job(struct rig_job *job)
{
    vox_plan_free(job->plan);
    vox_request_free(job->request);
}

const struct vox_mask_ask *rig_mask(const struct rig_job *job, int object)
{
    return &job->request->objects[job->plan->objects[object].label].mask;
}

struct vox_object_run *rig_run(const struct rig *rig, const struct rig_job *job, int object)
{
    const struct vox_object_setup setup = {
        .network = rig->network,
        .slices = rig->slices,
        .intensity = &rig->intensity,
        .features = rig->store,
        .plan = &job->plan->objects[object],
        .image = &rig->image,
        .mask = rig_mask(job, object),
    };
    struct vox_object_run *run = NULL;
    struct vox_err err = {0};
    must(vox_object_run_new(&setup, &run, &err), &err);
    return run;
}

void rig_go(struct vox_object_run *run)
{
    struct vox_err err = {0};
    must(vox_object_run_go(run, NULL, &err), &err);
}

struct vox_object_run *rig_gone(const struct rig *rig, const struct rig_job *job, int object)
{
    struct vox_object_run *run = rig_run(rig, job, object);
    rig_go(run);
    return run;
}

void rig_correct(struct vox_object_run *run, const struct vox_plan_correction *corrections,
                 int64_t n)
{
    struct vox_err err = {0};
    must(vox_object_run_correct(run, corrections, n, NULL, &err), &err);
}

/* ---- equality ---- */

static float *logits_of(const struct vox_object_run *run, int pass, int64_t k, int64_t pixels)
{
    struct vox_err err = {0};
    float *logits = vox_calloc((size_t)pixels, sizeof(*logits));
    assert_non_null(logits);
    must(vox_object_run_logits(run, pass, k, logits, &err), &err);
    return logits;
}

static void expect_equal_pass(const struct vox_object_run *a, const struct vox_object_run *b,
                              int pass)
{
    struct vox_object_outcome x = vox_object_run_outcome(a), y = vox_object_run_outcome(b);
    const struct vox_pass *p = &x.passes[pass], *q = &y.passes[pass];
    int64_t pixels = x.window.size[0] * x.window.size[1];
    assert_int_equal(p->reverse, q->reverse);
    assert_int_equal(p->first, q->first);
    assert_int_equal(p->n, q->n);
    assert_memory_equal(p->scores, q->scores, (size_t)p->n * sizeof(*p->scores));
    assert_memory_equal(p->visited, q->visited, (size_t)p->n * sizeof(*p->visited));
    for (int64_t k = 0; k < RIG_DEPTH; k++) {
        float *mine = logits_of(a, pass, k, pixels), *theirs = logits_of(b, pass, k, pixels);
        assert_memory_equal(mine, theirs, (size_t)pixels * sizeof(*mine));
        vox_free(mine);
        vox_free(theirs);
    }
}

static void expect_equal_lists(const struct vox_object_run *a, const struct vox_object_run *b)
{
    int64_t n, m;
    const struct vox_retracked *x = vox_object_run_retracked(a, &n);
    const struct vox_retracked *y = vox_object_run_retracked(b, &m);
    assert_int_equal(n, m);
    for (int64_t c = 0; c < n; c++) {
        assert_int_equal(x[c].k, y[c].k);
        assert_int_equal(x[c].n, y[c].n);
        if (x[c].n > 0) {
            assert_memory_equal(x[c].slices, y[c].slices, (size_t)x[c].n * sizeof(int64_t));
        }
    }
}

void rig_expect_equal(const struct vox_object_run *a, const struct vox_object_run *b)
{
    struct vox_object_outcome x = vox_object_run_outcome(a), y = vox_object_run_outcome(b);
    assert_int_equal(x.first, y.first);
    assert_int_equal(x.last, y.last);
    assert_int_equal(x.n_passes, y.n_passes);
    assert_int_equal(x.combine_union, y.combine_union);
    assert_int_equal(x.restarts, y.restarts);
    assert_int_equal(x.window.whole, y.window.whole);
    assert_memory_equal(x.window.origin, y.window.origin, sizeof(x.window.origin));
    assert_memory_equal(x.window.size, y.window.size, sizeof(x.window.size));
    for (int pass = 0; pass < x.n_passes; pass++) {
        expect_equal_pass(a, b, pass);
    }
    expect_equal_lists(a, b);
}
