/* The datastore at one moment: its objects in their order. Published, an index does not change any
 * more and may be read by several threads; it counts its owners. A change works on a draft, which
 * is a copy that shares the objects. */
#ifndef VOX_STORE_INDEX_H
#define VOX_STORE_INDEX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/entry.h"
#include "util/error.h"

/* What the file says besides objects. */
struct vox_index_head {
    char *name, *description;
    char *images_dir, *labels_dir;
    char *extra; /* a JSON object */
};

struct vox_index {
    atomic_uint owners;
    struct vox_index_head head;
    struct vox_entry **at;
    size_t n, room;
    uint32_t *by_id, *by_stem; /* slots hold places + 1; foreign objects are in none */
    size_t slots;              /* a power of two */
};

/* A new one without objects. NULL where there is no memory, as below. */
struct vox_index *vox_index_new(void);
struct vox_index *vox_index_copy(const struct vox_index *index);
struct vox_index *vox_index_ref(struct vox_index *index);
void vox_index_unref(struct vox_index *index); /* NULL is allowed */

enum { VOX_INDEX_NONE = -1 };

/* Places of objects; VOX_INDEX_NONE. */
int64_t vox_index_find(const struct vox_index *index, const char *id);
int64_t vox_index_find_stem(const struct vox_index *index, const char *stem);

/* Changes of drafts. The first takes the object over, not on failure; the second too, in the place
 * of another with the same id and stem. The third leaves a hole that vox_index_close closes. */
enum vox_code vox_index_append(struct vox_index *index, struct vox_entry *entry,
                               struct vox_err *err) VOX_MUST_USE;
void vox_index_replace(struct vox_index *index, size_t place, struct vox_entry *entry);
void vox_index_drop(struct vox_index *index, size_t place);
void vox_index_close(struct vox_index *index);

/* --- datastore_v2.json --- */

/* What an id is for a stem; the caller frees *id. */
typedef enum vox_code vox_index_name(void *context, const char *stem, char **id,
                                     struct vox_err *err);

/* Takes a file's text apart. Objects of `known` (NULL: none) that say the same are shared; the
 * others are new, sealed, and have number UINT64_MAX. VOX_E_FORMAT, VOX_E_LIMIT, VOX_E_NOMEM. */
enum vox_code vox_index_read(const char *text, size_t size, const struct vox_index *known,
                             vox_index_name *name, void *context, struct vox_index **out,
                             struct vox_err *err) VOX_MUST_USE;

/* The file's text; all objects are sealed. The caller frees *out with vox_free. */
enum vox_code vox_index_write(const struct vox_index *index, char **out, size_t *size,
                              struct vox_err *err) VOX_MUST_USE;

/* Whether the heads say the same. */
bool vox_index_same_head(const struct vox_index *a, const struct vox_index *b);

#endif
