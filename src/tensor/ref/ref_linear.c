#include "tensor/ref/ref_parts.h"

#include <string.h>

#include "tensor/plan.h"
#include "util/memory.h"

enum { ROWS_AT_ONCE = 8 }; /* a weight row is used this often while it is in the cache */

struct shape {
    int64_t rows;
    int64_t ld_x;
    int64_t ld_y;
};

struct ref_linear {
    struct vox_linear base;
    float *weight; /* in x out: the inner loop runs over outputs, and each output sums in order */
    float *bias;   /* out, zeros where there is none */
    struct shape *planned;
    size_t n_planned;
};

static void transpose(const float *weight, int64_t in, int64_t out, float *to)
{
    for (int64_t o = 0; o < out; o++) {
        for (int64_t i = 0; i < in; i++) {
            to[i * out + o] = weight[o * in + i];
        }
    }
}

enum vox_code vox_ref_linear_new(struct vox_backend *be, const struct vox_linear_desc *desc,
                                 const float *weight, const float *bias, struct vox_linear **out,
                                 struct vox_err *err)
{
    size_t values;
    if (!vox_mul((size_t)desc->in, (size_t)desc->out, &values)) {
        return vox_fail(err, VOX_E_LIMIT, "the weights of an operator are too large");
    }
    struct ref_linear *linear = vox_calloc(1, sizeof(*linear));
    if (linear == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    linear->base.be = be;
    linear->base.desc = *desc;
    linear->weight = vox_calloc(values, sizeof(float));
    linear->bias = vox_calloc((size_t)desc->out, sizeof(float));
    if (linear->weight == NULL || linear->bias == NULL) {
        vox_ref_linear_free(&linear->base);
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    transpose(weight, desc->in, desc->out, linear->weight);
    if (bias != NULL) {
        memcpy(linear->bias, bias, (size_t)desc->out * sizeof(float));
    }
    *out = &linear->base;
    return VOX_OK;
}

static bool is_planned(const struct ref_linear *linear, int64_t rows, int64_t ld_x, int64_t ld_y)
{
    for (size_t i = 0; i < linear->n_planned; i++) {
        const struct shape *shape = &linear->planned[i];
        if (shape->rows == rows && shape->ld_x == ld_x && shape->ld_y == ld_y) {
            return true;
        }
    }
    return false;
}

/* Nothing needs preparing; shapes are kept so that a caller that forgets to plan fails here too. */
enum vox_code vox_ref_linear_plan(struct vox_linear *base, int64_t rows, int64_t ld_x, int64_t ld_y,
                                  struct vox_err *err)
{
    struct ref_linear *linear = (struct ref_linear *)base;
    if (is_planned(linear, rows, ld_x, ld_y)) {
        return VOX_OK;
    }
    size_t old_size = linear->n_planned * sizeof(struct shape);
    struct shape *planned = vox_realloc(linear->planned, old_size, old_size + sizeof(struct shape));
    if (planned == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    planned[linear->n_planned++] = (struct shape){rows, ld_x, ld_y};
    linear->planned = planned;
    return VOX_OK;
}

/* y (rows x out) += x W^T, a few rows: the sum of every output runs in the order of the inputs. */
static void multiply(const struct ref_linear *linear, int64_t rows, const float *x, int64_t ld_x,
                     float *restrict y, int64_t ld_y)
{
    int64_t in = linear->base.desc.in;
    int64_t out = linear->base.desc.out;
    for (int64_t i = 0; i < in; i++) {
        const float *weight = linear->weight + i * out;
        for (int64_t row = 0; row < rows; row++) {
            float value = x[row * ld_x + i];
            float *restrict to = y + row * ld_y;
            for (int64_t o = 0; o < out; o++) {
                to[o] += value * weight[o];
            }
        }
    }
}

enum vox_code vox_ref_linear_run(const struct vox_linear *base, struct vox_lane *lane, int64_t rows,
                                 const float *x, int64_t ld_x, float *y, int64_t ld_y,
                                 struct vox_err *err)
{
    (void)lane;
    const struct ref_linear *linear = (const struct ref_linear *)base;
    const struct vox_linear_desc *desc = &base->desc;
    if (!is_planned(linear, rows, ld_x, ld_y)) {
        return vox_fail(err, VOX_E_INTERNAL,
                        "a linear operator ran with a shape it has no plan for");
    }
    for (int64_t row = 0; row < rows; row++) {
        float *to = y + row * ld_y;
        for (int64_t o = 0; o < desc->out; o++) {
            to[o] = desc->accumulate ? to[o] + linear->bias[o] : linear->bias[o];
        }
    }
    for (int64_t row = 0; row < rows; row += ROWS_AT_ONCE) {
        int64_t some = rows - row < ROWS_AT_ONCE ? rows - row : ROWS_AT_ONCE;
        multiply(linear, some, x + row * ld_x, ld_x, y + row * ld_y, ld_y);
    }
    for (int64_t row = 0; row < rows && desc->activation != VOX_ACT_NONE; row++) {
        vox_rows_ref()->activate(desc->activation, desc->out, y + row * ld_y);
    }
    return VOX_OK;
}

void vox_ref_linear_free(struct vox_linear *base)
{
    if (base == NULL) {
        return;
    }
    struct ref_linear *linear = (struct ref_linear *)base;
    vox_free(linear->weight);
    vox_free(linear->bias);
    vox_free(linear->planned);
    vox_free(linear);
}
