#include "volume/label_map.h"

#include <math.h>
#include <string.h>

#include "util/file.h"
#include "util/memory.h"
#include "volume/format.h"
#include "volume/geometry.h"
#include "volume/label_runs.h"
#include "volume/segment_list.h"

/* How far, in voxels, a corner may lie from where whole steps put it. */
static const double tolerance = 0.01;

struct vox_label_map {
    struct vox_volume grid;
    int layers;
    struct vox_label_runs *runs; /* one per layer */
    struct vox_label_values values;
    struct vox_segment_list segments;
    int64_t size[3];  /* of the grid that it is laid upon */
    int64_t shift[3]; /* where that has the map's first voxel */
};

void vox_label_map_free(struct vox_label_map *map)
{
    if (map == NULL) {
        return;
    }
    for (int l = 0; map->runs != NULL && l < map->layers; l++) {
        vox_label_runs_free(&map->runs[l]);
    }
    vox_free(map->runs);
    vox_label_values_free(&map->values);
    vox_segment_list_free(&map->segments);
    vox_free(map);
}

/* What a header leaves open is what Slicer takes: files of before 4.11 have a layer per segment.
 */
static enum vox_code settle_segments(struct vox_label_map *map, struct vox_err *err)
{
    for (int i = 0; i < map->segments.n; i++) {
        struct vox_segment_info *segment = &map->segments.at[i];
        bool several = map->layers > 1;
        segment->value = segment->value >= 0 ? segment->value : several ? 1 : i + 1;
        segment->layer = segment->layer >= 0 ? segment->layer : several ? i : 0;
        if (segment->layer >= map->layers) {
            return vox_fail(err, VOX_E_FORMAT,
                            "segment %d lies in layer %d, but the file has %d layers", i,
                            segment->layer, map->layers);
        }
    }
    return VOX_OK;
}

static enum vox_code fill(struct vox_label_map *map, const struct vox_content *content,
                          const struct vox_stored_volume *stored, const struct vox_mapping *file,
                          const struct vox_volume_limits *limits, struct vox_err *err)
{
    enum vox_code code = VOX_OK;
    if (stored->format->segments != NULL) {
        code = stored->format->segments(content, &map->segments, err);
    }
    if (code == VOX_OK) {
        code = settle_segments(map, err);
    }
    if (code == VOX_OK) {
        map->runs = vox_calloc((size_t)map->layers, sizeof(*map->runs));
        if (map->runs == NULL) {
            return vox_fail(err, VOX_E_NOMEM, "out of memory");
        }
        code = vox_label_runs_read(stored, file, limits->max_bytes, VOX_LABEL_VALUES_MAX, map->runs,
                                   &map->values, err);
    }
    return code;
}

