/* What the program says to people: one line each, on stderr. Control bytes, which paths may hold,
 * become '?'. */
#ifndef VOX_APP_MESSAGE_H
#define VOX_APP_MESSAGE_H

#include "util/error.h"

/* Exit statuses of every command. */
enum {
    VOX_EXIT_OK = 0,
    VOX_EXIT_FAILURE = 1,
    VOX_EXIT_USAGE = 2,      /* an argument is wrong, or names what is not there */
    VOX_EXIT_CANCELLED = 130 /* 128 + SIGINT, as shells count */
};

/* Prints "voxlabel: TEXT". */
void vox_say(const char *format, ...) VOX_PRINTF(1, 2);

/* Prints "voxlabel: TEXT; see 'voxlabel COMMAND --help'" and returns VOX_EXIT_USAGE. */
int vox_say_usage(const char *command, const char *format, ...) VOX_PRINTF(2, 3);

/* Prints "voxlabel: SUBJECT: TEXT" of an error and returns the exit status that fits its code. The
 * subject is the path or option that the user gave, or NULL. */
int vox_say_error(const char *subject, const struct vox_err *err);

/* The same for what the user typed: VOX_EXIT_USAGE, whatever is wrong with it, unless memory ran
 * out. */
int vox_say_wrong(const char *subject, const struct vox_err *err);

/* Says that memory ran out and returns VOX_EXIT_FAILURE. */
int vox_say_no_memory(void);

/* Puts "CONTEXT: " before what the functions above print from now on; borrowed. NULL: nothing. */
void vox_say_context(const char *context);

#endif
