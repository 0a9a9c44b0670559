/* 'voxlabel help': what the commands say of themselves, also as man pages. */
#ifndef VOX_APP_HELP_COMMAND_H
#define VOX_APP_HELP_COMMAND_H

#include <stdio.h>

#include "app/command_line.h"

extern const struct vox_command vox_help_command;

/* Prints the list of commands. */
void vox_overview_print(FILE *to);

int vox_app_help(int argc, char **argv);

#endif
