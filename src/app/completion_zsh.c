#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "app/commands.h"
#include "app/completion_parts.h"

/* Text inside of '...' where colons and brackets have a meaning. */
static void put_text(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '\'') {
            fputs("'\\''", stdout);
        } else if (strchr("[]:\\", text[i]) != NULL) {
            printf("\\%c", text[i]);
        } else {
            putchar(text[i]);
        }
    }
}

static void print_option(const struct vox_option_row *option)
{
    enum vox_completion_kind kind = vox_completion_kind(option);
    bool equals = kind != VOX_COMPLETE_SWITCH && strncmp(option->name, "--", 2) == 0;
    printf(" \\\n            '%s%s%s[", option->kind == VOX_OPTION_MANY ? "*" : "", option->name,
           equals ? "=" : "");
    put_text(option->help, vox_completion_brief(option->help));
    putchar(']');
    if (option->value != NULL) {
        putchar(':');
        put_text(option->value, strlen(option->value));
        putchar(':');
    }
    if (kind == VOX_COMPLETE_WORDS) {
        printf("(%s)", option->choices);
    } else if (kind == VOX_COMPLETE_FILES) {
        fputs("_files", stdout);
    } else if (kind == VOX_COMPLETE_FOLDERS) {
        fputs("_files -/", stdout);
    }
    putchar('\'');
}

static void print_positional(const struct vox_command *command)
{
    const struct vox_command *other;
    if (command->words != NULL) {
        fputs(" \\\n            '1:word:(", stdout);
        if (strcmp(command->words, VOX_WORDS_COMMANDS) == 0) {
            for (int i = 0; (other = vox_command_at(i)) != NULL; i++) {
                printf("%s%s", i == 0 ? "" : " ", other->name);
            }
        } else {
            fputs(command->words, stdout);
        }
        fputs(")'", stdout);
    }
    if (vox_completion_takes_files(command)) {
        fputs(" \\\n            '*:file:_files'", stdout);
    }
}

static void print_command(const struct vox_command *command)
{
    static const struct vox_option_row help = {VOX_HELP_OPTION, VOX_OPTION_SWITCH, NULL, NULL,
                                               VOX_HELP_OPTION_HELP};
    printf("    %s)\n        _arguments", command->name);
    for (int o = 0; o < command->n_options; o++) {
        print_option(&command->options[o]);
    }
    print_option(&help);
    print_positional(command);
    puts("\n        ;;");
}

void vox_completion_print_zsh(void)
{
    const struct vox_command *command;
    puts("#compdef voxlabel\n"
         "# zsh completion of voxlabel, made by 'voxlabel completion zsh'\n\n"
         "_voxlabel() {\n"
         "    local curcontext=$curcontext state line\n"
         "    local -a commands\n"
         "    _arguments -C '1:command:->command' '*::argument:->argument'\n"
         "    if [[ $state == command ]]; then\n"
         "        commands=(");
    for (int i = 0; (command = vox_command_at(i)) != NULL; i++) {
        printf("            '%s:", command->name);
        put_text(command->summary, strlen(command->summary));
        puts("'");
    }
    puts("        )\n"
         "        _describe command commands\n"
         "        return\n"
         "    fi\n"
         "    case $words[1] in");
    for (int i = 0; (command = vox_command_at(i)) != NULL; i++) {
        print_command(command);
    }
    puts("    esac\n"
         "}\n\n"
         "_voxlabel \"$@\"");
}
