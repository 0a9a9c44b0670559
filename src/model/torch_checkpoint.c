#include "model/torch_checkpoint.h"

#include <stdio.h>
#include <string.h>

#include "model/pickle.h"
#include "model/zip_reader.h"
#include "util/memory.h"

enum { MAX_KEY = 64, SHOWN = 160 };

/* A .pt file being read. */
struct file {
    const struct vox_zip *zip;
    const struct vox_pickle *pickle;
    const char *root; /* of the members' names, in the archive */
    size_t root_length;
    char tensor[SHOWN]; /* the name of the tensor being read, for errors */
};

static enum vox_code bad_tensor(const struct file *file, const char *what, struct vox_err *err)
{
    return vox_fail(err, VOX_E_FORMAT, "tensor %s: %s", file->tensor, what);
}

static const struct vox_zip_member *find_member(const struct file *file, const char *name,
                                                size_t length)
{
    char full[VOX_ZIP_MAX_NAME];
    size_t total = file->root_length + length;
    if (total > sizeof(full)) {
        return NULL;
    }
    memcpy(full, file->root, file->root_length);
    memcpy(full + file->root_length, name, length);
    return vox_zip_find(file->zip, full, total);
}

/* An int of at least 0. */
static bool take_size(const struct vox_pickle_value *value, int64_t *out)
{
    if (value == NULL || value->kind != VOX_PICKLE_INT || value->number < 0) {
        return false;
    }
    *out = value->number;
    return true;
}

static enum vox_code take_dtype(const struct file *file, const struct vox_pickle_value *type,
                                enum vox_dtype *out, struct vox_err *err)
{
    static const struct {
        const char *name;
        enum vox_dtype dtype;
    } known[] = {{"torch\nFloatStorage", VOX_F32},
                 {"torch\nHalfStorage", VOX_F16},
                 {"torch\nBFloat16Storage", VOX_BF16}};
    if (type == NULL || type->kind != VOX_PICKLE_GLOBAL) {
        return bad_tensor(file, "its storage has no type", err);
    }
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (vox_pickle_equals(file->pickle, type, known[i].name)) {
            *out = known[i].dtype;
            return VOX_OK;
        }
    }
    const char *text = vox_pickle_text(file->pickle, type);
    const char *line = memchr(text, '\n', type->count);
    int rest = line == NULL ? 0 : (int)(text + type->count - line - 1);
    return vox_fail(err, VOX_E_UNSUPPORTED,
                    "tensor %s has the element type %.*s; only float32, float16 and bfloat16 are "
                    "supported",
                    file->tensor, rest > 60 ? 60 : rest, line == NULL ? "" : line + 1);
}

/* The bytes and the number of elements of a storage. */
static enum vox_code take_storage(const struct file *file, const struct vox_pickle_value *storage,
                                  struct vox_weight *weight, int64_t *elements, struct vox_err *err)
{
    const struct vox_pickle *pickle = file->pickle;
    if (storage == NULL || storage->kind != VOX_PICKLE_STORAGE) {
        return bad_tensor(file, "it has no storage", err);
    }
    const struct vox_pickle_value *word = vox_pickle_item(pickle, storage, 0);
    const struct vox_pickle_value *key = vox_pickle_item(pickle, storage, 2);
    if (word == NULL || !vox_pickle_equals(pickle, word, "storage") || key == NULL ||
        key->kind != VOX_PICKLE_TEXT || key->count > MAX_KEY ||
        !take_size(vox_pickle_item(pickle, storage, 4), elements)) {
        return bad_tensor(file, "its storage is not described as torch.save does", err);
    }
    enum vox_code code = take_dtype(file, vox_pickle_item(pickle, storage, 1), &weight->dtype, err);
    if (code != VOX_OK) {
        return code;
    }
    char name[5 + MAX_KEY] = "data/";
    memcpy(name + 5, vox_pickle_text(pickle, key), key->count);
    const struct vox_zip_member *member = find_member(file, name, 5 + key->count);
    if (member == NULL) {
        return bad_tensor(file, "its storage is not in the file", err);
    }
    size_t bytes;
    if (!vox_mul((size_t)*elements, vox_dtype_size(weight->dtype), &bytes) ||
        bytes != member->size) {
        return vox_fail(err, VOX_E_FORMAT,
                        "tensor %s: its storage of %lld values has %zu bytes in the file",
                        file->tensor, (long long)*elements, member->size);
    }
    weight->data = member->data;
    return VOX_OK;
}

