/* MedSAM2 as a model family: prompts become a plan, every object of it is tracked in its passes,
 * and these are combined into one map of label values. */
#include <math.h>

#include "pipeline/image_warnings.h"
#include "pipeline/infer_task.h"
#include "pipeline/object_account.h"
#include "pipeline/params_read.h"
#include "pipeline/stopwatch.h"
#include "util/json_writer.h"
#include "util/memory.h"

enum { RUNS_MAX_BYTES = 256 << 20 }; /* of finished runs, beyond which they settle */

/* What the network said: one run per object of the plan. */
struct prediction {
    int n;
    struct vox_object_run **runs;
};

static void free_prediction(void *pred)
{
    struct prediction *prediction = pred;
    for (int i = 0; i < prediction->n; i++) {
        vox_object_run_free(prediction->runs[i]);
    }
    vox_free(prediction->runs);
    vox_free(prediction);
}

/* ---- progress over all objects ---- */

struct relay {
    const struct vox_watch *watch;
    struct vox_watch own;
    int64_t before;   /* slices of the objects that are done */
    int64_t total;    /* of all objects */
    int64_t expected; /* of the object at hand, as counted in total */
    int64_t reached;  /* of the object at hand */
    double start;
};

static void pass_on(void *context, const struct vox_event *event)
{
    struct relay *relay = context;
    struct vox_event all = *event;
    relay->reached = event->done;
    all.done += relay->before;
    all.total = relay->total - relay->expected + event->total;
    all.seconds = vox_seconds() - relay->start;
    relay->watch->event(relay->watch->context, &all);
}

static bool ask(void *context)
{
    const struct relay *relay = context;
    return relay->watch->cancelled(relay->watch->context);
}

static void wait(void *context, bool begins)
{
    const struct relay *relay = context;
    vox_watch_wait(relay->watch, begins);
}

static struct relay begin_relay(const struct vox_infer_data *data)
{
    struct relay relay = {.watch = data->watch, .start = data->start};
    if (data->watch != NULL) {
        relay.own = *data->watch;
        relay.own.event = data->watch->event != NULL ? pass_on : NULL;
        relay.own.cancelled = data->watch->cancelled != NULL ? ask : NULL;
        relay.own.waits = data->watch->waits != NULL ? wait : NULL;
    }
    return relay;
}

/* ---- pre_transform ---- */

static enum vox_code pre_transform(struct vox_infer_data *data, struct vox_err *err)
{
    if (data->params == NULL) {
        return VOX_OK;
    }
    return vox_params_read(data->request, data->params, data->params_size, err);
}

/* ---- run_inferer ---- */

static enum vox_code make_plan(struct vox_infer_data *data, struct vox_err *err)
{
    const struct vox_volume *volume = vox_slice_source_volume(data->img_3d);
    struct vox_plan_image image;
    for (int a = 0; a < 3; a++) {
        image.size[a] = volume->size[a];
        image.spacing[a] = volume->geometry.spacing[a];
    }
    return vox_plan_new(data->request, &image, &data->model->defaults, &data->plan, err);
}

static void show_plan(const struct vox_infer_data *data)
{
    if (data->watch != NULL && data->watch->event != NULL) {
        const struct vox_event event = {.kind = VOX_EVENT_PLAN,
                                        .step = "read",
                                        .seconds = vox_seconds() - data->start,
                                        .plan = data->plan};
        data->watch->event(data->watch->context, &event);
    }
}

/* The slices that will be looked at, where the borders say so. */
static void plan_slices(struct vox_infer_data *data)
{
    int64_t first = data->d, last = -1;
    for (int i = 0; i < data->plan->n_objects; i++) {
        const struct vox_plan_object *object = &data->plan->objects[i];
        first = object->first < first ? object->first : first;
        last = object->last > last ? object->last : last;
    }
    if (first <= last) {
        vox_slice_source_plan(data->img_3d, first, last);
    }
}

