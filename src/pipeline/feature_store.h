/* What is known of slices that were encoded before: in memory, and on disk where that was asked
 * for.
 *
 * A slice's features are found by a key made of everything that they depend on: the bytes that the
 * network is given (slice, intensity window, zoom window and image size have gone into them), the
 * weights, the encoder's shape and the kernels that compute. So passes, objects, clicks and jobs
 * share them, and equal keys mean equal bits. Any thread. */
#ifndef VOX_PIPELINE_FEATURE_STORE_H
#define VOX_PIPELINE_FEATURE_STORE_H

#include <stdint.h>

#include "model/features.h"
#include "util/error.h"

struct vox_feature_store;

struct vox_feature_store_setup {
    const struct vox_model_config *config; /* copied */
    uint64_t memory;      /* bytes of features in memory, never more; 0: none are kept */
    const char *folder;   /* of the disk cache; NULL: none */
    uint64_t disk;        /* bytes of its files, never more when a write has ended */
    const char *identity; /* what else changes a bit of the features and goes into the key: SHA-256
                             of the weights, backend, instruction set, version of the program */
};

struct vox_feature_key {
    uint8_t bytes[32]; /* SHA-256 */
};

/* The folder is made with mode 0700 where it is missing; one that others may read is VOX_E_ARG.
 * VOX_E_IO, VOX_E_NOMEM. The caller owns *out. */
enum vox_code vox_feature_store_new(const struct vox_feature_store_setup *setup,
                                    struct vox_feature_store **out,
                                    struct vox_err *err) VOX_MUST_USE;
/* NULL is allowed. Everything held must have been released. */
void vox_feature_store_free(struct vox_feature_store *store);

/* The key of the bytes that the network is given, image_size * image_size of them. */
enum vox_code vox_feature_store_key(const struct vox_feature_store *store, const uint8_t *image,
                                    struct vox_feature_key *out, struct vox_err *err) VOX_MUST_USE;

/* Features that are held: valid until they are released, whatever is thrown out meanwhile. */
struct vox_held_features;
const struct vox_features *vox_held_features_get(const struct vox_held_features *held);

/* What is known under the key, held; NULL where there is nothing. A file that is damaged is dropped
 * and counts as nothing. */
struct vox_held_features *vox_feature_store_find(struct vox_feature_store *store,
                                                 const struct vox_feature_key *key);

/* Takes features over (also on failure) and holds them for the caller; they are kept for others as
 * far as the budget allows: what is in use counts and stays, the rest goes in the order of its last
 * use. Where another thread was first with the same key its features are held instead. *out is
 * never NULL on success. A disk that is full or broken is no error: it is counted, and the features
 * stay in memory. VOX_E_NOMEM. */
enum vox_code vox_feature_store_add(struct vox_feature_store *store,
                                    const struct vox_feature_key *key,
                                    struct vox_features *features, struct vox_held_features **out,
                                    struct vox_err *err) VOX_MUST_USE;

/* NULL is allowed. */
void vox_feature_store_release(struct vox_feature_store *store, struct vox_held_features *held);

struct vox_feature_store_counts {
    int64_t memory_hits, disk_hits, misses;
    int64_t evicted; /* from memory */
    int64_t removed; /* files that made room for others */
    int64_t damaged; /* files dropped */
    int64_t failed_writes;
    uint64_t memory_bytes; /* of what is kept, in use or not; never above the budget */
};
struct vox_feature_store_counts vox_feature_store_counts(struct vox_feature_store *store);

#endif
