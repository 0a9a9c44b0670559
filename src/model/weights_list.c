#include "model/weights_list.h"

#include <string.h>

#include "util/memory.h"

static bool printable(const char *name, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (name[i] <= 0x20 || name[i] >= 0x7f) {
            return false;
        }
    }
    return length > 0;
}

static enum vox_code make_room(struct vox_weight_list *list, struct vox_err *err)
{
    if (list->count < list->room) {
        return VOX_OK;
    }
    if (list->count == VOX_WEIGHTS_MAX) {
        return vox_fail(err, VOX_E_LIMIT, "the checkpoint holds more than %d tensors",
                        VOX_WEIGHTS_MAX);
    }
    size_t room = list->room == 0 ? 512 : 2 * list->room;
    void *grown =
        vox_realloc(list->items, list->count * sizeof(*list->items), room * sizeof(*list->items));
    if (grown == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    list->items = grown;
    list->room = room;
    return VOX_OK;
}

enum vox_code vox_weight_list_add(struct vox_weight_list *list, const char *name, size_t length,
                                  const struct vox_weight *weight, struct vox_err *err)
{
    if (length > VOX_WEIGHT_MAX_NAME) {
        return vox_fail(err, VOX_E_LIMIT, "a tensor's name has %zu bytes, more than %d", length,
                        VOX_WEIGHT_MAX_NAME);
    }
    if (!printable(name, length)) {
        return vox_fail(err, VOX_E_FORMAT,
                        "a tensor's name is empty or has other characters than printable ASCII");
    }
    enum vox_code code = make_room(list, err);
    if (code != VOX_OK) {
        return code;
    }
    char *copy = vox_alloc(length + 1);
    if (copy == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    memcpy(copy, name, length);
    copy[length] = '\0';
    struct vox_weight *item = &list->items[list->count++];
    *item = *weight;
    item->name = copy;
    return VOX_OK;
}

void vox_weight_list_clear(struct vox_weight_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        /* The list made the copy that the const pointer shows to readers. */
        union {
            const char *shown;
            char *owned;
        } name = {list->items[i].name};
        vox_free(name.owned);
    }
    vox_free(list->items);
    vox_free(list->metadata);
    *list = (struct vox_weight_list){0};
}

bool vox_weight_set_shape(struct vox_weight *weight, size_t rank, const int64_t *shape)
{
    if (rank > VOX_WEIGHT_MAX_RANK) {
        return false;
    }
    bool empty = false;
    size_t numel = 1;
    for (size_t i = 0; i < rank; i++) {
        if (shape[i] < 0) {
            return false;
        }
        empty = empty || shape[i] == 0;
        weight->shape[i] = shape[i];
    }
    for (size_t i = 0; i < rank && !empty; i++) {
        if (!vox_mul(numel, (size_t)shape[i], &numel)) {
            return false;
        }
    }
    /* Byte counts of the widened values stay far from overflow. */
    if (numel > SIZE_MAX / 16) {
        return false;
    }
    weight->rank = (int)rank;
    weight->numel = empty ? 0 : (int64_t)numel;
    return true;
}

void vox_weight_set_contiguous(struct vox_weight *weight)
{
    int64_t stride = 1;
    for (int i = weight->rank - 1; i >= 0; i--) {
        weight->strides[i] = stride;
        stride *= weight->numel == 0 ? 1 : weight->shape[i];
    }
}

bool vox_weight_is_contiguous(const struct vox_weight *weight)
{
    int64_t stride = 1;
    for (int i = weight->rank - 1; i >= 0 && weight->numel > 0; i--) {
        if (weight->shape[i] != 1 && weight->strides[i] != stride) {
            return false;
        }
        stride *= weight->shape[i];
    }
    return true;
}
