#include "store/name_table.h"

#include <string.h>

#include "util/memory.h"

enum { FIRST_ROOM = 64 };

uint64_t vox_name_hash(const char *name)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (; *name != '\0'; name++) {
        hash = (hash ^ (unsigned char)*name) * UINT64_C(1099511628211);
    }
    /* Tables use the low bits. */
    return hash ^ hash >> 32;
}

/* The slot of a key, or the free one where it would go. */
static struct vox_name_slot *find(const struct vox_name_table *table, const char *key,
                                  uint64_t hash)
{
    size_t mask = table->room - 1;
    size_t i = (size_t)hash & mask;
    while (table->slots[i].key != NULL &&
           (table->slots[i].hash != hash || strcmp(table->slots[i].key, key) != 0)) {
        i = (i + 1) & mask;
    }
    return &table->slots[i];
}

void *vox_name_table_get(const struct vox_name_table *table, const char *key)
{
    return table->n == 0 ? NULL : find(table, key, vox_name_hash(key))->value;
}

static bool grow(struct vox_name_table *table)
{
    size_t room = table->room == 0 ? FIRST_ROOM : table->room * 2;
    struct vox_name_table bigger = {.room = room, .slots = vox_calloc(room, sizeof(*bigger.slots))};
    if (bigger.slots == NULL) {
        return false;
    }
    for (size_t i = 0; i < table->room; i++) {
        const struct vox_name_slot *slot = &table->slots[i];
        if (slot->key != NULL) {
            *find(&bigger, slot->key, slot->hash) = *slot;
        }
    }
    vox_free(table->slots);
    table->slots = bigger.slots;
    table->room = room;
    return true;
}

enum vox_code vox_name_table_put(struct vox_name_table *table, const char *key, void *value,
                                 struct vox_err *err)
{
    VOX_ASSERT(value != NULL);
    if ((table->n + 1) * 2 > table->room && !grow(table)) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    uint64_t hash = vox_name_hash(key);
    struct vox_name_slot *slot = find(table, key, hash);
    if (slot->key == NULL) {
        char *copy = vox_strdup(key);
        if (copy == NULL) {
            return vox_fail(err, VOX_E_NOMEM, "out of memory");
        }
        *slot = (struct vox_name_slot){copy, hash, NULL};
        table->n++;
    } else if (table->free_value != NULL && slot->value != value) {
        table->free_value(slot->value);
    }
    slot->value = value;
    return VOX_OK;
}

void vox_name_table_remove(struct vox_name_table *table, const char *key)
{
    if (table->n == 0) {
        return;
    }
    struct vox_name_slot *slot = find(table, key, vox_name_hash(key));
    if (slot->key == NULL) {
        return;
    }
    if (table->free_value != NULL) {
        table->free_value(slot->value);
    }
    vox_free(slot->key);
    table->n--;
    /* Those behind move up, so that no search ends too early. */
    size_t mask = table->room - 1;
    size_t hole = (size_t)(slot - table->slots);
    for (size_t i = (hole + 1) & mask; table->slots[i].key != NULL; i = (i + 1) & mask) {
        size_t home = (size_t)table->slots[i].hash & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            table->slots[hole] = table->slots[i];
            hole = i;
        }
    }
    table->slots[hole] = (struct vox_name_slot){0};
}

const char *vox_name_table_next(const struct vox_name_table *table, size_t *cursor, void **value)
{
    for (size_t i = *cursor; i < table->room; i++) {
        if (table->slots[i].key != NULL) {
            *cursor = i + 1;
            if (value != NULL) {
                *value = table->slots[i].value;
            }
            return table->slots[i].key;
        }
    }
    *cursor = table->room;
    return NULL;
}

void vox_name_table_fini(struct vox_name_table *table)
{
    for (size_t i = 0; i < table->room; i++) {
        if (table->slots[i].key != NULL) {
            vox_free(table->slots[i].key);
            if (table->free_value != NULL) {
                table->free_value(table->slots[i].value);
            }
        }
    }
    vox_free(table->slots);
    *table = (struct vox_name_table){.free_value = table->free_value};
}
