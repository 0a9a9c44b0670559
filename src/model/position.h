/* Position codes that depend on sizes alone. */
#ifndef VOX_MODEL_POSITION_H
#define VOX_MODEL_POSITION_H

#include <stdint.h>

/* The sine code of SAM 2 (modeling/position_encoding.py PositionEmbeddingSine, normalised, scale 2
 * pi, temperature 10000): side*side x channels, token raster order; the first half of the channels
 * encodes y, the second x. */
void vox_sine_code(int64_t side, int64_t channels, float *out);

/* Rotary tables of axial RoPE (modeling/position_encoding.py compute_axial_cis) for side*side
 * tokens of `channels` values: cosines and sines are side*side x channels / 2. */
void vox_rope_table(int64_t side, int64_t channels, double theta, float *cosines, float *sines);

/* The 1D sine code of an object pointer's distance (modeling/sam2_utils.py get_1d_sine_pe):
 * `channels` values, sines first, then cosines. value is the distance divided by its maximum. */
void vox_distance_code(float value, int64_t channels, float *out);

#endif
