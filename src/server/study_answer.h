/* What the routes of images and labels have in common. Functions that return bool have answered
 * where they return false. */
#ifndef VOX_SERVER_STUDY_ANSWER_H
#define VOX_SERVER_STUDY_ANSWER_H

#include <stdbool.h>

#include "store/datastore.h"
#include "util/error.h"

struct vox_app;
struct vox_exchange;
struct vox_upload;

/* Whether the studies may be changed; 403 if not. */
bool vox_study_may_write(struct vox_exchange *x, struct vox_app *app);

/* JSON in a field of a form: *out is NULL where it is absent. Borrowed from the exchange. */
bool vox_study_info(struct vox_exchange *x, const char *field, const char **out);

/* What the store is given for an upload of the form's field, with its "params" as info; `upload`
 * NULL: it is missing. *out points into the exchange and to ext. */
bool vox_study_incoming(struct vox_exchange *x, struct vox_app *app,
                        const struct vox_upload *upload, const char *field,
                        char ext[VOX_EXT_MAX + 1], struct vox_incoming *out);

/* {"image": id} or {"image": id, "label": label} */
void vox_study_answer_names(struct vox_exchange *x, const char *image, const char *label);

/* {} for what is not there and what cannot be an id; else the error. */
void vox_study_answer_unknown(struct vox_exchange *x, const struct vox_err *err);

#endif
