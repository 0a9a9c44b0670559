#include "app/command_line.h"

#include <stdio.h>
#include <string.h>

#include "app/message.h"
#include "app/report_output.h"
#include "util/error.h"
#include "util/memory.h"

enum { POSITIONAL = -1, HELP_COLUMN = 24, HELP_WIDTH = 96 };

/* One argument: an option's row and value, or a positional one. */
struct given {
    int row;
    const char *text; /* NULL for switches */
};

struct vox_arguments {
    const struct vox_command *command;
    struct given *given; /* room for all of argv */
    int n;
};

static int find_row(const struct vox_command *command, const char *text)
{
    size_t length = strcspn(text, "=");
    for (int i = 0; i < command->n_options; i++) {
        const char *name = command->options[i].name;
        if (strlen(name) == length && memcmp(name, text, length) == 0) {
            return i;
        }
    }
    return -1;
}

static bool is_given(const struct vox_arguments *arguments, int row)
{
    for (int i = 0; i < arguments->n; i++) {
        if (arguments->given[i].row == row) {
            return true;
        }
    }
    return false;
}

static void add(struct vox_arguments *arguments, int row, const char *text)
{
    arguments->given[arguments->n++] = (struct given){.row = row, .text = text};
}

/* Takes argv[*at] as an option and moves *at to the last argument that belongs to it. */
static int take_option(struct vox_arguments *arguments, int argc, char **argv, int row, int *at)
{
    const struct vox_option_row *option = &arguments->command->options[row];
    const char *equals = strchr(argv[*at], '=');
    if (option->kind == VOX_OPTION_SWITCH) {
        if (equals != NULL) {
            return vox_say_usage(argv[0], "%s takes no value", option->name);
        }
        add(arguments, row, NULL);
        return 0;
    }
    if (option->kind == VOX_OPTION_ONCE && is_given(arguments, row)) {
        return vox_say_usage(argv[0], "%s is given twice", option->name);
    }
    if (equals == NULL && *at + 1 >= argc) {
        return vox_say_usage(argv[0], "%s needs a value", option->name);
    }
    const char *text = equals != NULL ? equals + 1 : argv[++*at];
    if (text[0] == '\0') {
        return vox_say_usage(argv[0], "%s needs a value", option->name);
    }
    add(arguments, row, text);
    return 0;
}

static bool is_help(const char *text)
{
    return strcmp(text, VOX_HELP_OPTION) == 0 || strcmp(text, "-h") == 0;
}

static int read_all(struct vox_arguments *arguments, int argc, char **argv, bool *help)
{
    bool ended = false;
    for (int at = 1; at < argc; at++) {
        const char *text = argv[at];
        if (ended || text[0] != '-' || text[1] == '\0') {
            add(arguments, POSITIONAL, text);
            continue;
        }
        if (strcmp(text, "--") == 0) {
            ended = true;
            continue;
        }
        if (is_help(text)) {
            *help = true;
            return 0;
        }
        int row = find_row(arguments->command, text);
        if (row < 0) {
            return vox_say_usage(argv[0], "there is no option %s", text);
        }
        int status = take_option(arguments, argc, argv, row, &at);
        if (status != 0) {
            return status;
        }
    }
    return 0;
}

int vox_arguments_open(const struct vox_command *command, int argc, char **argv,
                       struct vox_arguments **out)
{
    bool help = false;
    struct vox_arguments *arguments = vox_calloc(1, sizeof(*arguments));
    if (arguments != NULL) {
        arguments->command = command;
        arguments->given = vox_calloc((size_t)argc, sizeof(*arguments->given));
    }
    if (arguments == NULL || arguments->given == NULL) {
        vox_free(arguments);
        vox_say("out of memory");
        return VOX_EXIT_FAILURE;
    }
    int status = read_all(arguments, argc, argv, &help);
    if (status == 0 && help) {
        status = vox_command_print_help(command);
    }
    if (status != 0 || help) {
        vox_arguments_free(arguments);
        arguments = NULL;
    }
    *out = arguments;
    return status;
}

void vox_arguments_free(struct vox_arguments *arguments)
{
    if (arguments != NULL) {
        vox_free(arguments->given);
        vox_free(arguments);
    }
}

static int row_of(const struct vox_arguments *arguments, const char *name)
{
    int row = find_row(arguments->command, name);
    VOX_ASSERT(row >= 0);
    return row;
}

const char *vox_argument(const struct vox_arguments *arguments, const char *name, int i)
{
    int row = row_of(arguments, name);
    for (int at = 0; at < arguments->n; at++) {
        if (arguments->given[at].row == row && i-- == 0) {
            return arguments->given[at].text;
        }
    }
    return NULL;
}

bool vox_argument_given(const struct vox_arguments *arguments, const char *name)
{
    return is_given(arguments, row_of(arguments, name));
}

int vox_positional_count(const struct vox_arguments *arguments)
{
    int n = 0;
    for (int i = 0; i < arguments->n; i++) {
        n += arguments->given[i].row == POSITIONAL;
    }
    return n;
}

const char *vox_positional(const struct vox_arguments *arguments, int i)
{
    for (int at = 0; at < arguments->n; at++) {
        if (arguments->given[at].row == POSITIONAL && i-- == 0) {
            return arguments->given[at].text;
        }
    }
    return NULL;
}

/* ---- help ---- */

/* Prints words from `column` on, broken before HELP_WIDTH and indented to `indent`. */
static void print_words(const char *text, int column, int indent)
{
    while (*text != '\0') {
        int length = (int)strcspn(text, " \n");
        if (column > indent && column + 1 + length > HELP_WIDTH) {
            printf("\n%*s", indent, "");
            column = indent;
        } else if (column > indent) {
            putchar(' ');
            column++;
        }
        printf("%.*s", length, text);
        column += length;
        text += length;
        if (strncmp(text, "\n\n", 2) == 0) {
            printf("\n\n%*s", indent, "");
            column = indent;
        }
        text += strspn(text, " \n");
    }
    putchar('\n');
}

static void print_option(const struct vox_option_row *option)
{
    int width = printf("  %s%s%s", option->name, option->value != NULL ? " " : "",
                       option->value != NULL ? option->value : "");
    if (width >= HELP_COLUMN - 1) {
        putchar('\n');
        width = 0;
    }
    printf("%*s", HELP_COLUMN - width, "");
    print_words(option->help, HELP_COLUMN, HELP_COLUMN);
}

int vox_command_print_help(const struct vox_command *command)
{
    static const struct vox_option_row help = {VOX_HELP_OPTION, VOX_OPTION_SWITCH, NULL, NULL,
                                               VOX_HELP_OPTION_HELP};
    printf("usage: voxlabel %s%s%s [options]\n\n", command->name,
           command->usage[0] != '\0' ? " " : "", command->usage);
    print_words(command->text, 0, 0);
    putchar('\n');
    for (int i = 0; i < command->n_options; i++) {
        print_option(&command->options[i]);
    }
    print_option(&help);
    if (command->examples != NULL) {
        printf("\n%s", command->examples);
    }
    return vox_stdout_finish(VOX_EXIT_OK);
}
