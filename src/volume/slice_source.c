#include "volume/slice_source.h"

#include <stddef.h>
#include <string.h>

#include "util/file.h"
#include "util/memory.h"
#include "volume/format.h"
#include "volume/slice_stream.h"

struct vox_slice_source {
    const struct vox_volume *volume; /* what is shown */
    struct vox_volume *owned;        /* NULL where the volume is borrowed */
    struct vox_slice_stream *stream; /* NULL where the volume is resident */
};

static size_t plane_bytes(const struct vox_volume *volume)
{
    return (size_t)volume->size[0] * (size_t)volume->size[1] * vox_voxel_size(volume->type);
}

static enum vox_code make(const struct vox_slice_source *like, struct vox_slice_source **out,
                          struct vox_err *err)
{
    struct vox_slice_source *source = vox_alloc(sizeof(*source));
    if (source == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    *source = *like;
    *out = source;
    return VOX_OK;
}

enum vox_code vox_slice_source_wrap(struct vox_volume *volume, struct vox_slice_source **out,
                                    struct vox_err *err)
{
    return make(&(struct vox_slice_source){.volume = volume, .owned = volume}, out, err);
}

enum vox_code vox_slice_source_borrow(const struct vox_volume *volume,
                                      struct vox_slice_source **out, struct vox_err *err)
{
    return make(&(struct vox_slice_source){.volume = volume}, out, err);
}

/* A volume without voxels. */
static struct vox_volume *volume_of(const struct vox_stored_volume *stored)
{
    struct vox_volume *volume = vox_calloc(1, sizeof(*volume));
    if (volume != NULL) {
        for (int axis = 0; axis < 3; axis++) {
            volume->size[axis] = stored->layout.size[axis];
        }
        volume->type = stored->layout.type;
        volume->slope = stored->slope;
        volume->intercept = stored->intercept;
        volume->geometry = stored->geometry;
    }
    return volume;
}

enum vox_code vox_volume_read_header(const char *path, const struct vox_volume_limits *limits,
                                     struct vox_volume **out, struct vox_err *err)
{
    struct vox_mapping mapping;
    enum vox_code code = vox_file_map(path, &mapping, err);
    if (code != VOX_OK) {
        return code;
    }
    const struct vox_content content = {.data = mapping.data, .size = mapping.size, .path = path};
    struct vox_stored_volume stored;
    code = vox_content_open(&content, limits, &stored, err);
    if (code == VOX_OK) {
        struct vox_volume *volume = volume_of(&stored);
        vox_stored_close(&stored);
        if (volume != NULL) {
            *out = volume;
        } else {
            code = vox_fail(err, VOX_E_NOMEM, "out of memory");
        }
    }
    vox_file_unmap(&mapping);
    return code;
}

/* Takes the mapping over, not on failure. */
static enum vox_code open_stream(const struct vox_mapping *mapping,
                                 const struct vox_stored_volume *stored, uint64_t budget,
                                 struct vox_slice_source **out, struct vox_err *err)
{
    struct vox_volume *shown = volume_of(stored);
    struct vox_slice_source *source;
    enum vox_code code = shown == NULL ? vox_fail(err, VOX_E_NOMEM, "out of memory")
                                       : vox_slice_source_wrap(shown, &source, err);
    if (code != VOX_OK) {
        vox_volume_free(shown);
        return code;
    }
    code = vox_slice_stream_new(mapping, stored, budget, &source->stream, err);
    if (code != VOX_OK) {
        vox_slice_source_close(source);
        return code;
    }
    *out = source;
    return VOX_OK;
}

/* Makes a stream's source resident. */
static enum vox_code read_all(struct vox_slice_source *source, struct vox_err *err)
{
    struct vox_volume *volume = source->owned;
    size_t plane = plane_bytes(volume);
    uint8_t *voxels = vox_alloc(plane * (size_t)volume->size[2]);
    if (voxels == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory for %zu bytes of voxels",
                        plane * (size_t)volume->size[2]);
    }
    for (int64_t k = 0; k < volume->size[2]; k++) {
        void *slice;
        enum vox_code code = vox_slice_stream_get(source->stream, k, &slice, err);
        if (code != VOX_OK) {
            vox_free(voxels);
            return code;
        }
        memcpy(voxels + (size_t)k * plane, slice, plane);
    }
    volume->voxels = voxels;
    vox_slice_stream_free(source->stream);
    source->stream = NULL;
    return VOX_OK;
}

