/* The plain C backend: the specification that every other backend is compared with. Its files are
 * built without contraction of floating point operations, so that they answer the same on every
 * compiler. */
#include "tensor/backend.h"

#include <stdio.h>

#include "tensor/plan.h"
#include "tensor/ref/ref_parts.h"
#include "util/memory.h"

enum { TILE_ROWS = 64 };

static void close_ref(struct vox_backend *be)
{
    vox_free(be);
}

static const struct vox_backend_ops ops = {
    .name = "ref",
    .linear_new = vox_ref_linear_new,
    .linear_plan = vox_ref_linear_plan,
    .linear_run = vox_ref_linear_run,
    .linear_free = vox_ref_linear_free,
    .attention_new = vox_ref_attention_new,
    .keys_bytes = vox_ref_keys_bytes,
    .values_bytes = vox_ref_values_bytes,
    .pack_keys = vox_ref_pack_keys,
    .pack_values = vox_ref_pack_values,
    .attention_run = vox_ref_attention_run,
    .attention_free = vox_ref_attention_free,
    .close = close_ref,
};

enum vox_code vox_ref_open(struct vox_pool *pool, struct vox_backend **out, struct vox_err *err)
{
    struct vox_backend *be = vox_calloc(1, sizeof(*be));
    if (be == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    be->ops = &ops;
    be->rows = vox_rows_ref();
    be->pool = pool;
    be->tile_rows = TILE_ROWS;
    snprintf(be->kernels, sizeof(be->kernels), "%s", ops.name);
    *out = be;
    return VOX_OK;
}
