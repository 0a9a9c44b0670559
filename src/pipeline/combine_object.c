/* One object: where the passes agree, and the clean-up of that. */
#include <stddef.h>
#include <string.h>

#include "pipeline/combine_parts.h"
#include "util/memory.h"
#include "volume/components.h"
#include "volume/fill_holes.h"

void vox_state_box_fini(struct vox_state_box *box)
{
    vox_free(box->states);
    *box = (struct vox_state_box){0};
}

void vox_combined_fini(struct vox_combined *object)
{
    vox_state_box_fini(&object->box);
    vox_combined_rest(object);
}

void vox_combined_rest(struct vox_combined *object)
{
    vox_free(object->logits[0]);
    vox_free(object->logits[1]);
    object->logits[0] = object->logits[1] = NULL;
}

bool vox_combined_visited(const struct vox_combined *object, int p, int64_t k)
{
    const struct vox_pass *pass = &object->outcome.passes[p];
    return k >= pass->first && k < pass->first + pass->n && pass->visited[k - pass->first];
}

static enum vox_code make_room(struct vox_combined *object, struct vox_err *err)
{
    const int64_t *size = object->outcome.window.size;
    for (int p = 0; p < object->outcome.n_passes; p++) {
        if (object->logits[p] != NULL) {
            continue;
        }
        object->logits[p] = vox_calloc((size_t)size[1], (size_t)size[0] * sizeof(float));
        if (object->logits[p] == NULL) {
            return vox_fail(err, VOX_E_NOMEM, "out of memory");
        }
    }
    return VOX_OK;
}

enum vox_code vox_combined_look(struct vox_combined *object, int64_t k, int *n, struct vox_err *err)
{
    int found = 0;
    enum vox_code code = make_room(object, err);
    for (int p = 0; p < object->outcome.n_passes && code == VOX_OK; p++) {
        if (vox_combined_visited(object, p, k)) {
            code = vox_object_run_logits(object->run, p, k, object->logits[found++], err);
        }
    }
    if (code == VOX_OK) {
        *n = found;
    }
    return code;
}

double vox_combined_mean(const struct vox_combined *object, int n, int64_t i, int64_t j)
{
    const struct vox_zoom_window *window = &object->outcome.window;
    int64_t x = object->patch.lo[0] + i - window->origin[0];
    int64_t y = object->patch.lo[1] + j - window->origin[1];
    double first = (double)object->logits[0][y * window->size[0] + x];
    return n == 1 ? first : (first + (double)object->logits[1][y * window->size[0] + x]) / 2.0;
}

/* ---- agreement ---- */

static bool blank(const struct vox_combined *object, int64_t k)
{
    for (int p = 0; p < object->outcome.n_passes; p++) {
        if (vox_combined_visited(object, p, k) && !vox_object_run_blank(object->run, p, k)) {
            return false;
        }
    }
    return true;
}

/* The slices on which a pass found anything; the patch of each. */
static enum vox_code make_box(struct vox_combined *object, struct vox_err *err)
{
    int64_t first = object->outcome.first, last = object->outcome.last;
    while (first <= last && blank(object, first)) {
        first++;
    }
    while (last >= first && blank(object, last)) {
        last--;
    }
    struct vox_state_box *box = &object->box;
    if (first > last || object->patch.size[0] == 0 || object->patch.size[1] == 0) {
        return VOX_OK;
    }
    for (int a = 0; a < 2; a++) {
        box->lo[a] = object->patch.lo[a];
        box->size[a] = object->patch.size[a];
    }
    box->lo[2] = first;
    box->size[2] = last - first + 1;
    enum vox_code code = vox_components_check(box->size, err);
    if (code != VOX_OK) {
        return code;
    }
    box->states = vox_calloc((size_t)box->size[2], (size_t)(box->size[0] * box->size[1]));
    return box->states != NULL ? VOX_OK : vox_fail(err, VOX_E_NOMEM, "out of memory");
}

/* Counts voxels of both passes and of one. Where one of two passes was not on the slice they have
 * nothing in common. */
