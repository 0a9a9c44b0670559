#include "app/message.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { LINE_BYTES = 8192 };

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
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    print_line(line);
}

int vox_say_usage(const char *command, const char *format, ...)
{
    char line[LINE_BYTES];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    if (n >= 0 && (size_t)n < sizeof(line)) {
        snprintf(line + n, sizeof(line) - (size_t)n, "; see 'voxlabel %s --help'", command);
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
