#include "pipeline/box_prompt.h"

#include <math.h>
#include <stddef.h>

static void sort_pair(double *a, double *b)
{
    if (*a > *b) {
        double kept = *a;
        *a = *b;
        *b = kept;
    }
}

/* A voxel's cell reaches half a voxel to both sides of its index. */
static bool outside(double low, double high, int64_t size)
{
    return high < -0.5 || low >= (double)size - 0.5;
}

static double clamp(double value, int64_t size)
{
    double last = (double)(size - 1);
    return value < 0.0 ? 0.0 : value > last ? last : value;
}

static enum vox_code fit_slices(struct vox_box_prompt *prompt, int64_t depth, struct vox_err *err)
{
    if (prompt->key < 0 || prompt->key >= depth) {
        return vox_fail(err, VOX_E_ARG, "slice %lld of the box is not there; slices are 0 to %lld",
                        (long long)prompt->key, (long long)depth - 1);
    }
    if (!prompt->bounded) {
        prompt->first = 0;
        prompt->last = depth - 1;
        return VOX_OK;
    }
    if (prompt->first > prompt->last) {
        int64_t kept = prompt->first;
        prompt->first = prompt->last;
        prompt->last = kept;
    }
    if (prompt->first < 0 || prompt->last >= depth) {
        return vox_fail(err, VOX_E_ARG,
                        "the box's range %lld to %lld leaves the volume; slices are 0 to %lld",
                        (long long)prompt->first, (long long)prompt->last, (long long)depth - 1);
    }
    if (prompt->key < prompt->first || prompt->key > prompt->last) {
        return vox_fail(err, VOX_E_ARG,
                        "slice %lld of the box must lie in the box's range %lld to %lld",
                        (long long)prompt->key, (long long)prompt->first, (long long)prompt->last);
    }
    return VOX_OK;
}

enum vox_code vox_box_prompt_fit(struct vox_box_prompt *prompt, const int64_t size[3], bool *cut,
                                 struct vox_err *err)
{
    struct vox_box_prompt fitted = *prompt;
    double *c = fitted.corners;
    for (int i = 0; i < 4; i++) {
        if (!isfinite(c[i])) {
            return vox_fail(err, VOX_E_ARG, "the box's corners must be finite numbers");
        }
    }
    enum vox_code code = fit_slices(&fitted, size[2], err);
    if (code != VOX_OK) {
        return code;
    }
    sort_pair(&c[0], &c[2]);
    sort_pair(&c[1], &c[3]);
    if (outside(c[0], c[2], size[0]) || outside(c[1], c[3], size[1])) {
        return vox_fail(err, VOX_E_ARG,
                        "the box lies outside the slice; i is 0 to %lld and j is 0 to %lld",
                        (long long)size[0] - 1, (long long)size[1] - 1);
    }
    bool reached_beyond = false;
    for (int i = 0; i < 4; i++) {
        double clamped = clamp(c[i], size[i % 2]);
        reached_beyond = reached_beyond || clamped != c[i];
        c[i] = clamped;
    }
    *prompt = fitted;
    if (cut != NULL) {
        *cut = reached_beyond;
    }
    return VOX_OK;
}
