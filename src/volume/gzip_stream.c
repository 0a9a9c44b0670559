#include "volume/gzip.h"

#include <limits.h>
#include <string.h>

#define ZLIB_CONST /* next_in then points to const */
#include <zlib.h>

#include "util/file.h"
#include "util/memory.h"

/* What may follow the wanted bytes in their member and is read to reach its checksum. */
enum { MARGIN = 1 << 20 };

/* zlib's window bits with this on top mean gzip, without it zlib's own framing. */
enum { GZIP_FRAMING = 16 };

/* A mask of 300 slices of 512 x 512 takes a quarter of a second; lower levels save half of that
 * and make files three times as long, higher ones save little. */
enum { LEVEL = 4 };

struct stream {
    z_stream z;
    const uint8_t *data;
    size_t size;  /* bytes not yet handed to zlib */
    bool between; /* a member, and its checksum, ended with the last byte that came */
    bool ended;   /* after the last member */
};

static void *zlib_alloc(void *opaque, unsigned count, unsigned size)
{
    (void)opaque;
    /* Cleared: inflate reads its window's unwritten bytes in ways that MemorySanitizer reports. */
    return vox_calloc(count, size);
}

static void zlib_free(void *opaque, void *block)
{
    (void)opaque;
    vox_free(block);
}

/* gzip or zlib's own framing, told by the first bytes. */
static enum vox_code stream_open(struct stream *s, const uint8_t *data, size_t size,
                                 struct vox_err *err)
{
    int framing = vox_is_gzip(data, size) ? GZIP_FRAMING : 0;
    memset(s, 0, sizeof(*s));
    s->data = data;
    s->size = size;
    s->z.zalloc = zlib_alloc;
    s->z.zfree = zlib_free;
    int status = inflateInit2(&s->z, 15 + framing);
    if (status != Z_OK) {
        return vox_fail_sys(err, VOX_E_NOMEM, status, "out of memory");
    }
    return VOX_OK;
}

/* zlib counts in unsigned int. */
static void stream_feed(struct stream *s)
{
    if (s->z.avail_in == 0 && s->size > 0) {
        size_t part = s->size < UINT_MAX / 2 ? s->size : UINT_MAX / 2;
        s->z.next_in = s->data;
        s->z.avail_in = (unsigned)part;
        s->data += part;
        s->size -= part;
    }
}

/* After a member: another one may follow; anything else (padding, garbage) is none of the stream's.
 */
static void stream_next_member(struct stream *s)
{
    const uint8_t *rest = s->data - s->z.avail_in;
    size_t size = s->size + s->z.avail_in;
    if (!vox_is_gzip(rest, size) || inflateReset(&s->z) != Z_OK) {
        s->ended = true;
    }
}

/* One call of inflate; *got bytes come, perhaps none. */
static enum vox_code stream_step(struct stream *s, uint8_t *out, size_t room, size_t *got,
                                 struct vox_err *err)
{
    stream_feed(s);
    unsigned part = room < UINT_MAX / 2 ? (unsigned)room : UINT_MAX / 2;
    s->z.next_out = out;
    s->z.avail_out = part;
    int status = inflate(&s->z, Z_NO_FLUSH);
    *got = part - s->z.avail_out;
    s->between = status == Z_STREAM_END;
    switch (status) {
    case Z_STREAM_END:
        stream_next_member(s);
        return VOX_OK;
    case Z_OK:
        return VOX_OK;
    case Z_BUF_ERROR:
        return vox_fail(err, VOX_E_FORMAT, "the gzip stream ends early; the file is cut off");
    case Z_MEM_ERROR:
        return vox_fail_sys(err, VOX_E_NOMEM, status, "out of memory");
    default:
        return vox_fail_sys(err, VOX_E_FORMAT, status, "the gzip stream is damaged");
    }
}

/* Reads up to `wanted` bytes; *got is less only where the stream ends properly. */
static enum vox_code stream_read(struct stream *s, uint8_t *out, size_t wanted, size_t *got,
                                 struct vox_err *err)
{
    *got = 0;
    while (*got < wanted && !s->ended) {
        size_t part;
        enum vox_code code = stream_step(s, out + *got, wanted - *got, &part, err);
        if (code != VOX_OK) {
            return code;
        }
        *got += part;
    }
    return VOX_OK;
}

enum vox_code vox_gunzip_prefix(const uint8_t *data, size_t size, uint8_t *out, size_t wanted,
                                size_t *got, struct vox_err *err)
{
    struct stream s;
    enum vox_code code = stream_open(&s, data, size, err);
    if (code != VOX_OK) {
        return code;
    }
    size_t count;
    code = stream_read(&s, out, wanted, &count, err);
    inflateEnd(&s.z);
    if (code == VOX_OK) {
        *got = count;
    }
    return code;
}

