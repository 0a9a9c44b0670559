/* The app instance: everything that the routes work on. It is opened once; nothing in the room
 * keeps state elsewhere.
 *
 * Opening is fast: what lies in the studies folder is listed and the index written, the model loads
 * on a thread of its own afterwards (vox_app_model_state), so that a server answers at once.
 *
 * All functions may be called from any thread between vox_app_open and vox_app_close; what they
 * return is borrowed from the app. */
#ifndef VOX_SERVER_APP_INSTANCE_H
#define VOX_SERVER_APP_INSTANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "server/server_settings.h"
#include "util/error.h"

struct vox_app;
struct vox_event_log;
struct vox_route;
struct vox_datastore;
struct vox_strategies;
struct vox_batch;
struct vox_job_queue;
struct vox_sessions;
struct vox_model;
struct vox_labels;
struct vox_infer_task;

struct vox_app_options {
    const struct vox_server_settings *settings; /* borrowed until the app is closed */
    struct vox_event_log *log;                  /* the same; NULL: nobody listens */
};

/* VOX_E_NOT_FOUND, VOX_E_IO for the studies folder, VOX_E_FORMAT for labels that cannot be, and
 * others. The caller owns *out. */
enum vox_code vox_app_open(const struct vox_app_options *options, struct vox_app **out,
                           struct vox_err *err) VOX_MUST_USE;

/* Stops what runs behind: queue, watcher, model loading, sessions. No request may be in a handler
 * any more. NULL is allowed. */
void vox_app_close(struct vox_app *app);

/* As they are now: the server may be told others while it runs, and those that were stay valid. */
const struct vox_server_settings *vox_app_settings(const struct vox_app *app);

/* Others from now on, borrowed until the app is closed. What was opened with the old ones (folder,
 * model, queue) keeps them. */
void vox_app_set_settings(struct vox_app *app, const struct vox_server_settings *settings);

struct vox_datastore *vox_app_datastore(struct vox_app *app);
struct vox_strategies *vox_app_strategies(struct vox_app *app);
struct vox_job_queue *vox_app_queue(struct vox_app *app);
struct vox_batch *vox_app_batch(struct vox_app *app);
struct vox_sessions *vox_app_sessions(struct vox_app *app);
struct vox_event_log *vox_app_log(struct vox_app *app);

/* Seconds since 1970 at which the app was opened, and how long that is ago by a clock that nobody
 * sets. */
int64_t vox_app_started(const struct vox_app *app);
double vox_app_uptime(const struct vox_app *app);

/* ---- models ---- */

/* One entry of "models" in /info/. */
struct vox_served_model {
    const char *name; /* "SAM", the key */
    const char *type; /* "deepedit": decides what clients show */
    const char *description;
    int dimension;
    const struct vox_labels *labels; /* values 1 ... n; "uncertain" follows with n + 1 */
    const struct vox_infer_task *task;
};

/* The i-th, NULL beyond the last; the first is the default. */
const struct vox_served_model *vox_app_model_at(const struct vox_app *app, int i);

/* NULL if there is none of that name. An empty name is the default model. */
const struct vox_served_model *vox_app_model_find(const struct vox_app *app, const char *name);

enum vox_model_state { VOX_MODEL_LOADING, VOX_MODEL_READY, VOX_MODEL_FAILED };

/* How far loading is. *out (NULL: not wanted) is the engine where it is ready, else NULL; *err says
 * why it failed. Never blocks. */
enum vox_model_state vox_app_model_state(struct vox_app *app, const struct vox_served_model *model,
                                         struct vox_model **out, struct vox_err *err);

/* The same, but waits while it loads; up to `seconds`, or less where the app is being closed. */
enum vox_model_state vox_app_model_wait(struct vox_app *app, const struct vox_served_model *model,
                                        double seconds, struct vox_model **out,
                                        struct vox_err *err);

/* ---- routes ---- */

/* The families of routes, NULL behind the last; each ends with a row without a pattern. */
extern const struct vox_route *const vox_app_routes[];

#endif
