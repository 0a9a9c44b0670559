/* voxlabel model: looks into checkpoint files. */
#ifndef VOX_APP_MODEL_COMMAND_H
#define VOX_APP_MODEL_COMMAND_H

/* argv[0] is "model"; returns the exit status. */
int vox_app_model(int argc, char **argv);

#endif