/* Checks that all elements lie within the storage and moves weight->data to the first one. */
static enum vox_code place(const struct file *file, int64_t offset, int64_t elements,
                           struct vox_weight *weight, struct vox_err *err)
{
    size_t last = (size_t)offset;
    for (int i = 0; i < weight->rank && weight->numel > 0; i++) {
        size_t step;
        if (!vox_mul((size_t)weight->shape[i] - 1, (size_t)weight->strides[i], &step) ||
            !vox_add(last, step, &last)) {
            return bad_tensor(file, "its elements lie outside its storage", err);
        }
    }
    size_t end = (size_t)elements;
    if (weight->numel > 0 ? last >= end : last > end) {
        return bad_tensor(file, "its elements lie outside its storage", err);
    }
    /* Strides of 0 could make a few bytes stand for any number of values. */
    if (weight->numel > elements) {
        return vox_fail(err, VOX_E_UNSUPPORTED,
                        "tensor %s repeats the elements of its storage; save a contiguous copy",
                        file->tensor);
    }
    weight->data += (size_t)offset * vox_dtype_size(weight->dtype);
    return VOX_OK;
}

/* torch._utils._rebuild_tensor_v2(storage, offset, sizes, strides, ...) */
static enum vox_code read_tensor(const struct file *file, const struct vox_pickle_value *tensor,
                                 struct vox_weight *weight, struct vox_err *err)
{
    const struct vox_pickle *pickle = file->pickle;
    const struct vox_pickle_value *sizes = vox_pickle_item(pickle, tensor, 2);
    const struct vox_pickle_value *strides = vox_pickle_item(pickle, tensor, 3);
    int64_t offset;
    if (!take_size(vox_pickle_item(pickle, tensor, 1), &offset) || sizes == NULL ||
        sizes->kind != VOX_PICKLE_TUPLE || strides == NULL || strides->kind != VOX_PICKLE_TUPLE ||
        sizes->count != strides->count) {
        return bad_tensor(file, "it is not described as torch.save does", err);
    }
    if (sizes->count > VOX_WEIGHT_MAX_RANK) {
        return bad_tensor(file, "it has more than 8 dimensions", err);
    }
    int64_t shape[VOX_WEIGHT_MAX_RANK];
    for (size_t i = 0; i < sizes->count; i++) {
        if (!take_size(vox_pickle_item(pickle, sizes, i), &shape[i]) ||
            !take_size(vox_pickle_item(pickle, strides, i), &weight->strides[i])) {
            return bad_tensor(file, "a size or stride is negative or no number", err);
        }
    }
    if (!vox_weight_set_shape(weight, sizes->count, shape)) {
        return bad_tensor(file, "its shape has more values than any file", err);
    }
    int64_t elements = 0;
    enum vox_code code =
        take_storage(file, vox_pickle_item(pickle, tensor, 0), weight, &elements, err);
    return code != VOX_OK ? code : place(file, offset, elements, weight, err);
}

static enum vox_code read_entry(struct file *file, const struct vox_pickle_value *key,
                                const struct vox_pickle_value *value, struct vox_weight_list *list,
                                struct vox_err *err)
{
    if (key->kind != VOX_PICKLE_TEXT) {
        return vox_fail(err, VOX_E_FORMAT, "the state dict has a key that is not a string");
    }
    const char *name = vox_pickle_text(file->pickle, key);
    snprintf(file->tensor, sizeof(file->tensor), "%.*s",
             (int)(key->count > SHOWN - 1 ? SHOWN - 1 : key->count), name);
    if (value->kind != VOX_PICKLE_TENSOR) {
        return bad_tensor(file, "it is not a tensor as torch.save writes them", err);
    }
    struct vox_weight weight = {0};
    enum vox_code code = read_tensor(file, value, &weight, err);
    return code != VOX_OK ? code : vox_weight_list_add(list, name, key->count, &weight, err);
}

static bool holds_tensors(const struct vox_pickle *pickle, const struct vox_pickle_value *dict)
{
    struct vox_pickle_cursor cursor = {0};
    const struct vox_pickle_value *key;
    const struct vox_pickle_value *value;
    bool any = false;
    while (vox_pickle_next(pickle, dict, &cursor, &key, &value)) {
        if (value->kind != VOX_PICKLE_TENSOR) {
            return false;
        }
        any = true;
    }
    return any;
}

