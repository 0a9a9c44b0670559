/* Shows how we read label maps, for the comparison with other readers, and writes segmentations.
 *
 *   label_tool info MAP                         one JSON line
 *   label_tool mask MAP IMAGE WHAT OUT          uint8 masks of all slices of the image: WHAT is a
 *                                               segment's name, or =VALUE
 *   label_tool write MAP OUT NAME...            the voxels of MAP in a .seg.nrrd whose values
 *                                               1, 2, ... have these names
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/file.h"
#include "volume/label_map.h"

static int info(const struct vox_label_map *map)
{
    const int32_t *values;
    size_t n = vox_label_map_values(map, &values);
    const struct vox_volume *grid = vox_label_map_grid(map);
    printf("{\"size\": [%" PRId64 ", %" PRId64 ", %" PRId64 "], \"layers\": %d, \"values\": [",
           grid->size[0], grid->size[1], grid->size[2], vox_label_map_layers(map));
    for (size_t i = 0; i < n; i++) {
        printf("%s%" PRId32, i == 0 ? "" : ", ", values[i]);
    }
    printf("], \"segments\": [");
    for (int i = 0; i < vox_label_map_segments(map); i++) {
        const struct vox_segment_info *s = vox_label_map_segment(map, i);
        printf("%s{\"id\": \"%s\", \"name\": \"%s\", \"value\": %" PRId64
               ", \"layer\": %d, \"color\": [%.17g, %.17g, %.17g], \"extent\": [%" PRId64
               ", %" PRId64 ", %" PRId64 ", %" PRId64 ", %" PRId64 ", %" PRId64 "]}",
               i == 0 ? "" : ", ", s->id, s->name, s->value, s->layer, s->color[0], s->color[1],
               s->color[2], s->extent[0], s->extent[1], s->extent[2], s->extent[3], s->extent[4],
               s->extent[5]);
    }
    printf("]}\n");
    return 0;
}

static int write_masks(const struct vox_label_map *map, const struct vox_volume *image,
                       const char *what, const char *path)
{
    int index = what[0] == '=' ? 0 : vox_label_map_find(map, what);
    size_t plane = (size_t)(image->size[0] * image->size[1]);
    uint8_t *mask = malloc(plane);
    FILE *file = fopen(path, "wb");
    bool good = index >= 0 && mask != NULL && file != NULL;
    for (int64_t k = 0; k < image->size[2] && good; k++) {
        if (what[0] == '=') {
            vox_label_map_value_slice(map, strtoll(what + 1, NULL, 10), k, mask);
        } else {
            vox_label_map_segment_slice(map, index, k, mask);
        }
        good = fwrite(mask, 1, plane, file) == plane;
    }
    if (file != NULL) {
        good = fclose(file) == 0 && good;
    }
    free(mask);
    return good ? 0 : 1;
}

static int masks(struct vox_label_map *map, char **argv, struct vox_err *err)
{
    struct vox_volume_limits limits = vox_volume_limits_default();
    struct vox_volume *image;
    if (vox_volume_read(argv[3], &limits, &image, err) != VOX_OK) {
        return 1;
    }
    int status = 1;
    if (vox_label_map_place(map, image, err) == VOX_OK) {
        status = write_masks(map, image, argv[4], argv[5]);
    }
    vox_volume_free(image);
    return status;
}

static int write_segments(const char *from, const char *path, char **names, int n,
                          struct vox_err *err)
{
    struct vox_volume_limits limits = vox_volume_limits_default();
    struct vox_volume *v;
    struct vox_segment_info segments[8] = {{0}};
    if (n > 8 || vox_volume_read(from, &limits, &v, err) != VOX_OK) {
        return 1;
    }
    for (int i = 0; i < n; i++) {
        segments[i].name = names[i];
        segments[i].value = i + 1;
    }
    struct vox_write_options options = vox_write_options_default(path);
    options.segments = segments;
    options.n_segments = n;
    struct vox_slice_array array = vox_slice_array(v->size, v->type, v->voxels);
    struct vox_slice_supply supply = vox_slice_array_supply(&array);
    struct vox_file_writer *file;
    enum vox_code code = vox_volume_prepare(path, &v->geometry, v->size, v->type, &supply, &options,
                                            NULL, &file, err);
    if (code == VOX_OK) {
        code = vox_file_commit(file, err);
    }
    vox_volume_free(v);
    return code == VOX_OK ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct vox_err err = {VOX_OK, 0, ""};
    struct vox_volume_limits limits = vox_volume_limits_default();
    struct vox_label_map *map = NULL;
    int status = 1;
    if (argc >= 4 && strcmp(argv[1], "write") == 0) {
        status = write_segments(argv[2], argv[3], argv + 4, argc - 4, &err);
    } else if (argc < 3) {
        fprintf(stderr, "usage: label_tool info|mask|write FILE ...\n");
        return 2;
    } else if (vox_label_map_read(argv[2], &limits, &map, &err) == VOX_OK) {
        status = argc == 6 ? masks(map, argv, &err) : info(map);
    }
    if (status != 0) {
        fprintf(stderr, "%s: %s\n", vox_code_name(err.code), err.msg);
    }
    vox_label_map_free(map);
    return status;
}
