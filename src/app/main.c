/* The program voxlabel: chooses the command. */
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "app/compare_command.h"
#include "app/info_command.h"
#include "app/message.h"
#include "app/model_command.h"
#include "app/segment_command.h"
#include "tensor/backend.h"

struct command {
    const char *name;
    const char *summary;
    int (*run)(int argc, char **argv); /* argv[0] is the command's name; returns the exit status */
};

static int run_help(int argc, char **argv);
static int run_version(int argc, char **argv);

static const struct command commands[] = {
    {"segment", "segment one structure from a box on one slice", vox_app_segment},
    {"info", "show what an image file holds, and what in it asks for care", vox_app_info},
    {"compare", "say how well two label files agree", vox_app_compare},
    {"model", "show what a checkpoint holds and which configuration fits it", vox_app_model},
    {"version", "show the version and what this build can compute with", run_version},
    {"help", "show this text, or that of a command", run_help},
};

enum { COMMANDS = (int)(sizeof(commands) / sizeof(commands[0])) };

static const struct command *find_command(const char *name)
{
    for (int i = 0; i < COMMANDS; i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}

static bool wants_help(const char *text)
{
    return strcmp(text, "--help") == 0 || strcmp(text, "-h") == 0;
}

/* What was printed must have arrived: a full disk behind a redirection is a failure. */
static int finish_output(void)
{
    if (fflush(stdout) != 0 || ferror(stdout)) {
        vox_say("cannot write the output");
        return VOX_EXIT_FAILURE;
    }
    return VOX_EXIT_OK;
}

static void print_overview(FILE *to)
{
    fputs("usage: voxlabel COMMAND ...\n\n"
          "Segments structures in 3D medical images with MedSAM2 models.\n\n",
          to);
    for (int i = 0; i < COMMANDS; i++) {
        fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].summary);
    }
    fputs("\n'voxlabel COMMAND --help' explains a command.\n"
          "For research, never for diagnosis.\n",
          to);
}

static int run_help(int argc, char **argv)
{
    if (argc > 2) {
        return vox_say_usage(argv[0], "one argument too many: %s", argv[2]);
    }
    if (argc == 2 && !wants_help(argv[1])) {
        const struct command *command = find_command(argv[1]);
        if (command == NULL) {
            vox_say("there is no command '%s'; 'voxlabel help' lists them", argv[1]);
            return VOX_EXIT_USAGE;
        }
        char name[32], help[] = "--help";
        snprintf(name, sizeof(name), "%s", command->name);
        char *arguments[] = {name, help, NULL};
        return command->run(2, arguments);
    }
    print_overview(stdout);
    return finish_output();
}

static int run_version(int argc, char **argv)
{
    if (argc > 1 && wants_help(argv[1])) {
        puts("usage: voxlabel version\n\n"
             "Shows the version and the compute backends of this build, best first.");
        return finish_output();
    }
    if (argc > 1) {
        return vox_say_usage(argv[0], "one argument too many: %s", argv[1]);
    }
    printf("voxlabel %s\nbackends:", VOX_VERSION);
    for (int i = 0; vox_backend_name(i) != NULL; i++) {
        printf(" %s", vox_backend_name(i));
    }
    putchar('\n');
    return finish_output();
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_overview(stderr);
        return VOX_EXIT_USAGE;
    }
    const char *name = argv[1];
    if (wants_help(name)) {
        name = "help";
    } else if (strcmp(name, "--version") == 0) {
        name = "version";
    }
    const struct command *command = find_command(name);
    if (command == NULL) {
        vox_say("there is no command '%s'; 'voxlabel help' lists them", argv[1]);
        return VOX_EXIT_USAGE;
    }
    return command->run(argc - 1, argv + 1);
}
