#include "pipeline/percentile.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "util/memory.h"

/* Where voxels have 16 bits or less, how often each stored value occurs says all. Else the bits of
 * a positive double, read as an integer, sort as the numbers do, and each round settles 21 bits of
 * every wanted value: of the voxels that share the bits settled so far, a histogram counts the
 * next. The sign, which is 0, needs no round. */
enum { DIGIT_BITS = 21, DIGITS = 1 << DIGIT_BITS, ROUNDS = 3 };
enum { NARROW_MAX = 1 << 16 };
enum { MAX_RANKS = 2 * VOX_PERCENTILES_MAX };

struct vox_value_survey {
    struct vox_value_range range;
    int64_t positive; /* finite voxels > 0 */
    int64_t *counts;  /* of each stored value, or of the first digits; NULL if not needed */
    int64_t bins;     /* stored values that there are; 0 for types that have too many */
    double *values;   /* the real value of each of them, ascending or descending */
    int rounds;       /* that tell different values apart */
    const struct vox_watch *watch;
};

struct rank {
    uint64_t prefix;       /* the bits that are settled, at their place */
    int64_t left;          /* rank among the voxels that share them */
    const int64_t *counts; /* of the histogram that holds these voxels */
};

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

static double value_of(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

static int64_t pixels_of(const struct vox_volume *volume)
{
    return volume->size[0] * volume->size[1];
}

static int64_t stored_values(enum vox_voxel_type type)
{
    size_t size = vox_voxel_size(type);
    return size > 2 ? 0 : size == 1 ? 256 : NARROW_MAX;
}

/* Values of 32 bits have the last digit 0 in double: float32 has 23 bits of fraction and integers
 * have 31 after the first one, and 52 - 21 come before it. */
static int rounds_of(const struct vox_volume *volume)
{
    bool unscaled = volume->slope == 1.0 && volume->intercept == 0.0;
    return unscaled && vox_voxel_size(volume->type) == 4 ? ROUNDS - 1 : ROUNDS;
}

/* The bit to turn in a stored value, so that signed ones ascend. */
static unsigned sign_bit(enum vox_voxel_type type)
{
    return type == VOX_VOXEL_I8 ? 0x80 : type == VOX_VOXEL_I16 ? 0x8000 : 0;
}

/* The real value of each bin, converted as voxels are. */
static enum vox_code make_values(struct vox_value_survey *survey, const struct vox_volume *volume,
                                 struct vox_err *err)
{
    bool words = vox_voxel_size(volume->type) == 2;
    uint16_t *stored = vox_alloc(NARROW_MAX * sizeof(*stored));
    survey->values = vox_calloc((size_t)survey->bins, sizeof(*survey->values));
    if (stored == NULL || survey->values == NULL) {
        vox_free(stored);
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    for (int64_t b = 0; b < survey->bins; b++) {
        unsigned value = (unsigned)b ^ sign_bit(volume->type);
        if (words) {
            stored[b] = (uint16_t)value;
        } else {
            ((uint8_t *)stored)[b] = (uint8_t)value;
        }
    }
    struct vox_volume all = *volume;
    all.size[0] = survey->bins;
    all.size[1] = all.size[2] = 1;
    all.voxels = stored;
    vox_volume_slice(&all, 0, survey->values);
    vox_free(stored);
    return VOX_OK;
}

/* `flip` is the sign's bit, so that signed values ascend. */
static void count_bytes(const uint8_t *voxels, int64_t pixels, unsigned flip, int64_t *counts)
{
    for (int64_t i = 0; i < pixels; i++) {
        counts[voxels[i] ^ flip]++;
    }
}

static void count_words(const uint16_t *voxels, int64_t pixels, unsigned flip, int64_t *counts)
{
    for (int64_t i = 0; i < pixels; i++) {
        counts[voxels[i] ^ flip]++;
    }
}

/* Adds `count` voxels of this value to range and number. */
static void note(struct vox_value_survey *survey, double value, int64_t count)
{
    struct vox_value_range *range = &survey->range;
    if (!isfinite(value)) {
        range->not_finite += count;
        return;
    }
    range->min = value < range->min ? value : range->min;
    range->max = value > range->max ? value : range->max;
    survey->positive += value > 0.0 ? count : 0;
}

static enum vox_code survey_narrow(struct vox_value_survey *survey, struct vox_slice_source *source,
                                   struct vox_err *err)
{
    const struct vox_volume *volume = vox_slice_source_volume(source);
    const unsigned flip = sign_bit(volume->type);
    enum vox_code code = make_values(survey, volume, err);
    for (int64_t k = 0; k < volume->size[2] && code == VOX_OK; k++) {
        const void *voxels;
        code = vox_watch_check(survey->watch, err);
        if (code == VOX_OK) {
            code = vox_slice_source_stored(source, k, &voxels, err);
        }
        if (code == VOX_OK && vox_voxel_size(volume->type) == 1) {
            count_bytes(voxels, pixels_of(volume), flip, survey->counts);
        } else if (code == VOX_OK) {
            count_words(voxels, pixels_of(volume), flip, survey->counts);
        }
    }
    for (int64_t b = 0; b < survey->bins && code == VOX_OK; b++) {
        if (survey->counts[b] > 0) {
            note(survey, survey->values[b], survey->counts[b]);
        }
    }
    return code;
}

static enum vox_code values_of(const struct vox_value_survey *survey,
                               struct vox_slice_source *source, int64_t k, double *work,
                               struct vox_err *err)
{
    enum vox_code code = vox_watch_check(survey->watch, err);
    return code == VOX_OK ? vox_slice_source_values(source, k, work, err) : code;
}

static enum vox_code survey_wide(struct vox_value_survey *survey, struct vox_slice_source *source,
                                 double *work, struct vox_err *err)
{
    const struct vox_volume *volume = vox_slice_source_volume(source);
    const int64_t pixels = pixels_of(volume);
    const int shift = DIGIT_BITS * (ROUNDS - 1);
    for (int64_t k = 0; k < volume->size[2]; k++) {
        enum vox_code code = values_of(survey, source, k, work, err);
        if (code != VOX_OK) {
            return code;
        }
        for (int64_t i = 0; i < pixels; i++) {
            note(survey, work[i], 1);
            if (survey->counts != NULL && work[i] > 0.0 && isfinite(work[i])) {
                survey->counts[bits_of(work[i]) >> shift]++;
            }
        }
    }
    return VOX_OK;
}

enum vox_code vox_value_survey_new(struct vox_slice_source *source, bool percentiles, double *work,
                                   const struct vox_watch *watch, struct vox_value_survey **out,
                                   struct vox_err *err)
{
    const struct vox_volume *volume = vox_slice_source_volume(source);
    struct vox_value_survey *survey = vox_calloc(1, sizeof(*survey));
    if (survey == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    survey->watch = watch;
    survey->range.min = HUGE_VAL;
    survey->range.max = -HUGE_VAL;
    survey->bins = stored_values(volume->type);
    survey->rounds = rounds_of(volume);
    if (survey->bins > 0 || percentiles) {
        size_t count = survey->bins > 0 ? (size_t)survey->bins : DIGITS;
        survey->counts = vox_calloc(count, sizeof(*survey->counts));
        if (survey->counts == NULL) {
            vox_free(survey);
            return vox_fail(err, VOX_E_NOMEM, "out of memory");
        }
    }
    enum vox_code code = survey->bins > 0 ? survey_narrow(survey, source, err)
                                          : survey_wide(survey, source, work, err);
    if (code != VOX_OK) {
        vox_value_survey_free(survey);
        return code;
    }
    *out = survey;
    return VOX_OK;
}

void vox_value_survey_free(struct vox_value_survey *survey)
{
    if (survey != NULL) {
        vox_free(survey->counts);
        vox_free(survey->values);
        vox_free(survey);
    }
}

struct vox_value_range vox_value_survey_range(const struct vox_value_survey *survey)
{
    return survey->range;
}

/* The value at a rank among the positive ones. */
static double narrow_value(const struct vox_value_survey *survey, int64_t rank)
{
    const int64_t last = survey->bins - 1;
    bool ascending = survey->values[0] <= survey->values[last];
    for (int64_t i = 0; i < last; i++) {
        int64_t b = ascending ? i : last - i;
        if (survey->counts[b] > 0 && survey->values[b] > 0.0 && isfinite(survey->values[b])) {
            if (rank < survey->counts[b]) {
                return survey->values[b];
            }
            rank -= survey->counts[b];
        }
    }
    return survey->values[ascending ? last : 0];
}

/* One histogram per distinct prefix; ranks with the same prefix share it. Returns how many there
 * are. */
static int find_prefixes(const struct rank *ranks, int n, uint64_t *prefixes, int *of_rank)
{
    int distinct = 0;
    for (int r = 0; r < n; r++) {
        int h = 0;
        while (h < distinct && prefixes[h] != ranks[r].prefix) {
            h++;
        }
        if (h == distinct) {
            prefixes[distinct++] = ranks[r].prefix;
        }
        of_rank[r] = h;
    }
    return distinct;
}

static enum vox_code count_digits(const struct vox_value_survey *survey,
                                  struct vox_slice_source *source, int shift,
                                  const uint64_t *prefixes, int distinct, int64_t *histograms,
                                  double *work, struct vox_err *err)
{
    const struct vox_volume *volume = vox_slice_source_volume(source);
    const int64_t pixels = pixels_of(volume);
    const uint64_t settled = ~(uint64_t)0 << (shift + DIGIT_BITS);
    for (int64_t k = 0; k < volume->size[2]; k++) {
        enum vox_code code = values_of(survey, source, k, work, err);
        if (code != VOX_OK) {
            return code;
        }
        for (int64_t i = 0; i < pixels; i++) {
            if (!(work[i] > 0.0) || !isfinite(work[i])) {
                continue;
            }
            uint64_t bits = bits_of(work[i]);
            for (int h = 0; h < distinct; h++) {
                if ((bits & settled) == prefixes[h]) {
                    histograms[(ptrdiff_t)h * DIGITS + (ptrdiff_t)(bits >> shift & (DIGITS - 1))]++;
                }
            }
        }
    }
    return VOX_OK;
}

static void settle(struct rank *ranks, int n, int shift)
{
    for (int r = 0; r < n; r++) {
        uint64_t digit = 0;
        while (ranks[r].left >= ranks[r].counts[digit]) {
            ranks[r].left -= ranks[r].counts[digit];
            digit++;
        }
        ranks[r].prefix |= digit << shift;
    }
}

/* All rounds but the first one read the voxels again. */
static enum vox_code settle_wide(const struct vox_value_survey *survey,
                                 struct vox_slice_source *source, struct rank *ranks, int n,
                                 double *work, struct vox_err *err)
{
    for (int r = 0; r < n; r++) {
        ranks[r].counts = survey->counts;
    }
    settle(ranks, n, DIGIT_BITS * (ROUNDS - 1));
    for (int round = 1; round < survey->rounds; round++) {
        int shift = DIGIT_BITS * (ROUNDS - 1 - round);
        uint64_t prefixes[MAX_RANKS];
        int of_rank[MAX_RANKS];
        int distinct = find_prefixes(ranks, n, prefixes, of_rank);
        int64_t *histograms = vox_calloc((size_t)distinct * DIGITS, sizeof(*histograms));
        if (histograms == NULL) {
            return vox_fail(err, VOX_E_NOMEM, "out of memory");
        }
        enum vox_code code =
            count_digits(survey, source, shift, prefixes, distinct, histograms, work, err);
        if (code == VOX_OK) {
            for (int r = 0; r < n; r++) {
                ranks[r].counts = histograms + (ptrdiff_t)of_rank[r] * DIGITS;
            }
            settle(ranks, n, shift);
        }
        vox_free(histograms);
        if (code != VOX_OK) {
            return code;
        }
    }
    return VOX_OK;
}

/* numpy's _lerp: from the nearer end, so that both ends are met exactly. */
static double between(double a, double b, double t)
{
    return t >= 0.5 ? b - (b - a) * (1.0 - t) : a + (b - a) * t;
}

enum vox_code vox_value_survey_percentiles(const struct vox_value_survey *survey,
                                           struct vox_slice_source *source, const double *fractions,
                                           int n, double *work, double *values, struct vox_err *err)
{
    VOX_ASSERT(n >= 1 && n <= VOX_PERCENTILES_MAX && survey->counts != NULL);
    const int64_t count = survey->positive;
    if (count == 0) {
        memset(values, 0, (size_t)n * sizeof(*values));
        return VOX_OK;
    }
    struct rank ranks[MAX_RANKS] = {{0}};
    double t[VOX_PERCENTILES_MAX];
    for (int i = 0; i < n; i++) {
        double place = (double)(count - 1) * fractions[i];
        int64_t below = (int64_t)place;
        t[i] = place - (double)below;
        ranks[i].left = below;
        ranks[n + i].left = below + 1 < count ? below + 1 : below;
    }
    double found[MAX_RANKS];
    if (survey->bins > 0) {
        for (int r = 0; r < 2 * n; r++) {
            found[r] = narrow_value(survey, ranks[r].left);
        }
    } else {
        enum vox_code code = settle_wide(survey, source, ranks, 2 * n, work, err);
        if (code != VOX_OK) {
            return code;
        }
        for (int r = 0; r < 2 * n; r++) {
            found[r] = value_of(ranks[r].prefix);
        }
    }
    for (int i = 0; i < n; i++) {
        values[i] = between(found[i], found[n + i], t[i]);
    }
    return VOX_OK;
}
