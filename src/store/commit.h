/* How the datastore changes: one writer at a time, one write for all changes that wait.
 *
 * A change is called in steps. `apply` works on a draft of the index; when all of a group have, the
 * new datastore_v2.json is written under a temporary name and brought to the disk, which is what
 * can fail for want of room. Then `place` gives files their names, then the JSON gets its own, and
 * `settle` removes what is not needed any more. Where something fails after `place`, `undo` takes
 * that back. All of it happens under flock on .lock, and after what others have written was read.
 */
#ifndef VOX_STORE_COMMIT_H
#define VOX_STORE_COMMIT_H

#include <stdbool.h>

#include "store/datastore_parts.h"

struct vox_change {
    enum vox_code (*apply)(struct vox_datastore *store, struct vox_change *change,
                           struct vox_index *draft, bool *changed, struct vox_err *err);
    /* These may be NULL. */
    const char *id; /* of the image; a group has one change of an image at most */
    enum vox_code (*place)(struct vox_datastore *store, struct vox_change *change,
                           struct vox_err *err);
    void (*undo)(struct vox_datastore *store, struct vox_change *change);
    void (*settle)(struct vox_datastore *store, struct vox_change *change);
    bool images; /* it is about images' files */
    bool looks;  /* it compares the draft with the folder: applied before those of the group whose
                    files  are not placed yet, or not removed */

    /* for commit.c */
    struct vox_change *next;
    struct vox_err err;
    enum vox_code code;
    bool placed, changed, done;
};

/* Carries a change out and waits for it; the caller has set the functions, the rest is zero. */
enum vox_code vox_commit(struct vox_datastore *store, struct vox_change *change,
                         struct vox_err *err) VOX_MUST_USE;

/* Puts an object into a draft in the place of the one with its stem, or at the end; seals it and
 * takes it over in any case. */
enum vox_code vox_draft_put(struct vox_index *draft, struct vox_entry *entry,
                            struct vox_err *err) VOX_MUST_USE;

#endif
