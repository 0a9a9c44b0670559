/* The flags of 'voxlabel segment' that are parameters of an inference. */
#ifndef VOX_APP_SEGMENT_OPTIONS_H
#define VOX_APP_SEGMENT_OPTIONS_H

#include "app/command_line.h"
#include "voxlabel/voxlabel.h"

/* Sets in the request what flags say. Returns 0, or the exit status after it said what is wrong. */
int vox_segment_options_set(const struct vox_arguments *arguments, struct vox_request *request);

#endif
