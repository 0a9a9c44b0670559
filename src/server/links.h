/* Connections, and a thread that looks after them: those whose request does not arrive in time are
 * shut down, and those that wait for an answer are watched for clients that hang up, which the HTTP
 * library does not do.
 *
 * A client that closed the sending half of its connection counts as gone: that is all that can be
 * seen of one that closed the whole. */
#ifndef VOX_SERVER_LINKS_H
#define VOX_SERVER_LINKS_H

#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"

struct vox_links;
struct vox_link;

enum vox_code vox_links_new(struct vox_links **out, struct vox_err *err) VOX_MUST_USE;

/* Ends the thread; all links were dropped before. NULL is allowed. */
void vox_links_free(struct vox_links *links);

/* NULL where there is no memory. The descriptor stays open until the link is dropped. */
struct vox_link *vox_link_new(struct vox_links *links, int fd);
void vox_link_drop(struct vox_link *link);

/* The client is shut out when CLOCK_MONOTONIC has reached `until`, unless this is called again
 * before; 0: never. */
void vox_link_expect(struct vox_link *link, double until);

/* Called on the links' thread while a link is watched; neither may wait. */
struct vox_link_watch {
    void (*gone)(void *context); /* the client has left; at most once */
    void (*tick)(void *context); /* every 15 seconds; NULL: nobody asks */
    void *context;
};

/* Begins and ends watching. When vox_link_unwatch returns, no call is running and none will come.
 */
void vox_link_watch(struct vox_link *link, const struct vox_link_watch *watch);
void vox_link_unwatch(struct vox_link *link);

/* Tells all that are watched that they are gone. */
void vox_links_tell_all(struct vox_links *links);

struct vox_links_counts {
    uint64_t open, accepted, timed_out, hung_up;
};
void vox_links_counts(struct vox_links *links, struct vox_links_counts *out);

#endif
