/* Clicks after the first result. */
#include <stddef.h>
#include <string.h>

#include "pipeline/object_parts.h"
#include "util/memory.h"

static uint8_t *marks_of(const struct vox_object_run *run, int64_t correction)
{
    return run->again + correction * run->slab;
}

/* A pass that was not on the slice has no logits to be corrected. */
static enum vox_code correct_pass(struct vox_object_run *run, int s, struct vox_run_pass *pass,
                                  int64_t c, struct vox_err *err)
{
    const struct vox_plan_correction *correction = &run->corrections[c];
    int64_t k = correction->k;
    uint8_t bit = (uint8_t)(1U << s);
    if (!vox_run_visited(pass, k) || correction->n_clicks == 0) {
        run->total -= vox_run_ahead(pass, k);
        return VOX_OK;
    }
    enum vox_code code = vox_run_give_clicks(run, pass, correction, err);
    if (code != VOX_OK) {
        return code;
    }
    marks_of(run, c)[k - run->slab_first] |= bit;
    pass->prompted[k - pass->first] = true;
    bool farther = pass->reverse ? k < pass->must : k > pass->must;
    pass->must = farther ? k : pass->must;
    return vox_run_follow(run, pass, k, marks_of(run, c), bit, err);
}

enum vox_code vox_run_correct_stage(struct vox_object_run *run, int s, struct vox_err *err)
{
    struct vox_run_stage *stage = &run->stages[s];
    enum vox_code code = VOX_OK;
    for (; stage->n_given < run->n_given && code == VOX_OK; stage->n_given++) {
        bool in_prompts = run->corrections[stage->n_given].on_prompt;
        for (int i = 0; i < stage->n_passes && !in_prompts && code == VOX_OK; i++) {
            code = correct_pass(run, s, &stage->passes[i], stage->n_given, err);
        }
    }
    return code;
}

int64_t vox_run_stage_ahead(const struct vox_object_run *run, int s)
{
    const struct vox_run_stage *stage = &run->stages[s];
    int64_t ahead = 0;
    for (int i = 0; i < stage->n_passes; i++) {
        const struct vox_run_pass *pass = &stage->passes[i];
        ahead += stage->built ? 0 : pass->last - pass->first + 1;
        for (int64_t c = stage->n_given; c < run->n_corrections; c++) {
            const struct vox_plan_correction *correction = &run->corrections[c];
            ahead += correction->on_prompt ? 0 : vox_run_ahead(pass, correction->k);
        }
    }
    return ahead;
}

/* ---- what was tracked for which ---- */

void vox_run_mark_prompts(struct vox_object_run *run, int s)
{
    const struct vox_run_stage *stage = &run->stages[s];
    for (int64_t c = 0; c < run->n_given; c++) {
        for (int64_t f = 0; f < run->slab && run->corrections[c].on_prompt; f++) {
            for (int i = 0; i < stage->n_passes; i++) {
                if (vox_run_visited(&stage->passes[i], run->slab_first + f)) {
                    marks_of(run, c)[f] |= (uint8_t)(1U << s);
                }
            }
        }
    }
}

void vox_run_clear_marks(struct vox_object_run *run, int s)
{
    int64_t n = run->n_corrections * run->slab;
    for (int64_t i = 0; i < n; i++) {
        run->again[i] &= (uint8_t) ~(1U << s);
    }
}

void vox_run_free_retracked(struct vox_object_run *run)
{
    for (int64_t c = 0; c < run->n_retracked; c++) {
        vox_free(run->retracked[c].slices);
    }
    vox_free(run->retracked);
    run->retracked = NULL;
    run->n_retracked = 0;
}

static enum vox_code list_slices(const struct vox_object_run *run, int64_t c,
                                 struct vox_retracked *out, struct vox_err *err)
{
    const uint8_t *marks = marks_of(run, c);
    int64_t n = 0;
    for (int64_t f = 0; f < run->slab; f++) {
        n += marks[f] != 0;
    }
    *out = (struct vox_retracked){.k = run->corrections[c].k,
                                  .slices = vox_calloc((size_t)n, sizeof(int64_t))};
    if (out->slices == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    for (int64_t f = 0; f < run->slab; f++) {
        if (marks[f] != 0) {
            out->slices[out->n++] = run->slab_first + f;
        }
    }
    return VOX_OK;
}

enum vox_code vox_run_list_retracked(struct vox_object_run *run, struct vox_err *err)
{
    vox_run_free_retracked(run);
    run->retracked = vox_calloc((size_t)run->n_corrections, sizeof(*run->retracked));
    if (run->retracked == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    enum vox_code code = VOX_OK;
    for (int64_t c = 0; c < run->n_corrections && code == VOX_OK; c++) {
        code = list_slices(run, c, &run->retracked[c], err);
        run->n_retracked += code == VOX_OK;
    }
    return code;
}