static enum vox_code agree_slice(struct vox_combined *object, int64_t k, struct vox_err *err)
{
    const struct vox_object_outcome *outcome = &object->outcome;
    int n = 0;
    enum vox_code code = vox_combined_look(object, k, &n, err);
    if (code != VOX_OK) {
        return code;
    }
    int64_t pixels = object->patch.size[0] * object->patch.size[1];
    uint8_t *states = object->box.states + (k - object->box.lo[2]) * pixels;
    const float *const logits[2] = {object->logits[0], object->logits[1]};
    vox_agree(logits, n, false, &outcome->window, &object->patch, vox_plan_cut_at(object->plan, k),
              states);
    for (int64_t i = 0; i < pixels; i++) {
        if (states[i] == VOX_VOXEL_EMPTY) {
            continue;
        }
        bool both = n == outcome->n_passes && states[i] == VOX_VOXEL_AGREED;
        object->in_both += both;
        object->in_one += !both;
        states[i] = both || outcome->combine_union ? VOX_VOXEL_AGREED : VOX_VOXEL_UNCERTAIN;
    }
    return VOX_OK;
}

static enum vox_code agree(struct vox_combined *object, const struct vox_watch *watch,
                           struct vox_err *err)
{
    enum vox_code code = make_box(object, err);
    for (int64_t s = 0; s < object->box.size[2] && code == VOX_OK; s++) {
        int64_t k = object->box.lo[2] + s;
        code = vox_watch_check(watch, err);
        if (code == VOX_OK && !blank(object, k)) {
            code = agree_slice(object, k, err);
        }
    }
    return code;
}

static int64_t voxels_of(const struct vox_state_box *box)
{
    return box->size[0] * box->size[1] * box->size[2];
}

/* ---- the smallest box ---- */

/* The bounds of what is not empty, in the image; every hi is below its lo where nothing is. */
static void find_bounds(const struct vox_state_box *box, int64_t lo[3], int64_t hi[3])
{
    for (int a = 0; a < 3; a++) {
        lo[a] = INT64_MAX;
        hi[a] = -1;
    }
    const uint8_t *row = box->states;
    for (int64_t k = 0; k < box->size[2]; k++) {
        for (int64_t j = 0; j < box->size[1]; j++, row += box->size[0]) {
            for (int64_t i = 0; i < box->size[0]; i++) {
                const int64_t at[3] = {i, j, k};
                for (int a = 0; a < 3 && row[i] != VOX_VOXEL_EMPTY; a++) {
                    int64_t here = box->lo[a] + at[a];
                    lo[a] = here < lo[a] ? here : lo[a];
                    hi[a] = here > hi[a] ? here : hi[a];
                }
            }
        }
    }
}

/* The box around what is not empty, without its states. */
static struct vox_state_box bounding(const struct vox_state_box *box)
{
    struct vox_state_box found = {0};
    int64_t hi[3];
    find_bounds(box, found.lo, hi);
    for (int a = 0; a < 3; a++) {
        found.size[a] = hi[2] < 0 ? 0 : hi[a] - found.lo[a] + 1;
        found.lo[a] = hi[2] < 0 ? 0 : found.lo[a];
    }
    return found;
}

/* Cuts the box to what is not empty. Neither the order of voxels nor what is a hole changes: all
 * around the box is background. */
static enum vox_code shrink(struct vox_state_box *box, struct vox_err *err)
{
    struct vox_state_box small = bounding(box);
    if (voxels_of(&small) == voxels_of(box)) {
        return VOX_OK;
    }
    if (small.size[2] > 0) {
        small.states = vox_alloc((size_t)voxels_of(&small));
        if (small.states == NULL) {
            return vox_fail(err, VOX_E_NOMEM, "out of memory");
        }
    }
    uint8_t *to = small.states;
    for (int64_t k = small.lo[2]; k < small.lo[2] + small.size[2]; k++) {
        for (int64_t j = small.lo[1]; j < small.lo[1] + small.size[1]; j++) {
            int64_t from = (k - box->lo[2]) * box->size[1] + j - box->lo[1];
            memcpy(to, box->states + from * box->size[0] + small.lo[0] - box->lo[0],
                   (size_t)small.size[0]);
            to += small.size[0];
        }
    }
    vox_state_box_fini(box);
    *box = small;
    return VOX_OK;
}

/* ---- clean-up ---- */

