#include "pipeline/recipe.h"

#include <math.h>
#include <stddef.h>

#include "model/tracker.h"
#include "pipeline/slice_features.h"
#include "pipeline/stopwatch.h"
#include "util/memory.h"
#include "volume/components.h"
#include "volume/geometry.h"

static const double form_tolerance = 0.1; /* voxels */

struct run {
    const struct vox_recipe *recipe;
    struct vox_segmentation *seg;
    struct vox_slice_source *slices;
    struct vox_feature_store *store; /* keeps nothing: the passes share the key slice alone */
    struct vox_slice_features *features;
    struct vox_tracker *tracker;
    float *slice; /* logits of one slice, w * h */
    double start;
    int64_t done;
    int64_t visited; /* slices of both passes */
};

void vox_segmentation_free(struct vox_segmentation *segmentation)
{
    if (segmentation == NULL) {
        return;
    }
    vox_free(segmentation->mask);
    vox_free(segmentation->logits);
    vox_free(segmentation->scores);
    vox_free(segmentation);
}

static int64_t key_frame(const struct run *run)
{
    return run->seg->prompt.key - run->seg->prompt.first;
}

static int64_t frame_count(const struct vox_segmentation *seg)
{
    return seg->prompt.last - seg->prompt.first + 1;
}

static enum vox_code check_cancel(const struct run *run, struct vox_err *err)
{
    if (run->recipe->cancel != NULL && atomic_load(run->recipe->cancel) != 0) {
        return vox_fail(err, VOX_E_CANCELLED, "cancelled");
    }
    return VOX_OK;
}

/* Takes over one slice's result. The key slice comes once in each pass and is the same in both. */
static enum vox_code collect(struct run *run, int64_t frame, bool first_time, struct vox_err *err)
{
    struct vox_segmentation *seg = run->seg;
    enum vox_code code = vox_tracker_logits(run->tracker, frame, 0, run->slice, err);
    if (code != VOX_OK) {
        return code;
    }
    struct vox_frame_result result;
    code = vox_tracker_result(run->tracker, frame, 0, &result, err);
    if (code != VOX_OK) {
        return code;
    }
    int64_t pixels = seg->size[0] * seg->size[1];
    int64_t begin = (seg->prompt.first + frame) * pixels;
    for (int64_t i = 0; i < pixels; i++) {
        if (run->slice[i] > 0.0F) {
            seg->mask[begin + i] = 1;
        }
    }
    if (!first_time) {
        return VOX_OK;
    }
    seg->scores[frame] = result.score;
    for (int64_t i = 0; seg->logits != NULL && i < pixels; i++) {
        seg->logits[begin + i] = run->slice[i];
    }
    run->done++;
    if (run->recipe->progress.report != NULL) {
        run->recipe->progress.report(run->recipe->progress.context, run->done, frame_count(seg),
                                     vox_seconds() - run->start);
    }
    return VOX_OK;
}

static enum vox_code track(struct run *run, bool reverse, struct vox_err *err)
{
    const double *corners = run->seg->prompt.corners;
    const float box[4] = {(float)corners[0], (float)corners[1], (float)corners[2],
                          (float)corners[3]};
    enum vox_code code =
        vox_tracker_add_points(run->tracker, key_frame(run), 1, NULL, NULL, 0, box, true, err);
    if (code == VOX_OK) {
        code = vox_tracker_start(run->tracker, -1, -1, reverse, err);
    }
    while (code == VOX_OK) {
        int64_t frame = -1;
        code = check_cancel(run, err);
        if (code == VOX_OK) {
            code = vox_tracker_next(run->tracker, &frame, err);
        }
        if (code != VOX_OK || frame < 0) {
            break;
        }
        run->visited++;
        code = collect(run, frame, !reverse || frame != key_frame(run), err);
    }
    return code;
}

static enum vox_code run_passes(struct run *run, struct vox_err *err)
{
    enum vox_code code = track(run, false, err);
    if (code == VOX_OK && key_frame(run) > 0) {
        vox_tracker_reset(run->tracker);
        code = track(run, true, err);
    }
    return code;
}

