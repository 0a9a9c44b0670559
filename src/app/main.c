/* The program voxlabel: chooses the command. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "app/commands.h"
#include "app/help_command.h"
#include "app/message.h"

int main(int argc, char **argv)
{
    static char help[] = "help", version[] = "version";
    if (argc < 2) {
        vox_overview_print(stderr);
        return VOX_EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        argv[1] = help;
    } else if (strcmp(argv[1], "--version") == 0) {
        argv[1] = version;
    }
    const struct vox_command *command = vox_command_find(argv[1]);
    if (command == NULL) {
        vox_say("there is no command '%s'; 'voxlabel help' lists them", argv[1]);
        return VOX_EXIT_USAGE;
    }
    return command->run(argc - 1, argv + 1);
}
