#include "support/checkpoint_writer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "model/schema.h"
#include "support/byte_builder.h"
#include "support/formula.h"
#include "support/zip_builder.h"
#include "util/file.h"
#include "util/memory.h"

enum { MAX_TENSORS = 8192, MAX_RANK = 4 };

struct tensor {
    char name[160];
    int rank;
    int64_t shape[MAX_RANK];
    int64_t values;
};

/* A checkpoint under construction. */
struct work {
    const struct vox_checkpoint_options *options;
    struct vox_file_writer *file;
    struct tensor *tensors; /* MAX_TENSORS */
    int64_t count;
    int64_t largest;          /* values of the largest tensor */
    struct vox_bytes pending; /* not yet in the file */
    uint64_t written;
    float *values;   /* room for the largest tensor */
    uint8_t *narrow; /* the same in the file's type */
    struct vox_checkpoint_totals totals;
};

static enum vox_code collect(void *context, const char *name, int rank, const int64_t *shape,
                             struct vox_err *err)
{
    struct work *work = context;
    if (work->count == MAX_TENSORS || rank > MAX_RANK) {
        return vox_fail(err, VOX_E_LIMIT, "too many tensors or dimensions");
    }
    struct tensor *tensor = &work->tensors[work->count++];
    *tensor = (struct tensor){.rank = rank, .values = 1};
    snprintf(tensor->name, sizeof(tensor->name), "%s", name);
    for (int i = 0; i < rank; i++) {
        tensor->shape[i] = shape[i];
        tensor->values *= shape[i];
    }
    if (tensor->values > work->largest) {
        work->largest = tensor->values;
    }
    return VOX_OK;
}

uint16_t vox_f32_to_f16(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    uint32_t sign = bits >> 16 & 0x8000u;
    uint32_t magnitude = bits & 0x7fffffffu;
    if (magnitude > 0x7f800000u) {
        return (uint16_t)(sign | 0x7e00u);
    }
    if (magnitude >= 0x477ff000u) { /* 65520 and more round to infinity */
        return (uint16_t)(sign | 0x7c00u);
    }
    int exponent = (int)(magnitude >> 23) - 127;
    uint32_t mantissa = (magnitude & 0x7fffffu) | 0x800000u;
    /* Bits to drop: 13 of a normal number, more below 2^-14. */
    int drop = exponent < -14 ? 13 + (-14 - exponent) : 13;
    if (drop > 25) {
        return (uint16_t)sign;
    }
    uint32_t kept = mantissa >> drop;
    uint32_t rest = mantissa & ((1u << drop) - 1);
    uint32_t half = 1u << (drop - 1);
    if (rest > half || (rest == half && (kept & 1) != 0)) {
        kept++;
    }
    /* A normal number's leading one adds 1 to the exponent that is put below it; a carry adds
     * another. */
    uint32_t biased = exponent < -14 ? 0 : (uint32_t)(exponent + 14);
    return (uint16_t)(sign | ((biased << 10) + kept));
}

/* The tensor's values in the file's type, in work->narrow. */
static void make_values(struct work *work, const struct tensor *tensor)
{
    const struct vox_checkpoint_options *options = work->options;
    const char *salt = options->salt == NULL ? "" : options->salt;
    vox_formula_fill(salt, tensor->name, tensor->rank, tensor->shape, work->values);
    if (options->present &&
        strcmp(tensor->name, "sam_mask_decoder.pred_obj_score_head.layers.2.bias") == 0) {
        work->values[0] = 1.0f;
    }
    work->totals.tensors++;
    work->totals.values += tensor->values;
    for (int64_t i = 0; i < tensor->values; i++) {
        work->totals.sum += (double)work->values[i];
    }
    if (options->dtype == VOX_F32) {
        memcpy(work->narrow, work->values, (size_t)tensor->values * sizeof(float));
        return;
    }
    for (int64_t i = 0; i < tensor->values; i++) {
        uint16_t bits = options->dtype == VOX_F16 ? vox_f32_to_f16(work->values[i])
                                                  : vox_f32_to_bf16(work->values[i]);
        memcpy(work->narrow + 2 * i, &bits, sizeof(bits));
    }
}

static enum vox_code flush(struct work *work, struct vox_err *err)
{
    enum vox_code code = vox_file_write(work->file, work->pending.data, work->pending.size, err);
    work->written += work->pending.size;
    work->pending.size = 0;
    return code;
}

static enum vox_code write_values(struct work *work, size_t bytes, struct vox_err *err)
{
    enum vox_code code = flush(work, err);
    if (code == VOX_OK) {
        code = vox_file_write(work->file, work->narrow, bytes, err);
        work->written += bytes;
    }
    return code;
}

/* The pickle of {"model": OrderedDict of tensors}, in protocol 2 with a memo, as Python writes it.
 */
struct pickle {
    struct vox_bytes bytes;
    uint32_t memo;
    uint32_t ordered_dict, rebuild, storage_word, storage_type, location; /* memo places */
};

