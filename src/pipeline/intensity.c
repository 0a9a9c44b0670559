#include "pipeline/intensity.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "pipeline/percentile.h"
#include "util/memory.h"

static const double ct_minimum = -500.0;
static const double abdomen[2] = {-160.0, 240.0};
static const double fractions[2] = {0.5 / 100.0, 99.5 / 100.0};

const char *vox_window_rule_name(enum vox_window_rule rule)
{
    switch (rule) {
    case VOX_WINDOW_GIVEN:
        return "given";
    case VOX_WINDOW_AS_IS:
        return "as is";
    case VOX_WINDOW_ABDOMEN:
        return "abdomen";
    case VOX_WINDOW_PERCENTILES:
        return "percentiles";
    }
    return "unknown";
}

static bool unscaled(const struct vox_volume *volume)
{
    return volume->slope == 1.0 && volume->intercept == 0.0;
}

/* A bound or value as the arithmetic of this volume holds it. */
static double held(bool single, double value)
{
    return single ? (double)(float)value : value;
}

static double clipped(const struct vox_intensity *intensity, double value)
{
    double low = held(intensity->single, intensity->low);
    double high = held(intensity->single, intensity->high);
    double raised = value < low ? low : value;
    return raised > high ? high : raised;
}

/* Range of the finite voxels; min > max where there are none. */
static void find_range(const struct vox_volume *volume, double *work, double *min, double *max,
                       int64_t *not_finite)
{
    int64_t pixels = volume->size[0] * volume->size[1];
    *min = HUGE_VAL;
    *max = -HUGE_VAL;
    *not_finite = 0;
    for (int64_t k = 0; k < volume->size[2]; k++) {
        vox_volume_slice(volume, k, work);
        for (int64_t i = 0; i < pixels; i++) {
            double v = work[i];
            if (!isfinite(v)) {
                (*not_finite)++;
                continue;
            }
            *min = v < *min ? v : *min;
            *max = v > *max ? v : *max;
        }
    }
}

/* Chooses rule and bounds; min is that of the finite voxels. */
static enum vox_code choose_window(const struct vox_volume *volume, const struct vox_window *window,
                                   double min, double *work, struct vox_intensity *intensity,
                                   struct vox_err *err)
{
    if (!window->automatic) {
        intensity->rule = VOX_WINDOW_GIVEN;
        intensity->low = window->low;
        intensity->high = window->high;
        return VOX_OK;
    }
    if (min <= ct_minimum) {
        intensity->rule = VOX_WINDOW_ABDOMEN;
        intensity->low = abdomen[0];
        intensity->high = abdomen[1];
        return VOX_OK;
    }
    intensity->rule = VOX_WINDOW_PERCENTILES;
    double bounds[2] = {0.0, 0.0};
    enum vox_code code = vox_percentiles_positive(volume, fractions, 2, work, bounds, err);
    /* Zeros need no rule of their own: they are below the lower bound and so become the minimum. */
    intensity->low = bounds[0];
    intensity->high = bounds[1];
    return code;
}

static enum vox_code prepare(const struct vox_volume *volume, const struct vox_window *window,
                             double *work, struct vox_intensity *out, struct vox_err *err)
{
    struct vox_intensity intensity = {.single = volume->type == VOX_VOXEL_F32 && unscaled(volume)};
    double min, max;
    find_range(volume, work, &min, &max, &intensity.not_finite);
    enum vox_code code = choose_window(volume, window, min, work, &intensity, err);
    if (code != VOX_OK) {
        return code;
    }
    /* Clipping keeps the order, so the clipped range is the range, clipped. */
    bool any = min <= max;
    intensity.min = any ? clipped(&intensity, min) : intensity.low;
    intensity.max = any ? clipped(&intensity, max) : intensity.low;
    intensity.flat = !(intensity.max > intensity.min);
    *out = intensity;
    return VOX_OK;
}

enum vox_code vox_intensity_prepare(const struct vox_volume *volume,
                                    const struct vox_window *window, struct vox_intensity *out,
                                    struct vox_err *err)
{
    if (!window->automatic &&
        !(isfinite(window->low) && isfinite(window->high) && window->low < window->high)) {
        return vox_fail(err, VOX_E_ARG, "the window's lower bound must be below its upper bound");
    }
    size_t pixels;
    if (!vox_mul((size_t)volume->size[0], (size_t)volume->size[1], &pixels) ||
        pixels > VOX_SLICE_MAX_PIXELS) {
        return vox_fail(err, VOX_E_LIMIT, "a slice has more than %d pixels", VOX_SLICE_MAX_PIXELS);
    }
    if (window->automatic && volume->type == VOX_VOXEL_U8 && unscaled(volume)) {
        *out = (struct vox_intensity){.rule = VOX_WINDOW_AS_IS, .high = 255.0, .max = 255.0};
        return VOX_OK;
    }
    double *work = vox_calloc(pixels, sizeof(*work));
    if (work == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    enum vox_code code = prepare(volume, window, work, out, err);
    vox_free(work);
    return code;
}

/* numpy's conversion of the result to 8 bits truncates; a NaN, which only a range beyond the type's
 * own makes, is 0. */
static uint8_t truncated(double value)
{
    return value >= 0.0 && value <= 255.0 ? (uint8_t)value : 0;
}

static void scale_double(const struct vox_intensity *intensity, int64_t pixels, const double *in,
                         uint8_t *out)
{
    double range = intensity->max - intensity->min;
    for (int64_t i = 0; i < pixels; i++) {
        double value = isfinite(in[i]) ? clipped(intensity, in[i]) : intensity->min;
        out[i] = truncated((value - intensity->min) / range * 255.0);
    }
}

static void scale_single(const struct vox_intensity *intensity, int64_t pixels, const double *in,
                         uint8_t *out)
{
    float min = (float)intensity->min;
    float range = (float)intensity->max - min;
    for (int64_t i = 0; i < pixels; i++) {
        float value = isfinite(in[i]) ? (float)clipped(intensity, in[i]) : min;
        float scaled = (value - min) / range * 255.0F;
        out[i] = truncated((double)scaled);
    }
}

void vox_intensity_slice(const struct vox_volume *volume, const struct vox_intensity *intensity,
                         int64_t k, double *work, uint8_t *out)
{
    int64_t pixels = volume->size[0] * volume->size[1];
    if (intensity->flat) {
        memset(out, 0, (size_t)pixels);
        return;
    }
    if (intensity->rule == VOX_WINDOW_AS_IS) {
        memcpy(out, (const uint8_t *)volume->voxels + k * pixels, (size_t)pixels);
        return;
    }
    vox_volume_slice(volume, k, work);
    if (intensity->single) {
        scale_single(intensity, pixels, work, out);
    } else {
        scale_double(intensity, pixels, work, out);
    }
}
