/* The segments that a file's header tells of. */
#ifndef VOX_VOLUME_SEGMENT_LIST_H
#define VOX_VOLUME_SEGMENT_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "volume/volume.h"

enum { VOX_SEGMENTS_MAX = 4096 };

struct vox_segment_list {
    struct vox_segment_info *at; /* value and layer are -1 where the file does not say */
    int n;
    bool has_offset;
    int64_t offset[3]; /* of the first voxel in the grid that the file was cropped from */
    char *texts;       /* what the ids and names point to */
};

void vox_segment_list_free(struct vox_segment_list *list); /* all zero is allowed */

#endif