static enum vox_code new_runs(struct vox_infer_data *data, struct vox_err *err)
{
    int n = data->plan->n_objects;
    struct prediction *prediction = vox_calloc(1, sizeof(*prediction));
    data->pred = prediction;
    data->obj_ids = vox_calloc((size_t)n, sizeof(*data->obj_ids));
    if (prediction == NULL || data->obj_ids == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    prediction->runs = vox_calloc((size_t)n, sizeof(struct vox_object_run *));
    if (prediction->runs == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    for (int i = 0; i < n; i++) {
        const struct vox_plan_object *object = &data->plan->objects[i];
        const struct vox_mask_ask *mask = &data->request->objects[object->label].mask;
        const struct vox_object_setup setup = {
            .network = data->model->network,
            .slices = data->img_3d,
            .intensity = &data->intensity,
            .features = data->model->features,
            .plan = object,
            .image = &data->plan->image,
            .mask = mask->n > 0 ? mask : NULL,
        };
        enum vox_code code = vox_object_run_new(&setup, &prediction->runs[i], err);
        if (code != VOX_OK) {
            return code;
        }
        prediction->n = i + 1;
        data->obj_ids[i] = (int)vox_label_value(object->label);
        data->n_obj_ids = i + 1;
    }
    return VOX_OK;
}

/* Runs that are done keep their trackers for corrections to come, as far as memory allows: those
 * that were done first settle first, and would begin anew. */
static void settle_runs(const struct prediction *prediction, int done)
{
    uint64_t held = 0;
    for (int i = 0; i < done; i++) {
        held += vox_object_run_bytes(prediction->runs[i]);
    }
    for (int i = 0; i < done && held > RUNS_MAX_BYTES; i++) {
        held -= vox_object_run_bytes(prediction->runs[i]);
        vox_object_run_settle(prediction->runs[i]);
        held += vox_object_run_bytes(prediction->runs[i]);
    }
}

static enum vox_code track_objects(struct vox_infer_data *data, struct vox_err *err)
{
    struct prediction *prediction = data->pred;
    struct relay relay = begin_relay(data);
    relay.own.context = &relay;
    for (int i = 0; i < prediction->n; i++) {
        relay.total += vox_object_run_total(prediction->runs[i]);
    }
    for (int i = 0; i < prediction->n; i++) {
        relay.expected = vox_object_run_total(prediction->runs[i]);
        const struct vox_watch *watch = data->watch != NULL ? &relay.own : NULL;
        enum vox_code code = vox_object_run_go(prediction->runs[i], watch, err);
        if (code != VOX_OK) {
            return code;
        }
        /* Free borders may have ended earlier than was expected. */
        relay.before += relay.reached;
        relay.total += relay.reached - relay.expected;
        relay.reached = 0;
        settle_runs(prediction, i + 1);
    }
    return VOX_OK;
}

/* What the runs have cost beyond `before`. */
static void take_work(struct vox_infer_data *data, const struct vox_object_work *before)
{
    const struct prediction *prediction = data->pred;
    data->encoded_slices = 0;
    data->cached_slices = 0;
    for (int i = 0; i < prediction->n; i++) {
        struct vox_object_work work = vox_object_run_work(prediction->runs[i]);
        data->encoded_slices += work.encoded;
        data->cached_slices += work.cached;
        data->latencies.pre += work.window_seconds;
        data->latencies.encode += work.encode_seconds;
        data->latencies.track += work.track_seconds;
    }
    data->encoded_slices -= before->encoded;
    data->cached_slices -= before->cached;
    data->latencies.pre -= before->window_seconds;
    data->latencies.encode -= before->encode_seconds;
    data->latencies.track -= before->track_seconds;
}

/* Before gigabytes are read that would then be of no use. */
static enum vox_code check_slice(const struct vox_infer_data *data, struct vox_err *err)
{
    struct vox_image_facts facts;
    enum vox_code code = vox_image_describe(data->image, &facts, err);
    if (code != VOX_OK) {
        return code;
    }
    size_t pixels;
    if (!vox_mul((size_t)facts.size[0], (size_t)facts.size[1], &pixels) ||
        pixels > VOX_SLICE_MAX_PIXELS) {
        return vox_fail(err, VOX_E_LIMIT,
                        "slices of %lld x %lld pixels are too large; shrink them to %d at most",
                        (long long)facts.size[0], (long long)facts.size[1], VOX_SLICE_MAX_PIXELS);
    }
    return VOX_OK;
}

static enum vox_code prepare(struct vox_infer_data *data, struct vox_err *err)
{
    enum vox_code code = check_slice(data, err);
    if (code == VOX_OK) {
        code = vox_image_load(data->image, data->watch, &data->img_3d, err);
    }
    if (code != VOX_OK) {
        return code;
    }
    const struct vox_volume *volume = vox_slice_source_volume(data->img_3d);
    data->w = volume->size[0];
    data->h = volume->size[1];
    data->d = volume->size[2];
    code = make_plan(data, err);
    if (code != VOX_OK) {
        return code;
    }
    show_plan(data);
    if (!data->plan->valid) {
        return VOX_OK;
    }
    plan_slices(data);
    return vox_image_intensity(data->image, &data->request->window, data->watch, &data->intensity,
                               err);
}

static enum vox_code run_inferer(struct vox_infer_data *data, struct vox_err *err)
{
    double start = vox_seconds();
    enum vox_code code = prepare(data, err);
    data->latencies.pre += vox_seconds() - start;
    if (code != VOX_OK || !data->plan->valid) {
        return code;
    }
    code = new_runs(data, err);
    if (code == VOX_OK) {
        code = track_objects(data, err);
    }
    if (code == VOX_OK) {
        take_work(data, &(struct vox_object_work){0});
    }
    return code;
}

/* ---- post_transform ---- */

static enum vox_code post_transform(struct vox_infer_data *data, struct vox_err *err)
{
    (void)data;
    (void)err;
    return VOX_OK;
}

/* ---- writer ---- */

static void free_account(struct vox_outcome *outcome)
{
    struct vox_object_account *accounts = outcome->account;
    for (int i = 0; i < outcome->n_objects; i++) {
        vox_object_account_fini(&accounts[i]);
    }
    vox_free(accounts);
}

static enum vox_code take_account(struct vox_infer_data *data, struct vox_err *err)
{
    const struct prediction *prediction = data->pred;
    struct vox_outcome *outcome = &data->outcome;
    struct vox_object_account *accounts = vox_calloc((size_t)prediction->n, sizeof(*accounts));
    if (accounts == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    outcome->account = accounts;
    enum vox_code code = VOX_OK;
    for (int i = 0; i < prediction->n && code == VOX_OK; i++) {
        code = vox_object_account_init(prediction->runs[i], &accounts[i], err);
        outcome->n_objects += code == VOX_OK;
    }
    return code;
}

static enum vox_code combine(struct vox_infer_data *data, struct vox_err *err)
{
    const struct prediction *prediction = data->pred;
    struct vox_outcome *outcome = &data->outcome;
    const struct vox_combine_options options = {
        .largest_cc = data->request->largest_cc,
        .fill_holes = data->request->fill_holes,
        .keep_uncertain = data->request->keep_uncertain,
    };
    int n = prediction->n;
    const struct vox_plan_object **plans = vox_calloc((size_t)n, sizeof(*plans));
    outcome->scores = vox_calloc((size_t)n, sizeof(*outcome->scores));
    if (plans == NULL || outcome->scores == NULL) {
        vox_free(plans);
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    for (int i = 0; i < n; i++) {
        plans[i] = &data->plan->objects[i];
    }
    enum vox_code code =
        vox_combine((const struct vox_object_run *const *)prediction->runs, plans, n,
                    &data->plan->image, &data->request->labels, &options, data->watch,
                    &outcome->slab, outcome->scores, outcome->counts, err);
    vox_free(plans);
    return code;
}

static void warn_about_nothing(struct vox_infer_data *data)
{
    struct vox_outcome *outcome = &data->outcome;
    for (int i = 0; i < data->n_obj_ids; i++) {
        int label = data->obj_ids[i] - 1;
        if (outcome->counts[label].voxels == 0) {
            vox_warn(&outcome->warnings, "nothing was found for '%s'",
                     data->request->labels.names[label]);
        }
    }
}

static enum vox_code writer(struct vox_infer_data *data, struct vox_err *err)
{
    struct vox_outcome *outcome = &data->outcome;
    outcome->slab.size[0] = data->w;
    outcome->slab.size[1] = data->h;
    outcome->slab.size[2] = data->d;
    outcome->warnings = data->plan->warnings;
    outcome->counts = vox_calloc((size_t)data->request->labels.n + 1, sizeof(*outcome->counts));
    if (outcome->counts == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    vox_warn_about_geometry(&outcome->warnings, vox_slice_source_volume(data->img_3d));
    if (vox_feature_store_counts(data->model->features).failed_writes > 0) {
        vox_warn(&outcome->warnings, "slices could not be kept on disk; look at the folder of "
                                     "--cache-dir, its disk and its size");
    }
    if (!data->plan->valid) {
        for (size_t i = 0; i < sizeof(outcome->reason); i++) {
            outcome->reason[i] = data->plan->reason[i];
        }
        return VOX_OK;
    }
    vox_warn_about_intensity(&outcome->warnings, &data->intensity);
    if (data->model->fell_back) {
        vox_warn(&outcome->warnings,
                 "the slow backend 'ref' computes, as no faster one is there or works");
    }
    enum vox_code code = take_account(data, err);
    if (code == VOX_OK) {
        code = combine(data, err);
    }
    if (code != VOX_OK) {
        return code;
    }
    outcome->valid = true;
    warn_about_nothing(data);
    return VOX_OK;
}

/* ---- corrections ---- */

static enum vox_code correct(struct vox_infer_data *data,
                             const struct vox_plan_correction *corrections, int64_t n, int label,
                             struct vox_err *err)
{
    struct prediction *prediction = data->pred;
    for (int i = 0; prediction != NULL && i < prediction->n; i++) {
        if (data->plan->objects[i].label != label) {
            continue;
        }
        struct vox_object_work before = {0};
        for (int o = 0; o < prediction->n; o++) {
            struct vox_object_work work = vox_object_run_work(prediction->runs[o]);
            before.encoded += work.encoded;
            before.cached += work.cached;
            before.window_seconds += work.window_seconds;
            before.encode_seconds += work.encode_seconds;
            before.track_seconds += work.track_seconds;
        }
        struct relay relay = begin_relay(data);
        relay.own.context = &relay;
        const struct vox_watch *watch = data->watch != NULL ? &relay.own : NULL;
        enum vox_code code =
            vox_object_run_correct(prediction->runs[i], corrections, n, watch, err);
        if (code == VOX_OK) {
            take_work(data, &before);
        }
        return code;
    }
    return vox_fail(err, VOX_E_ARG, "there is nothing of '%s' to correct; give it a prompt first",
                    data->request->labels.names[label]);
}

/* ---- logits ---- */

/* Adds one object's mean logits to the slice: where several objects reach, the highest counts. */
static enum vox_code add_object(const struct vox_object_run *run, const struct vox_infer_data *data,
                                int64_t k, float *room, float *out, struct vox_err *err)
{
    struct vox_object_outcome outcome = vox_object_run_outcome(run);
    const struct vox_zoom_window *window = &outcome.window;
    int64_t pixels = window->size[0] * window->size[1];
    float *mean = room + pixels;
    int visits = 0;
    if (k < outcome.first || k > outcome.last) {
        return VOX_OK;
    }
    for (int p = 0; p < outcome.n_passes; p++) {
        const struct vox_pass *pass = &outcome.passes[p];
        if (k < pass->first || k >= pass->first + pass->n || !pass->visited[k - pass->first]) {
            continue;
        }
        enum vox_code code = vox_object_run_logits(run, p, k, room, err);
        if (code != VOX_OK) {
            return code;
        }
        for (int64_t i = 0; i < pixels; i++) {
            mean[i] = visits == 0 ? room[i] : mean[i] + room[i];
        }
        visits++;
    }
    for (int64_t y = 0; visits > 0 && y < window->size[1]; y++) {
        int64_t j = window->origin[1] + y;
        for (int64_t x = 0; x < window->size[0]; x++) {
            int64_t i = window->origin[0] + x;
            if (i >= 0 && i < data->w && j >= 0 && j < data->h) {
                float value = mean[x + window->size[0] * y] / (float)visits;
                float *at = &out[i + data->w * j];
                *at = *at >= value ? *at : value; /* NaN gives way */
            }
        }
    }
    return VOX_OK;
}

static enum vox_code logits(const struct vox_infer_data *data, int64_t k, float *out,
                            struct vox_err *err)
{
    const struct prediction *prediction = data->pred;
    for (int64_t i = 0; i < data->w * data->h; i++) {
        out[i] = NAN;
    }
    for (int o = 0; prediction != NULL && o < prediction->n; o++) {
        struct vox_zoom_window window = vox_object_run_outcome(prediction->runs[o]).window;
        size_t pixels;
        if (!vox_mul((size_t)window.size[0], (size_t)window.size[1], &pixels) ||
            !vox_mul(pixels, 2, &pixels)) {
            return vox_fail(err, VOX_E_LIMIT, "the zoom window is too large");
        }
        float *room = vox_calloc(pixels, sizeof(*room));
        if (room == NULL) {
            return vox_fail(err, VOX_E_NOMEM, "out of memory");
        }
        enum vox_code code = add_object(prediction->runs[o], data, k, room, out, err);
        vox_free(room);
        if (code != VOX_OK) {
            return code;
        }
    }
    return VOX_OK;
}

/* ---- JSON ---- */

static void put_scores(struct vox_json_writer *json, const struct vox_infer_data *data)
{
    const struct vox_object_account *accounts = data->outcome.account;
    vox_json_begin_object(json, "scores");
    for (int i = 0; i < data->outcome.n_objects; i++) {
        vox_json_begin_object(json, data->request->labels.names[data->plan->objects[i].label]);
        vox_json_put_real(json, "agreement_dice", data->outcome.scores[i].agreement_dice);
        vox_json_put_real(json, "entropy", data->outcome.scores[i].entropy);
        vox_object_account_put_scores(&accounts[i], json);
        vox_json_end(json);
    }
    vox_json_end(json);
}

static void put_corrections(struct vox_json_writer *json, const struct vox_infer_data *data)
{
    const struct vox_object_account *accounts = data->outcome.account;
    vox_json_begin_array(json, "corrections");
    for (int i = 0; i < data->outcome.n_objects; i++) {
        vox_object_account_put_corrections(
            &accounts[i], data->request->labels.names[data->plan->objects[i].label], json);
    }
    vox_json_end(json);
}

static void describe(const struct vox_infer_data *data, struct vox_json_writer *json)
{
    vox_plan_write_json(data->plan, &data->request->labels, json, "plan");
    put_scores(json, data);
    put_corrections(json, data);
}

const struct vox_infer_task vox_sam_task = {
    .name = "SAM",
    .type = "deepedit",
    .dimension = 3,
    .pre_transform = pre_transform,
    .run_inferer = run_inferer,
    .post_transform = post_transform,
    .writer = writer,
    .correct = correct,
    .logits = logits,
    .describe = describe,
    .free_account = free_account,
    .free_pred = free_prediction,
};
