/* What it takes to compute, opened once and shared by all jobs: threads, kernels, the network, and
 * what is remembered of slices and images. */
#ifndef VOX_PIPELINE_ENGINE_H
#define VOX_PIPELINE_ENGINE_H

#include <stdbool.h>

#include "model/network.h"
#include "pipeline/feature_store.h"
#include "pipeline/prompt_plan.h"
#include "pipeline/volume_cache.h"
#include "tensor/backend.h"
#include "tensor/pool.h"
#include "voxlabel/voxlabel.h"

/* Opened by vox_model_open. Read-only once open; any thread. */
struct vox_model {
    struct vox_pool *pool;
    struct vox_backend *backend;
    bool fell_back; /* to the slow backend, which nobody asked for */
    struct vox_network *network;
    char sha256[65]; /* of the checkpoint */
    struct vox_plan_defaults defaults;
    struct vox_feature_store *features;
    struct vox_volume_cache *volumes;
};

#endif
