/* Images that were read before: their voxels, and how those become grey values.
 *
 * A file is known by device, inode, size and times (pipeline/file_identity.h), which are looked at
 * again on every request, so that a file that was replaced or written to is read anew. Voxels are
 * shared by all who use them at the same time; what nobody uses is kept as far as the budget
 * allows, and goes in the order of its last use. Grey value ranges are remembered longer than
 * voxels. Files that are streamed (volume/slice_source.h) are opened for each user, and only their
 * ranges are shared. Any thread. */
#ifndef VOX_PIPELINE_VOLUME_CACHE_H
#define VOX_PIPELINE_VOLUME_CACHE_H

#include <stdint.h>

#include "pipeline/intensity.h"
#include "util/error.h"
#include "volume/slice_source.h"

struct vox_volume_cache;

struct vox_volume_cache_setup {
    uint64_t bytes;      /* of voxels that are kept, in use or not; 0: none are */
    uint64_t max_memory; /* of one file's voxels; larger ones are streamed */
    struct vox_volume_limits limits;
};

/* VOX_E_NOMEM. The caller owns *out. */
enum vox_code vox_volume_cache_new(const struct vox_volume_cache_setup *setup,
                                   struct vox_volume_cache **out, struct vox_err *err) VOX_MUST_USE;
/* NULL is allowed. Everything held must have been released. */
void vox_volume_cache_free(struct vox_volume_cache *cache);

/* A file in use; one thread at a time. */
struct vox_held_volume;

/* Takes the file from the cache or reads it. Who asks for a file that is being read waits for that
 * and gets the same, its error too; `watch` (NULL: none) is looked at meanwhile, but not while this
 * very call reads. VOX_E_BUSY for a file that changes while it is read, VOX_E_CANCELLED,
 * VOX_E_NOMEM and those of vox_slice_source_open. The caller ends *out with
 * vox_volume_cache_release. */
enum vox_code vox_volume_cache_get(struct vox_volume_cache *cache, const char *path,
                                   const struct vox_watch *watch, struct vox_held_volume **out,
                                   struct vox_err *err) VOX_MUST_USE;

/* A source of this user's own over the voxels that all share; borrowed until the release. */
struct vox_slice_source *vox_held_volume_slices(struct vox_held_volume *held);

/* As vox_intensity_prepare_watched; the last VOX_REMEMBERED_WINDOWS of a file are remembered, and
 * who asks while one is being found waits for that, watching. */
enum vox_code vox_held_volume_intensity(struct vox_held_volume *held,
                                        const struct vox_window *window,
                                        const struct vox_watch *watch, struct vox_intensity *out,
                                        struct vox_err *err) VOX_MUST_USE;

enum { VOX_REMEMBERED_WINDOWS = 8 };

/* NULL is allowed. */
void vox_volume_cache_release(struct vox_volume_cache *cache, struct vox_held_volume *held);

struct vox_volume_cache_counts {
    int64_t opened;   /* files: read whole, or opened to be streamed */
    int64_t shared;   /* requests that found the voxels */
    int64_t prepared; /* grey value ranges that were found by looking at the voxels */
    int64_t evicted;  /* files whose voxels were thrown out */
    uint64_t bytes;   /* that are kept, in use or not; never above the budget */
};
struct vox_volume_cache_counts vox_volume_cache_counts(struct vox_volume_cache *cache);

#endif