static enum vox_code open_whole(const char *path, const struct vox_volume_limits *limits,
                                struct vox_slice_source **out, struct vox_err *err)
{
    struct vox_volume *volume;
    enum vox_code code = vox_volume_read(path, limits, &volume, err);
    if (code != VOX_OK) {
        return code;
    }
    code = vox_slice_source_wrap(volume, out, err);
    if (code != VOX_OK) {
        vox_volume_free(volume);
    }
    return code;
}

enum vox_code vox_slice_source_open(const char *path, const struct vox_volume_limits *limits,
                                    uint64_t budget, struct vox_slice_source **out,
                                    struct vox_err *err)
{
    struct vox_mapping mapping;
    enum vox_code code = vox_file_map(path, &mapping, err);
    if (code != VOX_OK) {
        return code;
    }
    const struct vox_content content = {.data = mapping.data, .size = mapping.size, .path = path};
    struct vox_stored_volume stored;
    code = vox_content_open(&content, limits, &stored, err);
    if (code == VOX_OK && stored.beside.data != NULL) {
        /* The header has said all it has to say. */
        vox_file_unmap(&mapping);
        mapping = stored.beside;
    }
    /* A plain file that fits is copied in parts whose pages are given back, so that its voxels are
     * not in memory twice; a compressed one is inflated at once, which is fastest. */
    bool fits = code == VOX_OK && vox_layout_bytes(&stored.layout) <= budget;
    bool streams = code == VOX_OK && !(fits && stored.source.gzipped);
    struct vox_slice_source *source;
    if (streams) {
        code = open_stream(&mapping, &stored, budget, &source, err);
    }
    if (!streams || code != VOX_OK) {
        vox_file_unmap(&mapping);
        return code == VOX_OK ? open_whole(path, limits, out, err) : code;
    }
    if (fits) {
        code = read_all(source, err);
        if (code != VOX_OK) {
            vox_slice_source_close(source);
            return code;
        }
    }
    *out = source;
    return VOX_OK;
}

const struct vox_volume *vox_slice_source_volume(const struct vox_slice_source *source)
{
    return source->volume;
}

bool vox_slice_source_resident(const struct vox_slice_source *source)
{
    return source->stream == NULL;
}

uint64_t vox_slice_source_bytes(const struct vox_slice_source *source)
{
    return source->stream == NULL ? plane_bytes(source->volume) * (uint64_t)source->volume->size[2]
                                  : vox_slice_stream_bytes(source->stream);
}

enum vox_code vox_slice_source_stored(struct vox_slice_source *source, int64_t k, const void **out,
                                      struct vox_err *err)
{
    const struct vox_volume *volume = source->volume;
    VOX_ASSERT(k >= 0 && k < volume->size[2]);
    if (source->stream == NULL) {
        *out = (const uint8_t *)volume->voxels + (size_t)k * plane_bytes(volume);
        return VOX_OK;
    }
    void *slice;
    enum vox_code code = vox_slice_stream_get(source->stream, k, &slice, err);
    if (code == VOX_OK) {
        *out = slice;
    }
    return code;
}

enum vox_code vox_slice_source_values(struct vox_slice_source *source, int64_t k, double *out,
                                      struct vox_err *err)
{
    if (source->stream == NULL) {
        vox_volume_slice(source->volume, k, out);
        return VOX_OK;
    }
    /* A volume of this slice alone. */
    struct vox_volume one = *source->volume;
    VOX_ASSERT(k >= 0 && k < one.size[2]);
    one.size[2] = 1;
    enum vox_code code = vox_slice_stream_get(source->stream, k, &one.voxels, err);
    if (code == VOX_OK) {
        vox_volume_slice(&one, 0, out);
    }
    return code;
}

void vox_slice_source_plan(struct vox_slice_source *source, int64_t first, int64_t last)
{
    VOX_ASSERT(first >= 0 && first <= last && last < source->volume->size[2]);
    if (source->stream != NULL) {
        vox_slice_stream_plan(source->stream, first, last);
    }
}

void vox_slice_source_close(struct vox_slice_source *source)
{
    if (source != NULL) {
        vox_slice_stream_free(source->stream);
        vox_volume_free(source->owned);
        vox_free(source);
    }
}
