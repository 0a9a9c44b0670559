#include "golden_probe.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/error.h"
#include "util/memory.h"

enum {
    MOST_TENSORS = 64,
    MOST_VALUES = 128 * 128 * 96 /* of the finest map at 512 x 512 */
};

struct tensor {
    char name[48];
    int64_t columns;
    int64_t n;
    float *values;
};

struct golden_recorder {
    pthread_mutex_t lock; /* tiles of one tensor come from several threads */
    int n_tensors;
    struct tensor tensors[MOST_TENSORS];
};

struct golden_recorder *golden_recorder_new(void)
{
    struct golden_recorder *recorder = vox_calloc(1, sizeof(*recorder));
    VOX_ASSERT(recorder != NULL);
    pthread_mutex_init(&recorder->lock, NULL);
    return recorder;
}

void golden_recorder_clear(struct golden_recorder *recorder)
{
    for (int i = 0; i < recorder->n_tensors; i++) {
        vox_free(recorder->tensors[i].values);
    }
    recorder->n_tensors = 0;
}

void golden_recorder_free(struct golden_recorder *recorder)
{
    golden_recorder_clear(recorder);
    pthread_mutex_destroy(&recorder->lock);
    vox_free(recorder);
}

static struct tensor *find(struct golden_recorder *recorder, const char *name)
{
    for (int i = 0; i < recorder->n_tensors; i++) {
        if (strcmp(recorder->tensors[i].name, name) == 0) {
            return &recorder->tensors[i];
        }
    }
    return NULL;
}

static struct tensor *find_or_add(struct golden_recorder *recorder, const char *name,
                                  int64_t columns)
{
    struct tensor *tensor = find(recorder, name);
    if (tensor == NULL) {
        VOX_ASSERT(recorder->n_tensors < MOST_TENSORS);
        tensor = &recorder->tensors[recorder->n_tensors++];
        snprintf(tensor->name, sizeof(tensor->name), "%s", name);
        tensor->columns = columns;
        tensor->n = 0;
        tensor->values = vox_alloc(MOST_VALUES * sizeof(float));
        VOX_ASSERT(tensor->values != NULL);
    }
    return tensor;
}

static void record(void *context, const char *name, int64_t row, int64_t rows, int64_t columns,
                   const float *data, int64_t ld)
{
    struct golden_recorder *recorder = context;
    pthread_mutex_lock(&recorder->lock);
    struct tensor *tensor = find_or_add(recorder, name, columns);
    VOX_ASSERT((row + rows) * columns <= MOST_VALUES && tensor->columns == columns);
    for (int64_t r = 0; r < rows; r++) {
        memcpy(tensor->values + (row + r) * columns, data + r * ld,
               (size_t)columns * sizeof(*data));
    }
    tensor->n += rows * columns;
    pthread_mutex_unlock(&recorder->lock);
}

struct vox_tap golden_recorder_tap(struct golden_recorder *recorder)
{
    return (struct vox_tap){record, recorder};
}

const float *golden_recorded(struct golden_recorder *recorder, const char *name, int64_t *columns,
                             int64_t *n)
{
    const struct tensor *tensor = find(recorder, name);
    if (tensor == NULL) {
        return NULL;
    }
    *columns = tensor->columns;
    *n = tensor->n;
    return tensor->values;
}

const struct golden_row *golden_find(const struct golden_row *rows, int64_t n, const char *name)
{
    for (int64_t i = 0; i < n; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

/* ---- limits ---- */

static const double printed = 5e-6; /* half a unit of the sixth digit, relative */

static double element_limit(enum golden_kind kind, double wanted, double largest)
{
    switch (kind) {
    case GOLDEN_LOGITS:
        return 1e-4;
    case GOLDEN_ROUNDED:
        return fabs(wanted) / 128;
    case GOLDEN_FOLLOWING:
        return 3e-5 * largest + printed * fabs(wanted);
    case GOLDEN_FLOAT:
    case GOLDEN_BINARY:
        break;
    }
    return 1e-5 * largest + printed * fabs(wanted);
}

static double sum_limit(const struct golden_row *row, double wanted)
{
    double limit = 0;
    switch (row->kind) {
    case GOLDEN_FLOAT:
    case GOLDEN_FOLLOWING:
        limit = 3e-6 * row->magnitudes;
        break;
    case GOLDEN_LOGITS:
        limit = 5e-5 * (double)row->n;
        break;
    case GOLDEN_BINARY:
        limit = 1e-4 * row->magnitudes;
        break;
    case GOLDEN_ROUNDED:
        limit = 3e-5 * row->magnitudes;
        break;
    }
    return limit + printed * fabs(wanted);
}

static bool within(const struct golden_row *row, const char *what, double found, double wanted,
                   double limit)
{
    double difference = fabs(found - wanted);
    bool good = difference <= limit; /* false for NaN */
    if (!good || getenv("GOLDEN_VERBOSE") != NULL) {
        fprintf(stderr, "%s %-36s %-10s %.8g, wanted %.6g: %.2g of %.2g\n", good ? "    " : "FAIL",
                row->name, what, found, wanted, difference, limit);
    }
    return good;
}

bool golden_compare(const struct golden_row *row, const float *data, int64_t columns)
{
    double sum = 0;
    double magnitudes = 0;
    double largest = 0;
    int64_t tokens = row->n / columns;
    for (int64_t i = 0; i < row->n; i++) {
        double value = (double)data[i];
        sum += value;
        magnitudes += fabs(value);
        largest = fabs(value) > largest ? fabs(value) : largest;
    }
    bool good = within(row, "sum", sum, row->sum, sum_limit(row, row->sum));
    good &= within(row, "magnitudes", magnitudes, row->magnitudes, sum_limit(row, row->magnitudes));
    const int64_t at[4] = {0, row->n / 3, 2 * row->n / 3, row->n - 1};
    for (int i = 0; i < 4; i++) {
        int64_t index = at[i];
        if (row->channels_first) {
            index = index % tokens * columns + index / tokens;
        }
        char what[24];
        snprintf(what, sizeof(what), "element %d", i);
        good &= within(row, what, (double)data[index], row->elements[i],
                       element_limit(row->kind, row->elements[i], largest));
    }
    return good;
}
