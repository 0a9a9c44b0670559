/* What the scripts of all shells have in common. */
#ifndef VOX_APP_COMPLETION_PARTS_H
#define VOX_APP_COMPLETION_PARTS_H

#include <stdbool.h>
#include <stddef.h>

#include "app/command_line.h"

/* What an option's value is completed with. */
enum vox_completion_kind {
    VOX_COMPLETE_SWITCH, /* it has none */
    VOX_COMPLETE_NOTHING,
    VOX_COMPLETE_WORDS, /* the option's choices */
    VOX_COMPLETE_FILES,
    VOX_COMPLETE_FOLDERS
};

enum vox_completion_kind vox_completion_kind(const struct vox_option_row *option);

/* Whether positional arguments are files: all of them, or those behind the first. */
bool vox_completion_takes_files(const struct vox_command *command);

/* Length of the part of a help text that says what an option is, without details. */
size_t vox_completion_brief(const char *help);

/* Each prints a script to stdout. */
void vox_completion_print_bash(void);
void vox_completion_print_zsh(void);
void vox_completion_print_fish(void);

#endif
