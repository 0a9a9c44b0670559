/* The arguments of 'voxlabel segment'. */
#ifndef VOX_APP_SEGMENT_OPTIONS_H
#define VOX_APP_SEGMENT_OPTIONS_H

#include <stdbool.h>

#include "pipeline/box_prompt.h"
#include "pipeline/intensity.h"

enum { VOX_FILE_NAME_MAX = 255 };

struct vox_segment_options {
    const char *image;
    const char *model;
    const char *config;  /* NULL: a built-in one that fits */
    const char *mask;    /* never NULL */
    const char *logits;  /* NULL: not wanted */
    const char *json;    /* NULL: not wanted; "-": stdout */
    const char *backend; /* NULL: the best */
    struct vox_box_prompt prompt;
    struct vox_window window;
    int threads; /* 0: one per CPU that this process may use */
    bool quiet;
    bool help;
    char default_mask[VOX_FILE_NAME_MAX + 32];
};

/* Reads argv (argv[0] is "segment"). Returns 0, or VOX_EXIT_USAGE after it said what is wrong.
 * Where --help is among them only `help` is set. *out must not be moved: mask may point into it. */
int vox_segment_options_read(int argc, char **argv, struct vox_segment_options *out);

#endif
