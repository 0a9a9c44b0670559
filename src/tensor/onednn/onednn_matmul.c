#include "tensor/onednn/onednn_parts.h"

#include <string.h>

#include "util/memory.h"

/* Version 3 made memory descriptors handles and moved operation descriptors into the primitive's
 * constructor; these few names cover both. */
#if DNNL_VERSION_MAJOR >= 3
typedef dnnl_memory_desc_t layout;
typedef const_dnnl_memory_desc_t layout_ref;
static layout_ref ref_of(const layout *l)
{
    return *l;
}
static dnnl_status_t layout_strided(layout *l, int64_t a, int64_t b, int64_t step_a, int64_t step_b)
{
    dnnl_dims_t dims = {a, b};
    dnnl_dims_t steps = {step_a, step_b};
    return dnnl_memory_desc_create_with_strides(l, 2, dims, dnnl_f32, steps);
}
static dnnl_status_t layout_any(layout *l, int64_t a, int64_t b)
{
    dnnl_dims_t dims = {a, b};
    return dnnl_memory_desc_create_with_tag(l, 2, dims, dnnl_f32, dnnl_format_tag_any);
}
static dnnl_status_t layout_copy(layout *l, layout_ref from)
{
    return dnnl_memory_desc_clone(l, from);
}
static void layout_end(layout *l)
{
    dnnl_memory_desc_destroy(*l);
    *l = NULL;
}
#else
typedef dnnl_memory_desc_t layout;
typedef const dnnl_memory_desc_t *layout_ref;
static layout_ref ref_of(const layout *l)
{
    return l;
}
static dnnl_status_t layout_strided(layout *l, int64_t a, int64_t b, int64_t step_a, int64_t step_b)
{
    dnnl_dims_t dims = {a, b};
    dnnl_dims_t steps = {step_a, step_b};
    return dnnl_memory_desc_init_by_strides(l, 2, dims, dnnl_f32, steps);
}
static dnnl_status_t layout_any(layout *l, int64_t a, int64_t b)
{
    dnnl_dims_t dims = {a, b};
    return dnnl_memory_desc_init_by_tag(l, 2, dims, dnnl_f32, dnnl_format_tag_any);
}
static dnnl_status_t layout_copy(layout *l, layout_ref from)
{
    *l = *from;
    return dnnl_success;
}
static void layout_end(layout *l)
{
    memset(l, 0, sizeof(*l));
}
#endif

/* The library's memory objects carry an address, so each lane has its own. */
struct arguments {
    dnnl_memory_t x, packed, bias, y, scratchpad;
};

struct onednn_matmul {
    struct onednn_backend *be;
    struct onednn_matmul_desc desc;
    layout packed;
    dnnl_primitive_t primitive;
    struct arguments *lanes;
};

struct onednn_packing {
    struct onednn_backend *be;
    dnnl_primitive_t primitive;
    struct arguments *lanes; /* x: source, y: destination */
};

static dnnl_status_t add_post_ops(dnnl_primitive_attr_t attr, const struct onednn_matmul_desc *desc)
{
    if (!desc->accumulate && desc->activation == VOX_ACT_NONE) {
        return dnnl_success;
    }
    dnnl_post_ops_t ops;
    dnnl_status_t status = dnnl_post_ops_create(&ops);
    if (status != dnnl_success) {
        return status;
    }
    dnnl_alg_kind_t kind =
        desc->activation == VOX_ACT_RELU ? dnnl_eltwise_relu : dnnl_eltwise_gelu_erf;
#if DNNL_VERSION_MAJOR >= 3
    if (desc->accumulate) {
        status = dnnl_post_ops_append_sum(ops, 1.0f, 0, dnnl_f32);
    } else {
        status = dnnl_post_ops_append_eltwise(ops, kind, 0.0f, 0.0f);
    }
#else
    if (desc->accumulate) {
        status = dnnl_post_ops_append_sum(ops, 1.0f);
    } else {
        status = dnnl_post_ops_append_eltwise(ops, 1.0f, kind, 0.0f, 0.0f);
    }
#endif
    if (status == dnnl_success) {
        status = dnnl_primitive_attr_set_post_ops(attr, ops);
    }
    dnnl_post_ops_destroy(ops);
    return status;
}

