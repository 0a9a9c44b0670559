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
    float *memory;  /* G*G x M, in that block too; NULL before it was made */
    float score;
    float iou[VOX_MASKS];
    float stability;
    int chosen;
    struct vox_memory *prepared; /* `memory` made ready for attention, while a bank holds it */
    struct vox_found *next;      /* among the spare ones */
};

enum {
    VOX_BOX_POINTS = 2,
    VOX_FEW_POINTS = 8,     /* of one object on one slice that need no block of their own */
    VOX_MOST_POINTS = 4096, /* beside a box */
    /* Prepared memories (several MB each) are kept from slice to slice up to this many; beyond it
     * they are made anew for every object and slice, which costs a hundredth of the slice. Only a
     * bank of more for a single object allocates inside a slice. */
    VOX_MOST_PREPARED = 64
};

/* A point prompt in the network's frame, box first. */
struct vox_points {
    struct vox_point few[VOX_FEW_POINTS];
    struct vox_point *many; /* instead of `few` where there are more */
    int64_t n;
};

/* What is known of one object on one slice. The reference's three dictionaries: temporary outputs,
 * outputs of conditioning frames and of the others. */
struct vox_slot {
    struct vox_found *pending; /* of a prompt that is not committed */
    struct vox_found *cond;
    struct vox_found *tracked;
    struct vox_points points;
};

struct vox_tracked_object {
    int64_t id;
    struct vox_slot *slots;  /* one per slice */
    struct vox_found *fresh; /* on the slice that is being tracked */
};

/* What is known of one slice; committed results exist for all objects or for none. */
struct vox_slice_state {
    bool cond;      /* has conditioning results */
    bool stored;    /* has other committed results */
    bool corrected; /* those come from prompts, so a propagation leaves them alone */
    bool tracked;   /* a propagation has been here ... */
    bool reverse;   /* ... downwards */
};

/* Slices whose memories and pointers one slice looks at. */
struct vox_bank {
    int64_t n_memories, n_pointers;
    int64_t *memory_frames;
    int *memory_slots; /* of maskmem_tpos_enc */
    int64_t *pointer_frames;
    float *distances; /* divided by the greatest one */

    /* room for those who work with it */
    struct vox_bank_entry *entries;    /* as memories */
    struct vox_bank_pointer *pointers; /* as pointers */
    bool *selected;                    /* of conditioning slices */
    int64_t *order;
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
    float *sparse;                 /* prompt tokens x d_model, room for the most */
    bool *in_bank;                 /* by slice, during one step */
    struct vox_bank bank;          /* of one step */
    struct vox_bilinear *row_axis; /* 4G -> height */
    struct vox_bilinear *column_axis;

    /* not in use (tracker_spares.c) */
    struct vox_found *spare_found; /* a list */
    int64_t n_spare_found;
    struct vox_memory *spare_memories[VOX_MOST_PREPARED];
    int64_t n_spare_memories;
};

/* ---- results and prepared memories, taken from the spare ones (tracker_spares.c) ---- */

/* Has at least n spare results. */
enum vox_code vox_found_reserve(struct vox_tracker *tracker, int64_t n,
                                struct vox_err *err) VOX_MUST_USE;

/* An empty result; NULL where there is neither a spare one nor memory. */
struct vox_found *vox_found_take(struct vox_tracker *tracker);
void vox_found_release(struct vox_tracker *tracker, struct vox_found *found); /* NULL is allowed */

/* Makes found->prepared where there is none; found->memory is there. With the network locked. */
enum vox_code vox_found_prepare(struct vox_tracker *tracker, struct vox_found *found,
                                struct vox_err *err) VOX_MUST_USE;
void vox_found_unprepare(struct vox_tracker *tracker, struct vox_found *found);

/* Whether prepared memories of that bank may stay from object to object. */
bool vox_tracker_keeps(const struct vox_tracker *tracker, const struct vox_bank *bank);

/* Releases prepared memories of slices outside `bank`, or all where they may not stay. */
void vox_tracker_sweep(struct vox_tracker *tracker, const struct vox_bank *bank);

/* Releases all prepared memories, and frees what is spare of them but for a few. */
void vox_tracker_rest(struct vox_tracker *tracker);

/* Has spare whatever committing pending prompts and then tracking slices low ... high will take. */
enum vox_code vox_tracker_reserve(struct vox_tracker *tracker, int64_t low, int64_t high,
                                  struct vox_err *err) VOX_MUST_USE;
void vox_tracker_free_spares(struct vox_tracker *tracker);

/* ---- slots ---- */

/* The newest result of a slot: pending, conditioning, tracked; or NULL. */
struct vox_found *vox_slot_newest(const struct vox_slot *slot);

/* Whether prompts on that slice condition others or correct it. */
bool vox_tracker_conditions(const struct vox_tracker *tracker, int64_t frame);

/* ---- the bank (tracker_bank.c) ---- */

/* Room for the largest bank of that many slices. */
enum vox_code vox_bank_init(struct vox_bank *bank, const struct vox_model_config *config,
                            int64_t frames, struct vox_err *err) VOX_MUST_USE;
void vox_bank_fini(struct vox_bank *bank);

/* Chooses the bank of a slice (sam2_base.py _prepare_memory_conditioned_features). */
void vox_bank_choose(const struct vox_tracker *tracker, int64_t frame, bool reverse,
                     struct vox_bank *bank);

/* ---- computing (tracker_steps.c), with the network locked ---- */

/* features.f2 of a slice conditioned on the bank for one object, into tracker->conditioned. */
enum vox_code vox_tracker_condition(struct vox_tracker *tracker, const struct vox_bank *bank,
                                    int64_t object, const struct vox_features *features,
                                    struct vox_err *err) VOX_MUST_USE;

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

/* Makes found->memory of a new result. */
enum vox_code vox_tracker_remember(struct vox_tracker *tracker, const struct vox_features *features,
                                   bool prompted, struct vox_found *found,
                                   struct vox_err *err) VOX_MUST_USE;

/* multimask or not, by the number of points (sam2_base.py _use_multimask). */
bool vox_tracker_multimask(const struct vox_tracker *tracker, bool first_time, int64_t n_points);

/* Whether committing makes results on that slice (tracker_commit.c). */
bool vox_tracker_pending(const struct vox_tracker *tracker, int64_t frame);

/* Whether that slice conditions others, or will once pending prompts are committed. */
bool vox_tracker_prompted(const struct vox_tracker *tracker, int64_t frame);

/* Commits pending prompts (tracker_commit.c): propagate_in_video_preflight. */
enum vox_code vox_tracker_commit(struct vox_tracker *tracker, struct vox_err *err) VOX_MUST_USE;

#endif
