/* Reading a YAML mapping by a table of its keys. Each key is a value with bounds, a value of which
 * this program supports only one, a key without influence on inference, or a mapping with its own
 * table. Keys that no table knows are refused, so that a setting is never lost in silence. */
#ifndef VOX_MODEL_CONFIG_TABLE_H
#define VOX_MODEL_CONFIG_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/config.h"
#include "util/error.h"
#include "util/yaml.h"

enum vox_field_kind {
    VOX_FIELD_INT,        /* int64_t at offset, low..high */
    VOX_FIELD_REAL,       /* double at offset, low..high */
    VOX_FIELD_BOOL,       /* bool at offset */
    VOX_FIELD_INTS,       /* struct vox_int_list at offset, each low..high; null empties it */
    VOX_FIELD_WORD,       /* char[VOX_CONFIG_WORD] at offset, one of the words of `only` */
    VOX_FIELD_FACTOR,     /* double at offset, low..high, or "off" for 0 */
    VOX_FIELD_MAP,        /* a mapping with the table `map` */
    VOX_FIELD_ONLY_BOOL,  /* must equal `only` */
    VOX_FIELD_ONLY_REAL,  /* must equal `only` as a number */
    VOX_FIELD_ONLY_TEXT,  /* must equal `only` as a word */
    VOX_FIELD_ONLY_NULL,  /* must be null */
    VOX_FIELD_ONLY_CLASS, /* a Python path whose last word must be one of `only`, separated by
                             blanks */
    VOX_FIELD_IGNORED     /* anything */
};

enum { VOX_INT_LIST_MAX = 128 };

struct vox_int_list {
    bool given; /* the document has the key */
    int count;
    int64_t items[VOX_INT_LIST_MAX];
};

struct vox_field {
    const char *key; /* NULL ends a table */
    enum vox_field_kind kind;
    bool required;
    size_t
        offset; /* into the struct that is filled; what it held is the default of an absent key */
    double low, high;
    const char *only;
    const char *absent; /* what an absent key means where that is not supported; else NULL */
    const struct vox_field *map;
};

/* Reads `node`, whose place in the document is `path` ("model"), into `out`. */
enum vox_code vox_table_read(const struct vox_field *table, const char *path,
                             const struct vox_yaml_node *node, void *out,
                             struct vox_err *err) VOX_MUST_USE;

#endif
