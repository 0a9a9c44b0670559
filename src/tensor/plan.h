/* What every planned operator begins with; backends embed these as the first member of their own
 * structs. */
#ifndef VOX_TENSOR_PLAN_H
#define VOX_TENSOR_PLAN_H

#include "tensor/backend.h"

struct vox_linear {
    struct vox_backend *be;
    struct vox_linear_desc desc;
};

struct vox_attention {
    struct vox_backend *be;
    struct vox_attention_desc desc;
};

/* The backends that were compiled in, best first; registry.c alone knows them. */
enum vox_code vox_ref_open(struct vox_pool *pool, struct vox_backend **out,
                           struct vox_err *err) VOX_MUST_USE;
#ifdef VOX_HAVE_ONEDNN
enum vox_code vox_onednn_open(struct vox_pool *pool, struct vox_backend **out,
                              struct vox_err *err) VOX_MUST_USE;
#endif

/* Row kernels: plain C, and the best compiled variant this CPU has (never NULL). */
const struct vox_row_ops *vox_rows_ref(void);
const struct vox_row_ops *vox_rows_best(void);

#endif
