#include "pipeline/job_turn.h"

#include <stddef.h>

#include "pipeline/stopwatch.h"

enum vox_code vox_turn_init(struct vox_turn *turn, struct vox_err *err)
{
    *turn = (struct vox_turn){0};
    if (pthread_mutex_init(&turn->lock, NULL) != 0) {
        return vox_fail(err, VOX_E_NOMEM, "no memory for a lock");
    }
    return VOX_OK;
}

void vox_turn_fini(struct vox_turn *turn)
{
    VOX_ASSERT(turn->holder == NULL && turn->waiting == NULL);
    pthread_mutex_destroy(&turn->lock);
}

enum vox_code vox_turn_seat_init(struct vox_turn_seat *seat, int class, struct vox_err *err)
{
    *seat = (struct vox_turn_seat){.class = class};
    if (pthread_cond_init(&seat->called, NULL) != 0) {
        return vox_fail(err, VOX_E_NOMEM, "no memory for a condition");
    }
    return VOX_OK;
}

void vox_turn_seat_fini(struct vox_turn_seat *seat)
{
    VOX_ASSERT(!seat->has && !seat->wants);
    pthread_cond_destroy(&seat->called);
}

/* ---- under the lock ---- */

/* Whether `seat` comes before `other`, which has waited longer or has the turn. */
static bool comes_before(const struct vox_turn_seat *seat, const struct vox_turn_seat *other,
                         double now)
{
    if (seat->class != other->class) {
        return seat->class < other->class;
    }
    bool starved = other->wants && now - other->since > VOX_TURN_PATIENCE;
    if (starved) {
        return false;
    }
    if (now - seat->since > VOX_TURN_PATIENCE) {
        return true;
    }
    return seat->held < other->held;
}

static struct vox_turn_seat *best(const struct vox_turn *turn, double now)
{
    struct vox_turn_seat *found = turn->waiting;
    for (struct vox_turn_seat *seat = found; seat != NULL; seat = seat->next) {
        if (comes_before(seat, found, now)) {
            found = seat;
        }
    }
    return found;
}

static void line_up(struct vox_turn *turn, struct vox_turn_seat *seat, double now)
{
    struct vox_turn_seat **at = &turn->waiting;
    while (*at != NULL) {
        at = &(*at)->next;
    }
    *at = seat;
    seat->next = NULL;
    seat->wants = true;
    seat->since = now;
}

static void leave_line(struct vox_turn *turn, struct vox_turn_seat *seat)
{
    struct vox_turn_seat **at = &turn->waiting;
    while (*at != seat) {
        at = &(*at)->next;
    }
    *at = seat->next;
    seat->next = NULL;
    seat->wants = false;
}

static void count_held(struct vox_turn *turn, struct vox_turn_seat *seat, double now)
{
    seat->held += now - seat->since;
    turn->busy += now - seat->since;
    seat->since = now;
}

static void hand_to(struct vox_turn *turn, struct vox_turn_seat *seat, double now)
{
    leave_line(turn, seat);
    turn->holder = seat;
    turn->taken++;
    seat->has = true;
    seat->since = now;
    pthread_cond_signal(&seat->called);
}

static void let_go(struct vox_turn *turn, struct vox_turn_seat *seat, double now)
{
    VOX_ASSERT(turn->holder == seat);
    count_held(turn, seat, now);
    turn->holder = NULL;
    seat->has = false;
}

static void await(struct vox_turn *turn, struct vox_turn_seat *seat)
{
    while (!seat->has) {
        pthread_cond_wait(&seat->called, &turn->lock);
    }
}

/* ---- */

void vox_turn_take(struct vox_turn *turn, struct vox_turn_seat *seat)
{
    pthread_mutex_lock(&turn->lock);
    double now = vox_seconds();
    line_up(turn, seat, now);
    if (turn->holder == NULL) {
        hand_to(turn, best(turn, now), now);
    }
    await(turn, seat);
    pthread_mutex_unlock(&turn->lock);
}

void vox_turn_offer(struct vox_turn *turn, struct vox_turn_seat *seat)
{
    pthread_mutex_lock(&turn->lock);
    double now = vox_seconds();
    count_held(turn, seat, now);
    struct vox_turn_seat *next = best(turn, now);
    if (next != NULL && comes_before(next, seat, now)) {
        let_go(turn, seat, now);
        line_up(turn, seat, now);
        hand_to(turn, next, now);
        await(turn, seat);
    }
    pthread_mutex_unlock(&turn->lock);
}

void vox_turn_give(struct vox_turn *turn, struct vox_turn_seat *seat)
{
    pthread_mutex_lock(&turn->lock);
    double now = vox_seconds();
    let_go(turn, seat, now);
    struct vox_turn_seat *next = best(turn, now);
    if (next != NULL) {
        hand_to(turn, next, now);
    }
    pthread_mutex_unlock(&turn->lock);
}

void vox_turn_counts(struct vox_turn *turn, int64_t *taken, double *busy)
{
    pthread_mutex_lock(&turn->lock);
    *taken = turn->taken;
    *busy = turn->busy;
    pthread_mutex_unlock(&turn->lock);
}
