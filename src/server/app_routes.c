/* The families of routes that the server has. */
#include <stddef.h>

#include "server/app_instance.h"
#include "server/router.h"

extern const struct vox_route vox_routes_activelearning[];
extern const struct vox_route vox_routes_batch[];
extern const struct vox_route vox_routes_datastore[];
extern const struct vox_route vox_routes_dataset[];
extern const struct vox_route vox_routes_docs[];
extern const struct vox_route vox_routes_health[];
extern const struct vox_route vox_routes_infer[];
extern const struct vox_route vox_routes_info[];
extern const struct vox_route vox_routes_jobs[];
extern const struct vox_route vox_routes_labels[];
extern const struct vox_route vox_routes_logs[];
extern const struct vox_route vox_routes_metrics[];
extern const struct vox_route vox_routes_model[];
extern const struct vox_route vox_routes_quiet[];
extern const struct vox_route vox_routes_session[];

const struct vox_route *const vox_app_routes[] = {
    vox_routes_info,    vox_routes_activelearning, vox_routes_infer,     vox_routes_jobs,
    vox_routes_batch,   vox_routes_session,        vox_routes_datastore, vox_routes_labels,
    vox_routes_dataset, vox_routes_model,          vox_routes_logs,      vox_routes_health,
    vox_routes_metrics, vox_routes_docs,           vox_routes_quiet,     NULL,
};
