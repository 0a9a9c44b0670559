/* 'voxlabel compare': how well two label files agree. */
#ifndef VOX_APP_COMPARE_COMMAND_H
#define VOX_APP_COMPARE_COMMAND_H

#include "app/command_line.h"

extern const struct vox_command vox_compare_command;

int vox_app_compare(int argc, char **argv);

#endif
