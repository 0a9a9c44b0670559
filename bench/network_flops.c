#include "network_flops.h"

#include <stdbool.h>

static double product(double rows, double inner, double columns)
{
    return 2 * rows * inner * columns;
}

static bool is_global(const struct vox_trunk_config *trunk, int64_t block)
{
    for (int i = 0; i < trunk->n_global; i++) {
        if (trunk->global_att_blocks[i] == block) {
            return true;
        }
    }
    return false;
}

/* Sum over the windows of a grid of (real tokens) x (keys), a padded window having one key more. */
static double pairs_in_windows(int64_t side, int64_t window)
{
    double pairs = 0;
    for (int64_t top = 0; top < side; top += window) {
        for (int64_t left = 0; left < side; left += window) {
            int64_t height = side - top < window ? side - top : window;
            int64_t width = side - left < window ? side - left : window;
            int64_t real = height * width;
            pairs += (double)real * (double)(real + (real < window * window ? 1 : 0));
        }
    }
    return pairs;
}

double vox_encoder_flops(const struct vox_model_config *config)
{
    const struct vox_trunk_config *trunk = &config->trunk;
    int64_t side = config->image_size / 4;
    int64_t in = trunk->embed_dim;
    int64_t stage_of_window = 0;
    int64_t block = 0;
    double sum = product((double)(side * side), 147, (double)in);
    double high[2] = {(double)config->neck.d_model / 8, (double)config->neck.d_model / 4};
    for (int stage = 0; stage < trunk->n_stages; stage++) {
        for (int64_t i = 0; i < trunk->stages[stage]; i++, block++) {
            bool pooled = stage > 0 && i == 0;
            int64_t out = pooled ? 2 * in : in;
            double tokens = (double)(side * side);
            double after = pooled ? tokens / 4 : tokens;
            double pairs = is_global(trunk, block)
                               ? tokens * tokens
                               : pairs_in_windows(side, trunk->window_spec[stage_of_window]);
            sum += product(tokens, (double)in, 3 * (double)out) +
                   (pooled ? product(tokens, (double)in, (double)out) : 0);
            sum += 4 * pairs * (pooled ? 0.25 : 1) * (double)out;
            sum += product(after, (double)out, (double)out) +
                   2 * product(after, (double)out, 4 * (double)out);
            side = pooled ? side / 2 : side;
            in = out;
            stage_of_window = stage;
        }
        double width = stage < 2 ? (config->high_res_features ? high[stage] : 0)
                                 : (double)config->neck.d_model;
        sum += product((double)(side * side), (double)in, width);
    }
    return sum;
}

double vox_memory_attention_flops(const struct vox_model_config *config, int64_t memories,
                                  int64_t pointers)
{
    double side = (double)config->image_size / 16;
    double tokens = side * side;
    double width = (double)config->neck.d_model;
    double memory = (double)config->memory_encoder.out_dim;
    double keys = tokens * (double)memories + width / memory * (double)pointers;
    double layer = product(tokens, width, 3 * width) + product(tokens, width, width) +
                   2 * product(tokens, tokens, width);
    layer += product(tokens, width, width) + product(tokens, width, keys) +
             product(tokens, keys, memory);
    layer += product(tokens, memory, width);
    layer += 2 * product(tokens, width, (double)config->memory_attention.dim_feedforward);
    /* The newest memory's keys; the others' are kept. */
    layer += product(tokens, memory, width);
    return layer * (double)config->memory_attention.num_layers;
}
