/* One object of the datastore: an image and its labels. Sealed, it does not change any more and may
 * be read by several threads; it counts its owners. */
#ifndef VOX_STORE_ENTRY_H
#define VOX_STORE_ENTRY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"
#include "util/json.h"

struct vox_entry_label {
    char *tag;
    char *ext;
    char *info;  /* a JSON object without white space, as all of these */
    char *extra; /* members besides ext and info, "{}" if there are none */
};

struct vox_entry {
    atomic_uint owners;
    bool foreign; /* its key is no file name: kept, and not shown */
    char *id, *stem;
    uint64_t id_hash, stem_hash;
    uint64_t number;
    char *ext;
    char *info;
    char *image_extra;
    char *extra; /* besides image and labels */
    struct vox_entry_label *labels;
    size_t n_labels;
    char *body; /* what stands behind its key in datastore_v2.json; NULL until it is sealed */
    size_t body_size;
};

/* Not sealed, with one owner, no labels. NULL where there is no memory. */
struct vox_entry *vox_entry_new(const char *id, const char *stem, const char *ext,
                                const char *info);

/* The same for what a file says. VOX_E_FORMAT where it is not what it should be. */
enum vox_code vox_entry_read(const char *id, const char *stem, const struct vox_json *json,
                             struct vox_entry **out, struct vox_err *err) VOX_MUST_USE;

/* A copy that is not sealed; NULL where there is no memory. */
struct vox_entry *vox_entry_copy(const struct vox_entry *entry);

struct vox_entry *vox_entry_ref(struct vox_entry *entry);
void vox_entry_unref(struct vox_entry *entry); /* NULL is allowed */

/* Makes `body`. VOX_E_NOMEM, VOX_E_FORMAT for texts that are no JSON objects. */
enum vox_code vox_entry_seal(struct vox_entry *entry, struct vox_err *err) VOX_MUST_USE;

/* NULL if there is none. */
const struct vox_entry_label *vox_entry_label(const struct vox_entry *entry, const char *tag);

/* Changes of what is not sealed; false where there is no memory. The first puts a text in the place
 * of another. A label that is there keeps its place and its extra members. */
bool vox_entry_set(char **field, const char *text) VOX_MUST_USE;
bool vox_entry_set_label(struct vox_entry *entry, const char *tag, const char *ext,
                         const char *info) VOX_MUST_USE;
void vox_entry_drop_label(struct vox_entry *entry, const char *tag);

/* Whether both say the same, numbers left out. */
bool vox_entry_same(const struct vox_entry *a, const struct vox_entry *b);

#endif
