/* What 'voxlabel segment' says of a mask that was written. */
#ifndef VOX_APP_SEGMENT_SUMMARY_H
#define VOX_APP_SEGMENT_SUMMARY_H

#include <stdbool.h>

#include "app/segment_jobs.h"
#include "voxlabel/voxlabel.h"

bool vox_segment_is_blank(const struct vox_result *result);

/* Prints the warnings, behind the image's name where there are several (else NULL). */
void vox_segment_warn(const struct vox_segment_job *job, const char *image,
                      const struct vox_result *result);

/* Prints a line: the mask's file, each label's voxels and volume, the time. Nothing for an empty
 * mask that no prompt asked for, as a warning has told of it. */
void vox_segment_summarize(const struct vox_segment_job *job, struct vox_result *result,
                           double seconds);

#endif
