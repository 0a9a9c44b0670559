/* 'voxlabel doctor': what keeps the program from working well on this machine. */
#ifndef VOX_APP_DOCTOR_COMMAND_H
#define VOX_APP_DOCTOR_COMMAND_H

#include "app/command_line.h"

extern const struct vox_command vox_doctor_command;

int vox_app_doctor(int argc, char **argv);

#endif
