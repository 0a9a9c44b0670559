/* 'voxlabel segment': masks from prompts, by the public library interface alone. */
#ifndef VOX_APP_SEGMENT_COMMAND_H
#define VOX_APP_SEGMENT_COMMAND_H

#include "app/command_line.h"

extern const struct vox_command vox_segment_command;

int vox_app_segment(int argc, char **argv);

#endif