static dnnl_status_t describe(dnnl_primitive_desc_t *out, dnnl_engine_t engine, const layout *x,
                              const layout *w, const layout *b, const layout *y,
                              dnnl_primitive_attr_t attr)
{
#if DNNL_VERSION_MAJOR >= 3
    return dnnl_matmul_primitive_desc_create(out, engine, *x, *w, b == NULL ? NULL : *b, *y, attr);
#else
    dnnl_matmul_desc_t operation;
    dnnl_status_t status = dnnl_matmul_desc_init(&operation, x, w, b, y);
    return status != dnnl_success ? status
                                  : dnnl_primitive_desc_create(out, &operation, attr, engine, NULL);
#endif
}

/* The memory objects of every lane. Layouts that are not there (NULL) have none. */
static dnnl_status_t make_arguments(struct onednn_backend *be, layout_ref x, layout_ref packed,
                                    layout_ref bias, layout_ref y, layout_ref scratchpad,
                                    struct arguments *lanes)
{
    dnnl_status_t status = dnnl_success;
    for (int i = 0; i < vox_pool_threads(be->base.pool) && status == dnnl_success; i++) {
        struct arguments *a = &lanes[i];
        const struct {
            layout_ref layout;
            dnnl_memory_t *memory;
        } each[] = {{x, &a->x},
                    {packed, &a->packed},
                    {bias, &a->bias},
                    {y, &a->y},
                    {scratchpad, &a->scratchpad}};
        for (size_t j = 0; j < sizeof(each) / sizeof(each[0]) && status == dnnl_success; j++) {
            if (each[j].layout != NULL) {
                status = dnnl_memory_create(each[j].memory, each[j].layout, be->engine,
                                            DNNL_MEMORY_NONE);
            }
        }
    }
    return status;
}

static void free_arguments(const struct onednn_backend *be, struct arguments *lanes)
{
    if (lanes == NULL) {
        return;
    }
    for (int i = 0; i < vox_pool_threads(be->base.pool); i++) {
        dnnl_memory_t each[] = {lanes[i].x, lanes[i].packed, lanes[i].bias, lanes[i].y,
                                lanes[i].scratchpad};
        for (size_t j = 0; j < sizeof(each) / sizeof(each[0]); j++) {
            if (each[j] != NULL) {
                dnnl_memory_destroy(each[j]);
            }
        }
    }
    vox_free(lanes);
}

struct layouts {
    layout x, w, b, y;
};

/* Makes primitive, packed layout and memory objects from a description; the caller frees the matmul
 * on failure. */
static dnnl_status_t finish(struct onednn_matmul *matmul, const struct layouts *l,
                            dnnl_primitive_desc_t pd, size_t *scratchpad_bytes)
{
    layout_ref packed = dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0);
    layout_ref scratchpad = dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
    dnnl_status_t status = layout_copy(&matmul->packed, packed);
    if (status == dnnl_success) {
        status = dnnl_primitive_create(&matmul->primitive, pd);
    }
    if (status == dnnl_success) {
        *scratchpad_bytes = dnnl_memory_desc_get_size(scratchpad);
        status = make_arguments(matmul->be, ref_of(&l->x), ref_of(&matmul->packed),
                                matmul->desc.bias ? ref_of(&l->b) : NULL, ref_of(&l->y), scratchpad,
                                matmul->lanes);
    }
    return status;
}

