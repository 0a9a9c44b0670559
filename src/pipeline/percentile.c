#include "pipeline/percentile.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "util/memory.h"

/* The bits of a positive double, read as an integer, sort as the numbers do. Four rounds settle 16
 * bits each of every wanted value: of the voxels that share the bits settled so far, a histogram
 * counts the next 16. */
enum { DIGIT_BITS = 16, DIGITS = 1 << DIGIT_BITS, ROUNDS = 64 / DIGIT_BITS };
enum { MAX_RANKS = 2 * VOX_PERCENTILES_MAX };

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

static int64_t count_positive(const struct vox_volume *volume, double *work)
{
    int64_t pixels = volume->size[0] * volume->size[1], count = 0;
    for (int64_t k = 0; k < volume->size[2]; k++) {
        vox_volume_slice(volume, k, work);
        for (int64_t i = 0; i < pixels; i++) {
            count += work[i] > 0.0 && isfinite(work[i]);
        }
    }
    return count;
}

/* One histogram per distinct prefix; ranks with the same prefix share it. Returns how many there
 * are. */
static int share_histograms(struct rank *ranks, int n, int64_t *histograms, uint64_t *prefixes)
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
        ranks[r].counts = histograms + (ptrdiff_t)h * DIGITS;
    }
    return distinct;
}

static void settle_digit(const struct vox_volume *volume, int round, struct rank *ranks, int n,
                         int64_t *histograms, double *work)
{
    uint64_t prefixes[MAX_RANKS];
    int distinct = share_histograms(ranks, n, histograms, prefixes);
    memset(histograms, 0, (size_t)distinct * DIGITS * sizeof(*histograms));
    int shift = 64 - DIGIT_BITS * (round + 1);
    uint64_t settled = round == 0 ? 0 : ~(uint64_t)0 << (shift + DIGIT_BITS);
    int64_t pixels = volume->size[0] * volume->size[1];
    for (int64_t k = 0; k < volume->size[2]; k++) {
        vox_volume_slice(volume, k, work);
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
    for (int r = 0; r < n; r++) {
        uint64_t digit = 0;
        while (ranks[r].left >= ranks[r].counts[digit]) {
            ranks[r].left -= ranks[r].counts[digit];
            digit++;
        }
        ranks[r].prefix |= digit << shift;
    }
}

/* numpy's _lerp: from the nearer end, so that both ends are met exactly. */
static double between(double a, double b, double t)
{
    return t >= 0.5 ? b - (b - a) * (1.0 - t) : a + (b - a) * t;
}

enum vox_code vox_percentiles_positive(const struct vox_volume *volume, const double *fractions,
                                       int n, double *work, double *values, struct vox_err *err)
{
    VOX_ASSERT(n >= 1 && n <= VOX_PERCENTILES_MAX);
    int64_t *histograms = vox_calloc((size_t)n * 2 * DIGITS, sizeof(*histograms));
    if (histograms == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    int64_t count = count_positive(volume, work);
    struct rank ranks[MAX_RANKS];
    memset(ranks, 0, sizeof(ranks));
    double t[VOX_PERCENTILES_MAX] = {0.0};
    for (int i = 0; i < n && count > 0; i++) {
        double place = (double)(count - 1) * fractions[i];
        int64_t below = (int64_t)place;
        t[i] = place - (double)below;
        ranks[i].left = below;
        ranks[n + i].left = below + 1 < count ? below + 1 : below;
    }
    for (int round = 0; round < ROUNDS && count > 0; round++) {
        settle_digit(volume, round, ranks, 2 * n, histograms, work);
    }
    for (int i = 0; i < n; i++) {
        values[i] = count == 0
                        ? 0.0
                        : between(value_of(ranks[i].prefix), value_of(ranks[n + i].prefix), t[i]);
    }
    vox_free(histograms);
    return VOX_OK;
}
