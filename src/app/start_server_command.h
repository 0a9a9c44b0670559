/* voxlabel start_server: the command line of a MONAI Label server. */
#ifndef VOX_APP_START_SERVER_COMMAND_H
#define VOX_APP_START_SERVER_COMMAND_H

#include "app/command_line.h"

extern const struct vox_command vox_start_server_command;

int vox_app_start_server(int argc, char **argv);

#endif
