/* Stands in for the network, its trackers and the features of slices while a test looks at what an
 * object's run asks of them. Link fake_tracker.c into the test: its functions take the place of
 * the library's. Functions end the test where they are misused.
 *
 * What a tracker finds follows from the scene alone. Every call leaves a word in the log: trackers
 * are A, B, C ... in the order of their birth, slices are frames. */
#ifndef VOX_TESTS_FAKE_TRACKER_H
#define VOX_TESTS_FAKE_TRACKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "pipeline/zoom.h"

enum { FAKE_FRAMES = 64, FAKE_SIDE = 256 /* of the network's image */ };

struct fake_scene {
    char log[16384];
    bool absent[FAKE_FRAMES];     /* by frame: no object there: a score of 0 or below */
    bool ends_after[FAKE_FRAMES]; /* a correction there takes the object from all slices after it */
    bool reverse_only[FAKE_FRAMES]; /* way up finds nothing there */
    double
        radius; /* of the object around `centre`, in voxels of the slice; 0: fills every window */
    double centre[2];

    /* of the last vox_slice_features_new */
    struct vox_zoom_window window;
    int64_t first, frames;
    int64_t kept[8], n_kept;
    int features_open, trackers_open;

    int calls;   /* of trackers that compute */
    int fail_at; /* the call that fails; 0: none */
    atomic_int cancel;
    int cancel_at;          /* the call that raises the flag; 0: none */
    int calls_after_cancel; /* begun with the flag up */
};

extern struct fake_scene fake;

void fake_reset(void);

/* What is in the log since the last call. */
const char *fake_take_log(void);

#endif
