/* Matrix arithmetic that this implementation really does (a multiply-add counts two): padded tokens
 * are not projected, high-resolution projections are merged, values are projected after the
 * weighted sum. */
#ifndef VOX_BENCH_NETWORK_FLOPS_H
#define VOX_BENCH_NETWORK_FLOPS_H

#include "model/config.h"

double vox_encoder_flops(const struct vox_model_config *config);
double vox_memory_attention_flops(const struct vox_model_config *config, int64_t memories,
                                  int64_t pointers);

#endif
