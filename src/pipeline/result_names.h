/* The names of a result's files: whether each says what it can hold, and all can be had at once. */
#ifndef VOX_PIPELINE_RESULT_NAMES_H
#define VOX_PIPELINE_RESULT_NAMES_H

#include "util/error.h"
#include "voxlabel/voxlabel.h"

enum { VOX_RESULT_FILES = 4 };

/* Looks at endings, at two names for one file (the voxels beside a .mhd too), at folders and
 * devices in the place of a file, and whether a file would take the image's place (NULL: there is
 * none). VOX_E_ARG, and *which, if not NULL, is the path that it is about. Creates nothing. */
enum vox_code vox_result_check_names(const struct vox_files *files, const char *image,
                                     const char **which, struct vox_err *err) VOX_MUST_USE;

#endif
