#include "app/message.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { LINE_BYTES = 8192 };

static const char *context;

void vox_say_context(const char *text)
{
    context = text;
}

/* The line up to the message; returns its length. */
static size_t begin_line(char line[LINE_BYTES])
{
    int n = context == NULL ? 0 : snprintf(line, LINE_BYTES, "%s: ", context);
    return n < 0 ? 0 : n < LINE_BYTES ? (size_t)n : LINE_BYTES - 1;
}

static void print_line(char *line)
{
    for (char *c = line; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f) {
            *c = '?';
        }
    }
    fprintf(stderr, "voxlabel: %s\n", line);
}

void vox_say(const char *format, ...)
{
    char line[LINE_BYTES];
    size_t used = begin_line(line);
    va_list args;
    va_start(args, format);
    vsnprintf(line + used, sizeof(line) - used, format, args);
    va_end(args);
    print_line(line);
}

int vox_say_usage(const char *command, const char *format, ...)
{
    char line[LINE_BYTES];
    size_t used = begin_line(line);
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line + used, sizeof(line) - used, format, args);
    va_end(args);
    if (n >= 0 && (size_t)n < sizeof(line) - used) {
        used += (size_t)n;
        snprintf(line + used, sizeof(line) - used, "; see 'voxlabel %s --help'", command);
    }
    print_line(line);
    return VOX_EXIT_USAGE;
}

int vox_say_error(const char *subject, const struct vox_err *err)
{
    const char *text = err->msg[0] != '\0' ? err->msg : vox_code_name(err->code);
    if (subject == NULL) {
        vox_say("%s", text);
    } else {
        vox_say("%s: %s", subject, text);
    }
    switch (err->code) {
    case VOX_E_ARG:
    case VOX_E_NOT_FOUND:
        return VOX_EXIT_USAGE;
    case VOX_E_CANCELLED:
        return VOX_EXIT_CANCELLED;
    default:
        return VOX_EXIT_FAILURE;
    }
}

int vox_say_wrong(const char *subject, const struct vox_err *err)
{
    int status = vox_say_error(subject, err);
    return err->code == VOX_E_NOMEM ? status : VOX_EXIT_USAGE;
}

int vox_say_no_memory(void)
{
    vox_say("out of memory");
    return VOX_EXIT_FAILURE;
}
