/* From what 'voxlabel segment' is asked to a request of the library. */
#ifndef VOX_APP_SEGMENT_REQUEST_H
#define VOX_APP_SEGMENT_REQUEST_H

#include "app/segment_ask.h"
#include "app/segment_jobs.h"
#include "voxlabel/voxlabel.h"

/* The request of one job (NULL: of none): --params, then the job's own parameters, then the flags,
 * which win key by key while points are added. With an image, whose header --ras needs, points and
 * boxes come to lie in it. Returns 0, or the exit status after it said what is wrong. The caller
 * closes *out. */
int vox_segment_request_open(const struct vox_segment_ask *ask, const struct vox_segment_job *job,
                             struct vox_image *image, struct vox_request **out);

/* Adds the masks that prompt, which are read. Returns as above. */
int vox_segment_request_masks(const struct vox_segment_ask *ask, const struct vox_segment_job *job,
                              struct vox_image *image, struct vox_request *request);

#endif
