#include "app/man_page.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "app/commands.h"

static const char *escape_of(char c)
{
    switch (c) {
    case '\\':
        return "\\e";
    case '-':
        return "\\-";
    case '\'':
        return "\\(aq";
    case '`':
        return "\\(ga";
    case '^':
        return "\\(ha";
    case '~':
        return "\\(ti";
    case '"':
        return "\\(dq";
    default:
        return NULL;
    }
}

/* Text that roff prints as it is, up to `end` bytes. */
static void put_escaped(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        const char *escape = escape_of(text[i]);
        if (escape != NULL) {
            fputs(escape, stdout);
        } else {
            putchar(text[i]);
        }
    }
}

/* A line of its own, which must not look like a request of roff. */
static void put_line(const char *text, size_t length)
{
    if (length > 0 && text[0] == '.') {
        fputs("\\&", stdout);
    }
    put_escaped(text, length);
    putchar('\n');
}

static void put_font(char font, const char *text)
{
    printf("\\f%c", font);
    put_escaped(text, strlen(text));
    fputs("\\fR", stdout);
}

static void put_section(const char *name)
{
    printf(".SH %s\n", name);
}

/* "VOXLABEL\-SEGMENT" of "segment". */
static void put_title(const char *name)
{
    fputs(".TH VOXLABEL", stdout);
    if (name != NULL) {
        fputs("\\-", stdout);
        for (; *name != '\0'; name++) {
            putchar(toupper((unsigned char)*name));
        }
    }
    puts(" 1 \"\" \"voxlabel " VOX_VERSION "\" \"Voxlabel\"");
}

/* Paragraphs, divided by empty lines. */
static void put_paragraphs(const char *text)
{
    for (bool first = true; *text != '\0'; first = false) {
        const char *end = strstr(text, "\n\n");
        size_t length = end != NULL ? (size_t)(end - text) : strlen(text);
        if (!first) {
            puts(".PP");
        }
        put_line(text, length);
        text += length;
        text += strspn(text, "\n");
    }
}

static void put_option(const char *name, const char *value, const char *help)
{
    puts(".TP");
    put_font('B', name);
    if (value != NULL) {
        putchar(' ');
        put_font('I', value);
    }
    putchar('\n');
    put_line(help, strlen(help));
}

static void put_options(const struct vox_command *command)
{
    put_section("OPTIONS");
    for (int i = 0; i < command->n_options; i++) {
        const struct vox_option_row *option = &command->options[i];
        put_option(option->name, option->value, option->help);
    }
    put_option(VOX_HELP_OPTION, NULL, VOX_HELP_OPTION_HELP);
}

static void put_exit_status(void)
{
    put_section("EXIT STATUS");
    puts(".TP\n0\ndone; warnings may have been printed\n"
         ".TP\n1\nfailed: a file is damaged or not supported, the disk is full, no memory\n"
         ".TP\n2\nan argument is wrong, or names what is not there\n"
         ".TP\n130\ncancelled with Ctrl\\-C or SIGTERM");
}

/* The line behind this one. */
static const char *next_line(const char *line)
{
    line += strcspn(line, "\n");
    return *line == '\n' ? line + 1 : line;
}

/* Whether one of the commands before `end` names the variable of this line too. */
static bool is_known(int end, const char *line)
{
    size_t length = strcspn(line, ":") + 1;
    for (int i = 0; i < end; i++) {
        const char *others = vox_command_at(i)->environment;
        for (; others != NULL && *others != '\0'; others = next_line(others)) {
            if (strncmp(others, line, length) == 0) {
                return true;
            }
        }
    }
    return false;
}

/* The variables of a table that those of the first n commands do not name. */
static void put_variables(const char *lines, int n)
{
    while (lines != NULL && *lines != '\0') {
        size_t length = strcspn(lines, "\n"), name = strcspn(lines, ":");
        if (!is_known(n, lines)) {
            puts(".TP");
            put_line(lines, name);
            put_line(lines + name + 2, length - name - 2);
        }
        lines = next_line(lines);
    }
}

static void put_environment(const struct vox_command *command)
{
    if (command != NULL && command->environment == NULL) {
        return;
    }
    put_section("ENVIRONMENT");
    if (command != NULL) {
        put_variables(command->environment, 0);
        return;
    }
    for (int i = 0; vox_command_at(i) != NULL; i++) {
        put_variables(vox_command_at(i)->environment, i);
    }
}

/* Every line of the examples is a command. */
static void put_examples(const char *text)
{
    put_section("EXAMPLES");
    puts(".nf");
    while (*text != '\0') {
        size_t length = strcspn(text, "\n"), blanks = strspn(text, " ");
        put_line(text + blanks, length - blanks);
        text = next_line(text);
    }
    puts(".fi");
}

static void put_see_also(const struct vox_command *but)
{
    const struct vox_command *command;
    put_section("SEE ALSO");
    if (but != NULL) {
        fputs("\\fBvoxlabel\\fR(1)", stdout);
    }
    for (int i = 0; (command = vox_command_at(i)) != NULL; i++) {
        if (command != but) {
            printf("%s\\fBvoxlabel\\-%s\\fR(1)", i == 0 && but == NULL ? "" : ",\n", command->name);
        }
    }
    puts("\n.PP\nFor research, never for diagnosis.");
}

static void print_command(const struct vox_command *command)
{
    put_title(command->name);
    put_section("NAME");
    printf("voxlabel\\-%s \\- ", command->name);
    put_escaped(command->summary, strlen(command->summary));
    putchar('\n');
    put_section("SYNOPSIS");
    printf("\\fBvoxlabel %s\\fR", command->name);
    if (command->usage[0] != '\0') {
        putchar(' ');
        put_font('I', command->usage);
    }
    puts(" [\\fIoptions\\fR]");
    put_section("DESCRIPTION");
    put_paragraphs(command->text);
    put_options(command);
    put_exit_status();
    put_environment(command);
    if (command->examples != NULL) {
        put_examples(command->examples);
    }
    put_see_also(command);
}

static void print_program(void)
{
    const struct vox_command *command;
    put_title(NULL);
    put_section("NAME");
    puts("voxlabel \\- segment structures in 3D medical images");
    put_section("SYNOPSIS");
    puts("\\fBvoxlabel\\fR \\fICOMMAND\\fR ...");
    put_section("DESCRIPTION");
    put_paragraphs("Segments structures in 3D medical images from clicks, boxes or masks with "
                   "MedSAM2, a network that carries an object from slice to slice.\n\n"
                   "Messages are one line each on standard error; results go to files or to "
                   "standard output.");
    put_section("COMMANDS");
    for (int i = 0; (command = vox_command_at(i)) != NULL; i++) {
        puts(".TP");
        printf("\\fBvoxlabel\\-%s\\fR(1)\n", command->name);
        put_line(command->summary, strlen(command->summary));
    }
    put_exit_status();
    put_environment(NULL);
    put_see_also(NULL);
}

void vox_man_page_print(const struct vox_command *command)
{
    if (command != NULL) {
        print_command(command);
    } else {
        print_program();
    }
}
