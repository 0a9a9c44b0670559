#include "volume/slice_stream.h"

#include <inttypes.h>
#include <string.h>

#include "util/memory.h"
#include "volume/gzip.h"
#include "volume/voxel_load.h"

/* Places in a compressed stream that are remembered, evenly spread: about 40 KiB each. */
enum { MARKS = 64 };

/* A file's own pages are given back whenever this many bytes were read, or half the budget if that
 * is less: what is read once is not needed twice soon. */
static const uint64_t most_mapped = (uint64_t)16 << 20;

struct vox_slice_stream {
    struct vox_mapping mapping;
    struct vox_voxel_layout layout;
    struct vox_voxel_source source;
    int64_t depth;
    size_t pixels;      /* of a slice */
    size_t slice_bytes; /* as stored, inflated: what a buffer of one takes */
    int64_t first, last;

    void *spare; /* a slice that is not kept; what is read comes here first */

    uint64_t touched; /* bytes of slices read since the file's pages were given back */
    uint64_t most_touched;

    /* of a compressed file */
    struct vox_gzip_reader *reader;
    int64_t at; /* the slice that the reader is about to give; -1 where it is lost */
    struct vox_gzip_mark
        *marks[MARKS]; /* at the start of slice i * stride, NULL if not there yet */
    int64_t stride;
    void **kept; /* a buffer for each slice that is, or NULL */
    int64_t n_kept, most_kept;
    int64_t lowest, highest; /* no slice outside is kept */
};

