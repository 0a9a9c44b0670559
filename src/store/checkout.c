#include "store/checkout.h"

#include <string.h>

#include "store/datastore_parts.h"
#include "util/memory.h"
#include "util/utf8.h"

/* As much of a client's name as there is room for. */
static void put_client(struct vox_checkout *checkout, const char *client)
{
    size_t size = 0;
    while (client[size] != '\0') {
        size_t n = vox_utf8_size(client + size);
        if (n == 0 || size + n > VOX_CLIENT_MAX) {
            break;
        }
        size += n;
    }
    memcpy(checkout->client, client, size);
    checkout->client[size] = '\0';
}

/* The checkout of an image, if it is not over; the lock is held. */
static const struct vox_checkout *live(const struct vox_datastore *store, const char *id,
                                       int64_t now)
{
    const struct vox_checkout *checkout = vox_name_table_get(&store->checkouts, id);
    return checkout != NULL && checkout->expires > now ? checkout : NULL;
}

enum vox_code vox_checkout_take(struct vox_datastore *store, const char *id, const char *client,
                                struct vox_checkout *before, struct vox_err *err)
{
    struct vox_entry *entry;
    enum vox_code code = vox_store_find(store, id, &entry, err);
    if (code != VOX_OK) {
        return code;
    }
    vox_entry_unref(entry);
    struct vox_checkout *mine = vox_calloc(1, sizeof(*mine));
    if (mine == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    put_client(mine, client);
    double seconds = store->options.checkout_seconds;
    seconds = seconds > 0.0 ? seconds < 1e9 ? seconds : 1e9 : 0.0;
    mine->since = vox_now();
    mine->expires = mine->since + (int64_t)seconds;
    struct vox_checkout theirs = {0};
    pthread_mutex_lock(&store->lock);
    const struct vox_checkout *old = live(store, id, mine->since);
    if (old != NULL && strcmp(old->client, mine->client) == 0) {
        mine->since = old->since;
    } else if (old != NULL) {
        theirs = *old;
    }
    code = vox_name_table_put(&store->checkouts, id, mine, err);
    if (code == VOX_OK) {
        store->generation++;
        pthread_cond_broadcast(&store->changed);
    }
    pthread_mutex_unlock(&store->lock);
    if (code != VOX_OK) {
        vox_free(mine);
    } else if (before != NULL) {
        *before = theirs;
    }
    return code;
}

static bool is_client(const struct vox_checkout *checkout, const char *client)
{
    struct vox_checkout cut;
    put_client(&cut, client);
    return strcmp(checkout->client, cut.client) == 0;
}

void vox_checkout_release(struct vox_datastore *store, const char *id, const char *client)
{
    pthread_mutex_lock(&store->lock);
    const struct vox_checkout *checkout = vox_name_table_get(&store->checkouts, id);
    if (checkout != NULL && (client == NULL || is_client(checkout, client))) {
        vox_name_table_remove(&store->checkouts, id);
        store->generation++;
        pthread_cond_broadcast(&store->changed);
    }
    pthread_mutex_unlock(&store->lock);
}

bool vox_checkout_find(struct vox_datastore *store, const char *id, struct vox_checkout *out)
{
    struct vox_entry *entry;
    if (vox_store_find(store, id, &entry, NULL) != VOX_OK) {
        return false;
    }
    bool labelled = vox_entry_label(entry, "final") != NULL;
    vox_entry_unref(entry);
    pthread_mutex_lock(&store->lock);
    const struct vox_checkout *checkout = labelled ? NULL : live(store, id, vox_now());
    if (checkout != NULL) {
        *out = *checkout;
    }
    pthread_mutex_unlock(&store->lock);
    return checkout != NULL;
}

bool vox_checkout_by_other(struct vox_datastore *store, const char *id, const char *client)
{
    struct vox_checkout checkout;
    return vox_checkout_find(store, id, &checkout) && !is_client(&checkout, client);
}
