/* What a run has to tell its user although it succeeded. */
#ifndef VOX_PIPELINE_WARNINGS_H
#define VOX_PIPELINE_WARNINGS_H

#include "util/error.h"

enum { VOX_WARNINGS_MAX = 32, VOX_WARNING_BYTES = 240 };

/* Plain data; all zero is an empty list. */
struct vox_warnings {
    int n;
    char text[VOX_WARNINGS_MAX][VOX_WARNING_BYTES]; /* one sentence each, no newline */
};

/* Adds a sentence, cut to fit. The last place is for one that says that there are more, which are
 * dropped. */
void vox_warn(struct vox_warnings *warnings, const char *format, ...) VOX_PRINTF(2, 3);

#endif
