/* From prompts to what the network is given: which slices are prompted with what, how far the
 * object may reach, how it is cut. A plan is a pure function of the request, the image's size and
 * spacing and the model's defaults; the order of points does not matter. The rules:
 * docs/prompts.md.
 */
#ifndef VOX_PIPELINE_PROMPT_PLAN_H
#define VOX_PIPELINE_PROMPT_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "pipeline/request.h"
#include "pipeline/warnings.h"
#include "pipeline/zoom.h"
#include "util/error.h"

struct vox_json_writer;

/* What the model's configuration says where a request is silent. */
struct vox_plan_defaults {
    double zoom;                  /* 0: off */
    enum vox_broadcast broadcast; /* DEFAULT: propagate */
    enum vox_passes passes;       /* of strict borders; DEFAULT: intersection */
};

struct vox_plan_image {
    int64_t size[3];   /* w, h, d */
    double spacing[3]; /* mm */
};

/* Corners are inclusive, sorted, inside the slice. */
struct vox_rect {
    double i0, j0, i1, j1;
};

/* A stretch of slices with one rectangle. */
struct vox_plan_piece {
    int64_t first, last, key;
    struct vox_rect rect;
    bool boxed; /* its rectangle is a prompt; else its points are clicks on the key slice */
    bool roi;
};

struct vox_plan_click {
    double i, j;
    bool positive;
};

/* One conditioning slice. Clicks point into the object's. First the mask, then box and clicks, then
 * the clicks of each correction of this slice, on top of what came before. */
struct vox_plan_prompt {
    int64_t k;
    bool masked; /* with the object's mask of the request */
    bool boxed;
    struct vox_rect box;
    struct vox_plan_click *clicks; /* in an order of their own: ascending (j, i, positive) */
    int64_t n_clicks;
};

/* Clicks on slice k after the first result; on a conditioning slice they are given before it. */
struct vox_plan_correction {
    int64_t k;
    bool on_prompt;                /* k is a conditioning slice */
    struct vox_plan_click *clicks; /* in the order of the request */
    int64_t n_clicks;
};

/* Where the mask may be on one slice. */
struct vox_plan_cut {
    bool cut;             /* else the whole slice */
    int64_t lo[2], hi[2]; /* i and j, inclusive */
};

struct vox_plan_object {
    int label;
    struct vox_plan_piece *pieces; /* ascending; none for single clicks, boxes and masks */
    int64_t n_pieces;
    struct vox_plan_prompt *prompts; /* ascending k, at least one */
    int64_t n_prompts;
    struct vox_plan_correction *corrections; /* in the order of their application */
    int64_t n_corrections;
    struct vox_plan_click *clicks; /* of all prompts and corrections */
    int64_t n_clicks;
    int64_t first, last;       /* lowest and highest slice of all prompts */
    bool free;                 /* they are no borders: the object may reach beyond */
    enum vox_passes passes;    /* never DEFAULT */
    enum vox_clip clip;        /* never DEFAULT */
    struct vox_plan_cut *cuts; /* one per slice first ... last */
    bool has_rects;
    struct vox_rect rects; /* the union of all rectangles, where there are any */
    double centre[2];      /* of the zoom window */
    double length;         /* of the zoom window, mm; 0: the whole slice */
    bool grows; /* clicks without a rectangle: the window is doubled where it is filled */
    struct vox_zoom_window window;
};

struct vox_plan {
    struct vox_plan_image image;
    struct vox_plan_object *objects; /* ascending label; only those with a positive prompt */
    int n_objects;
    bool valid;                   /* there is at least one */
    char reason[160];             /* one sentence where there is none */
    struct vox_warnings warnings; /* the request's and those of the plan */
};

/* Slices of all objects together, first ... last of each. */
enum { VOX_PLAN_MAX_SLICES = 1 << 22 };

/* Makes the plan. The caller owns *out; masks stay with the request. VOX_E_ARG for a rectangle or
 * slice that lies outside of the image, a mask of another size, with a zoom for a spacing that is
 * not positive; VOX_E_LIMIT beyond VOX_PLAN_MAX_SLICES; VOX_E_NOMEM. */
enum vox_code vox_plan_new(const struct vox_request *request, const struct vox_plan_image *image,
                           const struct vox_plan_defaults *defaults, struct vox_plan **out,
                           struct vox_err *err) VOX_MUST_USE;
void vox_plan_free(struct vox_plan *plan); /* NULL is allowed */

/* The slice after those that follow k and are cut alike; k is first ... last. */
int64_t vox_plan_cut_run(const struct vox_plan_object *object, int64_t k);

/* Writes the plan as the member "plan" (docs/prompts.md). */
void vox_plan_write_json(const struct vox_plan *plan, const struct vox_labels *labels,
                         struct vox_json_writer *json, const char *key);

/* The plan in words, one line per fact, for --explain. The caller frees *out with vox_free. */
enum vox_code vox_plan_text(const struct vox_plan *plan, const struct vox_labels *labels,
                            char **out, struct vox_err *err) VOX_MUST_USE;

#endif
