#include "pipeline/tracked_slice.h"

#include "pipeline/object_parts.h"
#include "util/memory.h"

struct vox_tracked_slice vox_tracked_slice(const struct vox_object_run *run)
{
    return (struct vox_tracked_slice){
        .k = run->latest_k, .label = run->plan.label, .reverse = run->latest->reverse};
}

/* Numbers of voxels that are alike, as they come. */
struct encoder {
    int64_t *runs; /* NULL: they are counted */
    size_t n;
    int64_t at, begin; /* voxels seen; of them before the run under way */
    bool inside;
};

static void turn(struct encoder *encoder, int64_t at, bool inside)
{
    if (inside == encoder->inside) {
        return;
    }
    if (encoder->runs != NULL) {
        encoder->runs[encoder->n] = at - encoder->begin;
    }
    encoder->n++;
    encoder->begin = at;
    encoder->inside = inside;
}

static void encode(struct encoder *encoder, const uint8_t *states,
                   const struct vox_slice_patch *patch, const int64_t *slice)
{
    int64_t at = 0;
    for (int64_t j = 0; j < patch->size[1]; j++) {
        at = (patch->lo[1] + j) * slice[0] + patch->lo[0];
        for (int64_t i = 0; i < patch->size[0]; i++, at++) {
            turn(encoder, at, states[j * patch->size[0] + i] != VOX_VOXEL_EMPTY);
        }
        if (patch->size[0] < slice[0]) {
            turn(encoder, at, false);
        }
    }
    turn(encoder, at, false);
}

static enum vox_code find_states(const struct vox_object_run *run, float *logits,
                                 const struct vox_slice_patch *patch, uint8_t **out,
                                 struct vox_err *err)
{
    uint8_t *states = vox_calloc((size_t)patch->size[1], (size_t)patch->size[0]);
    if (states == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    const float *const passes[2] = {logits, NULL};
    vox_run_logits(run, run->latest, run->latest_k, logits);
    vox_agree(passes, 1, false, &run->window, patch, vox_plan_cut_at(&run->plan, run->latest_k),
              states);
    *out = states;
    return VOX_OK;
}

static enum vox_code make_runs(const struct vox_object_run *run, const uint8_t *states,
                               const struct vox_slice_patch *patch, int64_t **out, size_t *n,
                               struct vox_err *err)
{
    struct encoder count = {0};
    encode(&count, states, patch, run->image.size);
    if (count.n == 0) {
        *out = NULL;
        *n = 0;
        return VOX_OK;
    }
    struct encoder encoder = {.runs = vox_calloc(count.n, sizeof(*encoder.runs))};
    if (encoder.runs == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    encode(&encoder, states, patch, run->image.size);
    *out = encoder.runs;
    *n = encoder.n;
    return VOX_OK;
}

enum vox_code vox_tracked_slice_runs(const struct vox_object_run *run, int64_t **runs, size_t *n,
                                     struct vox_err *err)
{
    const struct vox_slice_patch patch = vox_slice_patch(&run->window, run->image.size);
    bool shows = patch.size[0] > 0 && patch.size[1] > 0;
    if (!shows || vox_run_blank(run, run->latest, run->latest_k)) {
        *runs = NULL;
        *n = 0;
        return VOX_OK;
    }
    float *logits =
        vox_calloc((size_t)run->window.size[1], (size_t)run->window.size[0] * sizeof(*logits));
    if (logits == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    uint8_t *states;
    enum vox_code code = find_states(run, logits, &patch, &states, err);
    vox_free(logits);
    if (code == VOX_OK) {
        code = make_runs(run, states, &patch, runs, n, err);
        vox_free(states);
    }
    return code;
}
