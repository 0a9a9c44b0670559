/* Small text files that the user names. */
#ifndef VOX_APP_TEXT_FILE_H
#define VOX_APP_TEXT_FILE_H

#include <stddef.h>

/* Reads a whole file of at most 64 MiB with a NUL behind it. Returns 0, or the exit status
 * after it said what is wrong. The caller frees *out with vox_free. */
int vox_text_file_read(const char *path, char **out, size_t *size);

/* Looks whether there is something of this name (NULL: yes). Returns 0, or VOX_EXIT_USAGE after it
 * said that there is not. */
int vox_input_find(const char *path);

#endif
