/* A server from its start to its end. */
#ifndef VOX_APP_SERVE_RUN_H
#define VOX_APP_SERVE_RUN_H

#include "app/settings.h"

/* Serves until SIGINT or SIGTERM comes; the next one ends the process at once. SIGHUP reads the
 * settings anew. Returns the exit status. Takes `settings` over. */
int vox_serve_run(const struct vox_settings_input *input, struct vox_settings *settings);

#endif
