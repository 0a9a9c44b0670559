/* The inside of a tracker, shared by the tracker_*.c files. */
#ifndef VOX_MODEL_TRACKER_STATE_H
#define VOX_MODEL_TRACKER_STATE_H

#include "model/network_parts.h"
#include "model/resize.h"
#include "model/tracker.h"

/* One object on one slice. */
struct vox_found {
    float *logits;  /* 4G x 4G */
    float *pointer; /* d_model values, in the same block as logits */
    float *memory;  /* G*G x M; NULL before it was made */
    float score;
    float iou[VOX_MASKS];
    float stability;
    int chosen;
    struct vox_memory *prepared; /* `memory` made ready for attention, while a bank holds it */
};

/* What is known of one object on one slice. The reference's three dictionaries: temporary outputs,
 * outputs of conditioning frames and of the others. */
struct vox_slot {
    struct vox_found *pending; /* of a prompt that is not committed */
    struct vox_found *cond;
    struct vox_found *tracked;
    struct vox_point *points; /* in the network's frame: the point prompt, box first */
    int64_t n_points;
};

struct vox_tracked_object {
    int64_t id;
    struct vox_slot *slots; /* one per slice */
};

/* What is known of one slice; committed results exist for all objects or for none. */
struct vox_slice_state {
    bool cond;      /* has conditioning results */
    bool stored;    /* has other committed results */
    bool corrected; /* those come from prompts, so a propagation leaves them alone */
    bool tracked;   /* a propagation has been here ... */
    bool reverse;   /* ... downwards */
};

struct vox_tracker {
    struct vox_network *network;
    const struct vox_model_config *config;
    struct vox_feature_source source;
    const struct vox_tap *tap;
    int64_t frames, height, width;
    int64_t side;    /* G */
    int64_t columns; /* d_model */

    struct vox_tracked_object *objects;
    int64_t n_objects;
    struct vox_slice_state *slices;
    int64_t *cond; /* conditioning slices in the order in which they came; room for all */
    int64_t n_cond;
    bool started; /* a propagation has begun, so objects are settled */

    /* the propagation */
    bool active;
    bool reverse;
    int64_t next, last;

    float *conditioned;            /* G*G x d_model */
    float *dense;                  /* G*G x d_model */
    float *map;                    /* 4G x 4G */
    bool *in_bank;                 /* by slice, during one step */
    struct vox_bilinear *row_axis; /* 4G -> height */
    struct vox_bilinear *column_axis;
};

/* ---- results ---- */

struct vox_found *vox_found_new(const struct vox_tracker *tracker);
void vox_found_free(struct vox_found *found); /* NULL is allowed */

/* The newest result of a slot: pending, conditioning, tracked; or NULL. */
struct vox_found *vox_slot_newest(const struct vox_slot *slot);

/* Whether prompts on that slice condition others or correct it. */
bool vox_tracker_conditions(const struct vox_tracker *tracker, int64_t frame);

/* ---- the bank (tracker_bank.c) ---- */

/* Slices whose memories and pointers one slice looks at. */
struct vox_bank {
    int64_t n_memories, n_pointers;
    int64_t *memory_frames;
    int *memory_slots; /* of maskmem_tpos_enc */
    int64_t *pointer_frames;
    float *distances; /* divided by the greatest one */
};

/* Chooses the bank of a slice (sam2_base.py _prepare_memory_conditioned_features). The caller ends
 * *out with vox_bank_fini. */
enum vox_code vox_bank_choose(const struct vox_tracker *tracker, int64_t frame, bool reverse,
                              struct vox_bank *out, struct vox_err *err) VOX_MUST_USE;
void vox_bank_fini(struct vox_bank *bank);

/* ---- computing (tracker_steps.c), with the network locked ---- */

/* features.f2 of a slice conditioned on the bank for one object, into tracker->conditioned. */
enum vox_code vox_tracker_condition(struct vox_tracker *tracker, const struct vox_bank *bank,
                                    int64_t object, const struct vox_features *features,
                                    struct vox_err *err) VOX_MUST_USE;

/* Frees prepared memories of slices outside `bank`; of all for NULL. */
void vox_tracker_sweep(struct vox_tracker *tracker, const struct vox_bank *bank);

struct vox_decode {
    const struct vox_features *features;
    const float *image;     /* G*G x d_model */
    const float *image_row; /* or NULL */
    const struct vox_point *points;
    int64_t n_points;
    const float *mask; /* 4G x 4G mask prompt, or NULL */
    bool multimask;
};
enum vox_code vox_tracker_decode(struct vox_tracker *tracker, const struct vox_decode *decode,
                                 struct vox_found *found, struct vox_err *err) VOX_MUST_USE;

/* Makes found->memory. */
enum vox_code vox_tracker_remember(struct vox_tracker *tracker, const struct vox_features *features,
                                   bool prompted, struct vox_found *found,
                                   struct vox_err *err) VOX_MUST_USE;

/* multimask or not, by the number of points (sam2_base.py _use_multimask). */
bool vox_tracker_multimask(const struct vox_tracker *tracker, bool first_time, int64_t n_points);

/* Commits pending prompts (tracker_commit.c): propagate_in_video_preflight. */
enum vox_code vox_tracker_commit(struct vox_tracker *tracker, struct vox_err *err) VOX_MUST_USE;

#endif
