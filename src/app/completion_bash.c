#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "app/commands.h"
#include "app/completion_parts.h"

/* bash parts "--zoom=off" at the '=', which is then a word. */
static const char head[] =
    "# bash completion of voxlabel, made by 'voxlabel completion bash'\n"
    "_voxlabel_words()\n"
    "{\n"
    "    mapfile -t COMPREPLY < <(compgen -W \"$1\" -- \"$2\")\n"
    "}\n"
    "\n"
    "_voxlabel_files()\n"
    "{\n"
    "    compopt -o filenames 2>/dev/null\n"
    "    mapfile -t COMPREPLY < <(compgen \"$1\" -- \"$2\")\n"
    "}\n"
    "\n"
    "_voxlabel()\n"
    "{\n"
    "    local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}\n"
    "    local command=${COMP_WORDS[1]}\n"
    "    COMPREPLY=()\n"
    "    if [[ $current == \"=\" ]]; then\n"
    "        current=\n"
    "    elif [[ $before == \"=\" ]]; then\n"
    "        before=${COMP_WORDS[COMP_CWORD - 2]}\n"
    "    fi\n";

static void print_names(void)
{
    const struct vox_command *command;
    for (int i = 0; (command = vox_command_at(i)) != NULL; i++) {
        printf("%s%s", i == 0 ? "" : " ", command->name);
    }
}

static void print_value(const struct vox_command *command, const struct vox_option_row *option)
{
    enum vox_completion_kind kind = vox_completion_kind(option);
    if (kind == VOX_COMPLETE_SWITCH) {
        return;
    }
    printf("    \"%s %s\")\n", command->name, option->name);
    if (kind == VOX_COMPLETE_WORDS) {
        printf("        _voxlabel_words \"%s\" \"$current\"\n", option->choices);
    } else if (kind == VOX_COMPLETE_FILES || kind == VOX_COMPLETE_FOLDERS) {
        printf("        _voxlabel_files %s \"$current\"\n",
               kind == VOX_COMPLETE_FILES ? "-f" : "-d");
    }
    puts("        return\n        ;;");
}

static void print_values(void)
{
    const struct vox_command *command;
    puts("    case \"$command $before\" in");
    for (int i = 0; (command = vox_command_at(i)) != NULL; i++) {
        for (int o = 0; o < command->n_options; o++) {
            print_value(command, &command->options[o]);
        }
    }
    puts("    esac");
}

static void print_options(const struct vox_command *command)
{
    printf("        %s) _voxlabel_words \"", command->name);
    for (int o = 0; o < command->n_options; o++) {
        printf("%s ", command->options[o].name);
    }
    puts(VOX_HELP_OPTION "\" \"$current\" ;;");
}

static void print_first(const struct vox_command *command)
{
    if (command->words == NULL) {
        return;
    }
    printf("        %s) _voxlabel_words \"", command->name);
    if (strcmp(command->words, VOX_WORDS_COMMANDS) == 0) {
        print_names();
    } else {
        fputs(command->words, stdout);
    }
    puts("\" \"$current\" ;;");
}

void vox_completion_print_bash(void)
{
    const struct vox_command *command;
    fputs(head, stdout);
    fputs("    if ((COMP_CWORD == 1)); then\n        _voxlabel_words \"", stdout);
    print_names();
    puts(" --help --version\" \"$current\"\n        return\n    fi");
    print_values();
    puts("    if [[ $current == -* ]]; then\n        case $command in");
    for (int i = 0; (command = vox_command_at(i)) != NULL; i++) {
        print_options(command);
    }
    puts("        esac\n        return\n    fi\n    if ((COMP_CWORD == 2)); then\n"
         "        case $command in");
    for (int i = 0; (command = vox_command_at(i)) != NULL; i++) {
        print_first(command);
    }
    puts("        esac\n        ((${#COMPREPLY[@]})) && return\n    fi\n    case $command in");
    for (int i = 0; (command = vox_command_at(i)) != NULL; i++) {
        if (vox_completion_takes_files(command)) {
            printf("    %s) _voxlabel_files -f \"$current\" ;;\n", command->name);
        }
    }
    puts("    esac\n}\n\ncomplete -F _voxlabel voxlabel");
}
