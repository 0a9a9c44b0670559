/* A request and what becomes of it, as a handler sees it.
 *
 * An exchange belongs to its handler until that returns; one that was suspended belongs to whoever
 * resumes it. One thread at a time. Texts are borrowed from the exchange and live until it ends.
 *
 * Functions that return bool with a comment "false: answered" have set the answer that the client
 * gets (422 in most cases); the handler then returns. */
#ifndef VOX_SERVER_EXCHANGE_H
#define VOX_SERVER_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"
#include "util/json.h"

struct vox_exchange;
struct vox_http;
struct vox_http_limits;

const char *vox_exchange_method(const struct vox_exchange *x); /* "GET"; "HEAD" is not hidden */

/* The variable {name} of the route's pattern, percent-decoded: valid UTF-8 without NUL. "" if the
 * pattern has none of that name. */
const char *vox_exchange_param(const struct vox_exchange *x, const char *name);

/* The same with every "+" of the address as a space: some clients quote names of models and
 * strategies so. NULL if there is no "+" in it. For names that are unknown as they stand. */
const char *vox_exchange_param_spaced(const struct vox_exchange *x, const char *name);

/* A value of the query, decoded ("+" is a space): the last of that name, "" for one without a
 * value, NULL if there is none. Valid UTF-8 without NUL. */
const char *vox_exchange_query(const struct vox_exchange *x, const char *name);

/* true/false, 1/0, on/off, t/f, y/n, yes/no in any case; an absent or empty one is `fallback`.
 * false: answered. */
bool vox_exchange_query_bool(struct vox_exchange *x, const char *name, bool fallback,
                             bool *out) VOX_MUST_USE;

/* A whole number of least ... most. false: answered. */
bool vox_exchange_query_int(struct vox_exchange *x, const char *name, int64_t fallback,
                            int64_t least, int64_t most, int64_t *out) VOX_MUST_USE;

/* A value that the query must have (it may be empty). false: answered. */
bool vox_exchange_query_needed(struct vox_exchange *x, const char *name,
                               const char **out) VOX_MUST_USE;

/* A header's value, NULL if there is none; the name in any case. */
const char *vox_exchange_header(const struct vox_exchange *x, const char *name);

/* The client's address as text ("127.0.0.1"). */
const char *vox_exchange_peer(const struct vox_exchange *x);

/* ---- body ---- */

/* The bytes of a body of VOX_BODY_JSON; "" and 0 where there is none. */
const char *vox_exchange_body(const struct vox_exchange *x, size_t *size);

/* The object in it. *out is NULL where the body is absent, empty or "null". The exchange owns it.
 * false: answered (422 for what is no object, 413 beyond a limit). */
bool vox_exchange_json(struct vox_exchange *x, const struct vox_json **out) VOX_MUST_USE;

/* A text field of a form: the last of that name, NULL if there is none. Valid UTF-8, no NUL. */
const char *vox_exchange_field(const struct vox_exchange *x, const char *name);

/* JSON in a text field: an object; *out is NULL where the field is absent, empty or "null". The
 * exchange owns it. false: answered. */
bool vox_exchange_field_json(struct vox_exchange *x, const char *name,
                             const struct vox_json **out) VOX_MUST_USE;

/* A file of a form. It lies in a private folder and is removed when the exchange ends, unless it
 * was taken. */
struct vox_upload {
    const char *field; /* the form's name for it: "file" */
    const char *name;  /* what stood behind the last / or \ of the client's name; may be empty.
                        * Never a path on this machine, may hold a patient's name */
    const char *type;  /* content type that the client guessed; may be empty */
    const char *path;  /* where it lies, mode 0600 */
    uint64_t size;
};

/* The i-th file of the field (name NULL: of any); NULL beyond the last. */
const struct vox_upload *vox_exchange_upload(const struct vox_exchange *x, const char *name,
                                             size_t i);

/* The file is the caller's now, who renames or removes it. `path` keeps its text. */
void vox_exchange_take_upload(struct vox_exchange *x, const struct vox_upload *upload);

/* The folder of uploads, for files that a handler makes itself and removes. */
const char *vox_exchange_spool(const struct vox_exchange *x);

const struct vox_http_limits *vox_exchange_limits(const struct vox_exchange *x);
struct vox_http *vox_exchange_server(const struct vox_exchange *x);

/* ---- answers that come later ---- */

/* Says that the answer comes later: called by the handler, at most once, before anybody else can
 * call vox_exchange_resume. The handler must not touch the exchange any more once another may have
 * resumed it.
 *
 * `gone` (NULL: nobody asks) is called at most once, on a thread of the server, if the client hangs
 * up or the server stops before the answer is there; it says so to whoever works on it and returns
 * at once. It answers nothing: vox_exchange_resume is still due, soon. It is not running and never
 * called any more when vox_exchange_resume has returned, so `context` may go then; therefore the
 * caller of vox_exchange_resume holds no lock that `gone` takes, and `gone` does not resume. */
void vox_exchange_suspend(struct vox_exchange *x, void (*gone)(void *context), void *context);

/* Sends the answer that was set by a function of server/answer.h, from any thread; once, whatever
 * became of the client. The exchange is gone then. */
void vox_exchange_resume(struct vox_exchange *x);

#endif
