/* The variables of the environment that the program reads. */
#ifndef VOX_APP_ENVIRONMENT_H
#define VOX_APP_ENVIRONMENT_H

/* A variable's value, NULL where it is empty or not there. */
const char *vox_environment(const char *name);

#endif
