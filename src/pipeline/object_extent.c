/* How far the object was found to reach: along the slices, and to the window's rim. */
#include <stddef.h>
#include <string.h>

#include "pipeline/object_parts.h"
#include "util/memory.h"

/* Room to look at one slice after the other. */
struct look {
    struct vox_slice_patch patch;
    float *logits[2]; /* of the window */
    uint8_t *states;  /* of the patch */
};

static void end_look(struct look *look)
{
    vox_free(look->logits[0]);
    vox_free(look->logits[1]);
    vox_free(look->states);
}

static enum vox_code begin_look(const struct vox_object_run *run, struct look *look,
                                struct vox_err *err)
{
    const int64_t *size = run->window.size;
    look->patch = vox_slice_patch(&run->window, run->image.size);
    size_t pixels = (size_t)(look->patch.size[0] * look->patch.size[1]);
    look->logits[0] = vox_calloc((size_t)size[1], (size_t)size[0] * sizeof(float));
    look->logits[1] = vox_calloc((size_t)size[1], (size_t)size[0] * sizeof(float));
    look->states = vox_calloc(pixels, 1);
    if (look->logits[0] == NULL || look->logits[1] == NULL || look->states == NULL) {
        end_look(look);
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    return VOX_OK;
}

/* Whether the stage's passes found any voxel on slice k, with `either` or agreed; look->states says
 * which. */
static bool look_at(const struct vox_object_run *run, const struct vox_run_stage *stage,
                    bool either, int64_t k, struct look *look)
{
    int blank = 0;
    for (int i = 0; i < stage->n_passes; i++) {
        blank += vox_run_blank(run, &stage->passes[i], k);
    }
    if (blank == stage->n_passes || (blank > 0 && !either)) {
        return false;
    }
    for (int i = 0; i < stage->n_passes; i++) {
        vox_run_logits(run, &stage->passes[i], k, look->logits[i]);
    }
    const float *const logits[2] = {look->logits[0], look->logits[1]};
    vox_agree(logits, stage->n_passes, either, &run->window, &look->patch,
              vox_plan_cut_at(&run->plan, k), look->states);
    int64_t pixels = look->patch.size[0] * look->patch.size[1];
    return memchr(look->states, VOX_VOXEL_AGREED, (size_t)pixels) != NULL;
}

enum vox_code vox_run_find_borders(struct vox_object_run *run, int64_t *low, int64_t *high,
                                   struct vox_err *err)
{
    const struct vox_run_stage *stage = &run->stages[0];
    struct look look;
    enum vox_code code = begin_look(run, &look, err);
    if (code != VOX_OK) {
        return code;
    }
    int64_t first = run->slab_first, last = run->slab_first + run->slab - 1;
    while (first < vox_run_lowest(run) && !look_at(run, stage, true, first, &look)) {
        first++;
    }
    while (last > vox_run_highest(run) && !look_at(run, stage, true, last, &look)) {
        last--;
    }
    end_look(&look);
    *low = first;
    *high = last;
    return VOX_OK;
}

/* The states of the patch as a mask of the slice. */
static void spread(const struct vox_object_run *run, const struct look *look, uint8_t *mask)
{
    const struct vox_slice_patch *patch = &look->patch;
    for (int64_t j = 0; j < patch->size[1]; j++) {
        uint8_t *row = mask + (patch->lo[1] + j) * run->image.size[0] + patch->lo[0];
        for (int64_t i = 0; i < patch->size[0]; i++) {
            row[i] = look->states[j * patch->size[0] + i] == VOX_VOXEL_AGREED;
        }
    }
}

enum vox_code vox_run_touches_rim(struct vox_object_run *run, bool *out, struct vox_err *err)
{
    const struct vox_run_stage *stage = &run->stages[run->n_stages - 1];
    bool either = run->plan.passes != VOX_PASSES_INTERSECTION, touches = false;
    struct look look;
    enum vox_code code = begin_look(run, &look, err);
    if (code != VOX_OK) {
        return code;
    }
    uint8_t *mask = vox_calloc((size_t)run->image.size[1], (size_t)run->image.size[0]);
    if (mask == NULL) {
        code = vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    for (int64_t f = 0; f < run->slab && code == VOX_OK && !touches; f++) {
        if (look_at(run, stage, either, run->slab_first + f, &look)) {
            spread(run, &look, mask);
            touches = vox_zoom_touches_rim(&run->window, mask, run->image.size);
        }
    }
    vox_free(mask);
    end_look(&look);
    if (code == VOX_OK) {
        *out = touches;
    }
    return code;
}

void vox_run_bounds(const struct vox_object_run *run, int64_t *first, int64_t *last)
{
    if (!run->plan.free) {
        *first = run->plan.first;
        *last = run->plan.last;
        return;
    }
    const struct vox_run_stage *stage = &run->stages[run->n_stages - 1];
    *first = INT64_MAX;
    *last = INT64_MIN;
    for (int i = 0; i < stage->n_passes && stage->built; i++) {
        const struct vox_run_pass *pass = &stage->passes[i];
        for (int64_t k = pass->first; k <= pass->last; k++) {
            if (vox_run_visited(pass, k)) {
                *first = k < *first ? k : *first;
                *last = k > *last ? k : *last;
            }
        }
    }
}