static enum vox_code make(const struct vox_content *content, const struct vox_stored_volume *stored,
                          const struct vox_mapping *file, const struct vox_volume_limits *limits,
                          struct vox_label_map **out, struct vox_err *err)
{
    struct vox_label_map *map = vox_calloc(1, sizeof(*map));
    if (map == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    map->layers = (int)stored->layout.layers;
    map->grid.type = stored->layout.type;
    map->grid.slope = stored->slope;
    map->grid.intercept = stored->intercept;
    map->grid.geometry = stored->geometry;
    memcpy(map->grid.size, stored->layout.size, sizeof(map->grid.size));
    memcpy(map->size, stored->layout.size, sizeof(map->size));
    enum vox_code code = fill(map, content, stored, file, limits, err);
    if (code != VOX_OK) {
        vox_label_map_free(map);
        return code;
    }
    *out = map;
    return VOX_OK;
}

/* `file` is where the content is mapped, or NULL. */
static enum vox_code parse(const struct vox_content *content, const struct vox_mapping *file,
                           const struct vox_volume_limits *limits, struct vox_label_map **out,
                           struct vox_err *err)
{
    struct vox_stored_volume stored;
    enum vox_code code = vox_content_open(content, limits, &stored, err);
    if (code == VOX_OK) {
        code = make(content, &stored, stored.beside.data != NULL ? &stored.beside : file, limits,
                    out, err);
        vox_stored_close(&stored);
    }
    return code;
}

enum vox_code vox_label_map_parse(const void *data, size_t size,
                                  const struct vox_volume_limits *limits,
                                  struct vox_label_map **out, struct vox_err *err)
{
    const struct vox_content content = {.data = data, .size = size, .layered = true};
    return parse(&content, NULL, limits, out, err);
}

enum vox_code vox_label_map_read(const char *path, const struct vox_volume_limits *limits,
                                 struct vox_label_map **out, struct vox_err *err)
{
    struct vox_mapping mapping;
    enum vox_code code = vox_file_map(path, &mapping, err);
    if (code == VOX_OK) {
        const struct vox_content content = {
            .data = mapping.data, .size = mapping.size, .path = path, .layered = true};
        code = parse(&content, &mapping, limits, out, err);
        vox_file_unmap(&mapping);
    }
    return code;
}

const struct vox_volume *vox_label_map_grid(const struct vox_label_map *map)
{
    return &map->grid;
}

int vox_label_map_layers(const struct vox_label_map *map)
{
    return map->layers;
}

size_t vox_label_map_values(const struct vox_label_map *map, const int32_t **out)
{
    *out = map->values.at;
    return map->values.n;
}

int vox_label_map_segments(const struct vox_label_map *map)
{
    return map->segments.n;
}

const struct vox_segment_info *vox_label_map_segment(const struct vox_label_map *map, int index)
{
    VOX_ASSERT(index >= 0 && index < map->segments.n);
    return &map->segments.at[index];
}

int vox_label_map_find(const struct vox_label_map *map, const char *name)
{
    for (int i = 0; i < map->segments.n; i++) {
        if (strcmp(map->segments.at[i].name, name) == 0) {
            return i;
        }
    }
    return -1;
}

enum vox_code vox_label_map_place(struct vox_label_map *map, const struct vox_volume *image,
                                  struct vox_err *err)
{
    double own[3][4];
    double moved[3][4];
    double steps[3];
    int64_t shift[3];
    bool whole = true;
    memcpy(own, map->grid.geometry.affine, sizeof(own));
    memcpy(moved, image->geometry.affine, sizeof(moved));
    const double origin[3] = {own[0][3], own[1][3], own[2][3]};
    vox_affine_index(moved, origin, steps);
    for (int axis = 0; axis < 3; axis++) {
        double step = round(steps[axis]);
        /* Beyond any grid, and below what a double holds exactly. */
        whole = whole && step >= -1e9 && step <= 1e9;
        shift[axis] = whole ? (int64_t)step : 0;
    }
    for (int r = 0; r < 3 && whole; r++) {
        const double *row = image->geometry.affine[r];
        moved[r][3] +=
            row[0] * (double)shift[0] + row[1] * (double)shift[1] + row[2] * (double)shift[2];
    }
    double distance = whole ? vox_corner_distance(moved, own, map->grid.size) : HUGE_VAL;
    if (!(distance <= tolerance)) {
        return vox_fail(err, VOX_E_ARG,
                        "the label map is not on the image's grid: a corner is %.3g voxels away "
                        "from it; resample it to the image",
                        distance);
    }
    memcpy(map->size, image->size, sizeof(map->size));
    memcpy(map->shift, shift, sizeof(map->shift));
    return VOX_OK;
}

/* Voxels first up to first + count of the map's slice are inside: marks those that the grid has,
 * row by row. */
static int64_t mark(const struct vox_label_map *map, int64_t first, int64_t count, uint8_t *mask)
{
    const int64_t w = map->grid.size[0];
    int64_t marked = 0;
    while (count > 0) {
        int64_t i = first % w;
        int64_t part = count < w - i ? count : w - i;
        int64_t row = first / w + map->shift[1];
        int64_t from = i + map->shift[0];
        int64_t to = from + part;
        from = from > 0 ? from : 0;
        to = to < map->size[0] ? to : map->size[0];
        if (row >= 0 && row < map->size[1] && from < to) {
            memset(mask + row * map->size[0] + from, 1, (size_t)(to - from));
            marked += to - from;
        }
        first += part;
        count -= part;
    }
    return marked;
}

static int64_t mark_layer(const struct vox_label_map *map, int layer, int64_t value, int64_t k,
                          uint8_t *mask)
{
    const int64_t own = k - map->shift[2];
    int64_t marked = 0;
    if (own < 0 || own >= map->grid.size[2]) {
        return 0;
    }
    const struct vox_label_runs *runs = &map->runs[layer];
    int64_t at = 0;
    for (size_t i = runs->starts[own]; i < runs->starts[own + 1]; i++) {
        if (runs->at[i].value == value) {
            marked += mark(map, at, runs->at[i].count, mask);
        }
        at += runs->at[i].count;
    }
    return marked;
}

static void clear(const struct vox_label_map *map, int64_t k, uint8_t *mask)
{
    VOX_ASSERT(k >= 0 && k < map->size[2]);
    memset(mask, 0, (size_t)(map->size[0] * map->size[1]));
}

int64_t vox_label_map_segment_slice(const struct vox_label_map *map, int index, int64_t k,
                                    uint8_t *mask)
{
    const struct vox_segment_info *segment = vox_label_map_segment(map, index);
    clear(map, k, mask);
    return mark_layer(map, segment->layer, segment->value, k, mask);
}

int64_t vox_label_map_value_slice(const struct vox_label_map *map, int64_t value, int64_t k,
                                  uint8_t *mask)
{
    clear(map, k, mask);
    if (map->layers == 1) {
        return mark_layer(map, 0, value, k, mask);
    }
    for (int layer = 0; layer < map->layers; layer++) {
        (void)mark_layer(map, layer, value, k, mask);
    }
    /* Layers may overlap. */
    int64_t marked = 0;
    for (int64_t i = 0; i < map->size[0] * map->size[1]; i++) {
        marked += mask[i];
    }
    return marked;
}
