/* Masks as prompts: from a label file on the image's grid. */
#include <stdbool.h>

#include "pipeline/image.h"
#include "pipeline/request.h"
#include "util/memory.h"
#include "volume/label_map.h"
#include "voxlabel/voxlabel.h"

/* One label's voxels in a file. */
struct source {
    const struct vox_label_map *map;
    int segment; /* -1: by value */
    int64_t value;
};

static int64_t read_slice(const struct source *source, int64_t k, uint8_t *mask)
{
    return source->segment >= 0 ? vox_label_map_segment_slice(source->map, source->segment, k, mask)
                                : vox_label_map_value_slice(source->map, source->value, k, mask);
}

/* The slices that hold something; *n is 0 where none does. `mask` is room for one slice. */
static void find_slices(const struct source *source, const int64_t size[3], uint8_t *mask,
                        int64_t *first, int64_t *n)
{
    *n = 0;
    for (int64_t k = 0; k < size[2]; k++) {
        if (read_slice(source, k, mask) > 0) {
            *first = *n == 0 ? k : *first;
            *n = k + 1 - *first;
        }
    }
}

static enum vox_code take_label(struct vox_request *request, int label, const struct source *source,
                                const int64_t size[3], int64_t *taken, struct vox_err *err)
{
    size_t pixels = (size_t)size[0] * (size_t)size[1], bytes;
    int64_t first = 0, n = 0;
    uint8_t *slice = vox_alloc(pixels);
    if (slice == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    find_slices(source, size, slice, &first, &n);
    vox_free(slice);
    *taken = n;
    if (n == 0) {
        return VOX_OK;
    }
    uint8_t *voxels = vox_mul(pixels, (size_t)n, &bytes) ? vox_alloc(bytes) : NULL;
    if (voxels == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory for the mask");
    }
    for (int64_t k = 0; k < n; k++) {
        (void)read_slice(source, first + k, voxels + (size_t)k * pixels);
    }
    enum vox_code code =
        vox_request_set_mask(request, label, size[0], size[1], first, n, voxels, err);
    vox_free(voxels);
    return code;
}

/* Whether the voxels of a value are those of a segment that another label takes by its name. */
static bool is_taken(const struct vox_label_map *map, const struct vox_labels *labels,
                     int64_t value)
{
    for (int label = 0; label < labels->n; label++) {
        int segment = vox_label_map_find(map, labels->names[label]);
        if (segment >= 0 && vox_label_map_segment(map, segment)->value == value) {
            return true;
        }
    }
    return false;
}

/* The file's masks into a request without any. */
static enum vox_code take_labels(struct vox_request *masks, const struct vox_label_map *map,
                                 const int64_t size[3], struct vox_err *err)
{
    int64_t all = 0;
    for (int label = 0; label < masks->labels.n; label++) {
        const struct source source = {
            .map = map,
            .segment = vox_label_map_find(map, masks->labels.names[label]),
            .value = vox_label_value(label),
        };
        int64_t taken = 0;
        if (source.segment < 0 && is_taken(map, &masks->labels, source.value)) {
            continue;
        }
        enum vox_code code = take_label(masks, label, &source, size, &taken, err);
        if (code != VOX_OK) {
            return code;
        }
        all += taken;
    }
    if (all == 0) {
        return vox_fail(err, VOX_E_ARG,
                        "the mask holds no voxel of any label: neither a segment of its name nor "
                        "the values 1 to %d",
                        masks->labels.n);
    }
    return VOX_OK;
}

/* Labels that the file holds nothing for keep theirs. */
static enum vox_code replace_masks(struct vox_request *request, const struct vox_label_map *map,
                                   const int64_t size[3], struct vox_err *err)
{
    struct vox_request *masks;
    enum vox_code code = vox_request_new(&request->labels, &masks, err);
    if (code != VOX_OK) {
        return code;
    }
    code = take_labels(masks, map, size, err);
    for (int label = 0; label < request->labels.n && code == VOX_OK; label++) {
        struct vox_mask_ask *from = &masks->objects[label].mask;
        if (from->n > 0) {
            struct vox_mask_ask before = request->objects[label].mask;
            request->objects[label].mask = *from;
            request->objects[label].mask_depth = size[2];
            *from = before;
        }
    }
    vox_request_free(masks);
    return code;
}

static enum vox_code take_file(struct vox_request *request, const struct vox_volume *volume,
                               const char *path, struct vox_err *err)
{
    struct vox_volume_limits limits = vox_volume_limits_default();
    struct vox_label_map *map;
    enum vox_code code = vox_label_map_read(path, &limits, &map, err);
    if (code != VOX_OK) {
        return code;
    }
    code = vox_label_map_place(map, volume, err);
    if (code == VOX_OK) {
        code = replace_masks(request, map, volume->size, err);
    }
    vox_label_map_free(map);
    return code;
}

enum vox_code vox_request_mask_file(struct vox_request *request, struct vox_image *image,
                                    const char *path, struct vox_err *err)
{
    const struct vox_volume *volume;
    struct vox_volume *own;
    enum vox_code code = vox_image_header(image, &volume, &own, err);
    if (code != VOX_OK) {
        return vox_err_prefix(err, code, "the image");
    }
    code = take_file(request, volume, path, err);
    vox_volume_free(own);
    return code;
}