/* mask = the voxels of the state, or with VOX_VOXEL_EMPTY of any but that. */
static void pick(const struct vox_state_box *box, uint8_t state, uint8_t *mask)
{
    int64_t n = voxels_of(box);
    for (int64_t i = 0; i < n; i++) {
        uint8_t is = box->states[i];
        mask[i] = state == VOX_VOXEL_EMPTY ? is != VOX_VOXEL_EMPTY : is == state;
    }
}

/* Voxels of the state that the mask does not hold become empty; of any with VOX_VOXEL_EMPTY. */
static void restrict_to(struct vox_state_box *box, uint8_t state, const uint8_t *mask)
{
    int64_t n = voxels_of(box);
    for (int64_t i = 0; i < n; i++) {
        if (mask[i] == 0 && (state == VOX_VOXEL_EMPTY || box->states[i] == state)) {
            box->states[i] = VOX_VOXEL_EMPTY;
        }
    }
}

/* The largest part of the agreed voxels, and the uncertain parts that touch it. */
static enum vox_code keep_largest(struct vox_state_box *box, uint8_t *mask, struct vox_err *err)
{
    int64_t kept = 0;
    pick(box, VOX_VOXEL_AGREED, mask);
    enum vox_code code = vox_largest_component(mask, box->size, &kept, err);
    if (code != VOX_OK) {
        return code;
    }
    if (kept == 0) {
        pick(box, VOX_VOXEL_UNCERTAIN, mask);
        code = vox_largest_component(mask, box->size, NULL, err);
        if (code == VOX_OK) {
            restrict_to(box, VOX_VOXEL_UNCERTAIN, mask);
        }
        return code;
    }
    restrict_to(box, VOX_VOXEL_AGREED, mask);
    int64_t place = 0;
    while (mask[place] == 0) {
        place++;
    }
    pick(box, VOX_VOXEL_EMPTY, mask);
    code = vox_component_at(mask, box->size, place, err);
    if (code == VOX_OK) {
        restrict_to(box, VOX_VOXEL_EMPTY, mask);
    }
    return code;
}

static enum vox_code fill(struct vox_state_box *box, uint8_t *mask, struct vox_err *err)
{
    pick(box, VOX_VOXEL_AGREED, mask);
    enum vox_code code = vox_fill_holes(mask, box->size, err);
    int64_t n = voxels_of(box);
    for (int64_t i = 0; i < n && code == VOX_OK; i++) {
        box->states[i] = mask[i] != 0 ? VOX_VOXEL_AGREED : box->states[i];
    }
    return code;
}

static enum vox_code clean_up(struct vox_state_box *box, const struct vox_combine_options *options,
                              struct vox_err *err)
{
    enum vox_code code = VOX_OK;
    uint8_t *mask = vox_alloc((size_t)voxels_of(box));
    if (mask == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    if (options->largest_cc) {
        code = keep_largest(box, mask, err);
    }
    if (code == VOX_OK && options->fill_holes) {
        code = fill(box, mask, err);
    }
    if (code == VOX_OK && !options->keep_uncertain) {
        pick(box, VOX_VOXEL_AGREED, mask);
        restrict_to(box, VOX_VOXEL_EMPTY, mask);
    }
    vox_free(mask);
    return code;
}

enum vox_code vox_combined_init(struct vox_combined *object, const struct vox_object_run *run,
                                const struct vox_plan_object *plan,
                                const struct vox_plan_image *image,
                                const struct vox_combine_options *options,
                                const struct vox_watch *watch, struct vox_object_scores *scores,
                                struct vox_err *err)
{
    *object =
        (struct vox_combined){.run = run, .plan = plan, .outcome = vox_object_run_outcome(run)};
    object->patch = vox_slice_patch(&object->outcome.window, image->size);
    enum vox_code code = agree(object, watch, err);
    if (code != VOX_OK) {
        return code;
    }
    struct vox_object_scores found = {
        .agreement_dice = vox_agreement_dice(plan, object->in_both, object->in_one)};
    code = shrink(&object->box, err);
    if (code == VOX_OK) {
        code = vox_combined_entropy(object, watch, &found.entropy, err);
    }
    vox_combined_rest(object);
    if (code == VOX_OK && object->box.size[2] > 0) {
        code = clean_up(&object->box, options, err);
    }
    if (code == VOX_OK) {
        code = shrink(&object->box, err);
    }
    if (code == VOX_OK) {
        *scores = found;
    }
    return code;
}
