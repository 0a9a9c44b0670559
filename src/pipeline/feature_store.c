#include "pipeline/feature_store.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "pipeline/feature_disk.h"
#include "util/hash.h"
#include "util/memory.h"

struct vox_held_features {
    struct vox_feature_key key;
    struct vox_features *features;
    int64_t holders;
    bool listed;                             /* in the table; else its holder's alone */
    bool queued;                             /* in the table, and nobody holds it */
    struct vox_held_features *chain;         /* the next one of the bucket */
    struct vox_held_features *newer, *older; /* of those that are queued */
};

enum { FIRST_BUCKETS = 64, MAX_BUCKETS = 1 << 20 };

struct vox_feature_store {
    struct vox_model_config config;
    uint8_t base[VOX_SHA256_SIZE]; /* digest of what is the same for all keys */
    uint64_t budget;
    uint64_t entry_bytes;
    struct vox_feature_disk *disk; /* NULL: none */

    pthread_mutex_t lock; /* guards what follows */
    struct vox_held_features **buckets;
    size_t n_buckets; /* a power of two */
    size_t n_entries; /* in the table */
    struct vox_held_features *newest, *oldest;
    int64_t held; /* how often something is held */
    struct vox_feature_store_counts counts;
};

/* --- the table; under the lock --- */

static struct vox_held_features **bucket_of(struct vox_held_features **buckets, size_t n,
                                            const struct vox_feature_key *key)
{
    uint64_t hash;
    memcpy(&hash, key->bytes, sizeof(hash));
    return &buckets[hash & (n - 1)];
}

static struct vox_held_features *look_up(struct vox_feature_store *store,
                                         const struct vox_feature_key *key)
{
    struct vox_held_features *entry = *bucket_of(store->buckets, store->n_buckets, key);
    while (entry != NULL && memcmp(entry->key.bytes, key->bytes, sizeof(key->bytes)) != 0) {
        entry = entry->chain;
    }
    return entry;
}

/* More buckets; where there is no memory for them the chains just become longer. */
static void grow(struct vox_feature_store *store)
{
    size_t n = 2 * store->n_buckets;
    struct vox_held_features **buckets =
        n <= MAX_BUCKETS ? vox_calloc(n, sizeof(struct vox_held_features *)) : NULL;
    if (buckets == NULL) {
        return;
    }
    for (size_t b = 0; b < store->n_buckets; b++) {
        while (store->buckets[b] != NULL) {
            struct vox_held_features *entry = store->buckets[b];
            store->buckets[b] = entry->chain;
            struct vox_held_features **to = bucket_of(buckets, n, &entry->key);
            entry->chain = *to;
            *to = entry;
        }
    }
    vox_free(store->buckets);
    store->buckets = buckets;
    store->n_buckets = n;
}

static void list_entry(struct vox_feature_store *store, struct vox_held_features *entry)
{
    if (store->n_entries >= store->n_buckets) {
        grow(store);
    }
    struct vox_held_features **bucket = bucket_of(store->buckets, store->n_buckets, &entry->key);
    entry->chain = *bucket;
    *bucket = entry;
    entry->listed = true;
    store->n_entries++;
    store->counts.memory_bytes += store->entry_bytes;
}

static void unlist_entry(struct vox_feature_store *store, struct vox_held_features *entry)
{
    struct vox_held_features **at = bucket_of(store->buckets, store->n_buckets, &entry->key);
    while (*at != entry) {
        at = &(*at)->chain;
    }
    *at = entry->chain;
    store->n_entries--;
    store->counts.memory_bytes -= store->entry_bytes;
}

static void queue_newest(struct vox_feature_store *store, struct vox_held_features *entry)
{
    entry->queued = true;
    entry->newer = NULL;
    entry->older = store->newest;
    if (store->newest != NULL) {
        store->newest->newer = entry;
    } else {
        store->oldest = entry;
    }
    store->newest = entry;
}

static void leave_queue(struct vox_feature_store *store, struct vox_held_features *entry)
{
    entry->queued = false;
    if (entry->newer != NULL) {
        entry->newer->older = entry->older;
    } else {
        store->newest = entry->older;
    }
    if (entry->older != NULL) {
        entry->older->newer = entry->newer;
    } else {
        store->oldest = entry->newer;
    }
}

static void hold(struct vox_feature_store *store, struct vox_held_features *entry)
{
    if (entry->queued) {
        leave_queue(store, entry);
    }
    entry->holders++;
    store->held++;
}

/* Puts a new entry into the table if the budget allows. All entries are of one size, so that at
 * most one has to go; *evicted is the caller's to free, outside the lock. */
