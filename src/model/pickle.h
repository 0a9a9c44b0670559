/* A Python pickle as data. The instructions that torch.save writes (protocol 2, and 3 where it only
 * adds byte strings) are interpreted on a bounded stack; nothing that a pickle names is ever looked
 * up or called. Tensors, their storages, dicts, tuples, strings and whole numbers are kept; every
 * other object becomes opaque, so that a checkpoint's entries of any type can be passed over.
 *
 * Bounds: 64 MiB of pickle; 2 million values; tuples and dicts are never followed, so depth costs
 * nothing. Values point into the pickle's bytes, which must outlive them. */
#ifndef VOX_MODEL_PICKLE_H
#define VOX_MODEL_PICKLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

enum {
    VOX_PICKLE_MAX_BYTES = 64 << 20,
    VOX_PICKLE_MAX_VALUES = 2 << 20, /* and stack places, memo places, members of tuples */
    VOX_PICKLE_MAX_MARKS = 4096      /* collections being read at once */
};

enum vox_pickle_kind {
    VOX_PICKLE_OPAQUE, /* anything else */
    VOX_PICKLE_NONE,
    VOX_PICKLE_BOOL,
    VOX_PICKLE_INT,
    VOX_PICKLE_TEXT,
    VOX_PICKLE_GLOBAL, /* text: "module\nname" */
    VOX_PICKLE_TUPLE,
    VOX_PICKLE_DICT,
    VOX_PICKLE_STORAGE, /* items: those of its persistent id */
    VOX_PICKLE_TENSOR   /* items: the arguments of torch._utils._rebuild_tensor_v2 */
};

struct vox_pickle_value {
    enum vox_pickle_kind kind;
    uint32_t count; /* bytes of a text or global, items of a tuple, storage or tensor */
    int64_t number; /* of an int or bool; else internal */
};

struct vox_pickle;

/* Interprets a pickle. VOX_E_FORMAT with the byte's place for a damaged one, VOX_E_UNSUPPORTED for
 * another protocol, VOX_E_LIMIT beyond a bound. */
enum vox_code vox_pickle_open(const uint8_t *data, size_t size, struct vox_pickle **out,
                              struct vox_err *err) VOX_MUST_USE;

void vox_pickle_close(struct vox_pickle *pickle); /* NULL is allowed */

/* The object that the pickle describes. All values live as long as the pickle. */
const struct vox_pickle_value *vox_pickle_root(const struct vox_pickle *pickle);

/* The bytes of a text or global, not NUL-terminated. */
const char *vox_pickle_text(const struct vox_pickle *pickle, const struct vox_pickle_value *value);

/* Whether a text or global equals `text`. */
bool vox_pickle_equals(const struct vox_pickle *pickle, const struct vox_pickle_value *value,
                       const char *text);

/* The i-th member of a tuple, storage or tensor; NULL if there is none. */
const struct vox_pickle_value *vox_pickle_item(const struct vox_pickle *pickle,
                                               const struct vox_pickle_value *value, size_t i);

/* Steps through a dict's pairs in the order in which they were set: begin with a zeroed cursor. A
 * key that was set again comes again. False at the end. */
struct vox_pickle_cursor {
    bool begun;
    uint32_t chunk, pair;
};
bool vox_pickle_next(const struct vox_pickle *pickle, const struct vox_pickle_value *dict,
                     struct vox_pickle_cursor *cursor, const struct vox_pickle_value **key,
                     const struct vox_pickle_value **value);

/* The value that was last set for a text key; NULL if there is none. */
const struct vox_pickle_value *vox_pickle_find(const struct vox_pickle *pickle,
                                               const struct vox_pickle_value *dict,
                                               const char *key);

#endif
