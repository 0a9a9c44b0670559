/* The model of 'voxlabel segment'. */
#ifndef VOX_APP_SEGMENT_MODEL_H
#define VOX_APP_SEGMENT_MODEL_H

#include "app/command_line.h"
#include "app/model_lookup.h"
#include "voxlabel/voxlabel.h"

/* What --model says, else the environment's VOXLABEL_MODEL, else the model inside the program;
 * NULL: none is named and none is inside. */
const char *vox_segment_model_name(const struct vox_arguments *arguments);

/* Finds its files; *out is zero where none is named. The caller ends *out with
 * vox_model_place_free. Returns 0, or the exit status after it said what is wrong. */
int vox_segment_model_find(const struct vox_arguments *arguments, struct vox_model_place *out);

/* Reads the flags that are about the model. *out points into both. Returns as above. */
int vox_segment_model_options(const struct vox_arguments *arguments,
                              const struct vox_model_place *place, struct vox_model_options *out);

/* Loads it. Returns as above. */
int vox_segment_model_open(const struct vox_arguments *arguments,
                           const struct vox_model_place *place,
                           const struct vox_model_options *options, struct vox_model **out);

#endif
