/* Ctrl-C and SIGTERM: the first asks the run to stop, the second ends the process at once. */
#ifndef VOX_APP_SIGNALS_H
#define VOX_APP_SIGNALS_H

#include <stdatomic.h>

/* Installs the handlers, except for a signal that the caller of the program has set to be ignored,
 * and lets writing to a closed pipe or beyond a limit on file sizes fail instead of ending the
 * process. Returns the flag that the first signal sets. */
const atomic_int *vox_signals_catch(void);

/* Between these two no signal ends the process, which would leave unfinished files behind: whoever
 * holds looks at the flag. Not nested; on one thread. */
void vox_signals_hold(void);
void vox_signals_release(void);

#endif
