/* How far a download is: a line that is redrawn on a terminal, a line now and then elsewhere. On
 * stderr. */
#ifndef VOX_APP_MODEL_PROGRESS_H
#define VOX_APP_MODEL_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct vox_model_progress {
    const char *name; /* of the model; borrowed */
    bool quiet;
    bool terminal;
    bool drawn;      /* on the current line */
    double reported; /* when the last line was shown */
    /* Bytes and time at the begin of the span that the rate is taken over. */
    uint64_t from;
    double since;
    double rate; /* bytes a second, of the last span; 0: not known yet */
    bool begun;
};

struct vox_model_progress vox_model_progress_begin(const char *name, bool quiet);

/* Shows how much is there; may be called as often as one likes. total 0: not known. */
void vox_model_progress_show(struct vox_model_progress *progress, uint64_t done, uint64_t total);

/* Leaves the line, so that the next message has its own. */
void vox_model_progress_end(struct vox_model_progress *progress);

#endif
