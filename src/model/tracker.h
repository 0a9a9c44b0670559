/* The tracker: prompts on some slices, masks on all (the state machine of MedSAM2,
 * sam2/sam2_video_predictor_npz.py: a volume is a video, a slice is a frame, objects are batched).
 *
 * As the reference on a CPU, it fills no holes in masks (its CUDA extension would), and objects do
 * not push each other aside. Every call either succeeds or leaves the tracker as it was.
 *
 * A tracker belongs to one thread at a time; trackers of several threads may share a network.
 * Coordinates are pixels of the original slice (x = column, y = row). */
#ifndef VOX_MODEL_TRACKER_H
#define VOX_MODEL_TRACKER_H

#include "model/network.h"
#include "model/prompt_encoder.h"

struct vox_tracker;

/* Where the features of a slice come from: computed, or from a cache. *out is borrowed and stays
 * valid until the next call of the same source. */
struct vox_feature_source {
    enum vox_code (*features)(void *context, int64_t frame, const struct vox_features **out,
                              struct vox_err *err);
    void *context;
};

/* A tracker over `frames` slices of height x width pixels. The network and the source are borrowed.
 */
enum vox_code vox_tracker_new(struct vox_network *network, int64_t frames, int64_t height,
                              int64_t width, const struct vox_feature_source *source,
                              struct vox_tracker **out, struct vox_err *err) VOX_MUST_USE;
void vox_tracker_free(struct vox_tracker *tracker); /* NULL is allowed */

/* Adds clicks and/or a box for one object on one slice and decodes at once. xy is n pairs; labels
 * are VOX_POINT_NEGATIVE or _POSITIVE; box is x0, y0, x1, y1 or NULL and needs clear_old. Without
 * clear_old the points join earlier ones of the object on that slice. Points replace a mask prompt
 * there. Where the object has logits on the slice already they are part of the prompt (a correction
 * click). On a slice that was tracked the result is an ordinary memory unless the configuration
 * says cond_corrections; where that slice conditions others the result is shown, but dropped by the
 * next propagation, as in the reference: reset and give all prompts to change what was prompted
 * first. A prompt ends a propagation under way. A new object after tracking began is VOX_E_ARG. */
enum vox_code vox_tracker_add_points(struct vox_tracker *tracker, int64_t frame, int64_t object,
                                     const float *xy, const enum vox_point_label *labels, int64_t n,
                                     const float *box, bool clear_old,
                                     struct vox_err *err) VOX_MUST_USE;

/* Gives one object's mask (height x width, 0 or not) on one slice as prompt. Replaces its points
 * there. */
enum vox_code vox_tracker_add_mask(struct vox_tracker *tracker, int64_t frame, int64_t object,
                                   const uint8_t *mask, struct vox_err *err) VOX_MUST_USE;

/* Begins a propagation: commits the prompts (their memories are made now), then slices `start` (or
 * the lowest prompted one for -1) upwards, or downwards for `reverse`, at most max_frames (or all
 * for -1) beyond it. VOX_E_ARG where there is no prompt. A reverse pass from slice 0 yields
 * nothing. Room for all results is set aside here: the slices themselves allocate nothing, and
 * neither does the first click after them on a slice that has a result. */
enum vox_code vox_tracker_start(struct vox_tracker *tracker, int64_t start, int64_t max_frames,
                                bool reverse, struct vox_err *err) VOX_MUST_USE;

/* Computes the next slice of the propagation; *frame is its number, or -1 when the propagation has
 * ended. */
enum vox_code vox_tracker_next(struct vox_tracker *tracker, int64_t *frame,
                               struct vox_err *err) VOX_MUST_USE;

/* Ends a propagation before its last slice. What it has made stays. */
void vox_tracker_stop(struct vox_tracker *tracker);

/* What is known of one object on one slice. */
struct vox_frame_result {
    const float *low_logits; /* 4G x 4G, borrowed until the slice is computed again */
    const float *pointer;    /* d_model values, borrowed */
    const float *memory;     /* G*G x M, borrowed; NULL before it was made */
    float score;
    float iou[4];
    float stability;
    int chosen;
    bool prompted;
};

/* The object's result on that slice; VOX_E_NOT_FOUND where there is none. Objects count from 0 in
 * the order in which they were added. */
enum vox_code vox_tracker_result(const struct vox_tracker *tracker, int64_t frame,
                                 int64_t object_index, struct vox_frame_result *out,
                                 struct vox_err *err) VOX_MUST_USE;

/* Logits at the original size (height x width) into out: bilinear from the low-resolution ones;
 * -1024 where the object has no result. */
enum vox_code vox_tracker_logits(const struct vox_tracker *tracker, int64_t frame,
                                 int64_t object_index, float *out,
                                 struct vox_err *err) VOX_MUST_USE;

/* Index of an object id, or -1. */
int64_t vox_tracker_object(const struct vox_tracker *tracker, int64_t object);

/* Drops objects, prompts and results; keeps the network and the source. */
void vox_tracker_reset(struct vox_tracker *tracker);

/* Looks at tensors of the following calls: "tokens" (the prompt's, padding last) and those of the
 * mask decoder, the memory encoder and memory attention. NULL stops. */
void vox_tracker_tap(struct vox_tracker *tracker, const struct vox_tap *tap);

#endif
