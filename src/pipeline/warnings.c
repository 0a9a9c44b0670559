#include "pipeline/warnings.h"

#include <stdarg.h>
#include <stdio.h>

void vox_warn(struct vox_warnings *warnings, const char *format, ...)
{
    if (warnings->n >= VOX_WARNINGS_MAX - 1) {
        snprintf(warnings->text[VOX_WARNINGS_MAX - 1], VOX_WARNING_BYTES,
                 "there are more warnings than are told here");
        warnings->n = VOX_WARNINGS_MAX;
        return;
    }
    va_list args;
    va_start(args, format);
    vsnprintf(warnings->text[warnings->n], VOX_WARNING_BYTES, format, args);
    va_end(args);
    warnings->n++;
}
