#include "model/safetensors.h"

#include <stdlib.h>
#include <string.h>

#include "util/json.h"
#include "util/memory.h"

enum {
    LENGTH_SIZE = 8,
    MAX_HEADER = 100000000, /* the format's own limit */
    HEADER_DEPTH = 3,
    VALUES_PER_TENSOR = 16 /* 8 sizes, 2 offsets, and what holds them */
};

static uint64_t header_length(const uint8_t *data)
{
    uint64_t length = 0;
    for (int i = LENGTH_SIZE - 1; i >= 0; i--) {
        length = length << 8 | data[i];
    }
    return length;
}

bool vox_safetensors_recognise(const uint8_t *data, size_t size)
{
    return size > LENGTH_SIZE && data[LENGTH_SIZE] == '{' &&
           header_length(data) < (uint64_t)1 << 40;
}

static enum vox_code bad_tensor(const char *name, const char *what, struct vox_err *err)
{
    return vox_fail(err, VOX_E_FORMAT, "tensor %.160s: %s", name, what);
}

static enum vox_code take_dtype(const char *name, const struct vox_json *entry,
                                struct vox_weight *weight, struct vox_err *err)
{
    static const char *const known[] = {"F32", "F16", "BF16"};
    const char *text = vox_json_text(vox_json_get(entry, "dtype"));
    if (text == NULL) {
        return bad_tensor(name, "it has no 'dtype'", err);
    }
    for (enum vox_dtype dtype = VOX_F32; dtype <= VOX_BF16; dtype++) {
        if (strcmp(text, known[dtype]) == 0) {
            weight->dtype = dtype;
            return VOX_OK;
        }
    }
    return vox_fail(err, VOX_E_UNSUPPORTED,
                    "tensor %.160s has the element type %.20s; only F32, F16 and BF16 are "
                    "supported",
                    name, text);
}

static enum vox_code take_shape(const char *name, const struct vox_json *entry,
                                struct vox_weight *weight, struct vox_err *err)
{
    const struct vox_json *sizes = vox_json_get(entry, "shape");
    if (sizes == NULL || vox_json_kind(sizes) != VOX_JSON_ARRAY) {
        return bad_tensor(name, "it has no 'shape'", err);
    }
    size_t rank = vox_json_count(sizes);
    if (rank > VOX_WEIGHT_MAX_RANK) {
        return bad_tensor(name, "it has more than 8 dimensions", err);
    }
    int64_t shape[VOX_WEIGHT_MAX_RANK];
    for (size_t i = 0; i < rank; i++) {
        if (!vox_json_int(vox_json_at(sizes, i), &shape[i]) || shape[i] < 0) {
            return bad_tensor(name, "its 'shape' has something else than sizes", err);
        }
    }
    if (!vox_weight_set_shape(weight, rank, shape)) {
        return bad_tensor(name, "its shape has more values than any file", err);
    }
    vox_weight_set_contiguous(weight);
    return VOX_OK;
}

/* Where a tensor's bytes are, from the first byte behind the header. */
struct span {
    int64_t begin, end;
    size_t tensor; /* index into the list */
};

static enum vox_code take_span(const char *name, const struct vox_json *entry, int64_t room,
                               const struct vox_weight *weight, struct span *span,
                               struct vox_err *err)
{
    const struct vox_json *offsets = vox_json_get(entry, "data_offsets");
    if (offsets == NULL || vox_json_kind(offsets) != VOX_JSON_ARRAY ||
        vox_json_count(offsets) != 2 || !vox_json_int(vox_json_at(offsets, 0), &span->begin) ||
        !vox_json_int(vox_json_at(offsets, 1), &span->end)) {
        return bad_tensor(name, "it has no pair 'data_offsets'", err);
    }
    if (span->begin < 0 || span->end < span->begin || span->end > room) {
        return bad_tensor(name, "its bytes lie outside the file", err);
    }
    /* set_shape keeps the byte count far from overflow. */
    int64_t bytes = weight->numel * (int64_t)vox_dtype_size(weight->dtype);
    if (bytes != span->end - span->begin) {
        return vox_fail(err, VOX_E_FORMAT, "tensor %.160s: its shape takes %lld bytes, not %lld",
                        name, (long long)bytes, (long long)(span->end - span->begin));
    }
    return VOX_OK;
}

/* The header's tensors, and where their bytes are. */
struct reading {
    const uint8_t *body;
    int64_t room; /* bytes of the body */
    struct vox_weight_list *list;
    struct span *spans;
    size_t count;
};

