/* Progress and cancelling of a run. */
#ifndef VOX_PIPELINE_WATCH_H
#define VOX_PIPELINE_WATCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"

enum vox_event_kind {
    VOX_EVENT_SLICE,  /* a slice was tracked */
    VOX_EVENT_RESTART /* the zoom window was doubled and the object begins again */
};

struct vox_event {
    enum vox_event_kind kind;
    const char *step; /* "read", "encode", "track", "post", "write"; static */
    int64_t done;     /* slices of all passes and objects; never falls but at a restart */
    int64_t total;    /* as far as is known: free borders may end earlier */
    double seconds;   /* since the run began */
};

/* Called on the thread of the run. All members may be NULL. */
struct vox_watch {
    void (*event)(void *context, const struct vox_event *event);
    bool (*cancelled)(void *context); /* true: as if the flag were up; once true it stays so */
    void *context;
    const atomic_int *cancel; /* not 0: stop within one slice */
};

/* Looks at the flag and asks. VOX_E_CANCELLED; NULL is nobody who watches. Costs next to nothing
 * and is called at least once per slice that is read, computed or written. */
enum vox_code vox_watch_check(const struct vox_watch *watch, struct vox_err *err) VOX_MUST_USE;

#endif
