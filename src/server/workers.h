/* Threads that run handlers which may wait. */
#ifndef VOX_SERVER_WORKERS_H
#define VOX_SERVER_WORKERS_H

#include <stddef.h>

#include "util/error.h"

struct vox_exchange;
struct vox_workers;

/* `run` is called on one of `threads` threads for every exchange that is added. */
enum vox_code vox_workers_new(unsigned threads, void (*run)(struct vox_exchange *x),
                              struct vox_workers **out, struct vox_err *err) VOX_MUST_USE;

/* Waits for what was added, and ends the threads. NULL is allowed. */
void vox_workers_free(struct vox_workers *workers);

/* Never fails and never waits: there is one place per exchange, in the exchange. */
void vox_workers_add(struct vox_workers *workers, struct vox_exchange *x);

#endif
