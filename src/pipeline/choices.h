/* How requests spell the choices of pipeline/request.h. */
#ifndef VOX_PIPELINE_CHOICES_H
#define VOX_PIPELINE_CHOICES_H

#include <stdbool.h>

/* The names of an enum's values from 0 on. */
struct vox_choices {
    const char *const *names;
    int n;
};

extern const struct vox_choices vox_broadcast_choices;
extern const struct vox_choices vox_points_as_choices; /* has no "default" */
extern const struct vox_choices vox_extent_choices;
extern const struct vox_choices vox_clip_choices;
extern const struct vox_choices vox_passes_choices;

/* The value of that name, or -1. */
int vox_choice_find(const struct vox_choices *choices, const char *name);

#endif
