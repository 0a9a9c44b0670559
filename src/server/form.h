/* Bodies of requests: what a form holds, or bytes.
 *
 * Fed piece by piece as they arrive, within the limits of server/limits.h. Files go to the spool,
 * everything else stays in memory. */
#ifndef VOX_SERVER_FORM_H
#define VOX_SERVER_FORM_H

#include <stddef.h>
#include <stdint.h>

#include "server/exchange.h"
#include "server/limits.h"
#include "server/query.h"
#include "server/router.h"
#include "server/spool.h"
#include "util/error.h"

struct vox_form;

/* A body of that kind and content type (NULL: none named). What is no form where one may come, is
 * dropped. VOX_E_FORMAT for a multipart body without a boundary, VOX_E_NOMEM. */
enum vox_code vox_form_new(enum vox_body_kind kind, const char *content_type,
                           const struct vox_http_limits *limits, struct vox_spool *spool,
                           struct vox_form **out, struct vox_err *err) VOX_MUST_USE;

/* Removes the files that nobody took. NULL is allowed. */
void vox_form_free(struct vox_form *form);

/* VOX_E_FORMAT, VOX_E_LIMIT, VOX_E_NOMEM, VOX_E_IO: then only freeing it is left. */
enum vox_code vox_form_feed(struct vox_form *form, const char *data, size_t size,
                            struct vox_err *err) VOX_MUST_USE;
enum vox_code vox_form_finish(struct vox_form *form, struct vox_err *err) VOX_MUST_USE;

/* The text fields that have come. */
const struct vox_pairs *vox_form_fields(const struct vox_form *form);

/* The i-th file of that field (NULL: of any); NULL beyond the last. */
const struct vox_upload *vox_form_upload(const struct vox_form *form, const char *name, size_t i);
void vox_form_take(struct vox_form *form, const struct vox_upload *upload);

/* The bytes of a body of VOX_BODY_JSON, with a NUL behind. */
const char *vox_form_bytes(const struct vox_form *form, size_t *size);

#endif
