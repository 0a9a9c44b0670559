/* The folder of the disk cache of features: whose it is, the names in it, and its size. */
#ifndef VOX_PIPELINE_FEATURE_FOLDER_H
#define VOX_PIPELINE_FEATURE_FOLDER_H

#include <stdbool.h>
#include <stdint.h>

#include "pipeline/feature_store.h"
#include "util/error.h"

/* A name: 64 hexadecimal digits; a temporary one: a dot, 32 of them, ".part". */
enum {
    VOX_FEATURE_NAME_SIZE = 65,
    VOX_FEATURE_RANDOM = 16,
    VOX_FEATURE_LEFT_OVER = 600 /* seconds after which nobody writes a temporary file any more */
};

void vox_feature_name(const struct vox_feature_key *key, char name[VOX_FEATURE_NAME_SIZE]);
void vox_feature_temporary_name(const uint8_t random[VOX_FEATURE_RANDOM],
                                char name[VOX_FEATURE_NAME_SIZE]);

/* Opens the folder, or makes it with mode 0700; what is checked is what was opened. Errors as those
 * of vox_feature_disk_new. The caller closes *out. */
enum vox_code vox_feature_folder_open(const char *path, int *out, struct vox_err *err) VOX_MUST_USE;

/* Removes temporary files that were left over, and then, while the files are more than `bytes`,
 * those that were not used for longest; what is being written counts and stays. Files with other
 * names are none of ours. Adds the number of features thrown out to *removed; *left is how many
 * bytes the files then take. False where the folder cannot be read or is still too large. */
bool vox_feature_folder_trim(int folder, uint64_t bytes, int64_t *removed,
                             uint64_t *left) VOX_MUST_USE;

#endif
