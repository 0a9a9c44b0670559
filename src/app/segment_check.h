/* What can be found wrong with the jobs of 'voxlabel segment' before a model is loaded. */
#ifndef VOX_APP_SEGMENT_CHECK_H
#define VOX_APP_SEGMENT_CHECK_H

#include <stdbool.h>

#include "app/segment_ask.h"
#include "app/segment_jobs.h"

/* Looks at the outputs (unless nothing is to be written), the images' headers and what the prompts
 * come to in them. A job of a list that is found wrong is marked as failed and the others go on;
 * one of the arguments ends it all. checkpoint (NULL: none) is an input as well. Returns 0, or the
 * exit status after it said what is wrong. */
int vox_segment_check(const struct vox_segment_ask *ask, const char *checkpoint, bool writes,
                      struct vox_segment_jobs *jobs);

/* The files of a job that the library is to write. */
struct vox_files vox_segment_files(const struct vox_segment_job *job);

/* Whether the report goes to standard output. */
bool vox_segment_prints(const struct vox_segment_job *job);

#endif
