/* Carries out the jobs of 'voxlabel segment'. */
#ifndef VOX_APP_SEGMENT_RUN_H
#define VOX_APP_SEGMENT_RUN_H

#include "app/command_line.h"
#include "app/segment_jobs.h"

/* Loads the model once and does all jobs; one that fails does not stop the others. Returns the exit
 * status: of the only job; of several, whether any failed. */
int vox_segment_run(const struct vox_arguments *arguments, struct vox_segment_jobs *jobs);

#endif
