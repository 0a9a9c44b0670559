#include "pipeline/result_preview.h"

#include <math.h>
#include <string.h>

#include "pipeline/preview.h"
#include "pipeline/result.h"
#include "util/memory.h"

/* What is drawn, gathered from plan and outcome. */
struct picture {
    const struct vox_infer_data *data;
    const struct vox_watch *watch;
    struct vox_intensity intensity;
    double *work; /* w * h */
    struct vox_preview_box *boxes;
    struct vox_preview_click *clicks;
    int64_t *prompted;
    int n_boxes, n_clicks, n_prompted;
    double low[2], high[2]; /* of labels and prompts, i and j */
};

static enum vox_code give_slice(void *context, int64_t k, uint8_t *grey, uint16_t *labels,
                                struct vox_err *err)
{
    struct picture *picture = context;
    enum vox_code code = vox_watch_check(picture->watch, err);
    if (code != VOX_OK) {
        return code;
    }
    vox_outcome_slice(&picture->data->outcome, k, labels);
    return vox_intensity_slice(picture->data->img_3d, &picture->intensity, k, picture->work, grey,
                               err);
}

static void reach(struct picture *picture, double i, double j)
{
    const double at[2] = {i, j};
    for (int a = 0; a < 2; a++) {
        picture->low[a] = fmin(picture->low[a], at[a]);
        picture->high[a] = fmax(picture->high[a], at[a]);
    }
}

static void add_clicks(struct picture *picture, int64_t k, const struct vox_plan_click *clicks,
                       int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        picture->clicks[picture->n_clicks++] = (struct vox_preview_click){
            .k = k, .i = clicks[i].i, .j = clicks[i].j, .positive = clicks[i].positive};
        reach(picture, clicks[i].i, clicks[i].j);
    }
}

static void add_object(struct picture *picture, const struct vox_plan_object *object)
{
    for (int64_t p = 0; p < object->n_prompts; p++) {
        const struct vox_plan_prompt *prompt = &object->prompts[p];
        picture->prompted[picture->n_prompted++] = prompt->k;
        if (prompt->boxed) {
            const struct vox_rect *box = &prompt->box;
            picture->boxes[picture->n_boxes++] = (struct vox_preview_box){
                .k = prompt->k, .i0 = box->i0, .j0 = box->j0, .i1 = box->i1, .j1 = box->j1};
            reach(picture, box->i0, box->j0);
            reach(picture, box->i1, box->j1);
        }
        add_clicks(picture, prompt->k, prompt->clicks, prompt->n_clicks);
    }
    for (int64_t c = 0; c < object->n_corrections; c++) {
        const struct vox_plan_correction *correction = &object->corrections[c];
        picture->prompted[picture->n_prompted++] = correction->k;
        add_clicks(picture, correction->k, correction->clicks, correction->n_clicks);
    }
}

/* Room for all prompts of the plan. */
static enum vox_code make_room(struct picture *picture, struct vox_err *err)
{
    const struct vox_plan *plan = picture->data->plan;
    size_t slices = 0, clicks = 0;
    for (int i = 0; i < plan->n_objects; i++) {
        const struct vox_plan_object *object = &plan->objects[i];
        slices += (size_t)(object->n_prompts + object->n_corrections);
        for (int64_t p = 0; p < object->n_prompts; p++) {
            clicks += (size_t)object->prompts[p].n_clicks;
        }
        for (int64_t c = 0; c < object->n_corrections; c++) {
            clicks += (size_t)object->corrections[c].n_clicks;
        }
    }
    picture->work = vox_calloc((size_t)(picture->data->w * picture->data->h), sizeof(double));
    picture->boxes = vox_calloc(slices, sizeof(*picture->boxes));
    picture->prompted = vox_calloc(slices, sizeof(*picture->prompted));
    picture->clicks = vox_calloc(clicks, sizeof(*picture->clicks));
    if (picture->work == NULL || picture->boxes == NULL || picture->prompted == NULL ||
        picture->clicks == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    return VOX_OK;
}

static void gather(struct picture *picture)
{
    const struct vox_infer_data *data = picture->data;
    for (int a = 0; a < 2; a++) {
        picture->low[a] = (double)INFINITY;
        picture->high[a] = (double)-INFINITY;
    }
    for (int i = 0; i < data->plan->n_objects; i++) {
        add_object(picture, &data->plan->objects[i]);
    }
    for (int i = 0; i <= data->request->labels.n; i++) {
        const struct vox_label_count *count = &data->outcome.counts[i];
        if (count->voxels > 0) {
            reach(picture, (double)count->lo[0], (double)count->lo[1]);
            reach(picture, (double)count->hi[0], (double)count->hi[1]);
        }
    }
}

/* The slices of the result and of its prompts; the middle one where there is nothing. */
static int choose_slices(const struct picture *picture, int64_t out[VOX_PREVIEW_SLICES])
{
    const struct vox_label_slab *slab = &picture->data->outcome.slab;
    if (picture->n_prompted == 0 && slab->n == 0) {
        out[0] = picture->data->d / 2;
        return 1;
    }
    return vox_preview_choose(slab->first, slab->first + slab->n - 1, picture->prompted,
                              picture->n_prompted, VOX_PREVIEW_SLICES, out);
}

static enum vox_code draw(struct picture *picture, const char *path, struct vox_file_writer **out,
                          struct vox_err *err)
{
    const struct vox_infer_data *data = picture->data;
    const struct vox_geometry *geometry = &vox_slice_source_volume(data->img_3d)->geometry;
    int64_t slices[VOX_PREVIEW_SLICES];
    gather(picture);
    struct vox_preview preview = {
        .width = data->w,
        .height = data->h,
        .spacing = {geometry->spacing[0], geometry->spacing[1]},
        .slice = give_slice,
        .context = picture,
        .slices = slices,
        .n_slices = choose_slices(picture, slices),
        .boxes = picture->boxes,
        .n_boxes = picture->n_boxes,
        .clicks = picture->clicks,
        .n_clicks = picture->n_clicks,
    };
    if (picture->low[0] <= picture->high[0]) {
        vox_preview_frame(data->w, data->h, preview.spacing, picture->low, picture->high,
                          &preview.view);
    }
    double affine[3][4];
    memcpy(affine, geometry->affine, sizeof(affine));
    vox_preview_orient(affine, &preview);
    return vox_preview_prepare(path, &preview, out, err);
}

enum vox_code vox_result_prepare_preview(const struct vox_infer_data *data, const char *path,
                                         const struct vox_watch *watch,
                                         struct vox_file_writer **out, struct vox_err *err)
{
    struct picture picture = {.data = data, .watch = watch};
    enum vox_code code =
        vox_image_intensity(data->image, &data->request->window, watch, &picture.intensity, err);
    if (code == VOX_OK) {
        code = make_room(&picture, err);
    }
    if (code == VOX_OK) {
        code = draw(&picture, path, out, err);
    }
    vox_free(picture.work);
    vox_free(picture.boxes);
    vox_free(picture.prompted);
    vox_free(picture.clicks);
    return code;
}
