/* Settings that a running server takes anew. */
#ifndef VOX_APP_SERVE_RELOAD_H
#define VOX_APP_SERVE_RELOAD_H

#include <stdbool.h>

#include "app/settings.h"

/* The settings that a server has run with, from the first on. */
struct vox_serve_history;

/* Takes `settings` over, which are those that the server starts with. NULL where there is no
 * memory; they are freed then. */
struct vox_serve_history *vox_serve_history_new(struct vox_settings *settings);
void vox_serve_history_free(struct vox_serve_history *history); /* NULL is allowed */

/* As they are now. */
const struct vox_server_settings *vox_serve_history_now(const struct vox_serve_history *history);

/* Takes `settings` over: what may change while the server runs does, the rest keeps its old value
 * and is said to need another start. False, and nothing changed, where there is no memory. */
bool vox_serve_history_add(struct vox_serve_history *history, struct vox_settings *settings);

#endif
