/* A table from texts to pointers. One thread at a time. */
#ifndef VOX_STORE_NAME_TABLE_H
#define VOX_STORE_NAME_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

struct vox_name_table {
    struct vox_name_slot {
        char *key; /* owned; NULL: free */
        uint64_t hash;
        void *value;
    } * slots;
    size_t n, room;                  /* room is 0 or a power of two */
    void (*free_value)(void *value); /* NULL: values are borrowed */
};

/* FNV-1a. */
uint64_t vox_name_hash(const char *name);

/* NULL where there is none. */
void *vox_name_table_get(const struct vox_name_table *table, const char *key);

/* Sets a value, not NULL; one that was there is freed. VOX_E_NOMEM, and the value stays the
 * caller's. */
enum vox_code vox_name_table_put(struct vox_name_table *table, const char *key, void *value,
                                 struct vox_err *err) VOX_MUST_USE;

/* Frees the value too. */
void vox_name_table_remove(struct vox_name_table *table, const char *key);

/* Steps through all, in no order: begin with *cursor 0. NULL at the end; *value may be NULL. */
const char *vox_name_table_next(const struct vox_name_table *table, size_t *cursor, void **value);

void vox_name_table_fini(struct vox_name_table *table);

#endif