static void keep_if_it_fits(struct vox_feature_store *store, struct vox_held_features *entry,
                            struct vox_held_features **evicted)
{
    if (store->entry_bytes > store->budget) {
        return;
    }
    if (store->counts.memory_bytes > store->budget - store->entry_bytes) {
        if (store->oldest == NULL) {
            return; /* all that is kept is in use */
        }
        *evicted = store->oldest;
        leave_queue(store, *evicted);
        unlist_entry(store, *evicted);
        store->counts.evicted++;
    }
    list_entry(store, entry);
}

/* --- entries --- */

static void entry_free(struct vox_held_features *entry)
{
    if (entry != NULL) {
        vox_features_free(entry->features);
        vox_free(entry);
    }
}

/* Takes the features over; NULL, and they are gone, where there is no memory. */
static struct vox_held_features *entry_new(const struct vox_feature_key *key,
                                           struct vox_features *features)
{
    struct vox_held_features *entry = vox_calloc(1, sizeof(*entry));
    if (entry == NULL) {
        vox_features_free(features);
        return NULL;
    }
    entry->key = *key;
    entry->features = features;
    return entry;
}

/* Brings an entry in and holds it, or the one that another thread brought first: both have the same
 * bits. */
static struct vox_held_features *bring_in(struct vox_feature_store *store,
                                          struct vox_held_features *entry, bool from_disk)
{
    struct vox_held_features *superfluous = NULL;
    pthread_mutex_lock(&store->lock);
    store->counts.disk_hits += from_disk;
    struct vox_held_features *first = look_up(store, &entry->key);
    if (first != NULL) {
        superfluous = entry;
        entry = first;
    } else {
        keep_if_it_fits(store, entry, &superfluous);
    }
    hold(store, entry);
    pthread_mutex_unlock(&store->lock);
    entry_free(superfluous);
    return entry;
}

/* --- use --- */

const struct vox_features *vox_held_features_get(const struct vox_held_features *held)
{
    return held->features;
}

enum vox_code vox_feature_store_key(const struct vox_feature_store *store, const uint8_t *image,
                                    struct vox_feature_key *out, struct vox_err *err)
{
    uint8_t both[2 * VOX_SHA256_SIZE];
    size_t side = (size_t)store->config.image_size;
    memcpy(both, store->base, VOX_SHA256_SIZE);
    enum vox_code code = vox_sha256(image, side * side, both + VOX_SHA256_SIZE, err);
    return code == VOX_OK ? vox_sha256(both, sizeof(both), out->bytes, err) : code;
}

static struct vox_held_features *find_in_memory(struct vox_feature_store *store,
                                                const struct vox_feature_key *key)
{
    pthread_mutex_lock(&store->lock);
    struct vox_held_features *entry = look_up(store, key);
    if (entry != NULL) {
        hold(store, entry);
        store->counts.memory_hits++;
    }
    pthread_mutex_unlock(&store->lock);
    return entry;
}

static struct vox_held_features *find_on_disk(struct vox_feature_store *store,
                                              const struct vox_feature_key *key)
{
    struct vox_features *features = vox_features_new(&store->config);
    if (features == NULL) {
        return NULL;
    }
    if (!vox_feature_disk_load(store->disk, key, features)) {
        vox_features_free(features);
        return NULL;
    }
    struct vox_held_features *entry = entry_new(key, features);
    return entry == NULL ? NULL : bring_in(store, entry, true);
}

struct vox_held_features *vox_feature_store_find(struct vox_feature_store *store,
                                                 const struct vox_feature_key *key)
{
    struct vox_held_features *held = find_in_memory(store, key);
    if (held == NULL && store->disk != NULL) {
        held = find_on_disk(store, key);
    }
    if (held == NULL) {
        pthread_mutex_lock(&store->lock);
        store->counts.misses++;
        pthread_mutex_unlock(&store->lock);
    }
    return held;
}

