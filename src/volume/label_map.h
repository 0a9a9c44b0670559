/* Labels from a file: whole numbers on a grid, of any format that is read, with the names that
 * 3D Slicer gives its segments (.seg.nrrd), in one or several layers, cropped or not.
 *
 * A map is kept as runs of equal voxels, so that it takes memory for its outlines and not for its
 * grid, nor for that of the image that it is laid upon. World space is RAS millimetres. Reading
 * needs no lock: several threads may use a map at the same time once it is placed. */
#ifndef VOX_VOLUME_LABEL_MAP_H
#define VOX_VOLUME_LABEL_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "util/error.h"
#include "volume/volume.h"

struct vox_label_map;

enum { VOX_LABEL_VALUES_MAX = 65536 };

/* Reads a label file: the formats of vox_volume_read, and NRRD with several layers of segments.
 * Voxels must be whole numbers of at most 32 bits, of at most VOX_LABEL_VALUES_MAX different
 * values. limits->max_bytes holds for the decoded voxels, although they are never in memory
 * together, and for the runs. Errors are those of vox_volume_read, with VOX_E_UNSUPPORTED for
 * voxels that cannot be labels. The caller owns *out and ends it with vox_label_map_free. */
enum vox_code vox_label_map_read(const char *path, const struct vox_volume_limits *limits,
                                 struct vox_label_map **out, struct vox_err *err) VOX_MUST_USE;

/* The same for a file's bytes in memory (not kept); a .mhd is refused. */
enum vox_code vox_label_map_parse(const void *data, size_t size,
                                  const struct vox_volume_limits *limits,
                                  struct vox_label_map **out, struct vox_err *err) VOX_MUST_USE;

void vox_label_map_free(struct vox_label_map *map); /* NULL is allowed */

/* The map's own grid, its sizes and place; voxels is NULL. Borrowed. */
const struct vox_volume *vox_label_map_grid(const struct vox_label_map *map);
int vox_label_map_layers(const struct vox_label_map *map);

/* The values that voxels of any layer have, without 0, ascending. Borrowed. */
size_t vox_label_map_values(const struct vox_label_map *map, const int32_t **out);

/* Segments are there only where the file names them. The second is borrowed, 0 <= index < count.
 * The third gives the index of the first segment of this name, -1 if there is none. */
int vox_label_map_segments(const struct vox_label_map *map);
const struct vox_segment_info *vox_label_map_segment(const struct vox_label_map *map, int index);
int vox_label_map_find(const struct vox_label_map *map, const char *name);

/* Lays the map upon an image, of which sizes and geometry matter: slices are then the image's.
 * VOX_E_ARG, and the map lies as before, unless its grid is the image's grid moved by whole voxels,
 * to within 0.01 voxel in every corner of the map. */
enum vox_code vox_label_map_place(struct vox_label_map *map, const struct vox_volume *image,
                                  struct vox_err *err) VOX_MUST_USE;

/* Slice k of the image, or of the map's own grid before it is placed: 1 where the voxel belongs to
 * the segment, or has the value in any layer, 0 elsewhere and beyond the map. `mask` has w * h
 * bytes. Returns how many are 1. */
int64_t vox_label_map_segment_slice(const struct vox_label_map *map, int index, int64_t k,
                                    uint8_t *mask);
int64_t vox_label_map_value_slice(const struct vox_label_map *map, int64_t value, int64_t k,
                                  uint8_t *mask);

#endif