static uint32_t remember(struct pickle *p)
{
    if (p->memo < 256) {
        vox_bytes_text(&p->bytes, "q");
        vox_bytes_number(&p->bytes, p->memo, 1);
    } else {
        vox_bytes_text(&p->bytes, "r");
        vox_bytes_number(&p->bytes, p->memo, 4);
    }
    return p->memo++;
}

static void recall(struct pickle *p, uint32_t place)
{
    if (place < 256) {
        vox_bytes_text(&p->bytes, "h");
        vox_bytes_number(&p->bytes, place, 1);
    } else {
        vox_bytes_text(&p->bytes, "j");
        vox_bytes_number(&p->bytes, place, 4);
    }
}

static uint32_t text(struct pickle *p, const char *word)
{
    vox_bytes_text(&p->bytes, "X");
    vox_bytes_number(&p->bytes, strlen(word), 4);
    vox_bytes_text(&p->bytes, word);
    return remember(p);
}

static uint32_t global(struct pickle *p, const char *module, const char *name)
{
    vox_bytes_text(&p->bytes, "c");
    vox_bytes_text(&p->bytes, module);
    vox_bytes_text(&p->bytes, "\n");
    vox_bytes_text(&p->bytes, name);
    vox_bytes_text(&p->bytes, "\n");
    return remember(p);
}

static void number(struct pickle *p, int64_t value)
{
    if (value < 256) {
        vox_bytes_text(&p->bytes, "K");
        vox_bytes_number(&p->bytes, (uint64_t)value, 1);
    } else if (value < 65536) {
        vox_bytes_text(&p->bytes, "M");
        vox_bytes_number(&p->bytes, (uint64_t)value, 2);
    } else {
        vox_bytes_text(&p->bytes, "J");
        vox_bytes_number(&p->bytes, (uint64_t)value, 4);
    }
}

static void tuple(struct pickle *p, int count, const int64_t *items)
{
    static const char *const close[] = {")", "\x85", "\x86", "\x87", "t"};
    if (count > 3) {
        vox_bytes_text(&p->bytes, "(");
    }
    for (int i = 0; i < count; i++) {
        number(p, items[i]);
    }
    vox_bytes_text(&p->bytes, close[count]);
    if (count > 0) {
        remember(p);
    }
}

/* One entry of the dict. The parts that every tensor shares are written once and then recalled. */
static void pickle_tensor(struct pickle *p, const struct tensor *tensor, int64_t index,
                          enum vox_dtype dtype)
{
    static const char *const storages[] = {"FloatStorage", "HalfStorage", "BFloat16Storage"};
    bool first = index == 0;
    text(p, tensor->name);
    if (first) {
        p->rebuild = global(p, "torch._utils", "_rebuild_tensor_v2");
    } else {
        recall(p, p->rebuild);
    }
    vox_bytes_text(&p->bytes, "((");
    if (first) {
        p->storage_word = text(p, "storage");
        p->storage_type = global(p, "torch", storages[dtype]);
    } else {
        recall(p, p->storage_word);
        recall(p, p->storage_type);
    }
    char key[24];
    snprintf(key, sizeof(key), "%" PRId64, index);
    text(p, key);
    if (first) {
        p->location = text(p, "cpu");
    } else {
        recall(p, p->location);
    }
    number(p, tensor->values);
    vox_bytes_text(&p->bytes, "t");
    remember(p);
    vox_bytes_text(&p->bytes, "Q");
    number(p, 0);
    int64_t strides[MAX_RANK];
    int64_t stride = 1;
    for (int i = tensor->rank - 1; i >= 0; i--) {
        strides[i] = stride;
        stride *= tensor->shape[i];
    }
    tuple(p, tensor->rank, tensor->shape);
    tuple(p, tensor->rank, strides);
    vox_bytes_text(&p->bytes, "\x89");
    recall(p, p->ordered_dict);
    vox_bytes_text(&p->bytes, ")R");
    remember(p);
    vox_bytes_text(&p->bytes, "t");
    remember(p);
    vox_bytes_text(&p->bytes, "R");
    remember(p);
}

static struct vox_bytes make_pickle(const struct work *work)
{
    enum { BATCH = 1000 }; /* pairs that Python's pickler sets at once */
    struct pickle p = {0};
    vox_bytes_text(&p.bytes, "\x80\x02}");
    remember(&p);
    text(&p, "model");
    p.ordered_dict = global(&p, "collections", "OrderedDict");
    vox_bytes_text(&p.bytes, ")R");
    remember(&p);
    for (int64_t i = 0; i < work->count; i++) {
        if (i % BATCH == 0) {
            vox_bytes_text(&p.bytes, "(");
        }
        pickle_tensor(&p, &work->tensors[i], i, work->options->dtype);
        if (i % BATCH == BATCH - 1 || i == work->count - 1) {
            vox_bytes_text(&p.bytes, "u");
        }
    }
    vox_bytes_text(&p.bytes, "s.");
    return p.bytes;
}

