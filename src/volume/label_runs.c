#include "volume/label_runs.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "util/memory.h"
#include "volume/gzip.h"
#include "volume/voxel_load.h"

enum { STEP_BYTES = 1 << 20 }; /* of voxels that are looked at together */

/* What is read once need not stay in memory. */
enum { MOST_MAPPED = 16 << 20 };

struct reader {
    const struct vox_stored_volume *stored;
    const struct vox_mapping *file;
    struct vox_gzip_reader *unpacker; /* NULL: plain */
    size_t at;                        /* of a plain file: bytes that were read */
    size_t touched;                   /* since pages were given back */
    void *step;
    size_t layers, plane, in_slice; /* voxels of a slice that are done */
    int64_t k;
    uint64_t most_bytes, bytes; /* of runs */
    size_t most_values;
    struct vox_label_runs *out;
    struct vox_label_values *values;
};

/* Room for one more of `size` bytes. */
static enum vox_code grow(void **at, size_t n, size_t *room, size_t size, struct vox_err *err)
{
    if (n < *room) {
        return VOX_OK;
    }
    size_t more = *room == 0 ? 64 : 2 * *room;
    void *grown = *at == NULL ? vox_alloc(more * size) : vox_realloc(*at, n * size, more * size);
    if (grown == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory for a label map");
    }
    *at = grown;
    *room = more;
    return VOX_OK;
}

static enum vox_code note_value(struct reader *r, int32_t value, struct vox_err *err)
{
    struct vox_label_values *values = r->values;
    size_t low = 0;
    size_t high = values->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (values->at[middle] < value) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (value == 0 || (low < values->n && values->at[low] == value)) {
        return VOX_OK;
    }
    if (values->n == r->most_values) {
        return vox_fail(err, VOX_E_LIMIT,
                        "more than %zu different values; this is an image and no label map",
                        r->most_values);
    }
    void *at = values->at;
    enum vox_code code = grow(&at, values->n, &values->room, sizeof(*values->at), err);
    values->at = at;
    if (code == VOX_OK) {
        memmove(values->at + low + 1, values->at + low, (values->n - low) * sizeof(*values->at));
        values->at[low] = value;
        values->n++;
    }
    return code;
}

/* Adds `count` voxels to the slice that is being read. */
static enum vox_code add_run(struct reader *r, size_t l, int32_t value, size_t count,
                             struct vox_err *err)
{
    struct vox_label_runs *layer = &r->out[l];
    struct vox_label_run *last = layer->n > layer->starts[r->k] ? &layer->at[layer->n - 1] : NULL;
    if (last != NULL && last->value == value && count <= UINT32_MAX - last->count) {
        last->count += (uint32_t)count;
        return VOX_OK;
    }
    enum vox_code code = note_value(r, value, err);
    if (code != VOX_OK) {
        return code;
    }
    if (r->bytes + sizeof(*layer->at) > r->most_bytes) {
        return vox_fail(err, VOX_E_LIMIT,
                        "the label map has too many outlines for %" PRIu64 " bytes", r->most_bytes);
    }
    void *at = layer->at;
    code = grow(&at, layer->n, &layer->room, sizeof(*layer->at), err);
    layer->at = at;
    if (code == VOX_OK) {
        layer->at[layer->n++] = (struct vox_label_run){(uint32_t)count, value};
        r->bytes += sizeof(*layer->at);
    }
    return code;
}

static enum vox_code add_stored(struct reader *r, size_t l, double stored, size_t count,
                                struct vox_err *err)
{
    double value = r->stored->slope * stored + r->stored->intercept;
    if (!(value >= INT32_MIN && value <= INT32_MAX)) {
        return vox_fail(err, VOX_E_UNSUPPORTED,
                        "a voxel of %g; a label map holds whole numbers of at most 32 bits", value);
    }
    if (value != floor(value)) {
        return vox_fail(err, VOX_E_UNSUPPORTED, "a voxel of %g; a label map holds whole numbers",
                        value);
    }
    return add_run(r, l, (int32_t)value, count, err);
}

/* Equal voxels are passed over in blocks of this many: equal bytes one voxel apart. */
enum { BLOCK = 128 };

/* Finds the runs of layer l in `n` voxels, whose layers lie beside each other. */
#define ADD_VOXELS(type)                                                                           \
    do {                                                                                           \
        const type *voxels = (const type *)from + l;                                               \
        for (size_t start = 0, end; start < n && code == VOX_OK; start = end) {                    \
            const type value = voxels[start * r->layers];                                          \
            end = start + 1;                                                                       \
            while (r->layers == 1 && end + BLOCK <= n &&                                           \
                   memcmp(voxels + end - 1, voxels + end, BLOCK * sizeof(type)) == 0) {            \
                end += BLOCK;                                                                      \
            }                                                                                      \
            while (end < n && voxels[end * r->layers] == value) {                                  \
                end++;                                                                             \
            }                                                                                      \
            code = add_stored(r, l, (double)value, end - start, err);                              \
        }                                                                                          \
    } while (0)

