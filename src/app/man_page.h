/* Man pages of the commands, made of their tables. */
#ifndef VOX_APP_MAN_PAGE_H
#define VOX_APP_MAN_PAGE_H

#include "app/command_line.h"

/* Prints the page of a command, or (NULL) that of the program, to stdout in roff. */
void vox_man_page_print(const struct vox_command *command);

#endif
