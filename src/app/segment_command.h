/* 'voxlabel segment': one box, one mask. */
#ifndef VOX_APP_SEGMENT_COMMAND_H
#define VOX_APP_SEGMENT_COMMAND_H

/* argv[0] is "segment". Returns the exit status. */
int vox_app_segment(int argc, char **argv);

#endif
