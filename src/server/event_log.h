/* What the server has to say of its own work: the last lines in memory, for GET /logs/, and each
 * line handed on to whoever shows it.
 *
 * A line is "2026-11-24 16:00:00 INFO http: text". Control bytes become '?', what is longer than
 * VOX_EVENT_BYTES is cut. Lines never hold pixel data, tokens, file names, paths, image ids or
 * names of patients: callers see to that. Any thread; nobody waits for another's writing longer
 * than the copying of a line. */
#ifndef VOX_SERVER_EVENT_LOG_H
#define VOX_SERVER_EVENT_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

enum vox_event_level { VOX_EVENT_DEBUG, VOX_EVENT_INFO, VOX_EVENT_WARNING, VOX_EVENT_ERROR };
enum { VOX_EVENT_BYTES = 512 };

struct vox_event_log;

/* A line without its newline; called on the thread that logs, one at a time. */
typedef void vox_event_sink(void *context, const char *line);

/* Keeps the last `lines` of them (at least 1). sink NULL: none. VOX_E_NOMEM. */
enum vox_code vox_event_log_new(int64_t lines, enum vox_event_level level, vox_event_sink *sink,
                                void *context, struct vox_event_log **out,
                                struct vox_err *err) VOX_MUST_USE;
void vox_event_log_free(struct vox_event_log *log); /* NULL is allowed */

/* Lines below the level are dropped. */
void vox_event_log_set_level(struct vox_event_log *log, enum vox_event_level level);

/* `part` is who speaks: "http", "jobs", "studies". log NULL: nobody listens. */
void vox_event(struct vox_event_log *log, enum vox_event_level level, const char *part,
               const char *format, ...) VOX_PRINTF(4, 5);

/* The last `lines` lines (or fewer), each with a newline; 0: all that are kept. The caller frees
 * *out with vox_free. VOX_E_NOMEM. */
enum vox_code vox_event_log_text(struct vox_event_log *log, int64_t lines, char **out, size_t *size,
                                 struct vox_err *err) VOX_MUST_USE;

#endif
