/* 'voxlabel version': the version, and what this build can compute with. */
#ifndef VOX_APP_VERSION_COMMAND_H
#define VOX_APP_VERSION_COMMAND_H

#include "app/command_line.h"

extern const struct vox_command vox_version_command;

int vox_app_version(int argc, char **argv);

#endif
