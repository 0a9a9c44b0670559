/* Progress and cancelling of a run, and what else those learn who watch one. */
#ifndef VOX_PIPELINE_WATCH_H
#define VOX_PIPELINE_WATCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"

enum vox_event_kind {
    VOX_EVENT_SLICE,   /* a slice was tracked */
    VOX_EVENT_RESTART, /* the zoom window was doubled and the object begins again */
    VOX_EVENT_PLAN     /* it is known what the network will be given */
};

struct vox_object_run;
struct vox_plan;

struct vox_event {
    enum vox_event_kind kind;
    const char *step; /* "read", "encode", "track", "post", "write"; static */
    int64_t done;     /* slices of all passes and objects; never falls but at a restart */
    int64_t total;    /* as far as is known: free borders may end earlier */
    double seconds;   /* since the run began */

    /* Borrowed during the event. */
    const struct vox_object_run *run; /* of a slice: pipeline/tracked_slice.h shows it */
    const struct vox_plan *plan;      /* of a plan */
};

/* Called on the thread of the run. All members may be NULL. */
struct vox_watch {
    void (*event)(void *context, const struct vox_event *event);
    bool (*cancelled)(void *context); /* true: as if the flag were up; once true it stays so */

    /* Called with true before the run waits for what another run is making, and must not wait
     * itself then; with false afterwards. So who lets one of them compute at a time can let the
     * other go on. */
    void (*waits)(void *context, bool begins);
    void *context;
    const atomic_int *cancel; /* not 0: stop within one slice */
};

/* Looks at the flag and asks. VOX_E_CANCELLED; NULL is nobody who watches. Costs next to nothing
 * and is called at least once per slice that is read, computed or written. */
enum vox_code vox_watch_check(const struct vox_watch *watch, struct vox_err *err) VOX_MUST_USE;

/* Says that the run begins or has ended to wait for another; NULL is nobody who watches. */
void vox_watch_wait(const struct vox_watch *watch, bool begins);

#endif
