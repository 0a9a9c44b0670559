/* The picture of a result: slices, outlines, prompts. */
#ifndef VOX_PIPELINE_RESULT_PREVIEW_H
#define VOX_PIPELINE_RESULT_PREVIEW_H

#include "pipeline/infer_task.h"

struct vox_file_writer;

/* Draws as vox_preview_prepare does, looking at the watch (NULL: none) for each slice; *out is
 * ended by the caller. */
enum vox_code vox_result_prepare_preview(const struct vox_infer_data *data, const char *path,
                                         const struct vox_watch *watch,
                                         struct vox_file_writer **out,
                                         struct vox_err *err) VOX_MUST_USE;

#endif
