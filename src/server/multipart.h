/* A parser for bodies of the kind multipart/form-data (RFC 7578), fed piece by piece as they
 * arrive.
 *
 * More is let pass than RFC 2046 allows, because clients send it: any printable boundary of up to
 * VOX_BOUNDARY_BYTES ("$" is outside the RFC's alphabet), text before the first and behind the last
 * boundary, whole paths as file names. Memory is bounded by VOX_PART_HEADER_BYTES, whatever comes
 * in. */
#ifndef VOX_SERVER_MULTIPART_H
#define VOX_SERVER_MULTIPART_H

#include <stddef.h>

#include "util/error.h"

enum { VOX_BOUNDARY_BYTES = 200, VOX_PART_HEADER_BYTES = 8192 };

struct vox_part {
    const char *name;     /* of the field; valid UTF-8 */
    const char *filename; /* as the client wrote it, valid UTF-8; NULL for a text field */
    const char *type;     /* "" where the part names none */
};

/* Called while the parser is fed; what they fail with ends the parse. Each begin has its end unless
 * something failed. */
struct vox_multipart_sink {
    enum vox_code (*begin)(void *context, const struct vox_part *part, struct vox_err *err);
    enum vox_code (*data)(void *context, const char *data, size_t size, struct vox_err *err);
    enum vox_code (*end)(void *context, struct vox_err *err);
    void *context;
};

/* The boundary that a content type names, quoted or not. VOX_E_FORMAT if there is none. */
enum vox_code vox_multipart_boundary(const char *content_type, char out[VOX_BOUNDARY_BYTES + 1],
                                     struct vox_err *err) VOX_MUST_USE;

struct vox_multipart;

/* VOX_E_NOMEM. At most `parts` parts. */
enum vox_code vox_multipart_new(const char *boundary, size_t parts,
                                const struct vox_multipart_sink *sink, struct vox_multipart **out,
                                struct vox_err *err) VOX_MUST_USE;
void vox_multipart_free(struct vox_multipart *form); /* NULL is allowed */

/* VOX_E_FORMAT, VOX_E_LIMIT, and what the sink fails with; then only freeing it is left. */
enum vox_code vox_multipart_feed(struct vox_multipart *form, const char *data, size_t size,
                                 struct vox_err *err) VOX_MUST_USE;

/* The body is at its end. VOX_E_FORMAT where the last boundary is missing; a body that is empty
 * from end to end has no parts and is none. */
enum vox_code vox_multipart_finish(struct vox_multipart *form, struct vox_err *err) VOX_MUST_USE;

#endif
