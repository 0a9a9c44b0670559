#include "pipeline/agreement.h"

#include <stddef.h>
#include <string.h>

struct vox_slice_patch vox_slice_patch(const struct vox_zoom_window *window, const int64_t slice[2])
{
    struct vox_slice_patch patch;
    for (int a = 0; a < 2; a++) {
        int64_t lo = window->origin[a];
        int64_t hi = lo + window->size[a];
        lo = lo < 0 ? 0 : lo;
        hi = hi > slice[a] ? slice[a] : hi;
        patch.lo[a] = lo;
        patch.size[a] = hi > lo ? hi - lo : 0;
    }
    return patch;
}

static uint8_t state_of(bool first, bool second, bool either)
{
    if (first && second) {
        return VOX_VOXEL_AGREED;
    }
    if (!first && !second) {
        return VOX_VOXEL_EMPTY;
    }
    return either ? VOX_VOXEL_AGREED : VOX_VOXEL_UNCERTAIN;
}

void vox_agree(const float *const logits[2], int n_passes, bool either,
               const struct vox_zoom_window *window, const struct vox_slice_patch *patch,
               const struct vox_plan_cut *cut, uint8_t *states)
{
    memset(states, VOX_VOXEL_EMPTY, (size_t)(patch->size[0] * patch->size[1]));
    int64_t lo[2], hi[2];
    for (int a = 0; a < 2; a++) {
        lo[a] = patch->lo[a];
        hi[a] = patch->lo[a] + patch->size[a] - 1;
        lo[a] = cut != NULL && cut->lo[a] > lo[a] ? cut->lo[a] : lo[a];
        hi[a] = cut != NULL && cut->hi[a] < hi[a] ? cut->hi[a] : hi[a];
    }
    for (int64_t j = lo[1]; j <= hi[1]; j++) {
        int64_t seen = (j - window->origin[1]) * window->size[0] - window->origin[0];
        const float *first = logits[0] + seen;
        const float *second = n_passes == 2 ? logits[1] + seen : first;
        uint8_t *row = states + (j - patch->lo[1]) * patch->size[0] - patch->lo[0];
        for (int64_t i = lo[0]; i <= hi[0]; i++) {
            row[i] = state_of(first[i] > 0.0F, second[i] > 0.0F, either);
        }
    }
}

const struct vox_plan_cut *vox_plan_cut_at(const struct vox_plan_object *plan, int64_t k)
{
    if (k < plan->first || k > plan->last || plan->cuts == NULL) {
        return NULL;
    }
    const struct vox_plan_cut *cut = &plan->cuts[k - plan->first];
    return cut->cut ? cut : NULL;
}
