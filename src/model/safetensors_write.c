#include "model/safetensors_write.h"

#include <string.h>

#include "model/weights_list.h"
#include "util/json_writer.h"
#include "util/memory.h"

enum { ROUNDED_AT_ONCE = 1 << 12, ALIGNMENT = 8 };

static const int64_t most_bytes = INT64_C(64) << 30;

static enum vox_dtype dtype_of(const struct vox_weight *weight, const enum vox_dtype *dtype)
{
    return dtype != NULL ? *dtype : weight->dtype;
}

static const char *dtype_word(enum vox_dtype dtype)
{
    return dtype == VOX_F32 ? "F32" : dtype == VOX_F16 ? "F16" : "BF16";
}

/* ---- the header ---- */

/* *end is where the tensor's bytes begin, and then where they end. */
static void put_tensor(struct vox_json_writer *json, const struct vox_weight *weight,
                       enum vox_dtype dtype, int64_t *end)
{
    vox_json_begin_object(json, weight->name);
    vox_json_put_text(json, "dtype", dtype_word(dtype));
    vox_json_begin_array(json, "shape");
    for (int d = 0; d < weight->rank; d++) {
        vox_json_put_int(json, NULL, weight->shape[d]);
    }
    vox_json_end(json);
    vox_json_begin_array(json, "data_offsets");
    vox_json_put_int(json, NULL, *end);
    *end += weight->numel * (int64_t)vox_dtype_size(dtype);
    vox_json_put_int(json, NULL, *end);
    vox_json_end(json);
    vox_json_end(json);
}

static void put_header(struct vox_json_writer *json, const struct vox_weights *weights,
                       const enum vox_dtype *dtype)
{
    const char *metadata = vox_weights_metadata(weights);
    bool torch = strcmp(vox_weights_container(weights), "pt") == 0;
    int64_t end = 0;
    vox_json_begin_object(json, NULL);
    if (metadata != NULL || torch) {
        vox_json_put_raw(json, "__metadata__", metadata != NULL ? metadata : "{\"format\":\"pt\"}");
    }
    for (int64_t i = 0; i < vox_weights_count(weights); i++) {
        const struct vox_weight *weight = vox_weights_by_name(weights, i);
        put_tensor(json, weight, dtype_of(weight, dtype), &end);
    }
    vox_json_end(json);
}

/* The length, the JSON, and blanks so that the tensors' bytes begin aligned. */
static enum vox_code write_header(const struct vox_weights *weights, const enum vox_dtype *dtype,
                                  struct vox_file_writer *file, struct vox_err *err)
{
    static const char blanks[ALIGNMENT] = "        ";
    struct vox_json_writer *json = vox_json_writer_new();
    const char *text;
    size_t size;
    if (json == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    put_header(json, weights, dtype);
    enum vox_code code = vox_json_writer_text(json, &text, &size, err);
    if (code == VOX_OK) {
        size_t padding = (ALIGNMENT - size % ALIGNMENT) % ALIGNMENT;
        uint8_t length[8];
        for (size_t i = 0; i < sizeof(length); i++) {
            length[i] = (uint8_t)((size + padding) >> (8 * i));
        }
        code = vox_file_write(file, length, sizeof(length), err);
        if (code == VOX_OK) {
            code = vox_file_write(file, text, size, err);
        }
        if (code == VOX_OK) {
            code = vox_file_write(file, blanks, padding, err);
        }
    }
    vox_json_writer_free(json);
    return code;
}

/* ---- the values ---- */

static enum vox_code write_f32(const float *values, int64_t n, enum vox_dtype dtype,
                               struct vox_file_writer *file, struct vox_err *err)
{
    uint16_t rounded[ROUNDED_AT_ONCE];
    const int64_t most = ROUNDED_AT_ONCE;
    if (dtype == VOX_F32) {
        /* Files and hosts are little endian alike. */
        return vox_file_write(file, values, (size_t)n * sizeof(*values), err);
    }
    enum vox_code code = VOX_OK;
    for (int64_t at = 0; code == VOX_OK && at < n; at += most) {
        int64_t count = n - at < most ? n - at : most;
        for (int64_t i = 0; i < count; i++) {
            rounded[i] = vox_f32_to_bf16(values[at + i]);
        }
        code = vox_file_write(file, rounded, (size_t)count * sizeof(rounded[0]), err);
    }
    return code;
}

/* Values as they are, of a tensor without gaps. */
static enum vox_code write_raw(const struct vox_weight *weight, struct vox_file_writer *file,
                               const atomic_int *cancel, struct vox_err *err)
{
    size_t bytes = (size_t)weight->numel * vox_dtype_size(weight->dtype);
    return vox_file_write_large(file, weight->data, bytes, cancel, err);
}

static enum vox_code write_tensor(const struct vox_weight *weight, enum vox_dtype dtype,
                                  struct vox_file_writer *file, const atomic_int *cancel,
                                  struct vox_err *err)
{
    const float *values;
    float *owned;
    if (cancel != NULL && atomic_load(cancel) != 0) {
        return vox_fail(err, VOX_E_CANCELLED, "cancelled");
    }
    if (dtype == weight->dtype && vox_weight_is_contiguous(weight)) {
        return write_raw(weight, file, cancel, err);
    }
    if (dtype == VOX_F16) {
        return vox_fail(err, VOX_E_UNSUPPORTED,
                        "tensor %.160s: half precision with gaps cannot be written as it is; "
                        "convert it to f32 or bf16",
                        weight->name);
    }
    enum vox_code code = vox_weight_f32(weight, &values, &owned, err);
    if (code == VOX_OK) {
        code = write_f32(values, weight->numel, dtype, file, err);
        vox_free(owned);
    }
    return code;
}

static enum vox_code check_bytes(const struct vox_weights *weights, const enum vox_dtype *dtype,
                                 struct vox_err *err)
{
    int64_t bytes = 0;
    for (int64_t i = 0; i < vox_weights_count(weights); i++) {
        const struct vox_weight *weight = vox_weights_by_name(weights, i);
        int64_t width = (int64_t)vox_dtype_size(dtype_of(weight, dtype));
        /* The bytes of one tensor are far from overflow; see vox_weight_set_shape. */
        if (weight->numel * width > most_bytes - bytes) {
            return vox_fail(err, VOX_E_LIMIT, "its tensors would take more than 64 GiB");
        }
        bytes += weight->numel * width;
    }
    return VOX_OK;
}

enum vox_code vox_safetensors_write(const struct vox_weights *weights, const enum vox_dtype *dtype,
                                    struct vox_file_writer *file, const atomic_int *cancel,
                                    struct vox_err *err)
{
    enum vox_code code = check_bytes(weights, dtype, err);
    if (code == VOX_OK) {
        code = write_header(weights, dtype, file, err);
    }
    for (int64_t i = 0; code == VOX_OK && i < vox_weights_count(weights); i++) {
        const struct vox_weight *weight = vox_weights_by_name(weights, i);
        code = write_tensor(weight, dtype_of(weight, dtype), file, cancel, err);
    }
    return code;
}
