/* How far a run is: a bar that is redrawn on a terminal, a line now and then elsewhere. On stderr.
 */
#ifndef VOX_APP_PROGRESS_H
#define VOX_APP_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct vox_progress_display {
    bool quiet;
    bool terminal;
    bool drawn;      /* the bar is on the current line */
    double reported; /* seconds of the run at the last plain line */
};

/* Looks whether stderr is a terminal that can redraw a line. */
struct vox_progress_display vox_progress_begin(bool quiet);

/* Shows a state; to be called after every slice. context is a struct vox_progress_display. */
void vox_progress_show(void *context, int64_t done, int64_t total, double seconds);

/* Leaves the bar's line, so that the next message has its own. May be called twice. */
void vox_progress_end(struct vox_progress_display *display);

#endif
