#include "util/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The names in parentheses are never the macros of error.h. */

static void scrub(char *text)
{
    for (char *p = text; *p != '\0'; p++) {
        unsigned char c = (unsigned char)*p;
        if (c < 0x20 || c == 0x7f) {
            *p = '?';
        }
    }
}

static void fill(struct vox_err *err, enum vox_code code, int sys, const char *format, va_list args)
    VOX_PRINTF(4, 0);

static void fill(struct vox_err *err, enum vox_code code, int sys, const char *format, va_list args)
{
    if (err == NULL) {
        return;
    }
    err->code = code;
    err->sys = sys;
    if (vsnprintf(err->msg, sizeof(err->msg), format, args) < 0) {
        err->msg[0] = '\0';
    }
    scrub(err->msg);
}

enum vox_code(vox_fail)(struct vox_err *err, enum vox_code code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fill(err, code, 0, format, args);
    va_end(args);
    return code;
}

enum vox_code(vox_fail_sys)(struct vox_err *err, enum vox_code code, int sys, const char *format,
                            ...)
{
    va_list args;
    va_start(args, format);
    fill(err, code, sys, format, args);
    va_end(args);
    return code;
}

enum vox_code(vox_err_prefix)(struct vox_err *err, enum vox_code code, const char *format, ...)
{
    if (err == NULL) {
        return code;
    }
    char old[sizeof(err->msg)];
    memcpy(old, err->msg, sizeof(old));
    va_list args;
    va_start(args, format);
    int n = vsnprintf(err->msg, sizeof(err->msg), format, args);
    va_end(args);
    size_t used = n < 0 ? 0 : (size_t)n;
    if (used < sizeof(err->msg)) {
        /* Cut silently: the text is for people, the code for programs. */
        int cut = snprintf(err->msg + used, sizeof(err->msg) - used, ": %s", old);
        (void)cut;
    }
    scrub(err->msg);
    return code;
}

const char *vox_code_name(enum vox_code code)
{
    switch (code) {
    case VOX_OK:
        return "ok";
    case VOX_E_ARG:
        return "argument";
    case VOX_E_NOMEM:
        return "memory";
    case VOX_E_IO:
        return "io";
    case VOX_E_FORMAT:
        return "format";
    case VOX_E_LIMIT:
        return "limit";
    case VOX_E_UNSUPPORTED:
        return "unsupported";
    case VOX_E_BACKEND:
        return "backend";
    case VOX_E_NOT_FOUND:
        return "not found";
    case VOX_E_BUSY:
        return "busy";
    case VOX_E_CANCELLED:
        return "cancelled";
    case VOX_E_INTERNAL:
        return "internal";
    }
    return "unknown";
}

void vox_assert_failed(const char *cond, const char *file, int line)
{
    fprintf(stderr, "voxlabel: internal error at %s:%d: %s\n", file, line, cond);
    abort();
}