static dnnl_status_t plan(struct onednn_matmul *matmul, const struct onednn_matmul *like,
                          size_t *scratchpad_bytes)
{
    const struct onednn_matmul_desc *d = &matmul->desc;
    struct layouts l;
    memset(&l, 0, sizeof(l));
    dnnl_primitive_attr_t attr = NULL;
    dnnl_primitive_desc_t pd = NULL;
    dnnl_status_t status = layout_strided(&l.x, d->rows, d->inner, d->ld_x, 1);
    if (status == dnnl_success) {
        status = like == NULL ? layout_any(&l.w, d->inner, d->columns)
                              : layout_copy(&l.w, ref_of(&like->packed));
    }
    if (status == dnnl_success) {
        status = layout_strided(&l.b, 1, d->columns, d->columns, 1);
    }
    if (status == dnnl_success) {
        status = layout_strided(&l.y, d->rows, d->columns, d->ld_y, 1);
    }
    if (status == dnnl_success) {
        status = dnnl_primitive_attr_create(&attr);
    }
    if (status == dnnl_success) {
        status = dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
    }
    if (status == dnnl_success) {
        status = add_post_ops(attr, d);
    }
    if (status == dnnl_success) {
        status = describe(&pd, matmul->be->engine, &l.x, &l.w, d->bias ? &l.b : NULL, &l.y, attr);
    }
    if (status == dnnl_success) {
        status = finish(matmul, &l, pd, scratchpad_bytes);
    }
    if (pd != NULL) {
        dnnl_primitive_desc_destroy(pd);
    }
    if (attr != NULL) {
        dnnl_primitive_attr_destroy(attr);
    }
    layout_end(&l.x);
    layout_end(&l.w);
    layout_end(&l.b);
    layout_end(&l.y);
    return status;
}

