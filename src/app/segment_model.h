/* The model of 'voxlabel segment'. */
#ifndef VOX_APP_SEGMENT_MODEL_H
#define VOX_APP_SEGMENT_MODEL_H

#include "app/command_line.h"
#include "voxlabel/voxlabel.h"

/* The checkpoint of --model, else of the environment's VOXLABEL_MODEL; NULL: neither names one. */
const char *vox_segment_checkpoint(const struct vox_arguments *arguments);

/* Reads the flags that are about the model, and looks whether its files are there. Returns 0, or
 * the exit status after it said what is wrong. */
int vox_segment_model_options(const struct vox_arguments *arguments, struct vox_model_options *out);

/* Loads it. Returns as above. */
int vox_segment_model_open(const struct vox_arguments *arguments,
                           const struct vox_model_options *options, struct vox_model **out);

#endif
