#include "pipeline/watch.h"

#include <stddef.h>

enum vox_code vox_watch_check(const struct vox_watch *watch, struct vox_err *err)
{
    if (watch != NULL && watch->cancel != NULL && atomic_load(watch->cancel) != 0) {
        return vox_fail(err, VOX_E_CANCELLED, "cancelled");
    }
    return VOX_OK;
}