static void small_member(struct work *work, struct vox_zip_builder *zip, const char *name,
                         const void *data, size_t size)
{
    uint64_t header = work->written + work->pending.size;
    vox_zip_before(&work->pending, work->written, name);
    vox_bytes_add(&work->pending, data, size);
    vox_zip_after(zip, &work->pending, header, name, vox_crc32(0, data, size), size);
}

static enum vox_code write_pt(struct work *work, struct vox_err *err)
{
    struct vox_zip_builder zip = {0};
    struct vox_bytes pickle = make_pickle(work);
    small_member(work, &zip, "archive/data.pkl", pickle.data, pickle.size);
    vox_bytes_free(&pickle);
    small_member(work, &zip, "archive/.format_version", "1", 1);
    small_member(work, &zip, "archive/.storage_alignment", "64", 2);
    small_member(work, &zip, "archive/byteorder", "little", 6);
    enum vox_code code = VOX_OK;
    for (int64_t i = 0; i < work->count && code == VOX_OK; i++) {
        char name[40];
        snprintf(name, sizeof(name), "archive/data/%" PRId64, i);
        size_t bytes = (size_t)work->tensors[i].values * vox_dtype_size(work->options->dtype);
        uint64_t header = work->written + work->pending.size;
        make_values(work, &work->tensors[i]);
        vox_zip_before(&work->pending, work->written, name);
        code = write_values(work, bytes, err);
        vox_zip_after(&zip, &work->pending, header, name, vox_crc32(0, work->narrow, bytes), bytes);
    }
    small_member(work, &zip, "archive/version", "3\n", 2);
    vox_zip_finish(&zip, &work->pending, work->written);
    return code == VOX_OK ? flush(work, err) : code;
}

static void safetensors_header(struct work *work)
{
    static const char *const names[] = {"F32", "F16", "BF16"};
    struct vox_bytes header = {0};
    char line[320];
    int64_t at = 0;
    vox_bytes_text(&header, "{\"__metadata__\":{\"format\":\"pt\"}");
    for (int64_t i = 0; i < work->count; i++) {
        const struct tensor *tensor = &work->tensors[i];
        int64_t end = at + tensor->values * (int64_t)vox_dtype_size(work->options->dtype);
        snprintf(line, sizeof(line), ",\"%s\":{\"dtype\":\"%s\",\"shape\":[", tensor->name,
                 names[work->options->dtype]);
        vox_bytes_text(&header, line);
        for (int d = 0; d < tensor->rank; d++) {
            snprintf(line, sizeof(line), "%s%" PRId64, d == 0 ? "" : ",", tensor->shape[d]);
            vox_bytes_text(&header, line);
        }
        snprintf(line, sizeof(line), "],\"data_offsets\":[%" PRId64 ",%" PRId64 "]}", at, end);
        vox_bytes_text(&header, line);
        at = end;
    }
    vox_bytes_text(&header, "}");
    vox_bytes_fill(&header, ' ', (8 - header.size % 8) % 8);
    vox_bytes_number(&work->pending, header.size, 8);
    vox_bytes_add(&work->pending, header.data, header.size);
    vox_bytes_free(&header);
}

static enum vox_code write_safetensors(struct work *work, struct vox_err *err)
{
    safetensors_header(work);
    enum vox_code code = VOX_OK;
    for (int64_t i = 0; i < work->count && code == VOX_OK; i++) {
        make_values(work, &work->tensors[i]);
        code = write_values(
            work, (size_t)work->tensors[i].values * vox_dtype_size(work->options->dtype), err);
    }
    return code;
}

static enum vox_code write_file(struct work *work, const char *path, struct vox_err *err)
{
    size_t bytes = (size_t)work->largest * sizeof(float);
    work->values = vox_alloc(bytes);
    work->narrow = vox_alloc(bytes);
    if (work->values == NULL || work->narrow == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    enum vox_code code = vox_file_create(path, &work->file, err);
    if (code != VOX_OK) {
        return code;
    }
    code = work->options->safetensors ? write_safetensors(work, err) : write_pt(work, err);
    if (code != VOX_OK) {
        vox_file_abandon(work->file);
        return code;
    }
    return vox_file_commit(work->file, err);
}

enum vox_code vox_checkpoint_write(const char *path, const struct vox_model_config *config,
                                   const struct vox_checkpoint_options *options,
                                   struct vox_checkpoint_totals *totals, struct vox_err *err)
{
    struct work work = {.options = options};
    work.tensors = vox_calloc(MAX_TENSORS, sizeof(*work.tensors));
    if (work.tensors == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    enum vox_code code = vox_schema_visit(config, collect, &work, err);
    if (code == VOX_OK) {
        code = write_file(&work, path, err);
    }
    if (code == VOX_OK && totals != NULL) {
        *totals = work.totals;
    }
    vox_free(work.narrow);
    vox_free(work.values);
    vox_bytes_free(&work.pending);
    vox_free(work.tensors);
    return code;
}
