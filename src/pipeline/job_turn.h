/* Who computes: of several threads that want to, one at a time has the turn.
 *
 * It offers the turn to the others now and then, and goes on where nobody comes before it: the
 * lower class comes first; of one class who has waited for longer than VOX_TURN_PATIENCE, the
 * longest first; then who has held the turn for the shortest time, then who has waited longest. */
#ifndef VOX_PIPELINE_JOB_TURN_H
#define VOX_PIPELINE_JOB_TURN_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"

enum { VOX_TURN_PATIENCE = 2 }; /* seconds */

/* One thread's place. */
struct vox_turn_seat {
    int class;
    double held; /* seconds */
    pthread_cond_t called;
    bool has;
    bool wants;
    double since; /* it has it, or wants it */
    struct vox_turn_seat *next;
};

struct vox_turn {
    pthread_mutex_t lock;
    struct vox_turn_seat *holder;
    struct vox_turn_seat *waiting; /* who has waited longest first */
    int64_t taken;
    double busy; /* seconds that it was held */
};

enum vox_code vox_turn_init(struct vox_turn *turn, struct vox_err *err) VOX_MUST_USE;
void vox_turn_fini(struct vox_turn *turn);

enum vox_code vox_turn_seat_init(struct vox_turn_seat *seat, int class,
                                 struct vox_err *err) VOX_MUST_USE;
void vox_turn_seat_fini(struct vox_turn_seat *seat); /* it has no turn and wants none */

void vox_turn_take(struct vox_turn *turn, struct vox_turn_seat *seat);  /* waits */
void vox_turn_offer(struct vox_turn *turn, struct vox_turn_seat *seat); /* has it, and then again */
void vox_turn_give(struct vox_turn *turn, struct vox_turn_seat *seat);  /* does not wait */

/* How often the turn was taken, and for how many seconds it was held. */
void vox_turn_counts(struct vox_turn *turn, int64_t *taken, double *busy);

#endif
