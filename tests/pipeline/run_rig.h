/* A small network, a small volume and plans from parameters, for tests of whole runs. Functions end
 * the test where they fail. Parameters are JSON with ' for "; labels are "liver" and "tumour". */
#ifndef VOX_TESTS_RUN_RIG_H
#define VOX_TESTS_RUN_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include "model/network.h"
#include "pipeline/combine.h"
#include "pipeline/object_run.h"
#include "pipeline/prompt_plan.h"
#include "volume/slice_source.h"

enum { RIG_WIDTH = 44, RIG_HEIGHT = 36, RIG_DEPTH = 9, RIG_PIXELS = RIG_WIDTH * RIG_HEIGHT };

struct rig_options {
    int threads;
    const char *salt;                                /* of the weights */
    bool present;                                    /* the object is everywhere */
    uint64_t cache;                                  /* bytes of features */
    void (*change)(struct vox_model_config *config); /* or NULL */
};

struct rig {
    struct vox_pool *pool;
    struct vox_backend *backend;
    struct vox_network *network;
    uint8_t voxels[RIG_PIXELS * RIG_DEPTH];
    struct vox_volume volume;
    struct vox_slice_source *slices;
    struct vox_intensity intensity;
    struct vox_feature_store *store;
    struct vox_plan_image image; /* spacing 1, 1, 2 */
    struct vox_zoom_window seen; /* of naive_passes.c: what it has encoded last */
    struct vox_features *features[RIG_DEPTH];
};

void rig_open(struct rig *rig, const struct rig_options *options);
void rig_close(struct rig *rig);

/* A request and its plan. */
struct rig_job {
    struct vox_request *request;
    struct vox_plan *plan;
};
void rig_plan(const struct rig *rig, const char *params, double zoom, struct rig_job *job);

/* The same with a mask of `liver`: a disc of this radius around i, j on slices first ... last. */
void rig_plan_mask(const struct rig *rig, const char *params, double zoom, double i, double j,
                   double radius, int64_t first, int64_t last, struct rig_job *job);
void rig_end_job(struct rig_job *job);

/* The object's mask, where the plan wants one. */
const struct vox_mask_ask *rig_mask(const struct rig_job *job, int object);

/* A run over one object of a job. */
struct vox_object_run *rig_run(const struct rig *rig, const struct rig_job *job, int object);
void rig_go(struct vox_object_run *run);
struct vox_object_run *rig_gone(const struct rig *rig, const struct rig_job *job, int object);
void rig_correct(struct vox_object_run *run, const struct vox_plan_correction *corrections,
                 int64_t n);

/* Both runs hold the same, bit for bit. */
void rig_expect_equal(const struct vox_object_run *a, const struct vox_object_run *b);

#endif
