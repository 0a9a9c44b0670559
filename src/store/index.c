#include "store/index.h"

#include <string.h>

#include "store/name_table.h"
#include "util/memory.h"

enum { FIRST_ROOM = 16 };

static void release_head(struct vox_index_head *head)
{
    vox_free(head->name);
    vox_free(head->description);
    vox_free(head->images_dir);
    vox_free(head->labels_dir);
    vox_free(head->extra);
}

static bool set_head(struct vox_index_head *head, const struct vox_index_head *from)
{
    return vox_entry_set(&head->name, from->name) &&
           vox_entry_set(&head->description, from->description) &&
           vox_entry_set(&head->images_dir, from->images_dir) &&
           vox_entry_set(&head->labels_dir, from->labels_dir) &&
           vox_entry_set(&head->extra, from->extra);
}

static void release(struct vox_index *index)
{
    for (size_t i = 0; i < index->n; i++) {
        vox_entry_unref(index->at[i]);
    }
    vox_free(index->at);
    vox_free(index->by_id);
    vox_free(index->by_stem);
    release_head(&index->head);
    vox_free(index);
}

struct vox_index *vox_index_ref(struct vox_index *index)
{
    atomic_fetch_add(&index->owners, 1);
    return index;
}

void vox_index_unref(struct vox_index *index)
{
    if (index != NULL && atomic_fetch_sub(&index->owners, 1) == 1) {
        release(index);
    }
}

/* With room for `room` objects and four slots for each. */
static struct vox_index *make(const struct vox_index_head *head, size_t room)
{
    struct vox_index *index = vox_calloc(1, sizeof(*index));
    if (index == NULL) {
        return NULL;
    }
    atomic_init(&index->owners, 1);
    index->room = FIRST_ROOM;
    while (index->room < room) {
        index->room *= 2;
    }
    index->slots = index->room * 4;
    index->at = vox_calloc(index->room, sizeof(struct vox_entry *));
    index->by_id = vox_calloc(index->slots, sizeof(uint32_t));
    index->by_stem = vox_calloc(index->slots, sizeof(uint32_t));
    if (index->at == NULL || index->by_id == NULL || index->by_stem == NULL ||
        !set_head(&index->head, head)) {
        release(index);
        return NULL;
    }
    return index;
}

struct vox_index *vox_index_new(void)
{
    char name[] = "new-dataset", description[] = "New Dataset", images[] = ".", labels[] = "labels",
         extra[] = "{}";
    const struct vox_index_head head = {name, description, images, labels, extra};
    return make(&head, 0);
}

static void note_place(struct vox_index *index, size_t place)
{
    const struct vox_entry *entry = index->at[place];
    size_t mask = index->slots - 1;
    if (entry->foreign) {
        return;
    }
    size_t i = (size_t)entry->id_hash & mask;
    while (index->by_id[i] != 0) {
        i = (i + 1) & mask;
    }
    index->by_id[i] = (uint32_t)place + 1;
    i = (size_t)entry->stem_hash & mask;
    while (index->by_stem[i] != 0) {
        i = (i + 1) & mask;
    }
    index->by_stem[i] = (uint32_t)place + 1;
}

struct vox_index *vox_index_copy(const struct vox_index *index)
{
    struct vox_index *copy = make(&index->head, index->n + 1);
    if (copy == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < index->n; i++) {
        copy->at[i] = vox_entry_ref(index->at[i]);
    }
    copy->n = index->n;
    if (copy->slots == index->slots) {
        memcpy(copy->by_id, index->by_id, index->slots * sizeof(uint32_t));
        memcpy(copy->by_stem, index->by_stem, index->slots * sizeof(uint32_t));
    } else {
        for (size_t i = 0; i < copy->n; i++) {
            note_place(copy, i);
        }
    }
    return copy;
}

int64_t vox_index_find(const struct vox_index *index, const char *id)
{
    uint64_t hash = vox_name_hash(id);
    size_t mask = index->slots - 1;
    for (size_t i = (size_t)hash & mask; index->by_id[i] != 0; i = (i + 1) & mask) {
        const struct vox_entry *entry = index->at[index->by_id[i] - 1];
        if (entry->id_hash == hash && strcmp(entry->id, id) == 0) {
            return index->by_id[i] - 1;
        }
    }
    return VOX_INDEX_NONE;
}

int64_t vox_index_find_stem(const struct vox_index *index, const char *stem)
{
    uint64_t hash = vox_name_hash(stem);
    size_t mask = index->slots - 1;
    for (size_t i = (size_t)hash & mask; index->by_stem[i] != 0; i = (i + 1) & mask) {
        const struct vox_entry *entry = index->at[index->by_stem[i] - 1];
        if (entry->stem_hash == hash && strcmp(entry->stem, stem) == 0) {
            return index->by_stem[i] - 1;
        }
    }
    return VOX_INDEX_NONE;
}

/* Twice the room. */
static bool grow(struct vox_index *index)
{
    size_t bytes, slots;
    if (index->n >= UINT32_MAX / 16 ||
        !vox_mul(index->room, 2 * sizeof(struct vox_entry *), &bytes) ||
        !vox_mul(index->slots, 2, &slots)) {
        return false;
    }
    struct vox_entry **at = vox_calloc(index->room * 2, sizeof(struct vox_entry *));
    uint32_t *by_id = vox_calloc(slots, sizeof(*by_id));
    uint32_t *by_stem = vox_calloc(slots, sizeof(*by_stem));
    if (at == NULL || by_id == NULL || by_stem == NULL) {
        vox_free(at);
        vox_free(by_id);
        vox_free(by_stem);
        return false;
    }
    memcpy(at, index->at, index->n * sizeof(struct vox_entry *));
    vox_free(index->at);
    vox_free(index->by_id);
    vox_free(index->by_stem);
    index->at = at;
    index->by_id = by_id;
    index->by_stem = by_stem;
    index->room *= 2;
    index->slots = slots;
    for (size_t i = 0; i < index->n; i++) {
        note_place(index, i);
    }
    return true;
}

enum vox_code vox_index_append(struct vox_index *index, struct vox_entry *entry,
                               struct vox_err *err)
{
    if (index->n == index->room && !grow(index)) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    index->at[index->n] = entry;
    note_place(index, index->n);
    index->n++;
    return VOX_OK;
}

void vox_index_replace(struct vox_index *index, size_t place, struct vox_entry *entry)
{
    vox_entry_unref(index->at[place]);
    index->at[place] = entry;
}

void vox_index_drop(struct vox_index *index, size_t place)
{
    vox_entry_unref(index->at[place]);
    index->at[place] = NULL;
}

void vox_index_close(struct vox_index *index)
{
    size_t n = 0;
    for (size_t i = 0; i < index->n; i++) {
        if (index->at[i] != NULL) {
            index->at[n++] = index->at[i];
        }
    }
    if (n == index->n) {
        return;
    }
    index->n = n;
    memset(index->by_id, 0, index->slots * sizeof(uint32_t));
    memset(index->by_stem, 0, index->slots * sizeof(uint32_t));
    for (size_t i = 0; i < n; i++) {
        note_place(index, i);
    }
}

bool vox_index_same_head(const struct vox_index *a, const struct vox_index *b)
{
    const struct vox_index_head *x = &a->head, *y = &b->head;
    return strcmp(x->name, y->name) == 0 && strcmp(x->description, y->description) == 0 &&
           strcmp(x->images_dir, y->images_dir) == 0 && strcmp(x->labels_dir, y->labels_dir) == 0 &&
           strcmp(x->extra, y->extra) == 0;
}