static enum vox_code add_voxels(struct reader *r, size_t l, const void *from, size_t n,
                                struct vox_err *err)
{
    enum vox_code code = VOX_OK;
    switch (r->stored->layout.type) {
    case VOX_VOXEL_U8:
        ADD_VOXELS(uint8_t);
        break;
    case VOX_VOXEL_I8:
        ADD_VOXELS(int8_t);
        break;
    case VOX_VOXEL_U16:
        ADD_VOXELS(uint16_t);
        break;
    case VOX_VOXEL_I16:
        ADD_VOXELS(int16_t);
        break;
    case VOX_VOXEL_U32:
        ADD_VOXELS(uint32_t);
        break;
    case VOX_VOXEL_I32:
        ADD_VOXELS(int32_t);
        break;
    case VOX_VOXEL_U64:
        ADD_VOXELS(uint64_t);
        break;
    case VOX_VOXEL_I64:
        ADD_VOXELS(int64_t);
        break;
    case VOX_VOXEL_F32:
        ADD_VOXELS(float);
        break;
    case VOX_VOXEL_F64:
        ADD_VOXELS(double);
        break;
    }
    return code;
}

#undef ADD_VOXELS

/* A step may end one slice and begin another. */
static enum vox_code add_step(struct reader *r, size_t n, struct vox_err *err)
{
    const size_t size = r->layers * vox_voxel_size(r->stored->layout.type);
    enum vox_code code = VOX_OK;
    for (size_t done = 0; done < n && code == VOX_OK;) {
        size_t left = r->plane - r->in_slice;
        size_t part = n - done < left ? n - done : left;
        for (size_t l = 0; l < r->layers && code == VOX_OK; l++) {
            code = add_voxels(r, l, (const uint8_t *)r->step + done * size, part, err);
        }
        done += part;
        r->in_slice += part;
        if (r->in_slice == r->plane) {
            r->in_slice = 0;
            r->k++;
            for (size_t l = 0; l < r->layers; l++) {
                r->out[l].starts[r->k] = r->out[l].n;
            }
        }
    }
    return code;
}

static enum vox_code get(struct reader *r, size_t bytes, struct vox_err *err)
{
    if (r->unpacker != NULL) {
        return vox_gzip_reader_read(r->unpacker, r->step, bytes, err);
    }
    memcpy(r->step, r->stored->source.data + r->stored->source.skip + r->at, bytes);
    r->at += bytes;
    r->touched += bytes;
    if (r->file != NULL && r->touched > MOST_MAPPED) {
        vox_file_unload(r->file);
        r->touched = 0;
    }
    return VOX_OK;
}

static enum vox_code read_all(struct reader *r, struct vox_err *err)
{
    const struct vox_voxel_layout *layout = &r->stored->layout;
    const size_t voxel = r->layers * layout->stored_size;
    size_t most = STEP_BYTES / voxel > 0 ? STEP_BYTES / voxel : 1;
    size_t left = vox_layout_bytes(layout) / voxel;
    most = most < left ? most : left;
    r->step = vox_alloc(most * voxel);
    if (r->step == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    enum vox_code code = VOX_OK;
    while (left > 0 && code == VOX_OK) {
        size_t n = left < most ? left : most;
        code = get(r, n * voxel, err);
        if (code == VOX_OK) {
            vox_voxels_settle(layout, r->step, n * r->layers);
            code = add_step(r, n, err);
        }
        left -= n;
    }
    if (code == VOX_OK && r->unpacker != NULL) {
        code = vox_gzip_reader_finish(r->unpacker, vox_layout_bytes(layout), err);
    }
    return code;
}

static enum vox_code begin(struct reader *r, struct vox_err *err)
{
    const struct vox_voxel_source *source = &r->stored->source;
    const size_t starts = (size_t)r->stored->layout.size[2] + 1;
    r->bytes = r->layers * starts * sizeof(size_t);
    if (r->bytes > r->most_bytes) {
        return vox_fail(err, VOX_E_LIMIT,
                        "%zu layers of %zu slices are too many for %" PRIu64 " bytes", r->layers,
                        starts - 1, r->most_bytes);
    }
    for (size_t l = 0; l < r->layers; l++) {
        r->out[l].starts = vox_calloc(starts, sizeof(*r->out[l].starts));
        if (r->out[l].starts == NULL) {
            return vox_fail(err, VOX_E_NOMEM, "out of memory");
        }
    }
    if (!source->gzipped) {
        return VOX_OK;
    }
    enum vox_code code = vox_gzip_reader_new(source->data, source->size, &r->unpacker, err);
    return code == VOX_OK ? vox_gzip_reader_read(r->unpacker, NULL, source->skip, err) : code;
}

enum vox_code vox_label_runs_read(const struct vox_stored_volume *stored,
                                  const struct vox_mapping *file, uint64_t most_bytes,
                                  size_t most_values, struct vox_label_runs *layers,
                                  struct vox_label_values *values, struct vox_err *err)
{
    const int64_t *size = stored->layout.size;
    struct reader r = {
        .stored = stored,
        .file = file,
        .layers = (size_t)stored->layout.layers,
        .plane = (size_t)size[0] * (size_t)size[1],
        .most_bytes = most_bytes,
        .most_values = most_values,
        .out = layers,
        .values = values,
    };
    enum vox_code code = vox_source_check(&stored->layout, &stored->source, err);
    if (code == VOX_OK) {
        code = begin(&r, err);
    }
    if (code == VOX_OK) {
        code = read_all(&r, err);
    }
    vox_gzip_reader_free(r.unpacker);
    vox_free(r.step);
    return code;
}

void vox_label_runs_free(struct vox_label_runs *layer)
{
    vox_free(layer->at);
    vox_free(layer->starts);
}

void vox_label_values_free(struct vox_label_values *values)
{
    vox_free(values->at);
}
