#include "pipeline/watch.h"

#include <stddef.h>

static bool is_cancelled(const struct vox_watch *watch)
{
    return (watch->cancel != NULL && atomic_load(watch->cancel) != 0) ||
           (watch->cancelled != NULL && watch->cancelled(watch->context));
}

enum vox_code vox_watch_check(const struct vox_watch *watch, struct vox_err *err)
{
    if (watch != NULL && is_cancelled(watch)) {
        return vox_fail(err, VOX_E_CANCELLED, "cancelled");
    }
    return VOX_OK;
}

void vox_watch_wait(const struct vox_watch *watch, bool begins)
{
    if (watch != NULL && watch->waits != NULL) {
        watch->waits(watch->context, begins);
    }
}
