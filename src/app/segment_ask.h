/* What the arguments of 'voxlabel segment' ask for, whatever the image. */
#ifndef VOX_APP_SEGMENT_ASK_H
#define VOX_APP_SEGMENT_ASK_H

#include <stddef.h>

#include "app/command_line.h"
#include "voxlabel/voxlabel.h"

/* A JSON text and where it came from. */
struct vox_segment_json {
    char *text; /* NULL: none was given */
    size_t size;
    const char *subject; /* the file's name, or the option's; borrowed */
};

struct vox_segment_ask {
    const struct vox_arguments *arguments; /* borrowed */
    char *label_text;                      /* that the names are cut out of */
    const char **labels;                   /* NULL: the library's own */
    int n_labels;
    struct vox_segment_json params; /* of --params */
    struct vox_segment_json points; /* of --points */
};

/* Reads the files that the arguments name, once, so that pipes will do. Returns 0, or the exit
 * status after it said what is wrong. End it with vox_segment_ask_fini in every case. */
int vox_segment_ask_init(const struct vox_arguments *arguments, struct vox_segment_ask *out);
void vox_segment_ask_fini(struct vox_segment_ask *ask);

/* Takes a key out of parameters that a flag stands for. What is no JSON object stays as it is.
 * Returns 0, or VOX_EXIT_FAILURE after it said that memory ran out. */
int vox_segment_json_override(struct vox_segment_json *params, const char *key);

#endif
