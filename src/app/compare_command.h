/* voxlabel compare: how well two label files agree. */
#ifndef VOX_APP_COMPARE_COMMAND_H
#define VOX_APP_COMPARE_COMMAND_H

/* argv[0] is "compare"; returns the exit status. */
int vox_app_compare(int argc, char **argv);

#endif