static void find_bounds(struct vox_segmentation *seg)
{
    const int64_t *size = seg->size;
    for (int64_t k = seg->prompt.first; k <= seg->prompt.last; k++) {
        for (int64_t j = 0; j < size[1]; j++) {
            const uint8_t *row = seg->mask + size[0] * (j + size[1] * k);
            for (int64_t i = 0; i < size[0]; i++) {
                if (row[i] == 0) {
                    continue;
                }
                const int64_t at[3] = {i, j, k};
                for (int a = 0; a < 3; a++) {
                    seg->bounds[0][a] = at[a] < seg->bounds[0][a] ? at[a] : seg->bounds[0][a];
                    seg->bounds[1][a] = at[a] > seg->bounds[1][a] ? at[a] : seg->bounds[1][a];
                }
            }
        }
    }
}

/* The mask has voxels on the slices of the range alone, which lie together in memory. */
static void slab_size(const struct vox_segmentation *seg, int64_t size[3])
{
    size[0] = seg->size[0];
    size[1] = seg->size[1];
    size[2] = frame_count(seg);
}

static enum vox_code finish_mask(struct vox_segmentation *seg, struct vox_err *err)
{
    int64_t size[3];
    slab_size(seg, size);
    uint8_t *slab = seg->mask + seg->size[0] * seg->size[1] * seg->prompt.first;
    enum vox_code code = vox_largest_component(slab, size, &seg->voxels, err);
    if (code != VOX_OK) {
        return code;
    }
    if (seg->voxels == 0) {
        vox_warn(&seg->warnings, "nothing was found in the box; the mask is empty");
        return VOX_OK;
    }
    for (int a = 0; a < 3; a++) {
        seg->bounds[0][a] = seg->size[a];
        seg->bounds[1][a] = -1;
    }
    find_bounds(seg);
    return VOX_OK;
}

static enum vox_code run_tracker(struct run *run, struct vox_err *err)
{
    struct vox_segmentation *seg = run->seg;
    const struct vox_slice_features_setup setup = {
        .network = run->recipe->network,
        .slices = run->slices,
        .intensity = &seg->intensity,
        .first = seg->prompt.first,
        .frames = frame_count(seg),
        .window = vox_zoom_whole(seg->size),
        .store = run->store,
        .cancel = run->recipe->cancel,
    };
    enum vox_code code = vox_slice_features_new(&setup, &run->features, err);
    if (code != VOX_OK) {
        return code;
    }
    const int64_t key = key_frame(run);
    vox_slice_features_keep(run->features, &key, 1);
    struct vox_feature_source source = vox_slice_features_source(run->features);
    code = vox_tracker_new(run->recipe->network, setup.frames, seg->size[1], seg->size[0], &source,
                           &run->tracker, err);
    if (code != VOX_OK) {
        return code;
    }
    double start = vox_seconds();
    code = run_passes(run, err);
    if (code != VOX_OK) {
        return code;
    }
    struct vox_slice_features_work work = vox_slice_features_work(run->features);
    seg->encoded_slices = work.encoded;
    seg->cached_slices = run->visited - work.encoded;
    seg->latencies.pre += work.window_seconds;
    seg->latencies.encode = work.encode_seconds;
    seg->latencies.track = vox_seconds() - start - work.window_seconds - work.encode_seconds;
    return VOX_OK;
}

static enum vox_code make_room(struct run *run, struct vox_err *err)
{
    struct vox_segmentation *seg = run->seg;
    size_t pixels = (size_t)seg->size[0] * (size_t)seg->size[1], voxels;
    if (!vox_mul(pixels, (size_t)seg->size[2], &voxels)) {
        return vox_fail(err, VOX_E_LIMIT, "the volume is too large");
    }
    run->slice = vox_calloc(pixels, sizeof(*run->slice));
    seg->mask = vox_calloc(voxels, 1);
    seg->scores = vox_calloc((size_t)frame_count(seg), sizeof(*seg->scores));
    if (run->recipe->keep_logits) {
        seg->logits = vox_calloc(voxels, sizeof(*seg->logits));
    }
    if (run->slice == NULL || seg->mask == NULL || seg->scores == NULL ||
        (run->recipe->keep_logits && seg->logits == NULL)) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    for (size_t i = 0; seg->logits != NULL && i < voxels; i++) {
        seg->logits[i] = NAN;
    }
    return VOX_OK;
}

