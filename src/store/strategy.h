/* Selection strategies: which image comes next.
 *
 * "first" and "random" stand before one entry for each image that has no "final" label:
 * "img_0007" with the number that the image has among all objects of the datastore. The list is
 * live. A strategy is a row: what it is called, and two functions. Any thread. */
#ifndef VOX_STORE_STRATEGY_H
#define VOX_STORE_STRATEGY_H

#include <stdbool.h>
#include <stddef.h>

#include "store/datastore.h"
#include "util/error.h"

/* --- a row --- */

/* Where a row puts the keys under which clients find it. */
struct vox_strategy_keys;
enum vox_code vox_strategy_keys_add(struct vox_strategy_keys *keys, const char *key,
                                    const char *description, struct vox_err *err) VOX_MUST_USE;

struct vox_strategy_ask {
    const char *key;    /* as the client sent it */
    const char *client; /* never NULL */
    bool file_names;    /* keys end with the file's name */
    const char *passed; /* an image that cannot be had now and is not picked; NULL: none */
};

struct vox_strategy_pick {
    char *id; /* vox_alloc'd; NULL: nothing is left */
    double weight;
    bool weighted;
};

struct vox_strategy {
    const char *name; /* its key, and where its keys are made by `info`, what they begin with */
    const char *description; /* of the one key */

    /* Adds the keys that there are now; NULL: the one key is the name. */
    enum vox_code (*info)(struct vox_datastore *store, bool file_names,
                          struct vox_strategy_keys *keys, struct vox_err *err);

    /* Picks an image. VOX_E_NOT_FOUND, with a text that says what there is, for a key that is not
     * or no more. */
    enum vox_code (*next)(struct vox_datastore *store, const struct vox_strategy_ask *ask,
                          struct vox_strategy_pick *pick, struct vox_err *err);
};

/* --- the list --- */

struct vox_strategies;

struct vox_strategies_options {
    bool file_names; /* "img_0007_case.nii.gz" */
    const struct vox_strategy *const
        *more; /* rows behind the two and before the images; borrowed */
    size_t n_more;
};

/* options may be NULL. The datastore is borrowed. */
enum vox_code vox_strategies_new(struct vox_datastore *store,
                                 const struct vox_strategies_options *options,
                                 struct vox_strategies **out, struct vox_err *err) VOX_MUST_USE;
void vox_strategies_free(struct vox_strategies *strategies); /* NULL is allowed */

/* {"first": {"description": "..."}, ..., "img_0007": {"description": "<id>"}}, in their order; the
 * caller frees *out with vox_free. */
enum vox_code vox_strategies_info_json(struct vox_strategies *strategies, char **out,
                                       struct vox_err *err) VOX_MUST_USE;

struct vox_sample {
    char *id;   /* NULL: nothing is left */
    char *path; /* NULL with it */
    char *json; /* the whole answer: {} or {"id", "path", "name", "checksum", "ts", ...} */
};

/* The next image of a strategy for a client (NULL or "": "admin"): checks it out, notes in its info
 * strategy.<key> = {"ts", "client_id"} and answers with its info as it was before. A checkout of
 * somebody else that was taken over, and an image that could not be noted, stand in "warnings".
 * Where the image that was picked goes, or is being written, another one is picked once.
 * VOX_E_NOT_FOUND for a strategy that there is not, with the nearest ones in the text, and for an
 * image that is gone; VOX_E_BUSY for one that is being written. The caller frees with
 * vox_sample_free. */
enum vox_code vox_strategies_next(struct vox_strategies *strategies, const char *strategy,
                                  const char *client, struct vox_sample *out,
                                  struct vox_err *err) VOX_MUST_USE;
void vox_sample_free(struct vox_sample *sample); /* all zero is allowed */

#endif
