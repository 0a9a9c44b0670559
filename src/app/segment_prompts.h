/* Clicks and boxes as 'voxlabel segment' spells them. */
#ifndef VOX_APP_SEGMENT_PROMPTS_H
#define VOX_APP_SEGMENT_PROMPTS_H

#include "app/command_line.h"
#include "voxlabel/voxlabel.h"

/* Adds --point, --negative and --box to the request; boxes replace those that are there. Returns 0,
 * or the exit status after it said what is wrong. */
int vox_segment_prompts_add(const struct vox_arguments *arguments, struct vox_request *request);

#endif