/* NIfTI can say twice where voxels lie, and viewers differ in which they believe. */
static void warn_about_geometry(struct vox_segmentation *seg, const struct vox_volume *volume)
{
    const struct vox_nifti_geometry *nifti = &volume->geometry.nifti;
    if (volume->geometry.source == VOX_FORMAT_NRRD || nifti->sform_code <= 0 ||
        nifti->qform_code <= 0) {
        return;
    }
    double sform[3][4], qform[3][4];
    for (int c = 0; c < 4; c++) {
        sform[0][c] = nifti->srow_x[c];
        sform[1][c] = nifti->srow_y[c];
        sform[2][c] = nifti->srow_z[c];
    }
    vox_qform_affine(nifti, qform);
    double distance = vox_corner_distance(sform, qform, seg->size);
    if (!(distance <= form_tolerance)) {
        vox_warn(&seg->warnings,
                 "geometry: the file's sform and qform differ by %.2f voxels in a corner; the mask "
                 "keeps both",
                 distance);
    }
}

static void warn_about_input(struct vox_segmentation *seg, bool cut)
{
    if (cut) {
        vox_warn(&seg->warnings, "the box reached beyond the slice and was cut to it");
    }
    if (seg->intensity.not_finite > 0) {
        vox_warn(&seg->warnings,
                 "%lld voxels are no finite numbers and were taken as the darkest value",
                 (long long)seg->intensity.not_finite);
    }
    if (seg->intensity.flat) {
        vox_warn(&seg->warnings, "the window leaves one grey value only; the network sees black");
    }
}

static enum vox_code run_all(struct run *run, struct vox_err *err)
{
    struct vox_segmentation *seg = run->seg;
    bool cut;
    enum vox_code code = vox_box_prompt_fit(&seg->prompt, seg->size, &cut, err);
    if (code == VOX_OK) {
        /* The component comes last; a range that is too large for it is refused first. */
        int64_t size[3];
        slab_size(seg, size);
        code = vox_components_check(size, err);
    }
    if (code == VOX_OK) {
        code = vox_intensity_prepare(run->slices, &run->recipe->window, &seg->intensity, err);
    }
    if (code == VOX_OK) {
        code = make_room(run, err);
    }
    if (code != VOX_OK) {
        return code;
    }
    warn_about_input(seg, cut);
    warn_about_geometry(seg, run->recipe->volume);
    seg->latencies.pre = vox_seconds() - run->start;
    code = run_tracker(run, err);
    if (code != VOX_OK) {
        return code;
    }
    double start = vox_seconds();
    code = finish_mask(seg, err);
    seg->latencies.post = vox_seconds() - start;
    return code;
}

enum vox_code vox_recipe_run(const struct vox_recipe *recipe, struct vox_segmentation **out,
                             struct vox_err *err)
{
    const struct vox_feature_store_setup nothing = {.config = vox_network_config(recipe->network),
                                                    .identity = ""};
    struct run run = {.recipe = recipe, .start = vox_seconds()};
    run.seg = vox_calloc(1, sizeof(*run.seg));
    if (run.seg == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    for (int a = 0; a < 3; a++) {
        run.seg->size[a] = recipe->volume->size[a];
    }
    run.seg->prompt = recipe->prompt;
    enum vox_code code = vox_slice_source_borrow(recipe->volume, &run.slices, err);
    if (code == VOX_OK) {
        code = vox_feature_store_new(&nothing, &run.store, err);
    }
    if (code == VOX_OK) {
        code = run_all(&run, err);
    }
    vox_tracker_free(run.tracker);
    vox_slice_features_free(run.features);
    vox_feature_store_free(run.store);
    vox_slice_source_close(run.slices);
    vox_free(run.slice);
    if (code != VOX_OK) {
        vox_segmentation_free(run.seg);
        return code;
    }
    *out = run.seg;
    return VOX_OK;
}
