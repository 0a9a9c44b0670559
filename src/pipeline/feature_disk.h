/* Features of slices on disk, one file per key.
 *
 * The folder is private (mode 0700, owned by who runs the program) and so are its files (0600).
 * Their names are the keys' digits: nothing in it names a patient or an image. A file holds a
 * header, the features and a digest of both, and is written under a temporary name, synced and
 * renamed: a file is complete or is not there, and what is damaged all the same is found out when
 * it is read. Several processes may share a folder, and each may be killed at any moment; the cache
 * has no state beside its files. Any thread. */
#ifndef VOX_PIPELINE_FEATURE_DISK_H
#define VOX_PIPELINE_FEATURE_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "model/features.h"
#include "pipeline/feature_store.h"
#include "util/error.h"

struct vox_feature_disk;

/* Opens the folder, or makes it (not the folders above it), and removes what killed writers left.
 * `bytes` bounds the files. VOX_E_ARG for a folder that is somebody else's, open to others or a
 * symbolic link, VOX_E_IO, VOX_E_NOMEM. The caller owns *out. */
enum vox_code vox_feature_disk_new(const char *folder, uint64_t bytes,
                                   const struct vox_model_config *config,
                                   struct vox_feature_disk **out, struct vox_err *err) VOX_MUST_USE;
void vox_feature_disk_free(struct vox_feature_disk *disk); /* NULL is allowed */

/* Reads the features of a key into maps that the caller made; false where there are none, and then
 * the maps hold anything. A file that is damaged, not private or not a file is removed. */
bool vox_feature_disk_load(struct vox_feature_disk *disk, const struct vox_feature_key *key,
                           const struct vox_features *features);

/* Writes the features of a key, unless they are there. Files that were not used for longest make
 * room, those of other programs too; when the call returns the folder holds no more than its
 * budget. Fails in silence: what is not written is computed again. */
void vox_feature_disk_save(struct vox_feature_disk *disk, const struct vox_feature_key *key,
                           const struct vox_features *features);

struct vox_feature_disk_counts {
    int64_t damaged;       /* files that were dropped when they were read */
    int64_t removed;       /* files that made room */
    int64_t failed_writes; /* a disk that is full, read-only or broken */
};
struct vox_feature_disk_counts vox_feature_disk_counts(struct vox_feature_disk *disk);

/* Bytes of one file. */
uint64_t vox_feature_disk_file_bytes(const struct vox_model_config *config);

#endif
