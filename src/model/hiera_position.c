#include "model/hiera_position.h"

#include <math.h>

#include "util/memory.h"

enum { TAPS = 4 };

/* The taps of one output position of a resize from `in` to `out` samples. */
struct taps {
    int64_t index[TAPS];
    float weight[TAPS];
};

static double cubic(double s)
{
    const double a = -0.75;
    s = fabs(s);
    if (s <= 1) {
        return ((a + 2) * s - (a + 3)) * s * s + 1;
    }
    return s < 2 ? ((a * s - 5 * a) * s + 8 * a) * s - 4 * a : 0;
}

static struct taps taps_of(int64_t in, int64_t out, int64_t position)
{
    double source = (double)in / (double)out * ((double)position + 0.5) - 0.5;
    double base = floor(source);
    double t = source - base;
    struct taps taps;
    for (int i = 0; i < TAPS; i++) {
        int64_t index = (int64_t)base - 1 + i;
        taps.index[i] = index < 0 ? 0 : (index >= in ? in - 1 : index);
        taps.weight[i] = (float)cubic(t + 1 - (double)i);
    }
    return taps;
}

static float resized(const float *plane, int64_t width, const struct taps *y, const struct taps *x)
{
    float sum = 0;
    for (int i = 0; i < TAPS; i++) {
        const float *row = plane + y->index[i] * width;
        float line = 0;
        for (int j = 0; j < TAPS; j++) {
            line += row[x->index[j]] * x->weight[j];
        }
        sum += line * y->weight[i];
    }
    return sum;
}

enum vox_code vox_hiera_position(const struct vox_builder *builder,
                                 const struct vox_grid_layout *layout, float **out,
                                 struct vox_err *err)
{
    const struct vox_trunk_config *trunk = &builder->config->trunk;
    int64_t channels = trunk->embed_dim;
    int64_t height = trunk->pos_size[0];
    int64_t width = trunk->pos_size[1];
    int64_t window = trunk->window_spec[0];
    int64_t tokens = layout->side * layout->side;
    float *field = NULL;
    float *tiled = NULL;
    float *made = vox_alloc((size_t)(tokens * channels) * sizeof(*made));
    enum vox_code code = made == NULL ? vox_fail(err, VOX_E_NOMEM, "out of memory")
                                      : vox_build_tensor(builder, "image_encoder.trunk.pos_embed",
                                                         channels * height * width, &field, err);
    if (code == VOX_OK) {
        code = vox_build_tensor(builder, "image_encoder.trunk.pos_embed_window",
                                channels * window * window, &tiled, err);
    }
    for (int64_t t = 0; t < tokens && code == VOX_OK; t++) {
        int64_t y = layout->raster[t] / layout->side;
        int64_t x = layout->raster[t] % layout->side;
        struct taps ty = taps_of(height, layout->side, y);
        struct taps tx = taps_of(width, layout->side, x);
        for (int64_t c = 0; c < channels; c++) {
            made[t * channels + c] = resized(field + c * height * width, width, &ty, &tx) +
                                     tiled[(c * window + y % window) * window + x % window];
        }
    }
    vox_free(field);
    vox_free(tiled);
    if (code != VOX_OK) {
        vox_free(made);
        return code;
    }
    *out = made;
    return VOX_OK;
}
