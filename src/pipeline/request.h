/* What a client asks for: the prompts of each label and how they are to be understood.
 *
 * A request knows nothing of an image: points may lie outside of it, slices may not be there. That
 * is looked at when the plan is made (pipeline/prompt_plan.h). All coordinates are stored voxel
 * indices (i, j, k), floats allowed, every number finite. */
#ifndef VOX_PIPELINE_REQUEST_H
#define VOX_PIPELINE_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pipeline/intensity.h"
#include "pipeline/labels.h"
#include "pipeline/warnings.h"
#include "util/error.h"

/* Choices that a request may leave to the model's configuration and to the rules of the plan. */
enum vox_broadcast { VOX_BROADCAST_DEFAULT, VOX_BROADCAST_PROPAGATE, VOX_BROADCAST_BOX };
enum vox_points_as { VOX_POINTS_AS_CLICKS, VOX_POINTS_AS_BOX };
enum vox_extent { VOX_EXTENT_DEFAULT, VOX_EXTENT_STRICT, VOX_EXTENT_FREE };
enum vox_clip { VOX_CLIP_DEFAULT, VOX_CLIP_LOOSE, VOX_CLIP_TIGHT, VOX_CLIP_OFF };
enum vox_passes {
    VOX_PASSES_DEFAULT,
    VOX_PASSES_INTERSECTION,
    VOX_PASSES_UNION,
    VOX_PASSES_FORWARD,
    VOX_PASSES_BACKWARD,
    VOX_PASSES_FROM_KEY
};

/* "default", "propagate", "box" and so on, as requests spell them; static. The second function is
 * false, and *out untouched, for a text that is none of them ("default" included). */
const char *vox_broadcast_name(enum vox_broadcast value);
const char *vox_extent_name(enum vox_extent value);
const char *vox_clip_name(enum vox_clip value);
const char *vox_passes_name(enum vox_passes value);
bool vox_broadcast_find(const char *name, enum vox_broadcast *out) VOX_MUST_USE;
bool vox_extent_find(const char *name, enum vox_extent *out) VOX_MUST_USE;
bool vox_clip_find(const char *name, enum vox_clip *out) VOX_MUST_USE;
bool vox_passes_find(const char *name, enum vox_passes *out) VOX_MUST_USE;

struct vox_zoom_choice {
    bool given;    /* else the model's own */
    double factor; /* of the object's longer side; 0: off, the whole slice; else 1 ... 100 */
};

struct vox_click {
    double at[3]; /* i, j, k */
    bool positive;
};

/* A rectangle on a slice with its borders, or a region of interest. */
struct vox_box_ask {
    bool roi;           /* the rectangle holds on every slice first ... last; key is the middle */
    double corners[4];  /* i0, j0, i1, j1, in any order as they came */
    double key;         /* not of a roi */
    bool bounded;       /* first and last are given; always of a roi */
    double first, last; /* in any order as they came */
};

/* The object's mask on consecutive slices. */
struct vox_mask_ask {
    int64_t width, height; /* of a slice; must be the image's */
    int64_t first, n;      /* slices; n is 0 where there is no mask */
    uint8_t *voxels; /* n * height * width, 0 or 1; the first and the last slice are not empty */
};

struct vox_object_ask {
    struct vox_click *clicks;
    size_t n_clicks;
    struct vox_box_ask *boxes;
    size_t n_boxes;
    struct vox_mask_ask mask;
    int64_t mask_depth; /* slices of the whole grid that the mask came on; 0: not said */
};

/* Clicks on one slice that come after the first result. */
struct vox_correction_ask {
    int label;
    double k;
    struct vox_click *clicks; /* at[2] is k */
    size_t n_clicks;
};

struct vox_request {
    struct vox_labels labels;
    int chosen;                     /* index of the label that unnamed prompts belong to */
    struct vox_object_ask *objects; /* one per label */
    struct vox_click *background;   /* negative for every object */
    size_t n_background;
    struct vox_correction_ask *corrections; /* in their order */
    size_t n_corrections;
    int64_t *mask_slices; /* where a mask is a prompt; none: the slice of its largest area */
    size_t n_mask_slices;
    size_t n_points; /* all clicks together, corrections included */
    size_t max_points;

    struct vox_window window;
    bool window_given;
    struct vox_zoom_choice zoom;
    double min_box; /* voxels */
    enum vox_broadcast broadcast;
    enum vox_points_as points_as;
    enum vox_extent extent;
    enum vox_clip clip;
    enum vox_passes passes;
    bool largest_cc;
    bool fill_holes;
    bool keep_uncertain;

    /* of the result's file */
    char result_extension[16]; /* ".nii.gz"; empty: as the image */
    char result_dtype[16];     /* "uint8", "uint16"; empty: what the values need */
    bool result_compress;
    bool result_compress_given; /* else as the ending has it */

    struct vox_warnings warnings; /* what was dropped while it was read */
};

enum { VOX_POINTS_MAX_DEFAULT = 4096 };

/* A request without prompts, with the defaults: min_box 6, largest_cc, keep_uncertain, no
 * fill_holes, all else left to the rules. `labels` is copied. The caller owns *out. */
enum vox_code vox_request_new(const struct vox_labels *labels, struct vox_request **out,
                              struct vox_err *err) VOX_MUST_USE;

/* A deep copy. */
enum vox_code vox_request_copy(const struct vox_request *from, struct vox_request **out,
                               struct vox_err *err) VOX_MUST_USE;
void vox_request_free(struct vox_request *request); /* NULL is allowed */

/* Adds one prompt each; label is an index of request->labels. VOX_E_ARG for numbers that are not
 * finite and a key slice that is not between a box's first and last; VOX_E_LIMIT beyond max_points
 * points or as many boxes; VOX_E_NOMEM. The request is as before on failure. A correction without
 * clicks is none. */
enum vox_code vox_request_add_click(struct vox_request *request, int label,
                                    const struct vox_click *click,
                                    struct vox_err *err) VOX_MUST_USE;
enum vox_code vox_request_add_background(struct vox_request *request, const double at[3],
                                         struct vox_err *err) VOX_MUST_USE;
enum vox_code vox_request_add_box(struct vox_request *request, int label,
                                  const struct vox_box_ask *box, struct vox_err *err) VOX_MUST_USE;
enum vox_code vox_request_add_correction(struct vox_request *request, int label, double k,
                                         const struct vox_click *clicks, size_t n,
                                         struct vox_err *err) VOX_MUST_USE;

/* Replaces the label's mask by `voxels` (n * height * width, not 0 is inside), which are copied
 * and cut to the slices that hold something; no voxel inside is no mask. */
enum vox_code vox_request_set_mask(struct vox_request *request, int label, int64_t width,
                                   int64_t height, int64_t first, int64_t n, const uint8_t *voxels,
                                   struct vox_err *err) VOX_MUST_USE;

/* Takes all points, boxes and corrections for RAS millimetres and makes voxel indices of them;
 * affine goes from voxel indices to RAS. A box becomes the rectangle around its converted corners
 * (slices: around theirs; its key slice is the middle of where those of its key come to lie).
 * VOX_E_ARG where an affine spans no space or numbers become too large, and for a correction whose
 * points then lie on several slices; VOX_E_NOMEM. The request is as before on failure. */
enum vox_code vox_request_from_ras(struct vox_request *request, double affine[3][4],
                                   struct vox_err *err) VOX_MUST_USE;

#endif
