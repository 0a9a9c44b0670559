#include "app/help_command.h"

#include <stddef.h>

#include "app/commands.h"
#include "app/man_page.h"
#include "app/message.h"
#include "app/report_output.h"

static const struct vox_option_row options[] = {
    {"--man", VOX_OPTION_SWITCH, NULL, NULL, "print it as a man page, in roff"},
};

const struct vox_command vox_help_command = {
    .name = "help",
    .summary = "explain the program or one of its commands",
    .usage = "[COMMAND]",
    .text = "Prints the list of commands, or what a command does and takes.",
    .options = options,
    .n_options = (int)(sizeof(options) / sizeof(options[0])),
    .examples = "  voxlabel help segment\n"
                "  voxlabel help segment --man | man -l -\n",
    .words = VOX_WORDS_COMMANDS,
    .run = vox_app_help,
};

void vox_overview_print(FILE *to)
{
    const struct vox_command *command;
    fputs("usage: voxlabel COMMAND ...\n\n"
          "Segments structures in 3D medical images with MedSAM2 models.\n\n",
          to);
    for (int i = 0; (command = vox_command_at(i)) != NULL; i++) {
        fprintf(to, "  %-12s %s\n", command->name, command->summary);
    }
    fputs("\n'voxlabel COMMAND --help' explains a command.\n"
          "For research, never for diagnosis.\n",
          to);
}

static int print_help(const struct vox_arguments *arguments)
{
    bool man = vox_argument_given(arguments, "--man");
    int n = vox_positional_count(arguments);
    if (n > 1) {
        return vox_say_usage(vox_help_command.name, "one argument too many: %s",
                             vox_positional(arguments, 1));
    }
    const struct vox_command *command = NULL;
    if (n == 1) {
        const char *name = vox_positional(arguments, 0);
        command = vox_command_find(name);
        if (command == NULL) {
            vox_say("there is no command '%s'; 'voxlabel help' lists them", name);
            return VOX_EXIT_USAGE;
        }
    }
    if (man) {
        vox_man_page_print(command);
    } else if (command != NULL) {
        return vox_command_print_help(command);
    } else {
        vox_overview_print(stdout);
    }
    return vox_stdout_finish(VOX_EXIT_OK);
}

int vox_app_help(int argc, char **argv)
{
    struct vox_arguments *arguments;
    int status = vox_arguments_open(&vox_help_command, argc, argv, &arguments);
    if (status != VOX_EXIT_OK || arguments == NULL) {
        return status;
    }
    status = print_help(arguments);
    vox_arguments_free(arguments);
    return status;
}
