#include "app/completion_command.h"

#include <stddef.h>
#include <string.h>

#include "app/completion_parts.h"
#include "app/message.h"
#include "app/report_output.h"

static const struct {
    const char *name;
    void (*print)(void);
} shells[] = {
    {"bash", vox_completion_print_bash},
    {"zsh", vox_completion_print_zsh},
    {"fish", vox_completion_print_fish},
};

const struct vox_command vox_completion_command = {
    .name = "completion",
    .summary = "print what lets a shell complete the arguments",
    .usage = "bash|zsh|fish",
    .text = "Prints a script for a shell. An installed program has brought these scripts with it; "
            "they are for one that was not installed.",
    .examples = "  source <(voxlabel completion bash)\n"
                "  voxlabel completion zsh > ~/.zfunc/_voxlabel\n"
                "  voxlabel completion fish > ~/.config/fish/completions/voxlabel.fish\n",
    .words = "bash zsh fish",
    .run = vox_app_completion,
};

enum vox_completion_kind vox_completion_kind(const struct vox_option_row *option)
{
    if (option->kind == VOX_OPTION_SWITCH) {
        return VOX_COMPLETE_SWITCH;
    }
    if (option->choices != NULL) {
        return VOX_COMPLETE_WORDS;
    }
    if (strncmp(option->value, "FILE", 4) == 0) {
        return VOX_COMPLETE_FILES;
    }
    return strncmp(option->value, "DIR", 3) == 0 ? VOX_COMPLETE_FOLDERS : VOX_COMPLETE_NOTHING;
}

bool vox_completion_takes_files(const struct vox_command *command)
{
    if (command->words == NULL) {
        return command->usage[0] != '\0';
    }
    return strchr(command->usage, ' ') != NULL;
}

size_t vox_completion_brief(const char *help)
{
    return strcspn(help, ";");
}

static int print_script(const struct vox_arguments *arguments)
{
    const char *command = vox_completion_command.name;
    int n = vox_positional_count(arguments);
    if (n > 1) {
        return vox_say_usage(command, "one argument too many: %s", vox_positional(arguments, 1));
    }
    for (size_t i = 0; n == 1 && i < sizeof(shells) / sizeof(shells[0]); i++) {
        if (strcmp(vox_positional(arguments, 0), shells[i].name) == 0) {
            shells[i].print();
            return vox_stdout_finish(VOX_EXIT_OK);
        }
    }
    return vox_say_usage(command, "name a shell: bash, zsh or fish");
}

int vox_app_completion(int argc, char **argv)
{
    struct vox_arguments *arguments;
    int status = vox_arguments_open(&vox_completion_command, argc, argv, &arguments);
    if (status != VOX_EXIT_OK || arguments == NULL) {
        return status;
    }
    status = print_script(arguments);
    vox_arguments_free(arguments);
    return status;
}
