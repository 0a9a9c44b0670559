/* The inside of making a plan, shared by the plan_*.c files. The numbers in comments are those of
 * the rules of docs/prompts.md. */
#ifndef VOX_PIPELINE_PLAN_PARTS_H
#define VOX_PIPELINE_PLAN_PARTS_H

#include <math.h>
#include <stddef.h>

#include "pipeline/prompt_plan.h"

/* A point inside the image. */
struct vox_plan_point {
    int64_t k;
    struct vox_plan_click click;
};

/* A box or roi of the request: sorted, cut to the image. */
struct vox_plan_box {
    bool roi;
    struct vox_rect rect;
    int64_t key;
    int64_t first, last; /* where the rectangle holds; of a box without borders its key */
};

/* The object's mask: where it is, and how much of it. */
struct vox_plan_mask {
    int64_t first, n; /* slices; n is 0 where there is no mask */
    int64_t *areas;   /* voxels per slice */
    struct vox_rect rect;
};

/* Rectangles on consecutive slices, of which each slice takes the union. A tree, so that a
 * rectangle on many slices costs no more than their number's logarithm. */
struct vox_plan_cover {
    int64_t first;
    size_t n;
    struct vox_rect *nodes; /* 2 n; the slices' own are the last n */
};

/* How a slice is prompted. */
enum { VOX_PLAN_BOX = 1, VOX_PLAN_MASK = 2, VOX_PLAN_CLICKS = 4 };

/* One object while its plan is made. */
struct vox_plan_work {
    const struct vox_request *request;
    const struct vox_plan_image *image;
    const struct vox_plan_defaults *defaults;
    struct vox_warnings *warnings;
    const struct vox_object_ask *ask;
    const char *name; /* of the label */
    struct vox_plan_object *object;

    struct vox_plan_point *positive; /* ascending (k, j, i) */
    size_t n_positive;
    struct vox_plan_point *negative; /* the background's too, ascending */
    size_t n_negative;
    struct vox_plan_box *boxes; /* rois too */
    size_t n_boxes;
    struct vox_plan_mask mask;
    bool points_are_box; /* boxes holds the rectangle of the positive points */

    uint8_t *prompted;             /* per slice of the object: VOX_PLAN_BOX and so on */
    struct vox_plan_cover asked;   /* the rectangles that are prompted there */
    struct vox_plan_point *clicks; /* of prompts and of negative corrections, ascending (k, j, i) */
    size_t n_clicks;
    bool dropped_positive; /* a positive point lay outside of the image */
};

/* The only rounding; the result is still to be checked against a range. */
static inline double vox_plan_round(double x)
{
    return floor(x + 0.5);
}

static inline int64_t vox_plan_slices(const struct vox_plan_object *object)
{
    return object->last - object->first + 1;
}

/* plan_points.c */

/* False for a point that is not inside the image. */
bool vox_plan_place(const struct vox_plan_image *image, const struct vox_click *click,
                    struct vox_plan_point *out);
int vox_plan_point_compare(const void *a, const void *b); /* by k, j, i, label */
/* Fills positive and negative. */
enum vox_code vox_plan_gather_points(struct vox_plan_work *work, struct vox_err *err) VOX_MUST_USE;
/* Says which background points are left out; once for all objects. */
void vox_plan_note_background(const struct vox_request *request, const struct vox_plan_image *image,
                              struct vox_warnings *warnings);

/* plan_boxes.c */

/* Fills boxes and mask from the request. */
enum vox_code vox_plan_fit_boxes(struct vox_plan_work *work, struct vox_err *err) VOX_MUST_USE;
enum vox_code vox_plan_look_at_mask(struct vox_plan_work *work, struct vox_err *err) VOX_MUST_USE;

/* plan_pieces.c */

void vox_rect_add(struct vox_rect *rect, const struct vox_rect *other);
struct vox_rect vox_rect_empty(void);
bool vox_rect_is_empty(const struct vox_rect *rect);
/* Clamps to the slice. */
struct vox_rect vox_rect_clamp(const struct vox_rect *rect, const struct vox_plan_image *image);
/* Rules 1 and 2; the rectangle of rule 4 joins the boxes. */
enum vox_code vox_plan_make_pieces(struct vox_plan_work *work, struct vox_err *err) VOX_MUST_USE;
/* Rule 7, and the union of all rectangles. */
void vox_plan_find_borders(struct vox_plan_work *work);

/* plan_cover.c */

enum vox_code vox_plan_cover_init(struct vox_plan_cover *cover, int64_t first, int64_t last,
                                  struct vox_err *err) VOX_MUST_USE;
void vox_plan_cover_fini(struct vox_plan_cover *cover);
void vox_plan_cover_add(struct vox_plan_cover *cover, int64_t first, int64_t last,
                        const struct vox_rect *rect);
/* After the last rectangle, before the first look. */
void vox_plan_cover_settle(struct vox_plan_cover *cover);
const struct vox_rect *vox_plan_cover_at(const struct vox_plan_cover *cover, int64_t k);

/* plan_prompts.c: rules 3 to 5 */
enum vox_code vox_plan_make_prompts(struct vox_plan_work *work, struct vox_err *err) VOX_MUST_USE;

/* plan_corrections.c: rule 6 */
enum vox_code vox_plan_make_corrections(struct vox_plan_work *work,
                                        struct vox_err *err) VOX_MUST_USE;

/* plan_cuts.c: rule 8 */
enum vox_code vox_plan_make_cuts(struct vox_plan_work *work, struct vox_err *err) VOX_MUST_USE;

/* plan_zoom.c: rule 10 */
enum vox_code vox_plan_set_zoom(struct vox_plan_work *work, struct vox_err *err) VOX_MUST_USE;

/* plan_notes.c: numbers for a warning. */
enum { VOX_PLAN_LISTED = 6 };
struct vox_plan_numbers {
    int64_t values[VOX_PLAN_LISTED]; /* the first of them */
    int64_t n;
    char text[180];
};
void vox_plan_numbers_add(struct vox_plan_numbers *numbers, int64_t value);
/* "3, 5 and 7"; borrowed. */
const char *vox_plan_numbers_text(struct vox_plan_numbers *numbers);
/* Says that points are left out, where there are any. */
void vox_plan_note_outside(struct vox_warnings *warnings, struct vox_plan_numbers *points,
                           const char *name);

#endif