static enum vox_code stream_skip(struct stream *s, size_t skip, struct vox_err *err)
{
    uint8_t sink[4096];
    while (skip > 0) {
        size_t part = skip < sizeof(sink) ? skip : sizeof(sink);
        size_t got;
        enum vox_code code = stream_read(s, sink, part, &got, err);
        if (code != VOX_OK) {
            return code;
        }
        if (got < part) {
            return vox_fail(err, VOX_E_FORMAT, "the gzip stream ends before the voxels begin");
        }
        skip -= part;
    }
    return VOX_OK;
}

/* Reads on to the end of the member, where zlib compares the checksum: damage can make a stream
 * longer. But a stream that is longer by as much as was wanted is left alone, so that a bomb costs
 * little more than an honest file. */
static enum vox_code stream_finish(struct stream *s, size_t wanted, struct vox_err *err)
{
    uint8_t sink[4096];
    size_t read = 0;
    while (!s->between && !s->ended && (read < wanted || read < MARGIN)) {
        size_t part;
        enum vox_code code = stream_step(s, sink, sizeof(sink), &part, err);
        if (code != VOX_OK) {
            return code;
        }
        read += part;
    }
    return VOX_OK;
}

static enum vox_code stream_exact(struct stream *s, size_t skip, uint8_t *out, size_t wanted,
                                  struct vox_err *err)
{
    enum vox_code code = stream_skip(s, skip, err);
    if (code != VOX_OK) {
        return code;
    }
    size_t got;
    code = stream_read(s, out, wanted, &got, err);
    if (code != VOX_OK) {
        return code;
    }
    if (got < wanted) {
        return vox_fail(err, VOX_E_FORMAT,
                        "the gzip stream holds %zu bytes of voxels, the header promises %zu", got,
                        wanted);
    }
    return stream_finish(s, wanted, err);
}

enum vox_code vox_gunzip_stream(const uint8_t *data, size_t size, size_t skip, uint8_t *out,
                                size_t wanted, struct vox_err *err)
{
    struct stream s;
    enum vox_code code = stream_open(&s, data, size, err);
    if (code == VOX_OK) {
        code = stream_exact(&s, skip, out, wanted, err);
        inflateEnd(&s.z);
    }
    return code;
}

/* zlib's state knows the address of its z_stream, so the stream is not moved but exchanged. */
struct vox_gzip_reader {
    struct stream *s;
    const uint8_t *data;
    size_t size;
};

struct vox_gzip_mark {
    struct stream *s;
};

static void stream_free(struct stream *s)
{
    if (s != NULL) {
        inflateEnd(&s->z);
        vox_free(s);
    }
}

enum vox_code vox_gzip_reader_new(const uint8_t *data, size_t size, struct vox_gzip_reader **out,
                                  struct vox_err *err)
{
    struct vox_gzip_reader *reader = vox_alloc(sizeof(*reader));
    struct stream *s = vox_alloc(sizeof(*s));
    enum vox_code code = VOX_E_NOMEM;
    if (reader == NULL || s == NULL) {
        code = vox_fail(err, VOX_E_NOMEM, "out of memory");
    } else {
        code = stream_open(s, data, size, err);
    }
    if (code != VOX_OK) {
        vox_free(s);
        vox_free(reader);
        return code;
    }
    *reader = (struct vox_gzip_reader){.s = s, .data = data, .size = size};
    *out = reader;
    return VOX_OK;
}

static enum vox_code read_exactly(struct stream *s, uint8_t *out, size_t wanted,
                                  struct vox_err *err)
{
    size_t got;
    enum vox_code code = stream_read(s, out, wanted, &got, err);
    if (code == VOX_OK && got < wanted) {
        code = vox_fail(err, VOX_E_FORMAT, "the gzip stream ends early; the file is cut off");
    }
    return code;
}

enum vox_code vox_gzip_reader_read(struct vox_gzip_reader *reader, void *out, size_t wanted,
                                   struct vox_err *err)
{
    if (out != NULL) {
        return read_exactly(reader->s, out, wanted, err);
    }
    uint8_t sink[16384];
    enum vox_code code = VOX_OK;
    while (wanted > 0 && code == VOX_OK) {
        size_t part = wanted < sizeof(sink) ? wanted : sizeof(sink);
        code = read_exactly(reader->s, sink, part, err);
        wanted -= part;
    }
    return code;
}

enum vox_code vox_gzip_reader_finish(struct vox_gzip_reader *reader, size_t most,
                                     struct vox_err *err)
{
    return stream_finish(reader->s, most, err);
}

