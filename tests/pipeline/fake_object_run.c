/* The results of runs that never were; in the place of the library's functions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "naive_combine.h"

static const struct fake_run *real(const struct vox_object_run *run)
{
    return (const struct fake_run *)run;
}

void fake_run_passes(struct fake_run *run, int n_passes, const int64_t first[2], const int64_t n[2])
{
    run->outcome.n_passes = n_passes;
    for (int p = 0; p < n_passes; p++) {
        run->outcome.passes[p] = (struct vox_pass){.reverse = p == 1,
                                                   .first = first[p],
                                                   .n = n[p],
                                                   .scores = run->scores[p] + first[p],
                                                   .visited = run->visited[p] + first[p]};
    }
}

struct vox_object_outcome vox_object_run_outcome(const struct vox_object_run *run)
{
    return real(run)->outcome;
}

static bool visited(const struct fake_run *run, int pass, int64_t k)
{
    const struct vox_pass *of = &run->outcome.passes[pass];
    assert_true(pass < run->outcome.n_passes && k >= 0 && k < COMBINE_DEPTH);
    return k >= of->first && k < of->first + of->n && run->visited[pass][k];
}

enum vox_code vox_object_run_logits(const struct vox_object_run *run, int pass, int64_t k,
                                    float *out, struct vox_err *err)
{
    struct fake_run *from = (struct fake_run *)(uintptr_t)run;
    const struct vox_zoom_window *window = &from->outcome.window;
    if (++from->looks == from->fails_at) {
        return vox_fail(err, VOX_E_BACKEND, "broken");
    }
    for (int64_t y = 0; y < window->size[1]; y++) {
        for (int64_t x = 0; x < window->size[0]; x++) {
            int64_t i = x + window->origin[0], j = y + window->origin[1];
            bool in = i >= 0 && i < COMBINE_WIDTH && j >= 0 && j < COMBINE_HEIGHT;
            float there = in ? from->logits[pass][k * COMBINE_PIXELS + j * COMBINE_WIDTH + i]
                             : 100.0F; /* padding may hold anything */
            out[y * window->size[0] + x] = visited(from, pass, k) ? there : -1024.0F;
        }
    }
    return VOX_OK;
}

bool vox_object_run_blank(const struct vox_object_run *run, int pass, int64_t k)
{
    const struct fake_run *from = real(run);
    const struct vox_zoom_window *window = &from->outcome.window;
    for (int64_t y = 0; y < window->size[1] && visited(from, pass, k); y++) {
        for (int64_t x = 0; x < window->size[0]; x++) {
            int64_t i = x + window->origin[0], j = y + window->origin[1];
            bool in = i >= 0 && i < COMBINE_WIDTH && j >= 0 && j < COMBINE_HEIGHT;
            if (!in || from->logits[pass][k * COMBINE_PIXELS + j * COMBINE_WIDTH + i] > 0.0F) {
                return false;
            }
        }
    }
    return true;
}