static enum vox_code read_entry(struct reading *reading, const char *name,
                                const struct vox_json *entry, struct vox_err *err)
{
    struct vox_weight weight = {0};
    struct span *span = &reading->spans[reading->count];
    if (vox_json_kind(entry) != VOX_JSON_OBJECT) {
        return bad_tensor(name, "its entry is not an object", err);
    }
    enum vox_code code = take_dtype(name, entry, &weight, err);
    if (code == VOX_OK) {
        code = take_shape(name, entry, &weight, err);
    }
    if (code == VOX_OK) {
        code = take_span(name, entry, reading->room, &weight, span, err);
    }
    if (code == VOX_OK) {
        weight.data = reading->body + span->begin;
        span->tensor = reading->list->count;
        reading->count++;
        code = vox_weight_list_add(reading->list, name, strlen(name), &weight, err);
    }
    return code;
}

static int by_place(const void *a, const void *b)
{
    const struct span *x = a;
    const struct span *y = b;
    if (x->begin != y->begin) {
        return (x->begin > y->begin) - (x->begin < y->begin);
    }
    return (x->end > y->end) - (x->end < y->end);
}

/* Every byte of the body belongs to exactly one tensor. */
static enum vox_code check_cover(struct reading *reading, struct vox_err *err)
{
    int64_t covered = 0;
    qsort(reading->spans, reading->count, sizeof(*reading->spans), by_place);
    for (size_t i = 0; i < reading->count; i++) {
        const struct span *span = &reading->spans[i];
        const char *name = reading->list->items[span->tensor].name;
        if (span->begin < covered) {
            return bad_tensor(name, "its bytes overlap those of another tensor", err);
        }
        if (span->begin > covered) {
            return bad_tensor(name, "bytes before it belong to no tensor", err);
        }
        covered = span->end;
    }
    if (covered != reading->room) {
        return vox_fail(err, VOX_E_FORMAT, "%lld bytes at the end of the file belong to no tensor",
                        (long long)(reading->room - covered));
    }
    return VOX_OK;
}

static bool is_object_of_texts(const struct vox_json *json)
{
    void *cursor = NULL;
    const char *key;
    const struct vox_json *value;
    if (vox_json_kind(json) != VOX_JSON_OBJECT) {
        return false;
    }
    while (vox_json_next(json, &cursor, &key, &value)) {
        if (vox_json_text(value) == NULL) {
            return false;
        }
    }
    return true;
}

static enum vox_code read_header(struct reading *reading, const struct vox_json *header,
                                 struct vox_err *err)
{
    size_t entries = vox_json_count(header);
    reading->spans = vox_calloc(entries + 1, sizeof(*reading->spans));
    if (reading->spans == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    void *cursor = NULL;
    const char *name;
    const struct vox_json *entry;
    enum vox_code code = VOX_OK;
    while (code == VOX_OK && vox_json_next(header, &cursor, &name, &entry)) {
        if (strcmp(name, "__metadata__") != 0) {
            code = read_entry(reading, name, entry, err);
        } else if (is_object_of_texts(entry)) {
            code = vox_json_format(entry, &reading->list->metadata, err);
        }
    }
    if (code == VOX_OK) {
        code = check_cover(reading, err);
    }
    vox_free(reading->spans);
    return code;
}

enum vox_code vox_safetensors_read(const uint8_t *data, size_t size, struct vox_weight_list *list,
                                   struct vox_err *err)
{
    static const struct vox_json_limits limits = {MAX_HEADER, HEADER_DEPTH,
                                                  (size_t)VOX_WEIGHTS_MAX * VALUES_PER_TENSOR};
    uint64_t length = size < LENGTH_SIZE ? 0 : header_length(data);
    if (length > MAX_HEADER) {
        return vox_fail(err, VOX_E_LIMIT, "the header claims %llu bytes, more than %d",
                        (unsigned long long)length, MAX_HEADER);
    }
    if (size < LENGTH_SIZE || length > size - LENGTH_SIZE) {
        return vox_fail(err, VOX_E_FORMAT, "the file is cut short within its header");
    }
    struct vox_json *header;
    enum vox_code code =
        vox_json_parse((const char *)data + LENGTH_SIZE, (size_t)length, &limits, &header, err);
    if (code != VOX_OK) {
        return vox_err_prefix(err, code, "the header");
    }
    struct reading reading = {.body = data + LENGTH_SIZE + length,
                              .room = (int64_t)(size - LENGTH_SIZE - length),
                              .list = list};
    if (vox_json_kind(header) == VOX_JSON_OBJECT) {
        code = read_header(&reading, header, err);
    } else {
        code = vox_fail(err, VOX_E_FORMAT, "the header is not a JSON object");
    }
    vox_json_free(header);
    return code;
}
