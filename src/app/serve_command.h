/* voxlabel serve */
#ifndef VOX_APP_SERVE_COMMAND_H
#define VOX_APP_SERVE_COMMAND_H

#include "app/command_line.h"

extern const struct vox_command vox_serve_command;

int vox_app_serve(int argc, char **argv);

#endif
