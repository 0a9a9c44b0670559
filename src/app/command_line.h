/* What a command takes, said once: the table that its arguments are read by is also its --help, its
 * man page and its completion. */
#ifndef VOX_APP_COMMAND_LINE_H
#define VOX_APP_COMMAND_LINE_H

#include <stdbool.h>
#include <stddef.h>

enum vox_option_kind {
    VOX_OPTION_SWITCH, /* --quiet */
    VOX_OPTION_ONCE,   /* --threads N or --threads=N, at most once */
    VOX_OPTION_MANY    /* --point P, as often as one likes */
};

struct vox_option_row {
    const char *name; /* "--threads" or "-o" */
    enum vox_option_kind kind;
    const char *value; /* what its value is called: "N"; a file's begins with FILE, a folder's with
                          DIR; NULL for switches */
    const char *choices; /* words that it may be, divided by blanks; NULL: others alone */
    const char *help;    /* one sentence or two, without a newline */
};

/* The option that all commands have besides those of their tables; -h is the same. */
#define VOX_HELP_OPTION "--help"
#define VOX_HELP_OPTION_HELP "explain the command, and do nothing"

/* In the place of a list of words: the names of all commands. */
#define VOX_WORDS_COMMANDS "*"

/* Rows as tables write them. */
#define VOX_FLAG(name, help)                                                                       \
    {                                                                                              \
        name, VOX_OPTION_SWITCH, NULL, NULL, help                                                  \
    }
#define VOX_ONE(name, value, help)                                                                 \
    {                                                                                              \
        name, VOX_OPTION_ONCE, value, NULL, help                                                   \
    }
#define VOX_WORD(name, value, choices, help)                                                       \
    {                                                                                              \
        name, VOX_OPTION_ONCE, value, choices, help                                                \
    }
#define VOX_MANY(name, value, help)                                                                \
    {                                                                                              \
        name, VOX_OPTION_MANY, value, NULL, help                                                   \
    }

struct vox_command {
    const char *name;    /* "segment" */
    const char *summary; /* half a line */
    const char *usage;   /* the positional arguments: "IMAGE..."; empty: there are none */
    const char *text;    /* paragraphs, divided by empty lines; no other newlines */
    const struct vox_option_row *options;
    int n_options;
    const char *examples;    /* lines; NULL: none */
    const char *words;       /* that the first positional argument may be, divided by blanks; NULL:
                                it is a file */
    const char *environment; /* lines of "NAME: meaning"; NULL: nothing is read */
    int (*run)(int argc, char **argv); /* argv[0] is the command's name; returns the exit status */
};

struct vox_arguments; /* what was given; its texts point into argv */

/* Reads argv[1] ... argv[argc - 1]. Options come in any order, positional arguments between them;
 * "--" ends the options. Returns 0 and *out (end it with vox_arguments_free), or the exit status
 * after it said what is wrong. Where --help or -h is among them it prints the help and *out is
 * NULL. */
int vox_arguments_open(const struct vox_command *command, int argc, char **argv,
                       struct vox_arguments **out);
void vox_arguments_free(struct vox_arguments *arguments); /* NULL is allowed */

/* The i-th value of an option, NULL beyond the last; its value for VOX_OPTION_ONCE is the 0-th. The
 * name must be one of the command's. */
const char *vox_argument(const struct vox_arguments *arguments, const char *name, int i);

/* Whether an option was given. */
bool vox_argument_given(const struct vox_arguments *arguments, const char *name);

/* Positional arguments. */
int vox_positional_count(const struct vox_arguments *arguments);
const char *vox_positional(const struct vox_arguments *arguments, int i);

/* Prints the command's help to stdout. Returns the exit status. */
int vox_command_print_help(const struct vox_command *command);

#endif
