#include "model/weights.h"

#include <stdlib.h>
#include <string.h>

#include "model/safetensors.h"
#include "model/torch_checkpoint.h"
#include "model/weights_list.h"
#include "model/zip_reader.h"
#include "util/file.h"
#include "util/hash.h"
#include "util/memory.h"

struct vox_weights {
    struct vox_mapping mapping; /* zero where the bytes are borrowed */
    const uint8_t *data;
    size_t size;
    const char *container;
    struct vox_weight_list list;
    const struct vox_weight **by_name; /* the list's items, sorted */
};

static int compare_names(const void *a, const void *b)
{
    const struct vox_weight *const *x = a;
    const struct vox_weight *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

static enum vox_code sort_names(struct vox_weights *weights, struct vox_err *err)
{
    size_t count = weights->list.count;
    weights->by_name = vox_alloc((count + 1) * sizeof(*weights->by_name));
    if (weights->by_name == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < count; i++) {
        weights->by_name[i] = &weights->list.items[i];
    }
    qsort(weights->by_name, count, sizeof(*weights->by_name), compare_names);
    for (size_t i = 1; i < count; i++) {
        if (strcmp(weights->by_name[i - 1]->name, weights->by_name[i]->name) == 0) {
            return vox_fail(err, VOX_E_FORMAT, "tensor %.160s occurs twice",
                            weights->by_name[i]->name);
        }
    }
    return VOX_OK;
}

/* Pickles of torch.save before 1.6 begin with protocol 2 and a 10 byte long. */
static bool is_old_torch(const uint8_t *data, size_t size)
{
    return size >= 4 && memcmp(data, "\x80\x02\x8a\x0a", 4) == 0;
}

static enum vox_code read_container(struct vox_weights *weights, struct vox_err *err)
{
    const uint8_t *data = weights->data;
    size_t size = weights->size;
    if (size == 0) {
        return vox_fail(err, VOX_E_FORMAT, "the checkpoint is empty");
    }
    if (vox_safetensors_recognise(data, size)) {
        weights->container = "safetensors";
        return vox_safetensors_read(data, size, &weights->list, err);
    }
    if (vox_zip_recognise(data, size)) {
        weights->container = "pt";
        return vox_torch_read(data, size, &weights->list, err);
    }
    if (is_old_torch(data, size)) {
        return vox_fail(err, VOX_E_UNSUPPORTED,
                        "the checkpoint was written in the format of torch.save before 1.6; load "
                        "and save it with a newer PyTorch");
    }
    return vox_fail(err, VOX_E_FORMAT, "the file is neither a .pt nor a .safetensors checkpoint");
}

static enum vox_code open_bytes(const void *data, size_t size, struct vox_weights **out,
                                struct vox_err *err)
{
    struct vox_weights *weights = vox_calloc(1, sizeof(*weights));
    if (weights == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    weights->data = data;
    weights->size = size;
    enum vox_code code = read_container(weights, err);
    if (code == VOX_OK && weights->list.count == 0) {
        code = vox_fail(err, VOX_E_FORMAT, "the checkpoint holds no tensors");
    }
    if (code == VOX_OK) {
        code = sort_names(weights, err);
    }
    if (code != VOX_OK) {
        vox_weights_close(weights);
        return code;
    }
    *out = weights;
    return VOX_OK;
}

enum vox_code vox_weights_open(const char *path, struct vox_weights **out, struct vox_err *err)
{
    struct vox_mapping mapping;
    enum vox_code code = vox_file_map(path, &mapping, err);
    if (code != VOX_OK) {
        return code;
    }
    struct vox_weights *weights;
    code = open_bytes(mapping.data, mapping.size, &weights, err);
    if (code != VOX_OK) {
        vox_file_unmap(&mapping);
        return code;
    }
    weights->mapping = mapping;
    *out = weights;
    return VOX_OK;
}

enum vox_code vox_weights_from_memory(const void *data, size_t size, struct vox_weights **out,
                                      struct vox_err *err)
{
    return open_bytes(data, size, out, err);
}

void vox_weights_close(struct vox_weights *weights)
{
    if (weights == NULL) {
        return;
    }
    vox_weight_list_clear(&weights->list);
    vox_free(weights->by_name);
    vox_file_unmap(&weights->mapping);
    vox_free(weights);
}

const char *vox_weights_container(const struct vox_weights *weights)
{
    return weights->container;
}

int64_t vox_weights_count(const struct vox_weights *weights)
{
    return (int64_t)weights->list.count;
}

const struct vox_weight *vox_weights_at(const struct vox_weights *weights, int64_t i)
{
    return &weights->list.items[i];
}

const struct vox_weight *vox_weights_by_name(const struct vox_weights *weights, int64_t i)
{
    return weights->by_name[i];
}

const char *vox_weights_metadata(const struct vox_weights *weights)
{
    return weights->list.metadata;
}

const struct vox_weight *vox_weights_find(const struct vox_weights *weights, const char *name)
{
    struct vox_weight key = {.name = name};
    const struct vox_weight *wanted = &key;
    const struct vox_weight **found = bsearch(&wanted, weights->by_name, weights->list.count,
                                              sizeof(*weights->by_name), compare_names);
    return found == NULL ? NULL : *found;
}

/* Widens element by element, the last dimension fastest. */
static void gather(const struct vox_weight *weight, float *out)
{
    size_t width = vox_dtype_size(weight->dtype);
    int64_t index[VOX_WEIGHT_MAX_RANK] = {0};
    const uint8_t *at = weight->data;
    for (int64_t i = 0; i < weight->numel; i++) {
        vox_widen(weight->dtype, at, 1, &out[i]);
        for (int d = weight->rank - 1; d >= 0; d--) {
            size_t step = (size_t)weight->strides[d] * width;
            if (++index[d] < weight->shape[d]) {
                at += step;
                break;
            }
            at -= step * (size_t)(weight->shape[d] - 1);
            index[d] = 0;
        }
    }
}

enum vox_code vox_weight_f32(const struct vox_weight *weight, const float **data, float **owned,
                             struct vox_err *err)
{
    bool contiguous = vox_weight_is_contiguous(weight);
    /* Files and hosts are little endian alike, so bytes in place are values. */
    if (contiguous && weight->dtype == VOX_F32 && (uintptr_t)weight->data % sizeof(float) == 0) {
        *data = (const float *)(const void *)weight->data;
        *owned = NULL;
        return VOX_OK;
    }
    size_t bytes;
    float *copy = vox_mul((size_t)weight->numel, sizeof(float), &bytes) ? vox_alloc(bytes) : NULL;
    if (copy == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory for tensor %.160s", weight->name);
    }
    if (contiguous) {
        vox_widen(weight->dtype, weight->data, (size_t)weight->numel, copy);
    } else {
        gather(weight, copy);
    }
    *owned = copy;
    *data = copy;
    return VOX_OK;
}

enum vox_code vox_weights_sha256(const struct vox_weights *weights, char hex[65],
                                 struct vox_err *err)
{
    return vox_sha256_hex(weights->data, weights->size, hex, err);
}

void vox_weights_unload(const struct vox_weights *weights)
{
    vox_file_unload(&weights->mapping);
}