static enum vox_code settle_budget(struct vox_slice_stream *t, uint64_t budget, struct vox_err *err)
{
    if (budget < t->slice_bytes) {
        return vox_fail(err, VOX_E_LIMIT,
                        "one slice takes %zu bytes, more than the %" PRIu64
                        " that voxels may take; allow more memory",
                        t->slice_bytes, budget);
    }
    uint64_t buffers = budget / t->slice_bytes;
    t->most_kept = buffers - 1 < (uint64_t)t->depth ? (int64_t)(buffers - 1) : t->depth;
    t->most_touched = budget / 2 < most_mapped ? budget / 2 : most_mapped;
    t->spare = vox_alloc(t->slice_bytes);
    if (t->spare == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    return VOX_OK;
}

static enum vox_code open_gzip(struct vox_slice_stream *t, struct vox_err *err)
{
    t->at = -1;
    t->stride = (t->depth + MARKS - 1) / MARKS;
    t->lowest = t->depth;
    t->highest = -1;
    t->kept = vox_calloc((size_t)t->depth, sizeof(*t->kept));
    if (t->kept == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    return vox_gzip_reader_new(t->source.data, t->source.size, &t->reader, err);
}

static void release(struct vox_slice_stream *t)
{
    for (int i = 0; i < MARKS; i++) {
        vox_gzip_mark_free(t->marks[i]);
    }
    for (int64_t k = 0; t->kept != NULL && k < t->depth; k++) {
        vox_free(t->kept[k]);
    }
    vox_free(t->kept);
    vox_gzip_reader_free(t->reader);
    vox_free(t->spare);
    vox_free(t);
}

enum vox_code vox_slice_stream_new(const struct vox_mapping *mapping,
                                   const struct vox_stored_volume *stored, uint64_t budget,
                                   struct vox_slice_stream **out, struct vox_err *err)
{
    enum vox_code code = vox_source_check(&stored->layout, &stored->source, err);
    if (code != VOX_OK) {
        return code;
    }
    struct vox_slice_stream *t = vox_calloc(1, sizeof(*t));
    if (t == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    t->layout = stored->layout;
    t->source = stored->source;
    t->depth = stored->layout.size[2];
    t->pixels = (size_t)stored->layout.size[0] * (size_t)stored->layout.size[1];
    t->slice_bytes = t->pixels * stored->layout.stored_size;
    t->last = t->depth - 1;
    code = settle_budget(t, budget, err);
    if (code == VOX_OK && t->source.gzipped) {
        code = open_gzip(t, err);
    }
    if (code != VOX_OK) {
        release(t);
        return code;
    }
    t->mapping = *mapping;
    *out = t;
    return VOX_OK;
}

static void touch_slice(struct vox_slice_stream *t)
{
    if (t->touched + t->slice_bytes > t->most_touched) {
        vox_file_unload(&t->mapping);
        t->touched = 0;
    }
    t->touched += t->slice_bytes;
}

static void read_plain(struct vox_slice_stream *t, int64_t k)
{
    touch_slice(t);
    const uint8_t *from = t->source.data + t->source.skip + (size_t)k * t->slice_bytes;
    memcpy(t->spare, from, t->slice_bytes);
    vox_voxels_settle(&t->layout, t->spare, t->pixels);
}

/* How gladly a slice is kept, less is gladlier: those of the plan first, then those near slice
 * `near`. */
static int64_t reluctance(const struct vox_slice_stream *t, int64_t k, int64_t near)
{
    int64_t distance = k > near ? k - near : near - k;
    return k < t->first || k > t->last ? distance + t->depth : distance;
}

/* The kept slice that is kept least gladly: it is the lowest or the highest of them. There is one.
 */
static int64_t find_victim(struct vox_slice_stream *t, int64_t near)
{
    while (t->kept[t->lowest] == NULL) {
        t->lowest++;
    }
    while (t->kept[t->highest] == NULL) {
        t->highest--;
    }
    return reluctance(t, t->lowest, near) > reluctance(t, t->highest, near) ? t->lowest
                                                                            : t->highest;
}

/* Keeps slice k, which is in the spare buffer, if there is room or it is kept more gladly than
 * another one; then the spare buffer is another. */
static void keep(struct vox_slice_stream *t, int64_t k, int64_t near)
{
    void *buffer = NULL;
    if (t->n_kept < t->most_kept) {
        buffer = vox_alloc(t->slice_bytes);
    }
    if (buffer == NULL) {
        if (t->n_kept == 0) {
            return;
        }
        int64_t victim = find_victim(t, near);
        if (reluctance(t, victim, near) <= reluctance(t, k, near)) {
            return;
        }
        buffer = t->kept[victim];
        t->kept[victim] = NULL;
        t->n_kept--;
    }
    t->kept[k] = t->spare;
    t->spare = buffer;
    t->n_kept++;
    t->lowest = k < t->lowest ? k : t->lowest;
    t->highest = k > t->highest ? k : t->highest;
}

/* A mark that cannot be made is only missed later. */
static void mark_here(struct vox_slice_stream *t)
{
    struct vox_gzip_mark **mark = &t->marks[t->at / t->stride];
    if (t->at % t->stride == 0 && *mark == NULL &&
        vox_gzip_reader_mark(t->reader, mark, NULL) != VOX_OK) {
        *mark = NULL;
    }
}

static enum vox_code begin_again(struct vox_slice_stream *t, struct vox_err *err)
{
    enum vox_code code = vox_gzip_reader_rewind(t->reader, err);
    if (code == VOX_OK) {
        code = vox_gzip_reader_read(t->reader, NULL, t->source.skip, err);
    }
    t->at = code == VOX_OK ? 0 : -1;
    return code;
}

/* Puts the reader at a slice from which `start` can be reached going forward, the nearest that
 * is known. */
static enum vox_code approach(struct vox_slice_stream *t, int64_t start, struct vox_err *err)
{
    int64_t i = start / t->stride;
    while (i >= 0 && t->marks[i] == NULL) {
        i--;
    }
    if (t->at >= 0 && t->at <= start && (i < 0 || t->at >= i * t->stride)) {
        return VOX_OK;
    }
    if (i < 0 || vox_gzip_reader_return(t->reader, t->marks[i], NULL) != VOX_OK) {
        return begin_again(t, err);
    }
    t->at = i * t->stride;
    return VOX_OK;
}

/* Inflates the reader's next slice and keeps it if that is worth it. */
static enum vox_code read_next(struct vox_slice_stream *t, int64_t near, struct vox_err *err)
{
    int64_t k = t->at;
    touch_slice(t);
    mark_here(t);
    bool known = t->kept[k] != NULL;
    enum vox_code code =
        vox_gzip_reader_read(t->reader, known ? NULL : t->spare, t->slice_bytes, err);
    if (code == VOX_OK && k == t->depth - 1) {
        code = vox_gzip_reader_finish(t->reader, vox_layout_bytes(&t->layout), err);
    }
    if (code != VOX_OK) {
        t->at = -1;
        return code;
    }
    t->at = k + 1;
    if (!known) {
        vox_voxels_settle(&t->layout, t->spare, t->pixels);
        keep(t, k, near);
    }
    return VOX_OK;
}

/* Where to begin for slice k. Who asks for a slice that has been passed probably goes on backwards,
 * so half of what can be kept is read before it at once. */
static int64_t find_start(const struct vox_slice_stream *t, int64_t k)
{
    if (t->at < 0 || t->at <= k) {
        return k;
    }
    int64_t start = k - t->most_kept / 2;
    int64_t least = k >= t->first ? t->first : 0;
    return start > least ? start : least;
}

static enum vox_code read_gzip(struct vox_slice_stream *t, int64_t k, struct vox_err *err)
{
    if (t->kept[k] != NULL) {
        return VOX_OK;
    }
    enum vox_code code = approach(t, find_start(t, k), err);
    while (code == VOX_OK && t->at <= k) {
        code = read_next(t, k, err);
    }
    return code;
}

enum vox_code vox_slice_stream_get(struct vox_slice_stream *stream, int64_t k, void **out,
                                   struct vox_err *err)
{
    VOX_ASSERT(k >= 0 && k < stream->depth);
    if (!stream->source.gzipped) {
        read_plain(stream, k);
        *out = stream->spare;
        return VOX_OK;
    }
    enum vox_code code = read_gzip(stream, k, err);
    if (code == VOX_OK) {
        *out = stream->kept[k] != NULL ? stream->kept[k] : stream->spare;
    }
    return code;
}

void vox_slice_stream_plan(struct vox_slice_stream *stream, int64_t first, int64_t last)
{
    stream->first = first;
    stream->last = last;
}

uint64_t vox_slice_stream_bytes(const struct vox_slice_stream *stream)
{
    return (uint64_t)(stream->n_kept + 1) * stream->slice_bytes;
}

void vox_slice_stream_free(struct vox_slice_stream *stream)
{
    if (stream != NULL) {
        vox_file_unmap(&stream->mapping);
        release(stream);
    }
}
