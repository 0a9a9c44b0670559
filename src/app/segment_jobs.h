/* What 'voxlabel segment' is to do: one job per image, from the arguments or from a list. */
#ifndef VOX_APP_SEGMENT_JOBS_H
#define VOX_APP_SEGMENT_JOBS_H

#include <stdbool.h>

#include "app/command_line.h"

struct vox_segment_job {
    char *image;
    char *mask;   /* never NULL */
    char *logits; /* NULL: not wanted, as the others */
    char *json;   /* "-": standard output */
    char *preview;
    char *prompt_mask; /* a label file that prompts */
    char *params;      /* JSON that belongs to this image alone */
    int line;          /* of the list; 0: from the arguments */
    bool failed;       /* it was found wrong before its turn came, and that was said */
};

struct vox_segment_jobs {
    struct vox_segment_job *at;
    int n;
    const char *list;   /* NULL: from the arguments; borrowed */
    char context[4096]; /* of messages */
};

/* Makes the jobs. Returns 0, or the exit status after it said what is wrong. End them with
 * vox_segment_jobs_free. */
int vox_segment_jobs_open(const struct vox_arguments *arguments, struct vox_segment_jobs *out);
void vox_segment_jobs_free(struct vox_segment_jobs *jobs);

/* Lets messages begin with the list's name and the job's line, where it comes from a list, until
 * vox_say_context(NULL). */
void vox_segment_say_line(struct vox_segment_jobs *jobs, const struct vox_segment_job *job);

#endif
