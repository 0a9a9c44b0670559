#include "app/doctor_trial.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/memory.h"

enum {
    SIDE = 96,
    DEPTH = 5,
    SLICE = SIDE * SIDE,
    KEY = 2,
    RADIUS = 22,
    MIDDLE_I = 50,
    MIDDLE_J = 44
};

static const double thickness = 8.0; /* of a slice; pixels are 1 mm */

struct trial {
    int16_t voxels[SLICE * DEPTH];
    uint16_t found[SLICE];
    struct vox_image *image;
    struct vox_request *request;
    struct vox_result *result;
};

static bool is_inside(int i, int j, int k)
{
    double x = i - MIDDLE_I, y = j - MIDDLE_J, z = (k - KEY) * thickness;
    return x * x + y * y + z * z <= (double)(RADIUS * RADIUS);
}

/* Two grey values, with a grain that is the same everywhere. */
static void draw(struct trial *trial)
{
    for (int v = 0; v < SLICE * DEPTH; v++) {
        int value = is_inside(v % SIDE, v / SIDE % SIDE, v / SLICE) ? 60 : -60;
        int grain = (int)((uint32_t)v * UINT32_C(2654435761) >> 27); /* 0 to 31 */
        trial->voxels[v] = (int16_t)(value + grain - 16);
    }
}

static enum vox_code segment(struct vox_model *model, struct trial *trial, struct vox_err *err)
{
    static const double box[4] = {MIDDLE_I - RADIUS, MIDDLE_J - RADIUS, MIDDLE_I + RADIUS,
                                  MIDDLE_J + RADIUS};
    static const double ends[2] = {0.0, DEPTH - 1.0};
    const struct vox_voxels voxels = {
        .size = {SIDE, SIDE, DEPTH},
        .type = VOX_VOXEL_I16,
        .data = trial->voxels,
        .affine = {{1.0, 0.0, 0.0, 0.0}, {0.0, 1.0, 0.0, 0.0}, {0.0, 0.0, thickness, 0.0}},
    };
    enum vox_code code = vox_image_wrap(model, &voxels, &trial->image, err);
    if (code == VOX_OK) {
        code = vox_request_open(NULL, 0, &trial->request, err);
    }
    if (code == VOX_OK) {
        code = vox_request_box(trial->request, NULL, KEY, box, ends, err);
    }
    return code == VOX_OK
               ? vox_segment(model, trial->image, trial->request, NULL, &trial->result, err)
               : code;
}

static double measure(struct trial *trial)
{
    int both = 0, either = 0;
    for (int k = 0; k < DEPTH; k++) {
        vox_result_slice(trial->result, k, trial->found);
        for (int p = 0; p < SLICE; p++) {
            bool found = trial->found[p] == 1, inside = is_inside(p % SIDE, p / SIDE, k);
            both += found && inside;
            either += found + inside;
        }
    }
    return either > 0 ? 2.0 * both / either : 0.0;
}

enum vox_code vox_trial_run(struct vox_model *model, double *dice, struct vox_err *err)
{
    struct trial *trial = vox_calloc(1, sizeof(*trial));
    if (trial == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    draw(trial);
    enum vox_code code = segment(model, trial, err);
    if (code == VOX_OK) {
        *dice = measure(trial);
    }
    vox_result_close(trial->result);
    vox_request_close(trial->request);
    vox_image_close(trial->image);
    vox_free(trial);
    return code;
}
