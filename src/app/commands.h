/* The commands of the program, in the order in which they are shown. */
#ifndef VOX_APP_COMMANDS_H
#define VOX_APP_COMMANDS_H

#include "app/command_line.h"

/* The i-th command, NULL beyond the last. */
const struct vox_command *vox_command_at(int i);

/* NULL if there is none of that name. */
const struct vox_command *vox_command_find(const char *name);

#endif
