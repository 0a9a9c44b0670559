/* The inside of a stream of server-sent events; producers see server/answer.h.
 *
 * A feed is held by its producer, and by the answer whose body it is. */
#ifndef VOX_SERVER_FEED_H
#define VOX_SERVER_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "util/error.h"

struct vox_feed;

/* Held once, by the producer; `most` bytes may wait. */
enum vox_code vox_feed_new(size_t most, struct vox_feed **out, struct vox_err *err) VOX_MUST_USE;
struct vox_feed *vox_feed_hold(struct vox_feed *feed);
void vox_feed_drop(struct vox_feed *feed);

/* Nobody reads it any more. */
void vox_feed_cut(struct vox_feed *feed);

/* A comment, so that the connection is not taken for dead. */
void vox_feed_ping(struct vox_feed *feed);

enum { VOX_FEED_WAIT = 0, VOX_FEED_END = -1, VOX_FEED_CUT = -2 };

/* Copies up to `room` bytes that wait and returns their number; VOX_FEED_END behind the last,
 * VOX_FEED_CUT after vox_feed_cut and where too many waited. Where
 * none wait, calls sleep(context) under the feed's lock, and returns VOX_FEED_WAIT: `wake` is
 * called with the same context, once, when there are some. */
ssize_t vox_feed_read(struct vox_feed *feed, char *out, size_t room, void (*sleep)(void *context),
                      void (*wake)(void *context), void *context);

#endif
