/* Checkouts: which image is being worked on, by whom and since when.
 *
 * They live in memory, end after the datastore's checkout_seconds, when the image's "final" label
 * is saved and when the image goes. Any thread. */
#ifndef VOX_STORE_CHECKOUT_H
#define VOX_STORE_CHECKOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "store/datastore.h"
#include "util/error.h"

enum { VOX_CLIENT_MAX = 128 }; /* bytes of a client's name that are kept */

struct vox_checkout {
    char client[VOX_CLIENT_MAX + 1]; /* UTF-8; "" where there is no checkout */
    int64_t since, expires;          /* seconds since 1970 */
};

/* Checks an image out; one that somebody else has is taken over. *before (may be NULL) is the
 * checkout of another client that ends so, with client "" where there was none. VOX_E_NOT_FOUND,
 * VOX_E_NOMEM. */
enum vox_code vox_checkout_take(struct vox_datastore *store, const char *id, const char *client,
                                struct vox_checkout *before, struct vox_err *err) VOX_MUST_USE;

/* Gives an image back; nothing happens where `client` (NULL: whoever) does not have it. */
void vox_checkout_release(struct vox_datastore *store, const char *id, const char *client);

/* Who has an image; false, and *out untouched, where nobody has. */
bool vox_checkout_find(struct vox_datastore *store, const char *id, struct vox_checkout *out);

/* Whether another client than this one has it. */
bool vox_checkout_by_other(struct vox_datastore *store, const char *id, const char *client);

#endif
