/* The result of 'voxlabel segment' as JSON. */
#ifndef VOX_APP_SEGMENT_REPORT_H
#define VOX_APP_SEGMENT_REPORT_H

#include <stddef.h>

#include "app/model_files.h"
#include "app/segment_options.h"
#include "pipeline/recipe.h"
#include "util/json_writer.h"

struct vox_segment_report {
    const struct vox_segment_options *options;
    const struct vox_volume *volume;
    const struct vox_opened_model *model;
    const struct vox_segmentation *segmentation;
    double read_seconds;  /* of the image */
    double load_seconds;  /* of the model */
    double write_seconds; /* of mask and logits, up to their last step: getting their names */
    double total_seconds;
};

/* Millilitres of the mask; NaN where the file's geometry gives none. */
double vox_report_volume_ml(const struct vox_segment_report *report);

/* Makes the report's text, which the caller frees with *out. Returns 0, or the exit status after it
 * said what is wrong. */
int vox_report_make(const struct vox_segment_report *report, struct vox_json_writer **out,
                    const char **text, size_t *size);

#endif
