/* A finished inference as its users hold it: label values, JSON, files. */
#ifndef VOX_PIPELINE_RESULT_H
#define VOX_PIPELINE_RESULT_H

#include <stddef.h>
#include <stdint.h>

#include "pipeline/infer_task.h"
#include "voxlabel/voxlabel.h"

struct vox_json_writer;

/* Millilitres of one voxel. */
double vox_voxel_ml(const struct vox_volume *volume);

/* Label values of slice k, w * h of them. */
void vox_outcome_slice(const struct vox_outcome *outcome, int64_t k, uint16_t *out);

/* The result's JSON (docs/prompts.md); `files` names what is being written, NULL: nothing. The
 * caller frees *out. VOX_E_NOMEM. */
enum vox_code vox_result_write_json(const struct vox_infer_data *data,
                                    const struct vox_files *files, struct vox_json_writer **out,
                                    struct vox_err *err) VOX_MUST_USE;

/* Writes all files or none. *which is the path that an error is about, or untouched, as where the
 * watch (NULL: none) cancels, which it can for each slice. The time that it takes goes into the
 * latencies. */
enum vox_code vox_result_write_files(struct vox_infer_data *data, const struct vox_files *files,
                                     const struct vox_watch *watch, const char **which,
                                     struct vox_err *err) VOX_MUST_USE;

#endif