/* The entry `model`, or the dict itself where it holds nothing but tensors. */
static enum vox_code find_state_dict(const struct vox_pickle *pickle,
                                     const struct vox_pickle_value **out, struct vox_err *err)
{
    const struct vox_pickle_value *root = vox_pickle_root(pickle);
    if (root->kind != VOX_PICKLE_DICT) {
        return vox_fail(err, VOX_E_UNSUPPORTED,
                        "the file does not hold a dict but another Python object; save "
                        "{\"model\": model.state_dict()}");
    }
    const struct vox_pickle_value *model = vox_pickle_find(pickle, root, "model");
    if (model == NULL && holds_tensors(pickle, root)) {
        model = root;
    }
    if (model == NULL) {
        return vox_fail(err, VOX_E_FORMAT, "the file has no entry 'model'");
    }
    if (model->kind != VOX_PICKLE_DICT) {
        return vox_fail(err, VOX_E_UNSUPPORTED,
                        "the entry 'model' is not a state dict but another Python object; save "
                        "{\"model\": model.state_dict()}");
    }
    *out = model;
    return VOX_OK;
}

static enum vox_code read_model(struct file *file, struct vox_weight_list *list,
                                struct vox_err *err)
{
    const struct vox_pickle_value *model = NULL;
    enum vox_code code = find_state_dict(file->pickle, &model, err);
    struct vox_pickle_cursor cursor = {0};
    const struct vox_pickle_value *key;
    const struct vox_pickle_value *value;
    while (code == VOX_OK && vox_pickle_next(file->pickle, model, &cursor, &key, &value)) {
        code = read_entry(file, key, value, list, err);
    }
    return code;
}

/* Finds "<root>/data.pkl"; all other names begin with the same root. */
static enum vox_code find_pickle(struct file *file, const struct vox_zip_member **out,
                                 struct vox_err *err)
{
    static const char wanted[] = "/data.pkl";
    size_t length = sizeof(wanted) - 1;
    const struct vox_zip_member *found = NULL;
    for (size_t i = 0; i < vox_zip_count(file->zip); i++) {
        const struct vox_zip_member *member = vox_zip_at(file->zip, i);
        if (member->name_length <= length ||
            memcmp(member->name + member->name_length - length, wanted, length) != 0) {
            continue;
        }
        if (found != NULL) {
            return vox_fail(err, VOX_E_FORMAT, "the archive has more than one member 'data.pkl'");
        }
        found = member;
    }
    if (found == NULL) {
        return vox_fail(err, VOX_E_FORMAT,
                        "the archive has no member 'data.pkl'; it was not written by torch.save");
    }
    file->root = found->name;
    file->root_length = found->name_length - length + 1; /* with the slash */
    *out = found;
    return VOX_OK;
}

static enum vox_code check_byte_order(const struct file *file, struct vox_err *err)
{
    const struct vox_zip_member *member = find_member(file, "byteorder", 9);
    if (member != NULL && (member->size != 6 || memcmp(member->data, "little", 6) != 0)) {
        return vox_fail(err, VOX_E_UNSUPPORTED,
                        "the file's byte order is '%.*s'; only little endian is supported",
                        (int)(member->size > 16 ? 16 : member->size), (const char *)member->data);
    }
    return VOX_OK;
}

enum vox_code vox_torch_read(const uint8_t *data, size_t size, struct vox_weight_list *list,
                             struct vox_err *err)
{
    struct vox_zip *zip = NULL;
    struct vox_pickle *pickle = NULL;
    const struct vox_zip_member *member = NULL;
    struct file file = {0};
    enum vox_code code = vox_zip_open(data, size, &zip, err);
    if (code == VOX_OK) {
        file.zip = zip;
        code = find_pickle(&file, &member, err);
    }
    if (code == VOX_OK) {
        code = check_byte_order(&file, err);
    }
    if (code == VOX_OK) {
        code = vox_pickle_open(member->data, member->size, &pickle, err);
    }
    if (code == VOX_OK) {
        file.pickle = pickle;
        code = read_model(&file, list, err);
    }
    vox_pickle_close(pickle);
    vox_zip_close(zip);
    return code;
}