enum vox_code vox_feature_store_add(struct vox_feature_store *store,
                                    const struct vox_feature_key *key,
                                    struct vox_features *features, struct vox_held_features **out,
                                    struct vox_err *err)
{
    struct vox_held_features *entry = entry_new(key, features);
    if (entry == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    entry = bring_in(store, entry, false);
    if (store->disk != NULL) {
        vox_feature_disk_save(store->disk, key, entry->features);
    }
    *out = entry;
    return VOX_OK;
}

void vox_feature_store_release(struct vox_feature_store *store, struct vox_held_features *held)
{
    if (held == NULL) {
        return;
    }
    pthread_mutex_lock(&store->lock);
    VOX_ASSERT(held->holders > 0);
    held->holders--;
    store->held--;
    /* From the table another thread may take and throw out what is queued at any time. */
    struct vox_held_features *unlisted = held->listed ? NULL : held;
    if (unlisted == NULL && held->holders == 0) {
        queue_newest(store, held);
    }
    pthread_mutex_unlock(&store->lock);
    entry_free(unlisted);
}

struct vox_feature_store_counts vox_feature_store_counts(struct vox_feature_store *store)
{
    struct vox_feature_disk_counts disk = {0};
    if (store->disk != NULL) {
        disk = vox_feature_disk_counts(store->disk);
    }
    pthread_mutex_lock(&store->lock);
    struct vox_feature_store_counts counts = store->counts;
    pthread_mutex_unlock(&store->lock);
    counts.damaged = disk.damaged;
    counts.removed = disk.removed;
    counts.failed_writes = disk.failed_writes;
    return counts;
}

/* --- making --- */

/* What of a configuration changes features: all that the image encoder is built by. */
enum { SHAPE_NUMBERS = 12 + 4 * VOX_MAX_STAGES + VOX_MAX_BLOCKS };

static void describe_shape(const struct vox_model_config *config, int64_t shape[SHAPE_NUMBERS])
{
    const struct vox_trunk_config *trunk = &config->trunk;
    const struct vox_neck_config *neck = &config->neck;
    const int64_t single[] = {config->image_size, config->scalp,      config->high_res_features,
                              trunk->embed_dim,   trunk->num_heads,   trunk->n_stages,
                              trunk->n_global,    trunk->pos_size[0], trunk->pos_size[1],
                              trunk->q_pool,      trunk->mlp_ratio,   neck->d_model};
    size_t n = 0;
    for (size_t i = 0; i < sizeof(single) / sizeof(single[0]); i++) {
        shape[n++] = single[i];
    }
    for (int i = 0; i < VOX_MAX_STAGES; i++) {
        bool used = i < trunk->n_stages;
        shape[n++] = used ? trunk->stages[i] : 0;
        shape[n++] = used ? trunk->window_spec[i] : 0;
        shape[n++] = used ? neck->channels[i] : 0;
        shape[n++] = used ? neck->top_down[i] : 0;
    }
    for (int i = 0; i < VOX_MAX_BLOCKS; i++) {
        shape[n++] = i < trunk->n_global ? trunk->global_att_blocks[i] : 0;
    }
    VOX_ASSERT(n == SHAPE_NUMBERS);
}

static enum vox_code find_base(const struct vox_feature_store_setup *setup,
                               uint8_t base[VOX_SHA256_SIZE], struct vox_err *err)
{
    int64_t shape[SHAPE_NUMBERS];
    uint8_t both[2 * VOX_SHA256_SIZE];
    describe_shape(setup->config, shape);
    enum vox_code code = vox_sha256(shape, sizeof(shape), both, err);
    if (code == VOX_OK) {
        code = vox_sha256(setup->identity, strlen(setup->identity), both + VOX_SHA256_SIZE, err);
    }
    return code == VOX_OK ? vox_sha256(both, sizeof(both), base, err) : code;
}

static enum vox_code open_store(const struct vox_feature_store_setup *setup,
                                struct vox_feature_store *store, struct vox_err *err)
{
    store->config = *setup->config;
    store->budget = setup->memory;
    store->entry_bytes =
        sizeof(struct vox_held_features) + (uint64_t)vox_features_bytes(setup->config);
    enum vox_code code = find_base(setup, store->base, err);
    if (code != VOX_OK) {
        return code;
    }
    store->n_buckets = FIRST_BUCKETS;
    store->buckets = vox_calloc(store->n_buckets, sizeof(struct vox_held_features *));
    if (store->buckets == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    return setup->folder == NULL
               ? VOX_OK
               : vox_feature_disk_new(setup->folder, setup->disk, setup->config, &store->disk, err);
}

enum vox_code vox_feature_store_new(const struct vox_feature_store_setup *setup,
                                    struct vox_feature_store **out, struct vox_err *err)
{
    struct vox_feature_store *store = vox_calloc(1, sizeof(*store));
    if (store == NULL || pthread_mutex_init(&store->lock, NULL) != 0) {
        vox_free(store);
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    enum vox_code code = open_store(setup, store, err);
    if (code != VOX_OK) {
        vox_feature_store_free(store);
        return code;
    }
    *out = store;
    return VOX_OK;
}

void vox_feature_store_free(struct vox_feature_store *store)
{
    if (store == NULL) {
        return;
    }
    VOX_ASSERT(store->held == 0);
    for (size_t b = 0; store->buckets != NULL && b < store->n_buckets; b++) {
        while (store->buckets[b] != NULL) {
            struct vox_held_features *entry = store->buckets[b];
            store->buckets[b] = entry->chain;
            entry_free(entry);
        }
    }
    vox_free(store->buckets);
    vox_feature_disk_free(store->disk);
    pthread_mutex_destroy(&store->lock);
    vox_free(store);
}
