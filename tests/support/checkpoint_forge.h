/* Puts .pt files together piece by piece, good and bad ones. A forge collects the pickle of
 * {"model": {...}} and the storages, and makes the archive of both. */
#ifndef VOX_SUPPORT_CHECKPOINT_FORGE_H
#define VOX_SUPPORT_CHECKPOINT_FORGE_H

#include <stdint.h>

#include "support/byte_builder.h"
#include "support/zip_builder.h"

struct vox_forge {
    struct vox_bytes pickle;
    struct vox_bytes archive; /* members that are added before the pickle is finished */
    struct vox_zip_builder zip;
};

/* A tensor as the pickle describes it; nothing is checked. */
struct vox_forged_tensor {
    const char *name;
    const char *storage; /* "FloatStorage" */
    const char *key;     /* "0": member archive/data/0 */
    int64_t elements;    /* of the storage */
    int64_t offset;
    int rank;
    int64_t sizes[10];
    int64_t strides[10];
};

/* Begins with `{"model": OrderedDict(` open for entries. */
void vox_forge_begin(struct vox_forge *forge);

/* Pieces of a pickle. */
void vox_forge_text(struct vox_bytes *pickle, const char *text);
void vox_forge_int(struct vox_bytes *pickle, int64_t value);
void vox_forge_global(struct vox_bytes *pickle, const char *module, const char *name);

/* One entry, name and tensor. */
void vox_forge_tensor(struct vox_forge *forge, const struct vox_forged_tensor *tensor);

/* A member of the archive, e.g. "archive/data/0". */
void vox_forge_member(struct vox_forge *forge, const char *name, const void *data, size_t size);

/* Closes the dict, ends the pickle and gives the archive, which the caller frees with
 * vox_bytes_free. */
struct vox_bytes vox_forge_end(struct vox_forge *forge);

/* The archive of a pickle that is given as it is; the forge's own pickle is dropped. */
struct vox_bytes vox_forge_end_with(struct vox_forge *forge, const void *pickle, size_t size);

#endif
