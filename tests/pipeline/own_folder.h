/* A folder of a test's own, in which it works. */
#ifndef VOX_PIPELINE_OWN_FOLDER_H
#define VOX_PIPELINE_OWN_FOLDER_H

/* Set-up and tear-down of cmocka: makes a folder and enters it; leaves and removes it. */
int vox_enter_folder(void **state);
int vox_leave_folder(void **state);

/* Writes the bytes of a small file over those of another, or of a new one, in place. Ends the
 * process where that fails. */
void vox_overwrite_file(const char *path, const char *with);

#endif
