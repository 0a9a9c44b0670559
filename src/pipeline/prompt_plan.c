#include "pipeline/prompt_plan.h"

#include <stdio.h>

#include "pipeline/plan_parts.h"
#include "util/memory.h"

enum { MAX_SIDE = INT32_MAX };

/* What keeps a label from having a plan; of several labels the highest is told. */
enum lack { LACK_NOTHING, LACK_ALL, LACK_POSITIVE, LACK_MASK_SLICE, LACK_INSIDE };

static const char *const lacks[] = {
    [LACK_NOTHING] = "",
    [LACK_ALL] = "there is no positive point, box, roi or mask",
    [LACK_POSITIVE] = "there are negative points alone",
    [LACK_MASK_SLICE] = "the mask has no voxel on a slice of mask_slices",
    [LACK_INSIDE] = "every positive point lies outside the image",
};

static enum vox_code check_image(const struct vox_plan_image *image, struct vox_err *err)
{
    for (int a = 0; a < 3; a++) {
        if (image->size[a] < 1 || image->size[a] > MAX_SIDE) {
            return vox_fail(err, VOX_E_ARG, "an image's sides have 1 to %d voxels", MAX_SIDE);
        }
    }
    return VOX_OK;
}

static void free_object(struct vox_plan_object *object)
{
    vox_free(object->pieces);
    vox_free(object->prompts);
    vox_free(object->corrections);
    vox_free(object->clicks);
    vox_free(object->cuts);
    *object = (struct vox_plan_object){.label = 0};
}

static void end_work(struct vox_plan_work *work)
{
    vox_free(work->positive);
    vox_free(work->negative);
    vox_free(work->boxes);
    vox_free(work->mask.areas);
    vox_free(work->prompted);
    vox_plan_cover_fini(&work->asked);
    vox_free(work->clicks);
}

/* Whether anything at all was drawn for a label. */
static bool has_prompts(const struct vox_request *request, int label)
{
    const struct vox_object_ask *ask = &request->objects[label];
    bool any = ask->n_clicks > 0 || ask->n_boxes > 0 || ask->mask.n > 0;
    for (size_t n = 0; !any && n < request->n_corrections; n++) {
        any = request->corrections[n].label == label;
    }
    return any;
}

/* Rule 9. */
static enum vox_passes choose_passes(const struct vox_plan_work *work)
{
    if (work->request->passes != VOX_PASSES_DEFAULT) {
        return work->request->passes;
    }
    if (work->object->free) {
        return VOX_PASSES_FROM_KEY;
    }
    return work->defaults->passes != VOX_PASSES_DEFAULT ? work->defaults->passes
                                                        : VOX_PASSES_INTERSECTION;
}

static enum vox_code check_slices(const struct vox_plan_work *work, int64_t *slices,
                                  struct vox_err *err)
{
    int64_t own = vox_plan_slices(work->object);
    if (own > VOX_PLAN_MAX_SLICES - *slices) {
        return vox_fail(err, VOX_E_LIMIT,
                        "the labels together reach over more than %d slices; ask for fewer at once",
                        VOX_PLAN_MAX_SLICES);
    }
    *slices += own;
    return VOX_OK;
}

static enum vox_code read_prompts(struct vox_plan_work *work, struct vox_err *err)
{
    enum vox_code code = vox_plan_gather_points(work, err);
    if (code == VOX_OK) {
        code = vox_plan_fit_boxes(work, err);
    }
    return code == VOX_OK ? vox_plan_look_at_mask(work, err) : code;
}

static enum vox_code plan_prompts(struct vox_plan_work *work, int64_t *slices, struct vox_err *err)
{
    enum vox_code code = vox_plan_make_pieces(work, err);
    if (code != VOX_OK) {
        return code;
    }
    vox_plan_find_borders(work);
    code = check_slices(work, slices, err);
    return code == VOX_OK ? vox_plan_make_prompts(work, err) : code;
}

static enum vox_code plan_rest(struct vox_plan_work *work, struct vox_err *err)
{
    work->object->passes = choose_passes(work);
    enum vox_code code = vox_plan_make_corrections(work, err);
    if (code == VOX_OK) {
        code = vox_plan_make_cuts(work, err);
    }
    return code == VOX_OK ? vox_plan_set_zoom(work, err) : code;
}

