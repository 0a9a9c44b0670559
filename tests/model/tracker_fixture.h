/* A tracker on the small network, with features that follow from the slice's number. */
#ifndef VOX_TESTS_TRACKER_FIXTURE_H
#define VOX_TESTS_TRACKER_FIXTURE_H

#include "model/network_parts.h"
#include "model/tracker.h"
#include "support/tiny_network.h"

enum {
    FRAMES = 9,
    HEIGHT = 50,
    BREADTH = 45,
    SIDE = 4,
    MAP = 4 * SIDE,
    WIDTH = 32,
    CHANNELS = 8,
    SIZE = 64
};

struct scene {
    struct vox_tiny tiny;
    struct vox_network *network;
    struct vox_features *features[FRAMES];
    int64_t fails_at; /* slice whose features fail; -1: none */
    int calls;        /* of the source */
    struct vox_tracker *tracker;
};

/* `change` (or NULL) edits the configuration first. */
void scene_open(struct scene *scene, void (*change)(struct vox_model_config *config));
void scene_close(struct scene *scene);

/* A feature source of the scene. */
struct vox_feature_source scene_source(struct scene *scene);

/* What the network makes of one prompt by itself. points are in the network's frame. */
struct answer {
    float logits[MAP * MAP];
    float pointer[WIDTH];
    float memory[SIDE * SIDE * CHANNELS];
    float score;
    int chosen;
};
void scene_decode(struct scene *scene, int64_t frame, const float *image, const float *image_row,
                  const struct vox_point *points, int64_t n, const float *mask, bool multimask,
                  struct answer *out);
void scene_remember(struct scene *scene, int64_t frame, bool binarize, struct answer *answer);

/* The first prompt of most tests: a box on a slice. */
void scene_box(struct scene *scene, int64_t frame, int64_t object);

/* All slices of a propagation, in their order, then -1. */
void scene_propagate(struct scene *scene, int64_t start, int64_t max_frames, bool reverse,
                     int64_t *frames);

#endif
