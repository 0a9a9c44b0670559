#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "app/commands.h"
#include "app/completion_parts.h"

static const char head[] = "# fish completion of voxlabel, made by 'voxlabel completion fish'\n"
                           "function __voxlabel_is\n"
                           "    set -l words (commandline -opc)\n"
                           "    test (count $words) -gt 1; and test $words[2] = $argv[1]\n"
                           "end\n"
                           "\n"
                           "function __voxlabel_first\n"
                           "    set -l words (commandline -opc)\n"
                           "    test (count $words) -eq 2; and test $words[2] = $argv[1]\n"
                           "end\n"
                           "\n"
                           "complete -c voxlabel -f\n";

static void put_quoted(const char *text, size_t length)
{
    putchar('\'');
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '\'' || text[i] == '\\') {
            putchar('\\');
        }
        putchar(text[i]);
    }
    putchar('\'');
}

static void print_option(const struct vox_command *command, const struct vox_option_row *option)
{
    bool is_long = strncmp(option->name, "--", 2) == 0;
    printf("complete -c voxlabel -n '__voxlabel_is %s' -%c %s", command->name, is_long ? 'l' : 's',
           option->name + (is_long ? 2 : 1));
    switch (vox_completion_kind(option)) {
    case VOX_COMPLETE_SWITCH:
        break;
    case VOX_COMPLETE_NOTHING:
        fputs(" -x", stdout);
        break;
    case VOX_COMPLETE_WORDS:
        printf(" -x -a '%s'", option->choices);
        break;
    case VOX_COMPLETE_FILES:
        fputs(" -r -F", stdout);
        break;
    case VOX_COMPLETE_FOLDERS:
        fputs(" -x -a '(__fish_complete_directories)'", stdout);
        break;
    }
    fputs(" -d ", stdout);
    put_quoted(option->help, vox_completion_brief(option->help));
    putchar('\n');
}

static void print_first(const struct vox_command *command)
{
    const struct vox_command *other;
    if (command->words == NULL) {
        return;
    }
    printf("complete -c voxlabel -n '__voxlabel_first %s' -a '", command->name);
    if (strcmp(command->words, VOX_WORDS_COMMANDS) == 0) {
        for (int i = 0; (other = vox_command_at(i)) != NULL; i++) {
            printf("%s%s", i == 0 ? "" : " ", other->name);
        }
    } else {
        fputs(command->words, stdout);
    }
    puts("'");
}

static void print_command(const struct vox_command *command)
{
    static const struct vox_option_row help = {VOX_HELP_OPTION, VOX_OPTION_SWITCH, NULL, NULL,
                                               VOX_HELP_OPTION_HELP};
    printf("\ncomplete -c voxlabel -n __fish_use_subcommand -a %s -d ", command->name);
    put_quoted(command->summary, strlen(command->summary));
    putchar('\n');
    for (int o = 0; o < command->n_options; o++) {
        print_option(command, &command->options[o]);
    }
    print_option(command, &help);
    print_first(command);
    if (vox_completion_takes_files(command)) {
        printf("complete -c voxlabel -n '__voxlabel_is %s' -F\n", command->name);
    }
}

void vox_completion_print_fish(void)
{
    const struct vox_command *command;
    fputs(head, stdout);
    for (int i = 0; (command = vox_command_at(i)) != NULL; i++) {
        print_command(command);
    }
}
