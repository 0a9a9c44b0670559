/* The whole network: its modules built from one checkpoint on one backend. Immutable once open;
 * several trackers may share it, from several threads: the functions that compute take turns. */
#ifndef VOX_MODEL_NETWORK_H
#define VOX_MODEL_NETWORK_H

#include "model/config.h"
#include "model/features.h"
#include "model/tap.h"
#include "model/weights.h"
#include "tensor/backend.h"

struct vox_network;

/* Checks the checkpoint against the configuration, builds all modules (weights reordered, kernels
 * planned) and lets the checkpoint's pages go. `weights` is only read during the call; `be` is
 * borrowed and must outlive the network. */
enum vox_code vox_network_open(const struct vox_model_config *config,
                               const struct vox_weights *weights, struct vox_backend *be,
                               struct vox_network **out, struct vox_err *err) VOX_MUST_USE;
void vox_network_close(struct vox_network *network); /* NULL is allowed */

const struct vox_model_config *vox_network_config(const struct vox_network *network);

/* Encodes one grey slice (image_size x image_size bytes) into features that the caller made. Any
 * thread. */
enum vox_code vox_network_encode(struct vox_network *network, const uint8_t *image,
                                 const struct vox_features *out, const struct vox_tap *tap,
                                 struct vox_err *err) VOX_MUST_USE;

#endif
