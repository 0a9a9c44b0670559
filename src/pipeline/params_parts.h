/* What the files behind pipeline/params_read.h share: each reads some keys of the parameters into a
 * request that is thrown away where one of them fails. */
#ifndef VOX_PIPELINE_PARAMS_PARTS_H
#define VOX_PIPELINE_PARAMS_PARTS_H

#include <stdbool.h>
#include <stddef.h>

#include "pipeline/request.h"
#include "util/error.h"
#include "util/json.h"

/* An object's member of that key; NULL where there is none or it is null. */
const struct vox_json *vox_params_get(const struct vox_json *object, const char *key);

/* Makes texts, of the same length, of the numbers that JSON or its reader cannot hold: 1e999,
 * integers beyond 64 bits, Python's NaN and Infinity. So they are refused where a number is needed,
 * by name, and left alone where nobody looks. How many there were. */
size_t vox_params_quote_numbers(char *text, size_t size);

/* How messages name a point, box or correction: "point 3 of 'liver'". */
enum { VOX_PARAMS_PLACE = 160 };

/* The n numbers of a list; `form` is how it should look: "[i, j, k]". */
enum vox_code vox_params_numbers(const struct vox_json *value, const char *place, const char *form,
                                 size_t n, double *out, struct vox_err *err) VOX_MUST_USE;

/* The label that the member "label" of a box or correction names, the chosen one without it. */
enum vox_code vox_params_label(const struct vox_request *request, const struct vox_json *object,
                               const char *place, int *out, struct vox_err *err) VOX_MUST_USE;

/* 1 or 0 for n points, all 1 where value is NULL. */
enum vox_code vox_params_signs(const struct vox_json *value, const char *place, size_t n,
                               struct vox_click *clicks, struct vox_err *err) VOX_MUST_USE;

enum vox_code vox_params_read_options(struct vox_request *request, const struct vox_json *root,
                                      struct vox_err *err) VOX_MUST_USE;
enum vox_code vox_params_read_window(struct vox_request *request, const struct vox_json *root,
                                     struct vox_err *err) VOX_MUST_USE;
enum vox_code vox_params_read_points(struct vox_request *request, const struct vox_json *root,
                                     struct vox_err *err) VOX_MUST_USE;
enum vox_code vox_params_read_boxes(struct vox_request *request, const struct vox_json *root,
                                    struct vox_err *err) VOX_MUST_USE;
enum vox_code vox_params_read_corrections(struct vox_request *request, const struct vox_json *root,
                                          struct vox_err *err) VOX_MUST_USE;

#endif
