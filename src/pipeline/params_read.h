/* The parameters of an inference as clients spell them in JSON, read into a request. Keys and their
 * meaning: docs/prompts.md. */
#ifndef VOX_PIPELINE_PARAMS_READ_H
#define VOX_PIPELINE_PARAMS_READ_H

#include <stddef.h>

#include "pipeline/request.h"

/* Adds what `text` (size bytes of JSON, an object) says to a request: prompts join those that are
 * there, options replace. Keys that are not known are left alone, as clients send much that is
 * meant for others; a known key with a value of the wrong type or range, a point that is not three
 * finite numbers (named with label and index) is VOX_E_ARG; a box or correction for a label that
 * the model lacks VOX_E_NOT_FOUND; text that is no JSON object VOX_E_FORMAT; too many points, too
 * deep or too large a text VOX_E_LIMIT; VOX_E_NOMEM. On failure the request is as before. */
enum vox_code vox_params_read(struct vox_request *request, const char *text, size_t size,
                              struct vox_err *err) VOX_MUST_USE;

/* Whether a name is that of a parameter, or of something else that clients send beside them, so
 * that no label may have it. */
bool vox_params_is_key(const char *name);

#endif
