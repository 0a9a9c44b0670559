/* 'voxlabel model': looks into checkpoint files. */
#ifndef VOX_APP_MODEL_COMMAND_H
#define VOX_APP_MODEL_COMMAND_H

#include "app/command_line.h"

extern const struct vox_command vox_model_command;

int vox_app_model(int argc, char **argv);

#endif
