/* Comparing tensors with what the reference printed of them: count, sums and four elements. */
#ifndef VOX_TESTS_GOLDEN_PROBE_H
#define VOX_TESTS_GOLDEN_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "model/tap.h"

/* How far a tensor may be from the reference. `largest` is the largest magnitude in the tensor.
 * Printed numbers have six digits, so half a unit of the sixth is always allowed too. */
enum golden_kind {
    /* Two float32 programs that sum in other orders: 1e-5 of `largest` per element; errors of
     * either sign leave less than 3e-6 of the sum of magnitudes. */
    GOLDEN_FLOAT,
    /* Logits: 1e-4 per element. An error of the hypernetwork's few values moves all of them the
     * same way, so sums may be off by 5e-5 per element. */
    GOLDEN_LOGITS,
    /* What follows from whether each pixel's logit is positive. A dozen of the 262144 are within
     * 5e-5 of 0 and may fall on the other side, each of which moves the 256 channels of about
     * four tokens by up to 0.1. Elements as GOLDEN_FLOAT, sums 1e-4. */
    GOLDEN_BINARY,
    /* What attention makes of such a memory. One pixel on the other side changes a token or two,
     * which the softmax spreads thinly: the reference itself moves by 8e-6 of `largest` between two
     * machines, the plain C backend is 1.3e-5 away. 3e-5 per element, sums as GOLDEN_FLOAT. */
    GOLDEN_FOLLOWING,
    /* Rounded to bfloat16: one step per element, 2^-7 of it; sums 3e-5. */
    GOLDEN_ROUNDED
};

/* One row of the reference's table. */
struct golden_row {
    const char *name;
    enum golden_kind kind;
    bool channels_first; /* the printed elements are those of channel, row, column order */
    int64_t n;
    double sum, magnitudes;
    double elements[4]; /* 0, n / 3, 2 n / 3, n - 1 */
};

/* Whether `data` (n / columns rows of `columns` values, channels last) is the row's tensor. Prints
 * every difference beyond its limit; all of them where GOLDEN_VERBOSE is set in the environment. */
bool golden_compare(const struct golden_row *row, const float *data, int64_t columns);

/* The row of that name. */
const struct golden_row *golden_find(const struct golden_row *rows, int64_t n, const char *name);

/* Keeps every tensor that a tap shows. */
struct golden_recorder;
struct golden_recorder *golden_recorder_new(void);
void golden_recorder_free(struct golden_recorder *recorder);
void golden_recorder_clear(struct golden_recorder *recorder);
struct vox_tap golden_recorder_tap(struct golden_recorder *recorder);

/* The tensor of that name, its columns and how many values were seen; NULL where there is none. */
const float *golden_recorded(struct golden_recorder *recorder, const char *name, int64_t *columns,
                             int64_t *n);

#endif
