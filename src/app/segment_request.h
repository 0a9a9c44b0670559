/* From the arguments of 'voxlabel segment' to a request. */
#ifndef VOX_APP_SEGMENT_REQUEST_H
#define VOX_APP_SEGMENT_REQUEST_H

#include "app/command_line.h"
#include "app/segment_jobs.h"
#include "voxlabel/voxlabel.h"

/* Makes the request of one job: the file of --params, then the job's own parameters, then the
 * flags, which win key by key while points are added. Reads the image where --ras or a mask ask for
 * it. Returns 0, or the exit status after it said what is wrong. The caller closes *out. */
int vox_segment_request_open(const struct vox_arguments *arguments,
                             const struct vox_segment_job *job, struct vox_image *image,
                             struct vox_request **out);

/* Whether the arguments hold a request at all that can be read, without an image: so that a slip of
 * the pen is found before a model is loaded. Returns 0 or the exit status. */
int vox_segment_request_check(const struct vox_arguments *arguments);

#endif
