#include "pipeline/intensity.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "pipeline/percentile.h"
#include "util/memory.h"

static const double ct_minimum = -500.0;
static const double fractions[2] = {0.5 / 100.0, 99.5 / 100.0};

static const char *const rule_names[] = {
    [VOX_WINDOW_GIVEN] = "given",     [VOX_WINDOW_AS_IS] = "as is",
    [VOX_WINDOW_ABDOMEN] = "abdomen", [VOX_WINDOW_PERCENTILES] = "percentiles",
    [VOX_WINDOW_LUNG] = "lung",       [VOX_WINDOW_BONE] = "bone",
    [VOX_WINDOW_BRAIN] = "brain",     [VOX_WINDOW_MEDIASTINUM] = "mediastinum",
    [VOX_WINDOW_FULL] = "full",
};

static const struct vox_window presets[] = {
    {.rule = VOX_WINDOW_ABDOMEN, .low = -160.0, .high = 240.0},
    {.rule = VOX_WINDOW_LUNG, .low = -1350.0, .high = 150.0},
    {.rule = VOX_WINDOW_BONE, .low = -500.0, .high = 1300.0},
    {.rule = VOX_WINDOW_BRAIN, .low = 0.0, .high = 80.0},
    {.rule = VOX_WINDOW_MEDIASTINUM, .low = -125.0, .high = 225.0},
    {.rule = VOX_WINDOW_FULL},
};

const char *vox_window_rule_name(enum vox_window_rule rule)
{
    return (unsigned)rule < sizeof(rule_names) / sizeof(rule_names[0]) ? rule_names[rule]
                                                                       : "unknown";
}

bool vox_window_preset(const char *name, struct vox_window *out)
{
    if (strcmp(name, "auto") == 0) {
        *out = (struct vox_window){.automatic = true};
        return true;
    }
    for (size_t i = 0; i < sizeof(presets) / sizeof(presets[0]); i++) {
        if (strcmp(name, rule_names[presets[i].rule]) == 0) {
            *out = presets[i];
            return true;
        }
    }
    return false;
}

bool vox_window_equal(const struct vox_window *a, const struct vox_window *b)
{
    if (a->automatic || b->automatic) {
        return a->automatic == b->automatic;
    }
    return a->rule == b->rule &&
           (a->rule == VOX_WINDOW_FULL || (a->low == b->low && a->high == b->high));
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

/* Chooses rule and bounds. */
static enum vox_code choose_window(struct vox_slice_source *source, const struct vox_window *window,
                                   const struct vox_value_survey *survey, double *work,
                                   struct vox_intensity *intensity, struct vox_err *err)
{
    struct vox_value_range range = vox_value_survey_range(survey);
    struct vox_window chosen = *window;
    if (window->automatic && range.min <= ct_minimum) {
        chosen = presets[0];
    } else if (window->automatic) {
        /* Zeros need no rule of their own: they are below the lower bound and so become the
         * minimum. */
        chosen.rule = VOX_WINDOW_PERCENTILES;
        double bounds[2];
        enum vox_code code =
            vox_value_survey_percentiles(survey, source, fractions, 2, work, bounds, err);
        if (code != VOX_OK) {
            return code;
        }
        chosen.low = bounds[0];
        chosen.high = bounds[1];
    } else if (window->rule == VOX_WINDOW_FULL) {
        bool any = range.min <= range.max;
        chosen.low = any ? range.min : 0.0;
        chosen.high = any ? range.max : 0.0;
    }
    intensity->rule = chosen.rule;
    intensity->low = chosen.low;
    intensity->high = chosen.high;
    return VOX_OK;
}

static enum vox_code prepare(struct vox_slice_source *source, const struct vox_window *window,
                             const struct vox_watch *watch, double *work, struct vox_intensity *out,
                             struct vox_err *err)
{
    const struct vox_volume *volume = vox_slice_source_volume(source);
    struct vox_intensity intensity = {.single = volume->type == VOX_VOXEL_F32 && unscaled(volume)};
    struct vox_value_survey *survey;
    enum vox_code code = vox_value_survey_new(source, window->automatic, work, watch, &survey, err);
    if (code != VOX_OK) {
        return code;
    }
    struct vox_value_range range = vox_value_survey_range(survey);
    code = choose_window(source, window, survey, work, &intensity, err);
    vox_value_survey_free(survey);
    if (code != VOX_OK) {
        return code;
    }
    /* Clipping keeps the order, so the clipped range is the range, clipped. */
    bool any = range.min <= range.max;
    intensity.not_finite = range.not_finite;
    intensity.min = any ? clipped(&intensity, range.min) : intensity.low;
    intensity.max = any ? clipped(&intensity, range.max) : intensity.low;
    intensity.flat = !(intensity.max > intensity.min);
    *out = intensity;
    return VOX_OK;
}

static bool has_bounds(const struct vox_window *window)
{
    return isfinite(window->low) && isfinite(window->high) && window->low < window->high;
}

enum vox_code vox_intensity_prepare_watched(struct vox_slice_source *source,
                                            const struct vox_window *window,
                                            const struct vox_watch *watch,
                                            struct vox_intensity *out, struct vox_err *err)
{
    const struct vox_volume *volume = vox_slice_source_volume(source);
    if (!window->automatic && window->rule != VOX_WINDOW_FULL && !has_bounds(window)) {
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
    enum vox_code code = prepare(source, window, watch, work, out, err);
    vox_free(work);
    return code;
}

enum vox_code vox_intensity_prepare(struct vox_slice_source *source,
                                    const struct vox_window *window, struct vox_intensity *out,
                                    struct vox_err *err)
{
    return vox_intensity_prepare_watched(source, window, NULL, out, err);
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

enum vox_code vox_intensity_slice(struct vox_slice_source *source,
                                  const struct vox_intensity *intensity, int64_t k, double *work,
                                  uint8_t *out, struct vox_err *err)
{
    const struct vox_volume *volume = vox_slice_source_volume(source);
    int64_t pixels = volume->size[0] * volume->size[1];
    enum vox_code code = VOX_OK;
    if (intensity->flat) {
        memset(out, 0, (size_t)pixels);
    } else if (intensity->rule == VOX_WINDOW_AS_IS) {
        const void *stored;
        code = vox_slice_source_stored(source, k, &stored, err);
        if (code == VOX_OK) {
            memcpy(out, stored, (size_t)pixels);
        }
    } else {
        code = vox_slice_source_values(source, k, work, err);
        if (code == VOX_OK && intensity->single) {
            scale_single(intensity, pixels, work, out);
        } else if (code == VOX_OK) {
            scale_double(intensity, pixels, work, out);
        }
    }
    return code;
}
