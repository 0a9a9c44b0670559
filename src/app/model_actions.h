/* What 'voxlabel model' does: one function an action, called with arguments that were counted and
 * whose options belong to the action; the action's name is the first positional argument. Each
 * returns the exit status after it said what is wrong. */
#ifndef VOX_APP_MODEL_ACTIONS_H
#define VOX_APP_MODEL_ACTIONS_H

#include "app/command_line.h"

int vox_model_list(const struct vox_arguments *arguments);
int vox_model_pull(const struct vox_arguments *arguments);
int vox_model_import(const struct vox_arguments *arguments);
int vox_model_verify(const struct vox_arguments *arguments);
int vox_model_remove(const struct vox_arguments *arguments);
int vox_model_convert(const struct vox_arguments *arguments);
int vox_model_inspect(const struct vox_arguments *arguments);

#endif