/* A mask may have no voxel on the slices that are asked for; then only what else was drawn counts.
 */
static void note_mask(struct vox_plan_work *work)
{
    bool masked = work->mask.n == 0;
    for (int64_t n = 0; !masked && n < work->object->n_prompts; n++) {
        masked = work->object->prompts[n].masked;
    }
    if (!masked && work->object->n_prompts > 0) {
        vox_warn(work->warnings, "the mask of '%s' has no voxel on a slice of mask_slices",
                 work->name);
    }
}

/* Fills work->object; *lack says why where the label has nothing to begin from. */
static enum vox_code plan_object(struct vox_plan_work *work, int64_t *slices, enum lack *lack,
                                 struct vox_err *err)
{
    enum vox_code code = read_prompts(work, err);
    if (code != VOX_OK) {
        return code;
    }
    if (work->n_positive == 0 && work->n_boxes == 0 && work->mask.n == 0) {
        *lack = work->dropped_positive ? LACK_INSIDE
                : work->n_negative > 0 ? LACK_POSITIVE
                                       : LACK_ALL;
        return VOX_OK;
    }
    code = plan_prompts(work, slices, err);
    if (code != VOX_OK) {
        return code;
    }
    note_mask(work);
    *lack = work->object->n_prompts == 0 ? LACK_MASK_SLICE : LACK_NOTHING;
    return *lack == LACK_NOTHING ? plan_rest(work, err) : VOX_OK;
}

static enum vox_code plan_objects(const struct vox_request *request,
                                  const struct vox_plan_defaults *defaults, struct vox_plan *plan,
                                  enum lack *most, struct vox_err *err)
{
    int64_t slices = 0;
    for (int label = 0; label < request->labels.n; label++) {
        struct vox_plan_object *object = &plan->objects[plan->n_objects];
        object->label = label;
        struct vox_plan_work work = {.request = request,
                                     .image = &plan->image,
                                     .defaults = defaults,
                                     .warnings = &plan->warnings,
                                     .ask = &request->objects[label],
                                     .name = request->labels.names[label],
                                     .object = object};
        enum lack lack = LACK_NOTHING;
        enum vox_code code = plan_object(&work, &slices, &lack, err);
        end_work(&work);
        if (code == VOX_OK && lack == LACK_NOTHING) {
            plan->n_objects++;
            continue;
        }
        free_object(object);
        if (code != VOX_OK) {
            return code;
        }
        *most = lack > *most ? lack : *most;
        if (request->labels.n > 1 && has_prompts(request, label)) {
            vox_warn(&plan->warnings, "'%s' is left out: %s", request->labels.names[label],
                     lacks[lack]);
        }
    }
    return VOX_OK;
}

enum vox_code vox_plan_new(const struct vox_request *request, const struct vox_plan_image *image,
                           const struct vox_plan_defaults *defaults, struct vox_plan **out,
                           struct vox_err *err)
{
    enum vox_code code = check_image(image, err);
    if (code != VOX_OK) {
        return code;
    }
    struct vox_plan *plan = vox_calloc(1, sizeof(*plan));
    if (plan == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    plan->image = *image;
    plan->warnings = request->warnings;
    plan->objects = vox_calloc((size_t)request->labels.n, sizeof(*plan->objects));
    if (plan->objects == NULL) {
        vox_plan_free(plan);
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    enum lack lack = LACK_ALL;
    vox_plan_note_background(request, image, &plan->warnings);
    code = plan_objects(request, defaults, plan, &lack, err);
    if (code != VOX_OK) {
        vox_plan_free(plan);
        return code;
    }
    plan->valid = plan->n_objects > 0;
    if (!plan->valid) {
        snprintf(plan->reason, sizeof(plan->reason),
                 "%s; draw a point, box, roi or mask of the object inside the image", lacks[lack]);
    }
    *out = plan;
    return VOX_OK;
}

void vox_plan_free(struct vox_plan *plan)
{
    if (plan == NULL) {
        return;
    }
    for (int n = 0; plan->objects != NULL && n < plan->n_objects; n++) {
        free_object(&plan->objects[n]);
    }
    vox_free(plan->objects);
    vox_free(plan);
}
