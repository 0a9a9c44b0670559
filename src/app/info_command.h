/* 'voxlabel info': what an image file holds. */
#ifndef VOX_APP_INFO_COMMAND_H
#define VOX_APP_INFO_COMMAND_H

#include "app/command_line.h"

extern const struct vox_command vox_info_command;

int vox_app_info(int argc, char **argv);

#endif