enum vox_code onednn_matmul_new(struct onednn_backend *be, const struct onednn_matmul_desc *desc,
                                const struct onednn_matmul *like, struct onednn_matmul **out,
                                struct vox_err *err)
{
    struct onednn_matmul *matmul = vox_calloc(1, sizeof(*matmul));
    if (matmul == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    matmul->be = be;
    matmul->desc = *desc;
    matmul->lanes = vox_calloc((size_t)vox_pool_threads(be->base.pool), sizeof(*matmul->lanes));
    enum vox_code code = VOX_OK;
    size_t scratchpad_bytes = 0;
    if (matmul->lanes == NULL) {
        code = vox_fail(err, VOX_E_NOMEM, "out of memory");
    } else {
        dnnl_status_t status = plan(matmul, like, &scratchpad_bytes);
        if (status != dnnl_success) {
            code = onednn_fail(err, status, "plan a matrix product");
        }
    }
    if (code == VOX_OK) {
        code = onednn_reserve(be, scratchpad_bytes, 0, err);
    }
    if (code != VOX_OK) {
        onednn_matmul_free(matmul);
        return code;
    }
    *out = matmul;
    return VOX_OK;
}

void onednn_matmul_free(struct onednn_matmul *matmul)
{
    if (matmul == NULL) {
        return;
    }
    free_arguments(matmul->be, matmul->lanes);
    if (matmul->primitive != NULL) {
        dnnl_primitive_destroy(matmul->primitive);
    }
    layout_end(&matmul->packed);
    vox_free(matmul);
}

size_t onednn_matmul_packed_bytes(const struct onednn_matmul *matmul)
{
    return dnnl_memory_desc_get_size(ref_of(&matmul->packed));
}

static dnnl_status_t plan_packing(struct onednn_packing *packing,
                                  const struct onednn_matmul *matmul, const layout *source,
                                  size_t *scratchpad_bytes)
{
    struct onednn_backend *be = packing->be;
    dnnl_primitive_attr_t attr = NULL;
    dnnl_primitive_desc_t pd = NULL;
    dnnl_status_t status = dnnl_primitive_attr_create(&attr);
    if (status == dnnl_success) {
        status = dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
    }
    if (status == dnnl_success) {
        status = dnnl_reorder_primitive_desc_create(&pd, ref_of(source), be->engine,
                                                    ref_of(&matmul->packed), be->engine, attr);
    }
    if (status == dnnl_success) {
        status = dnnl_primitive_create(&packing->primitive, pd);
    }
    if (status == dnnl_success) {
        layout_ref scratchpad = dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
        *scratchpad_bytes = dnnl_memory_desc_get_size(scratchpad);
        status = make_arguments(be, ref_of(source), NULL, NULL, ref_of(&matmul->packed), scratchpad,
                                packing->lanes);
    }
    if (pd != NULL) {
        dnnl_primitive_desc_destroy(pd);
    }
    if (attr != NULL) {
        dnnl_primitive_attr_destroy(attr);
    }
    return status;
}

enum vox_code onednn_packing_new(struct onednn_backend *be, const struct onednn_matmul *matmul,
                                 int64_t step_inner, int64_t step_column,
                                 struct onednn_packing **out, struct vox_err *err)
{
    struct onednn_packing *packing = vox_calloc(1, sizeof(*packing));
    if (packing == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    packing->be = be;
    packing->lanes = vox_calloc((size_t)vox_pool_threads(be->base.pool), sizeof(*packing->lanes));
    if (packing->lanes == NULL) {
        onednn_packing_free(packing);
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    size_t scratchpad_bytes = 0;
    layout source;
    dnnl_status_t status =
        layout_strided(&source, matmul->desc.inner, matmul->desc.columns, step_inner, step_column);
    if (status == dnnl_success) {
        status = plan_packing(packing, matmul, &source, &scratchpad_bytes);
        layout_end(&source);
    }
    enum vox_code code = status != dnnl_success
                             ? onednn_fail(err, status, "plan the packing of a matrix")
                             : onednn_reserve(be, scratchpad_bytes, 0, err);
    if (code != VOX_OK) {
        onednn_packing_free(packing);
        return code;
    }
    *out = packing;
    return VOX_OK;
}

void onednn_packing_free(struct onednn_packing *packing)
{
    if (packing == NULL) {
        return;
    }
    free_arguments(packing->be, packing->lanes);
    if (packing->primitive != NULL) {
        dnnl_primitive_destroy(packing->primitive);
    }
    vox_free(packing);
}

/* The library takes inputs through the same non-const handle as outputs. */
static void *unconst(const void *data)
{
    union {
        const void *in;
        void *out;
    } cast = {data};
    return cast.out;
}

static dnnl_status_t point(dnnl_memory_t memory, const void *data)
{
    return memory == NULL ? dnnl_success : dnnl_memory_set_data_handle(memory, unconst(data));
}

enum vox_code onednn_pack(const struct onednn_packing *packing, int lane, const float *source,
                          void *packed, struct vox_err *err)
{
    const struct arguments *a = &packing->lanes[lane];
    const struct onednn_lane *own = &packing->be->lanes[lane];
    onednn_single_thread();
    dnnl_status_t status = point(a->x, source);
    if (status == dnnl_success) {
        status = point(a->y, packed);
    }
    if (status == dnnl_success) {
        status = point(a->scratchpad, own->scratchpad);
    }
    if (status == dnnl_success) {
        dnnl_exec_arg_t arguments[] = {
            {DNNL_ARG_FROM, a->x}, {DNNL_ARG_TO, a->y}, {DNNL_ARG_SCRATCHPAD, a->scratchpad}};
        status = dnnl_primitive_execute(packing->primitive, own->stream, 3, arguments);
    }
    return status == dnnl_success ? VOX_OK : onednn_fail(err, status, "pack a matrix");
}

enum vox_code onednn_matmul_run(const struct onednn_matmul *matmul, int lane, const float *x,
                                const void *packed, const float *bias, float *y,
                                struct vox_err *err)
{
    const struct arguments *a = &matmul->lanes[lane];
    const struct onednn_lane *own = &matmul->be->lanes[lane];
    onednn_single_thread();
    dnnl_status_t status = point(a->x, x);
    if (status == dnnl_success) {
        status = point(a->packed, packed);
    }
    if (status == dnnl_success) {
        status = point(a->bias, bias);
    }
    if (status == dnnl_success) {
        status = point(a->y, y);
    }
    if (status == dnnl_success) {
        status = point(a->scratchpad, own->scratchpad);
    }
    if (status == dnnl_success) {
        dnnl_exec_arg_t arguments[] = {{DNNL_ARG_SRC, a->x},
                                       {DNNL_ARG_WEIGHTS, a->packed},
                                       {DNNL_ARG_DST, a->y},
                                       {DNNL_ARG_SCRATCHPAD, a->scratchpad},
                                       {DNNL_ARG_BIAS, a->bias}};
        status = dnnl_primitive_execute(matmul->primitive, own->stream, a->bias == NULL ? 4 : 5,
                                        arguments);
    }
    return status == dnnl_success ? VOX_OK : onednn_fail(err, status, "run a matrix product");
}