enum vox_code vox_gzip_reader_rewind(struct vox_gzip_reader *reader, struct vox_err *err)
{
    struct stream *s = reader->s;
    if (inflateReset(&s->z) != Z_OK) {
        return vox_fail(err, VOX_E_INTERNAL, "the gzip stream could not be read from its start");
    }
    s->data = reader->data;
    s->size = reader->size;
    s->z.avail_in = 0;
    s->between = false;
    s->ended = false;
    return VOX_OK;
}

void vox_gzip_reader_free(struct vox_gzip_reader *reader)
{
    if (reader != NULL) {
        stream_free(reader->s);
        vox_free(reader);
    }
}

static enum vox_code stream_copy(struct stream *from, struct stream **out, struct vox_err *err)
{
    struct stream *copy = vox_alloc(sizeof(*copy));
    if (copy == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    *copy = *from;
    int status = inflateCopy(&copy->z, &from->z);
    if (status != Z_OK) {
        vox_free(copy);
        return vox_fail_sys(err, VOX_E_NOMEM, status, "out of memory");
    }
    *out = copy;
    return VOX_OK;
}

enum vox_code vox_gzip_reader_mark(const struct vox_gzip_reader *reader, struct vox_gzip_mark **out,
                                   struct vox_err *err)
{
    struct vox_gzip_mark *mark = vox_alloc(sizeof(*mark));
    if (mark == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    enum vox_code code = stream_copy(reader->s, &mark->s, err);
    if (code != VOX_OK) {
        vox_free(mark);
        return code;
    }
    *out = mark;
    return VOX_OK;
}

enum vox_code vox_gzip_reader_return(struct vox_gzip_reader *reader,
                                     const struct vox_gzip_mark *mark, struct vox_err *err)
{
    struct stream *copy;
    enum vox_code code = stream_copy(mark->s, &copy, err);
    if (code == VOX_OK) {
        stream_free(reader->s);
        reader->s = copy;
    }
    return code;
}

void vox_gzip_mark_free(struct vox_gzip_mark *mark)
{
    if (mark != NULL) {
        stream_free(mark->s);
        vox_free(mark);
    }
}

struct vox_gzip_writer {
    z_stream z;
    struct vox_file_writer *file;
    uint8_t packed[65536];
};

enum vox_code vox_gzip_writer_new(struct vox_file_writer *file, bool zlib_container,
                                  struct vox_gzip_writer **out, struct vox_err *err)
{
    struct vox_gzip_writer *writer = vox_alloc(sizeof(*writer));
    if (writer == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    memset(&writer->z, 0, sizeof(writer->z));
    writer->z.zalloc = zlib_alloc;
    writer->z.zfree = zlib_free;
    writer->file = file;
    int bits = 15 + (zlib_container ? 0 : GZIP_FRAMING);
    int status = deflateInit2(&writer->z, LEVEL, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY);
    if (status != Z_OK) {
        vox_free(writer);
        return vox_fail_sys(err, VOX_E_NOMEM, status, "out of memory");
    }
    *out = writer;
    return VOX_OK;
}

/* Hands zlib what next_in and avail_in say, and the file what comes of it. */
static enum vox_code deflate_part(struct vox_gzip_writer *writer, int flush, struct vox_err *err)
{
    z_stream *z = &writer->z;
    for (;;) {
        z->next_out = writer->packed;
        z->avail_out = sizeof(writer->packed);
        int status = deflate(z, flush);
        /* Z_BUF_ERROR: there was nothing to do. */
        if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) {
            return vox_fail_sys(err, VOX_E_INTERNAL, status, "the voxels could not be compressed");
        }
        size_t size = sizeof(writer->packed) - z->avail_out;
        enum vox_code code = vox_file_write(writer->file, writer->packed, size, err);
        if (code != VOX_OK) {
            return code;
        }
        if (status == Z_STREAM_END || (flush == Z_NO_FLUSH && z->avail_out > 0)) {
            return VOX_OK;
        }
    }
}

enum vox_code vox_gzip_writer_put(struct vox_gzip_writer *writer, const void *data, size_t size,
                                  struct vox_err *err)
{
    const uint8_t *next = data;
    enum vox_code code = VOX_OK;
    while (size > 0 && code == VOX_OK) {
        size_t part = size < UINT_MAX / 2 ? size : UINT_MAX / 2;
        writer->z.next_in = next;
        writer->z.avail_in = (unsigned)part;
        code = deflate_part(writer, Z_NO_FLUSH, err);
        next += part;
        size -= part;
    }
    return code;
}

enum vox_code vox_gzip_writer_finish(struct vox_gzip_writer *writer, struct vox_err *err)
{
    writer->z.next_in = NULL;
    writer->z.avail_in = 0;
    return deflate_part(writer, Z_FINISH, err);
}

void vox_gzip_writer_free(struct vox_gzip_writer *writer)
{
    if (writer != NULL) {
        deflateEnd(&writer->z);
        vox_free(writer);
    }
}
