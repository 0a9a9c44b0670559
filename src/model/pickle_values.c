#include "model/pickle.h"

#include <string.h>

#include "model/pickle_machine.h"

const struct vox_pickle_value *vox_pickle_root(const struct vox_pickle *p)
{
    return &p->values[p->root];
}

const char *vox_pickle_text(const struct vox_pickle *p, const struct vox_pickle_value *value)
{
    return (const char *)p->data + value->number;
}

bool vox_pickle_equals(const struct vox_pickle *p, const struct vox_pickle_value *value,
                       const char *text)
{
    bool has_text = value->kind == VOX_PICKLE_TEXT || value->kind == VOX_PICKLE_GLOBAL;
    size_t length = strlen(text);
    return has_text && value->count == length &&
           memcmp(vox_pickle_text(p, value), text, length) == 0;
}

const struct vox_pickle_value *vox_pickle_item(const struct vox_pickle *p,
                                               const struct vox_pickle_value *value, size_t i)
{
    bool has_items = value->kind == VOX_PICKLE_TUPLE || value->kind == VOX_PICKLE_STORAGE ||
                     value->kind == VOX_PICKLE_TENSOR;
    if (!has_items || i >= value->count) {
        return NULL;
    }
    return &p->values[p->members[(size_t)value->number + i]];
}

bool vox_pickle_next(const struct vox_pickle *p, const struct vox_pickle_value *dict,
                     struct vox_pickle_cursor *cursor, const struct vox_pickle_value **key,
                     const struct vox_pickle_value **value)
{
    if (dict->kind != VOX_PICKLE_DICT || dict->number == VOX_NO_CHUNK) {
        return false;
    }
    if (!cursor->begun) {
        *cursor = (struct vox_pickle_cursor){true, (uint32_t)dict->number, 0};
    }
    const struct vox_pickle_chunk *chunk = &p->chunks[cursor->chunk];
    if (cursor->pair == chunk->pairs) {
        if (chunk->next == VOX_NO_CHUNK) {
            return false;
        }
        *cursor = (struct vox_pickle_cursor){true, (uint32_t)chunk->next, 0};
        chunk = &p->chunks[cursor->chunk];
    }
    const uint32_t *pair = p->members + chunk->first + 2 * (size_t)cursor->pair++;
    *key = &p->values[pair[0]];
    *value = &p->values[pair[1]];
    return true;
}

const struct vox_pickle_value *vox_pickle_find(const struct vox_pickle *p,
                                               const struct vox_pickle_value *dict, const char *key)
{
    const struct vox_pickle_value *found = NULL;
    const struct vox_pickle_value *at;
    const struct vox_pickle_value *value;
    struct vox_pickle_cursor cursor = {0};
    while (vox_pickle_next(p, dict, &cursor, &at, &value)) {
        if (at->kind == VOX_PICKLE_TEXT && vox_pickle_equals(p, at, key)) {
            found = value;
        }
    }
    return found;
}
