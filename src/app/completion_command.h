/* 'voxlabel completion': scripts that complete the program's arguments, made of its tables. */
#ifndef VOX_APP_COMPLETION_COMMAND_H
#define VOX_APP_COMPLETION_COMMAND_H

#include "app/command_line.h"

extern const struct vox_command vox_completion_command;

int vox_app_completion(int argc, char **argv);

#endif
