#include "store/image_probe.h"

#include <stdint.h>

#include "util/file.h"
#include "volume/format.h"
#include "volume/gzip.h"

enum { GZIP_LEAST = 18 };

/* A gzip stream of one member ends with the size of what it holds (RFC 1952, ISIZE). Streams of
 * several members do not say it so. */
static bool ends_as_promised(const struct vox_voxel_layout *layout,
                             const struct vox_voxel_source *source)
{
    const uint8_t *tail = source->data + source->size - 4;
    uint32_t size = (uint32_t)tail[0] | (uint32_t)tail[1] << 8 | (uint32_t)tail[2] << 16 |
                    (uint32_t)tail[3] << 24;
    size_t wanted = source->skip + vox_layout_bytes(layout);
    return size == (uint32_t)wanted;
}

static enum vox_probe judge(const struct vox_stored_volume *stored, enum vox_code *code,
                            struct vox_err *err)
{
    const struct vox_voxel_source *source = &stored->source;
    *code = vox_source_check(&stored->layout, source, err);
    bool gzip = source->gzipped && source->size >= 2 && vox_is_gzip(source->data, source->size);
    if (gzip && source->size >= GZIP_LEAST && !ends_as_promised(&stored->layout, source)) {
        return VOX_PROBE_PART;
    }
    return *code == VOX_OK ? VOX_PROBE_WHOLE : VOX_PROBE_NOT;
}

enum vox_probe vox_image_probe(const char *path, const struct vox_volume_limits *limits,
                               enum vox_code *code, struct vox_err *err)
{
    struct vox_mapping mapping;
    struct vox_stored_volume stored = {0};
    *code = vox_file_map(path, &mapping, err);
    if (*code != VOX_OK) {
        return VOX_PROBE_NOT;
    }
    const struct vox_content content = {.data = mapping.data, .size = mapping.size, .path = path};
    enum vox_probe probe = VOX_PROBE_NOT;
    *code = vox_content_open(&content, limits, &stored, err);
    if (*code == VOX_OK) {
        probe = judge(&stored, code, err);
        vox_stored_close(&stored);
    }
    vox_file_unmap(&mapping);
    return probe;
}
