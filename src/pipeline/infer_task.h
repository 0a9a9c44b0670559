/* A model family: the stages of one inference, as one table of functions. docs/adding-a-model.md
 * walks through it.
 *
 * vox_infer_run copies the request and calls the stages in their order, each timed apart:
 *
 *     pre_transform    prompts parsed, nothing heavy
 *     run_inferer      the image loaded, its sizes read, preprocessed, the plan built, the network
 *                      run; fills img_3d, obj_ids, pred
 *     post_transform   nothing by default: the place for an extension to look at pred
 *     writer           pred becomes label values on the image's grid (outcome) */
#ifndef VOX_PIPELINE_INFER_TASK_H
#define VOX_PIPELINE_INFER_TASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pipeline/combine.h"
#include "pipeline/image.h"
#include "pipeline/prompt_plan.h"
#include "pipeline/request.h"
#include "pipeline/watch.h"

enum vox_stage {
    VOX_STAGE_COPY,
    VOX_STAGE_PRE_TRANSFORM,
    VOX_STAGE_RUN_INFERER,
    VOX_STAGE_POST_TRANSFORM,
    VOX_STAGE_WRITER,
    VOX_STAGES
};

/* "copy", "pre_transform", "run_inferer", "post_transform", "writer"; static. */
const char *vox_stage_name(enum vox_stage stage);

/* Seconds per step, as clients know them. */
struct vox_latencies {
    double pre;    /* reading, intensity range, windows and resizing */
    double encode; /* image encoder */
    double track;  /* prompts, memory, masks */
    double post;   /* agreement, components, label values */
    double write;  /* files */
};

/* What a task has made: label values on the image's grid, and what there is to say about them. */
struct vox_outcome {
    bool valid;
    char reason[160]; /* one sentence where it is not valid */
    struct vox_label_slab slab;
    struct vox_label_count *counts; /* labels.n + 1, the uncertain value last */
    int n_objects;
    struct vox_object_scores *scores; /* of the objects, in the order of obj_ids; NULL: none */
    void *account;                    /* the task's own, of what `describe` tells */
    struct vox_warnings warnings;
};

/* One inference. Members above the line are the driver's, those below the stages'. */
struct vox_infer_data {
    const struct vox_infer_task *task;
    struct vox_model *model; /* borrowed */
    struct vox_image *image; /* borrowed */
    const struct vox_watch *watch;
    struct vox_request *request; /* a deep copy */
    const char *params;          /* JSON that is still to be parsed, borrowed; NULL: none */
    size_t params_size;
    double stage_seconds[VOX_STAGES];
    double start;
    bool stale; /* a correction failed half-way: pred is not that of the outcome any more */
    /* ---- */
    int64_t w, h, d;
    struct vox_slice_source *img_3d; /* the image's slices, borrowed from it */
    struct vox_intensity intensity;
    struct vox_plan *plan;
    int *obj_ids; /* label values of the objects in pred */
    int n_obj_ids;
    void *pred; /* the task's own: what the network said */
    struct vox_latencies latencies;
    int64_t encoded_slices, cached_slices;
    struct vox_outcome outcome;
};

struct vox_infer_task {
    const char *name; /* "SAM" */
    const char *type; /* of MONAI Label: "deepedit" */
    int dimension;
    enum vox_code (*pre_transform)(struct vox_infer_data *data, struct vox_err *err);
    enum vox_code (*run_inferer)(struct vox_infer_data *data, struct vox_err *err);
    enum vox_code (*post_transform)(struct vox_infer_data *data, struct vox_err *err);
    enum vox_code (*writer)(struct vox_infer_data *data, struct vox_err *err);

    /* Continues a finished inference with further corrections up to `pred`; writer follows. NULL:
     * the family knows none. */
    enum vox_code (*correct)(struct vox_infer_data *data,
                             const struct vox_plan_correction *corrections, int64_t n, int label,
                             struct vox_err *err);

    /* Mean logits of slice k (w * h; NaN where the network was not asked). */
    enum vox_code (*logits)(const struct vox_infer_data *data, int64_t k, float *out,
                            struct vox_err *err);

    /* Adds members to the result's JSON: scores and what else the family knows. It looks at the
     * outcome and the plan and not at pred, which a correction that failed may have changed. */
    void (*describe)(const struct vox_infer_data *data, struct vox_json_writer *json);

    void (*free_pred)(void *pred);
    void (*free_account)(struct vox_outcome *outcome); /* NULL: there is none */
};

/* MedSAM2: prompts, plan, passes over slices. */
extern const struct vox_infer_task vox_sam_task;

struct vox_infer_input {
    const struct vox_infer_task *task;
    struct vox_model *model;
    struct vox_image *image;
    const struct vox_request *request;
    const char *params; /* JSON for pre_transform to add to the copy; NULL: none */
    size_t params_size;
    const struct vox_watch *watch; /* NULL: none */
};

/* Runs all stages. Model and image must outlive *out, which the caller ends with vox_infer_free. A
 * request without a usable prompt gives an outcome that is not valid and empty. */
enum vox_code vox_infer_run(const struct vox_infer_input *input, struct vox_infer_data **out,
                            struct vox_err *err) VOX_MUST_USE;

/* Continues with corrections of one label and runs the writer anew. After an error the outcome, the
 * plan and the times are what they were, pred is not (data->stale), and nothing can be corrected
 * any more. */
enum vox_code vox_infer_correct(struct vox_infer_data *data,
                                const struct vox_plan_correction *corrections, int64_t n, int label,
                                const struct vox_watch *watch, struct vox_err *err) VOX_MUST_USE;
void vox_infer_free(struct vox_infer_data *data); /* NULL is allowed */

#endif
