/* The oneDNN backend: matrix products by the library, each a single-threaded call on one tile;
 * threads are the pool's, so results have the same bits for any number of them. */
#include "tensor/onednn/onednn_parts.h"

#include <stdio.h>

#include "util/memory.h"

/* Of gcc's OpenMP runtime, with which Debian builds oneDNN. Declared here because clang does not
 * bring omp.h, and clang's own runtime would be a second one in the process. */
void omp_set_num_threads(int threads);

enum vox_code onednn_fail(struct vox_err *err, dnnl_status_t status, const char *what)
{
    if (status == dnnl_out_of_memory) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    return vox_fail_sys(err, VOX_E_BACKEND, (int)status,
                        "the matrix library could not %s (status %d)", what, (int)status);
}

void onednn_single_thread(void)
{
    omp_set_num_threads(1);
}

struct call {
    enum vox_code (*fn)(void *context, struct vox_err *err);
    void *context;
};

static enum vox_code call_tile(void *context, int64_t tile, struct vox_lane *lane,
                               struct vox_err *err)
{
    (void)tile;
    (void)lane;
    const struct call *call = context;
    onednn_single_thread();
    return call->fn(call->context, err);
}

enum vox_code onednn_on_lane(struct onednn_backend *be,
                             enum vox_code (*fn)(void *context, struct vox_err *err), void *context,
                             struct vox_err *err)
{
    struct call call = {fn, context};
    return vox_pool_run(be->base.pool, 1, call_tile, &call, err);
}

static enum vox_code grow(void **memory, size_t *size, size_t wanted, size_t unit,
                          struct vox_err *err)
{
    if (*size >= wanted) {
        return VOX_OK;
    }
    void *grown = vox_calloc(wanted, unit);
    if (grown == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    vox_free(*memory);
    *memory = grown;
    *size = wanted;
    return VOX_OK;
}

enum vox_code onednn_reserve(struct onednn_backend *be, size_t scratchpad_bytes, size_t work_floats,
                             struct vox_err *err)
{
    for (int i = 0; i < vox_pool_threads(be->base.pool); i++) {
        struct onednn_lane *lane = &be->lanes[i];
        void *work = lane->work;
        enum vox_code code =
            grow(&lane->scratchpad, &lane->scratchpad_bytes, scratchpad_bytes, 1, err);
        if (code == VOX_OK) {
            code = grow(&work, &lane->work_floats, work_floats, sizeof(*lane->work), err);
            lane->work = work;
        }
        if (code != VOX_OK) {
            return code;
        }
    }
    return VOX_OK;
}

static void close_backend(struct vox_backend *base)
{
    struct onednn_backend *be = (struct onednn_backend *)base;
    for (int i = 0; be->lanes != NULL && i < vox_pool_threads(base->pool); i++) {
        if (be->lanes[i].stream != NULL) {
            dnnl_stream_destroy(be->lanes[i].stream);
        }
        vox_free(be->lanes[i].scratchpad);
        vox_free(be->lanes[i].work);
    }
    vox_free(be->lanes);
    if (be->engine != NULL) {
        dnnl_engine_destroy(be->engine);
    }
    vox_free(be);
}

static const struct vox_backend_ops operators = {
    .name = "onednn",
    .linear_new = onednn_linear_new,
    .linear_plan = onednn_linear_plan,
    .linear_run = onednn_linear_run,
    .linear_free = onednn_linear_free,
    .attention_new = onednn_attention_new,
    .keys_bytes = onednn_keys_bytes,
    .values_bytes = onednn_values_bytes,
    .pack_keys = onednn_pack_keys,
    .pack_values = onednn_pack_values,
    .attention_run = onednn_attention_run,
    .attention_free = onednn_attention_free,
    .close = close_backend,
};

static enum vox_code open_lanes(struct onednn_backend *be, struct vox_err *err)
{
    dnnl_status_t status = dnnl_engine_create(&be->engine, dnnl_cpu, 0);
    for (int i = 0; i < vox_pool_threads(be->base.pool) && status == dnnl_success; i++) {
        status = dnnl_stream_create(&be->lanes[i].stream, be->engine, dnnl_stream_default_flags);
    }
    return status == dnnl_success ? VOX_OK : onednn_fail(err, status, "start");
}

static void name_kernels(struct vox_backend *be)
{
    const dnnl_version_t *version = dnnl_version();
    snprintf(be->kernels, sizeof(be->kernels), "onednn %d.%d.%d %x %s", version->major,
             version->minor, version->patch, (unsigned)dnnl_get_effective_cpu_isa(),
             be->rows->name);
}

enum vox_code vox_onednn_open(struct vox_pool *pool, struct vox_backend **out, struct vox_err *err)
{
    struct onednn_backend *be = vox_calloc(1, sizeof(*be));
    if (be == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    be->base.ops = &operators;
    be->base.rows = vox_rows_best();
    be->base.pool = pool;
    be->base.tile_rows = 64;
    name_kernels(&be->base);
    be->lanes = vox_calloc((size_t)vox_pool_threads(pool), sizeof(*be->lanes));
    enum vox_code code;
    if (be->lanes == NULL) {
        code = vox_fail(err, VOX_E_NOMEM, "out of memory");
    } else {
        code = open_lanes(be, err);
    }
    if (code != VOX_OK) {
        close_backend(&be->base);
        return code;
    }
    *out = &be->base;
    return VOX_OK;
}
