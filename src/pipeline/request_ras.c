#include <math.h>

#include "pipeline/request.h"
#include "util/memory.h"

/* From RAS millimetres to voxel indices. */
struct converter {
    double matrix[3][3];
    double origin[3]; /* RAS of voxel 0, 0, 0 */
};

static double cofactor(double a[3][4], int row, int column)
{
    int r1 = (row + 1) % 3, r2 = (row + 2) % 3;
    int c1 = (column + 1) % 3, c2 = (column + 2) % 3;
    return a[r1][c1] * a[r2][c2] - a[r1][c2] * a[r2][c1];
}

static bool invert(double affine[3][4], struct converter *out)
{
    double determinant = 0.0;
    for (int column = 0; column < 3; column++) {
        determinant += affine[0][column] * cofactor(affine, 0, column);
    }
    bool good = isfinite(determinant) && determinant != 0.0;
    for (int row = 0; row < 3; row++) {
        for (int column = 0; column < 3; column++) {
            out->matrix[row][column] = cofactor(affine, column, row) / determinant;
            good = good && isfinite(out->matrix[row][column]);
        }
        out->origin[row] = affine[row][3];
        good = good && isfinite(out->origin[row]);
    }
    return good;
}

/* False where the indices are no finite numbers. */
static bool convert(const struct converter *converter, double at[3])
{
    double from[3];
    for (int axis = 0; axis < 3; axis++) {
        from[axis] = at[axis] - converter->origin[axis];
    }
    bool good = true;
    for (int axis = 0; axis < 3; axis++) {
        const double *row = converter->matrix[axis];
        at[axis] = row[0] * from[0] + row[1] * from[1] + row[2] * from[2];
        good = good && isfinite(at[axis]);
    }
    return good;
}

static bool convert_clicks(const struct converter *converter, struct vox_click *clicks, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!convert(converter, clicks[i].at)) {
            return false;
        }
    }
    return true;
}

struct range {
    double low[3], high[3];
};

/* The range of the corners (x0 or x1, y0 or y1, z0 or z1). */
static bool convert_corners(const struct converter *converter, const double corners[4], double z0,
                            double z1, struct range *out)
{
    for (int i = 0; i < 8; i++) {
        double at[3] = {corners[(i & 1) != 0 ? 2 : 0], corners[(i & 2) != 0 ? 3 : 1],
                        (i & 4) != 0 ? z1 : z0};
        if (!convert(converter, at)) {
            return false;
        }
        for (int axis = 0; axis < 3; axis++) {
            out->low[axis] = i == 0 ? at[axis] : fmin(out->low[axis], at[axis]);
            out->high[axis] = i == 0 ? at[axis] : fmax(out->high[axis], at[axis]);
        }
    }
    return true;
}

static bool convert_box(const struct converter *converter, struct vox_box_ask *box)
{
    struct range key = {{0}, {0}};
    struct range whole = {{0}, {0}};
    if (!convert_corners(converter, box->corners, box->first, box->last, &whole) ||
        (!box->roi && !convert_corners(converter, box->corners, box->key, box->key, &key))) {
        return false;
    }
    box->corners[0] = whole.low[0];
    box->corners[1] = whole.low[1];
    box->corners[2] = whole.high[0];
    box->corners[3] = whole.high[1];
    /* Half of each, as their sum may overflow. */
    box->key = box->roi ? 0.0 : key.low[2] / 2.0 + key.high[2] / 2.0;
    box->first = box->bounded ? whole.low[2] : box->key;
    box->last = box->bounded ? whole.high[2] : box->key;
    return true;
}

static enum vox_code convert_correction(const struct converter *converter, size_t index,
                                        struct vox_correction_ask *correction, struct vox_err *err)
{
    if (!convert_clicks(converter, correction->clicks, correction->n_clicks)) {
        return vox_fail(err, VOX_E_ARG, "correction %zu lies too far away", index);
    }
    correction->k = correction->clicks[0].at[2];
    for (size_t i = 0; i < correction->n_clicks; i++) {
        /* A plane of constant S is no slice of a tilted or sagittal scan. */
        if (floor(correction->clicks[i].at[2] + 0.5) != floor(correction->k + 0.5)) {
            return vox_fail(err, VOX_E_ARG,
                            "the points of correction %zu lie on several slices of this image; "
                            "give voxel indices",
                            index);
        }
        correction->clicks[i].at[2] = correction->k;
    }
    return VOX_OK;
}

static bool convert_prompts(const struct converter *converter, struct vox_request *request)
{
    bool good = convert_clicks(converter, request->background, request->n_background);
    for (int label = 0; good && label < request->labels.n; label++) {
        struct vox_object_ask *object = &request->objects[label];
        good = convert_clicks(converter, object->clicks, object->n_clicks);
        for (size_t i = 0; good && i < object->n_boxes; i++) {
            good = convert_box(converter, &object->boxes[i]);
        }
    }
    return good;
}

enum vox_code vox_request_from_ras(struct vox_request *request, double affine[3][4],
                                   struct vox_err *err)
{
    struct converter converter;
    if (!invert(affine, &converter)) {
        return vox_fail(err, VOX_E_ARG, "the image's axes do not span space; give voxel indices");
    }
    struct vox_request *copy = NULL;
    enum vox_code code = vox_request_copy(request, &copy, err);
    if (code != VOX_OK) {
        return code;
    }
    if (!convert_prompts(&converter, copy)) {
        code = vox_fail(err, VOX_E_ARG, "a prompt lies too far away from the image");
    }
    for (size_t i = 0; i < copy->n_corrections && code == VOX_OK; i++) {
        code = convert_correction(&converter, i, &copy->corrections[i], err);
    }
    if (code == VOX_OK) {
        struct vox_request before = *request;
        *request = *copy;
        *copy = before;
    }
    vox_request_free(copy);
    return code;
}
