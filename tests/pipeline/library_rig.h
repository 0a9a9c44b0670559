/* A small model and image for tests over the public interface. Functions end the test where they
 * fail. */
#ifndef VOX_PIPELINE_LIBRARY_RIG_H
#define VOX_PIPELINE_LIBRARY_RIG_H

#include <stddef.h>
#include <stdint.h>

#include "voxlabel/voxlabel.h"

enum {
    RIG_W = 40,
    RIG_H = 30,
    RIG_D = 6,
    RIG_SLICE = RIG_W * RIG_H,
    RIG_VOXELS = RIG_SLICE * RIG_D
};

/* Writes the checkpoint "tiny.pt" into the current folder and opens it. `memory` is that of the
 * caches, as vox_model_options has it. */
struct vox_model *rig_model(uint64_t memory);

/* What rig_model gives to vox_model_open. */
extern const char *const rig_config;

/* The same CT-like voxels in memory, and as a file "scan.nii". */
extern int16_t rig_voxels[RIG_VOXELS];
struct vox_image *rig_image(struct vox_model *model);
void rig_write_scan(void);

/* A request of these labels (NULL: intersection) and JSON parameters. */
struct vox_request *rig_request(const char *const *labels, int n_labels, const char *params);

/* Segments this. */
struct vox_result *rig_segment(struct vox_model *model, struct vox_image *image,
                               const char *params);

/* The result's JSON, for the caller to vox_free, up to its latencies and from behind them. */
char *rig_json(struct vox_result *result);

/* All label values, RIG_VOXELS of them. */
void rig_labels(const struct vox_result *result, uint16_t *out);

/* Files and hidden files in the current folder. */
int rig_count_files(void);

#endif
