/* Paths and folders. */
#ifndef VOX_STORE_STORE_PATHS_H
#define VOX_STORE_STORE_PATHS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "store/name_table.h"
#include "util/error.h"

/* "folder/name", and "folder/stem" with the ending; NULL where there is no memory. The caller frees
 * with vox_free. */
char *vox_path_join(const char *folder, const char *name);
char *vox_path_file(const char *folder, const char *stem, const char *ext);

/* What tells one state of a file from another. All zero: there is no file. */
struct vox_file_state {
    bool there;
    dev_t device;
    ino_t inode;
    int64_t size;
    int64_t seconds, nanoseconds;         /* when it was modified */
    int64_t changed, changed_nanoseconds; /* when it was, or its name; no tool sets that */
};

/* A file that is not there is no error; VOX_E_IO where that cannot be told. */
enum vox_code vox_file_state_read(const char *path, struct vox_file_state *out,
                                  struct vox_err *err) VOX_MUST_USE;
bool vox_file_state_equal(const struct vox_file_state *a, const struct vox_file_state *b);

/* Makes a folder, durable, unless it is there. */
enum vox_code vox_folder_make(const char *path, struct vox_err *err) VOX_MUST_USE;
enum vox_code vox_folder_sync(const char *path, struct vox_err *err) VOX_MUST_USE;

/* The names in a folder, hidden ones and those that are not UTF-8 left out: the value is not NULL;
 * vox_is_file_value tells whether it is a file. A folder that is not there has none. *table is all
 * zero before and the caller's in any case. */
enum vox_code vox_folder_list(const char *path, struct vox_name_table *table,
                              struct vox_err *err) VOX_MUST_USE;
bool vox_is_file_value(const void *value);

/* Removes the files of a folder whose names begin so; nothing is said where one stays. */
void vox_folder_sweep(const char *path, const char *prefix);

/* Removes a folder of files and of folders with files, three deep at most. */
void vox_folder_remove(const char *path);

/* What to say of errno. */
const char *vox_errno_text(int number);

/* Seconds since 1970, and those of a clock that only goes forward. */
int64_t vox_now(void);
double vox_clock(void);

/* The time `seconds` from now on that clock, for pthread_cond_timedwait. */
struct timespec vox_clock_after(double seconds);

#endif
