/* What a client gets. Each request is answered by exactly one of the functions below with "answer"
 * or "fail" in their names; a later one replaces an earlier one. None of them fails: where memory
 * runs out the answer becomes a 500.
 *
 * CORS headers, Server-Timing, Content-Length, HEAD and Range are the server's affair. */
#ifndef VOX_SERVER_ANSWER_H
#define VOX_SERVER_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"
#include "util/json_writer.h"

struct vox_exchange;

/* JSON text, copied. */
void vox_answer_json(struct vox_exchange *x, int status, const char *text);

/* What a writer holds, copied; NULL is no memory. */
void vox_answer_writer(struct vox_exchange *x, int status, struct vox_json_writer *json);

/* Bytes of a content type ("text/html; charset=utf-8"), copied. */
void vox_answer_bytes(struct vox_exchange *x, int status, const char *type, const void *data,
                      size_t size);

/* The same for bytes that live as long as the server. */
void vox_answer_static(struct vox_exchange *x, int status, const char *type, const void *data,
                       size_t size);

/* ---- refusals ---- */

/* {"detail": "sentence"} */
void vox_exchange_fail(struct vox_exchange *x, int status, const char *format, ...)
    VOX_PRINTF(3, 4);

/* The same for an error: err->msg with vox_http_status of its code, 507 for a full disk; 503 has
 * Retry-After. */
void vox_exchange_fail_err(struct vox_exchange *x, const struct vox_err *err);

/* 422 {"detail": [{"type": "missing", "loc": ["query", "tag"], "msg": "Field required",
 * "input": null}]}; where is "query", "body" or "path". */
void vox_exchange_missing(struct vox_exchange *x, const char *where, const char *name);

/* 422 in the same form; type is "bool_parsing", "enum", "json_invalid"; input may be NULL. */
void vox_exchange_invalid(struct vox_exchange *x, const char *where, const char *name,
                          const char *type, const char *input, const char *format, ...)
    VOX_PRINTF(6, 7);

/* 422 ARG, FORMAT, UNSUPPORTED; 413 LIMIT; 404 NOT_FOUND; 503 BUSY, NOMEM; 409 CANCELLED; 500. */
int vox_http_status(enum vox_code code);

/* ---- files ---- */

/* Content type by a file name's end; "application/octet-stream" for .nii, .nrrd and unknown. */
const char *vox_mime_type(const char *name);

/* A file to download under `name`: type, length, ETag, Last-Modified, Content-Disposition; answers
 * Range and If-None-Match. `path` is the server's own, never a client's text. Opened at once, so
 * the caller may remove it afterwards. VOX_E_NOT_FOUND for what is no regular file, VOX_E_IO: not
 * answered. */
enum vox_code vox_answer_file(struct vox_exchange *x, const char *path, const char *name,
                              struct vox_err *err) VOX_MUST_USE;

/* Bytes to download under `name`; takes `data`, which vox_free releases, in every case. */
void vox_answer_download(struct vox_exchange *x, const char *name, void *data, size_t size);

/* 200 multipart/form-data: a part "params" of JSON text, and a part "image" with the file name and
 * the bytes (taken, as above) or the file's content (opened at once). */
void vox_answer_multipart(struct vox_exchange *x, const char *params, const char *name, void *data,
                          size_t size);
enum vox_code vox_answer_multipart_file(struct vox_exchange *x, const char *params,
                                        const char *name, const char *path,
                                        struct vox_err *err) VOX_MUST_USE;

/* ---- events ---- */

/* A stream of server-sent events. The producer may be any thread, several of them too. */
struct vox_feed;

/* Answers with an open stream. The caller owns *out and ends it with vox_feed_end. VOX_E_NOMEM: not
 * answered. On HEAD, and where the client has left, the feed takes events and drops them. */
enum vox_code vox_answer_feed(struct vox_exchange *x, struct vox_feed **out,
                              struct vox_err *err) VOX_MUST_USE;

/* Queues an event; never waits. `data` is text, mostly JSON; a newline in it begins another line of
 * data. False when nobody reads any more: the client has left, reads so slowly that the queue is
 * full, or the server stops. The producer then ends the feed. */
bool vox_feed_send(struct vox_feed *feed, const char *event, const char *data);

/* No more events; the feed is gone for the caller. NULL is allowed. */
void vox_feed_end(struct vox_feed *feed);

/* ---- beside the answer ---- */

/* A header more, before or after the answer was set; copied. Control bytes are dropped. */
void vox_answer_header(struct vox_exchange *x, const char *name, const char *value);

/* A time that Server-Timing names ("queue", "infer": letters, digits, _ and -). */
void vox_answer_timing(struct vox_exchange *x, const char *name, double seconds);

#endif
