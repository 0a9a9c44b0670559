#include "tensor/onednn/onednn_parts.h"

#include <string.h>

#include "util/memory.h"

/* Shapes of one operator: tiles of a few sizes, with a few row distances. */
enum { MAX_SHAPES = 24 };

struct shape {
    int64_t rows, ld_x, ld_y;
    struct onednn_matmul *matmul;
};

struct linear {
    struct vox_linear base;
    float *weight; /* as given, until the first plan has chosen how it is packed */
    float *bias;   /* NULL for none */
    int n_shapes;
    struct shape shapes[MAX_SHAPES];
    void *packed; /* weights in the layout of the first shape's plan; NULL before there is one */
};

static struct onednn_backend *backend_of(const struct linear *linear)
{
    return (struct onednn_backend *)linear->base.be;
}

enum vox_code onednn_linear_new(struct vox_backend *be, const struct vox_linear_desc *desc,
                                const float *weight, const float *bias, struct vox_linear **out,
                                struct vox_err *err)
{
    size_t numel = (size_t)(desc->in * desc->out);
    struct linear *linear = vox_calloc(1, sizeof(*linear));
    if (linear == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    linear->base.be = be;
    linear->base.desc = *desc;
    linear->weight = vox_alloc(numel * sizeof(*weight));
    if (bias != NULL) {
        linear->bias = vox_alloc((size_t)desc->out * sizeof(*bias));
    }
    if (linear->weight == NULL || (bias != NULL && linear->bias == NULL)) {
        onednn_linear_free(&linear->base);
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    memcpy(linear->weight, weight, numel * sizeof(*weight));
    if (bias != NULL) {
        memcpy(linear->bias, bias, (size_t)desc->out * sizeof(*bias));
    }
    *out = &linear->base;
    return VOX_OK;
}

static const struct shape *find(const struct linear *linear, int64_t rows, int64_t ld_x,
                                int64_t ld_y)
{
    for (int i = 0; i < linear->n_shapes; i++) {
        const struct shape *s = &linear->shapes[i];
        if (s->rows == rows && s->ld_x == ld_x && s->ld_y == ld_y) {
            return s;
        }
    }
    return NULL;
}

/* Packs the weights in the layout that the first plan chose; later plans must accept it, which all
 * kernels of one instruction set do. The plain copy is released then. */
static enum vox_code pack_weights(struct linear *linear, const struct onednn_matmul *matmul,
                                  struct vox_err *err)
{
    struct onednn_packing *packing = NULL;
    void *packed = vox_alloc(onednn_matmul_packed_bytes(matmul));
    if (packed == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    enum vox_code code =
        onednn_packing_new(backend_of(linear), matmul, 1, linear->base.desc.in, &packing, err);
    if (code == VOX_OK) {
        code = onednn_pack(packing, 0, linear->weight, packed, err);
        onednn_packing_free(packing);
    }
    if (code != VOX_OK) {
        vox_free(packed);
        return code;
    }
    linear->packed = packed;
    vox_free(linear->weight);
    linear->weight = NULL;
    return VOX_OK;
}

struct plan_call {
    struct linear *linear;
    int64_t rows, ld_x, ld_y;
};

static enum vox_code plan_on_lane(void *context, struct vox_err *err)
{
    const struct plan_call *call = context;
    struct linear *linear = call->linear;
    const struct vox_linear_desc *d = &linear->base.desc;
    struct onednn_matmul_desc desc = {
        .rows = call->rows,
        .inner = d->in,
        .columns = d->out,
        .ld_x = call->ld_x,
        .ld_y = call->ld_y,
        .bias = linear->bias != NULL,
        .accumulate = d->accumulate,
        .activation = d->activation,
    };
    const struct onednn_matmul *like = linear->n_shapes > 0 ? linear->shapes[0].matmul : NULL;
    struct onednn_matmul *matmul = NULL;
    enum vox_code code = onednn_matmul_new(backend_of(linear), &desc, like, &matmul, err);
    if (code == VOX_OK && linear->packed == NULL) {
        code = pack_weights(linear, matmul, err);
    }
    if (code != VOX_OK) {
        onednn_matmul_free(matmul);
        return code;
    }
    linear->shapes[linear->n_shapes++] = (struct shape){call->rows, call->ld_x, call->ld_y, matmul};
    return VOX_OK;
}

enum vox_code onednn_linear_plan(struct vox_linear *base, int64_t rows, int64_t ld_x, int64_t ld_y,
                                 struct vox_err *err)
{
    struct linear *linear = (struct linear *)base;
    if (find(linear, rows, ld_x, ld_y) != NULL) {
        return VOX_OK;
    }
    if (linear->n_shapes == MAX_SHAPES) {
        return vox_fail(err, VOX_E_LIMIT, "more than %d shapes of one linear operator", MAX_SHAPES);
    }
    struct plan_call call = {linear, rows, ld_x, ld_y};
    return onednn_on_lane(backend_of(linear), plan_on_lane, &call, err);
}

enum vox_code onednn_linear_run(const struct vox_linear *base, struct vox_lane *lane, int64_t rows,
                                const float *x, int64_t ld_x, float *y, int64_t ld_y,
                                struct vox_err *err)
{
    const struct linear *linear = (const struct linear *)base;
    const struct shape *s = find(linear, rows, ld_x, ld_y);
    if (s == NULL) {
        return vox_fail(err, VOX_E_INTERNAL,
                        "a linear operator ran on %lld rows, which was not planned",
                        (long long)rows);
    }
    return onednn_matmul_run(s->matmul, lane->index, x, linear->packed, linear->bias, y, err);
}

void onednn_linear_free(struct vox_linear *base)
{
    struct linear *linear = (struct linear *)base;
    if (linear == NULL) {
        return;
    }
    for (int i = 0; i < linear->n_shapes; i++) {
        onednn_matmul_free(linear->shapes[i].matmul);
    }
    vox_free(linear->packed);
    vox_free(linear->weight);
    vox_free(linear->bias);
    vox_free(linear);
}
