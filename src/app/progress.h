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
    /* Where the present attempt began: what is left is estimated from there. */
    int64_t begun_at;
    double begun;
};

/* Looks whether stderr is a terminal that can redraw a line. */
struct vox_progress_display vox_progress_begin(bool quiet);

/* Shows a state; to be called after every slice. */
void vox_progress_show(struct vox_progress_display *display, int64_t done, int64_t total,
                       double seconds);

/* Says that work begins again at `done`, as the network is to see more of each slice. */
void vox_progress_restart(struct vox_progress_display *display, int64_t done, double seconds);

/* Leaves the bar's line, so that the next message has its own. May be called twice. */
void vox_progress_end(struct vox_progress_display *display);

#endif
