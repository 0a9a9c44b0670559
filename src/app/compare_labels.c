#include "app/compare_labels.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "util/memory.h"

/* Doubles hold all whole numbers up to here, and no number beyond is a label anybody meant. */
static const double largest_label = 9007199254740992.0;

enum { FIRST_CAPACITY = 16 };

/* Where a value is in the sorted list, or would be. */
static int find_place(const struct vox_label_file *labels, int64_t value)
{
    int low = 0, high = labels->n;
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (labels->sorted[middle].value < value) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool is_at(const struct vox_label_file *labels, int place, int64_t value)
{
    return place < labels->n && labels->sorted[place].value == value;
}

/* Gives a value, which was not met before, its number. */
static enum vox_code add_value(struct vox_label_file *labels, int *capacity, int place,
                               int64_t value, struct vox_err *err)
{
    if (labels->n == VOX_LABELS_MAX) {
        return vox_fail(err, VOX_E_LIMIT, "more than %d different values; this is no label file",
                        VOX_LABELS_MAX);
    }
    const size_t bytes = sizeof(labels->sorted[0]);
    if (labels->n == *capacity) {
        int larger = *capacity == 0 ? FIRST_CAPACITY : 2 * *capacity;
        void *grown =
            vox_realloc(labels->sorted, (size_t)*capacity * bytes, (size_t)larger * bytes);
        if (grown == NULL) {
            return vox_fail(err, VOX_E_NOMEM, "out of memory for the labels");
        }
        labels->sorted = grown;
        *capacity = larger;
    }
    memmove(&labels->sorted[place + 1], &labels->sorted[place],
            (size_t)(labels->n - place) * bytes);
    labels->n++;
    labels->sorted[place] = (struct vox_label_value){value, (uint16_t)labels->n};
    return VOX_OK;
}

/* Numbers the values of slice k. */
static enum vox_code number_slice(struct vox_label_file *labels, int *capacity,
                                  const double *values, int64_t k, struct vox_err *err)
{
    const int64_t pixels = labels->size[0] * labels->size[1];
    uint16_t *out = labels->numbers + pixels * k;
    double last = 0;
    uint16_t number = 0;
    for (int64_t p = 0; p < pixels; p++) {
        if (values[p] == last) {
            out[p] = number;
            continue;
        }
        if (!(fabs(values[p]) <= largest_label) || floor(values[p]) != values[p]) {
            return vox_fail(err, VOX_E_FORMAT,
                            "voxel (%" PRId64 ", %" PRId64 ", %" PRId64
                            ") is %g; labels are whole numbers",
                            p % labels->size[0], p / labels->size[0], k, values[p]);
        }
        last = values[p];
        int64_t value = (int64_t)last;
        number = 0;
        if (value != 0) {
            int place = find_place(labels, value);
            if (!is_at(labels, place, value)) {
                enum vox_code code = add_value(labels, capacity, place, value, err);
                if (code != VOX_OK) {
                    return code;
                }
            }
            number = labels->sorted[place].number;
        }
        out[p] = number;
    }
    return VOX_OK;
}

static enum vox_code number_voxels(const struct vox_volume *volume, struct vox_label_file *labels,
                                   struct vox_err *err)
{
    const size_t pixels = (size_t)labels->size[0] * (size_t)labels->size[1];
    double *values = vox_calloc(pixels, sizeof(*values));
    labels->numbers = vox_calloc(pixels * (size_t)labels->size[2], sizeof(*labels->numbers));
    enum vox_code code = VOX_OK;
    if (values == NULL || labels->numbers == NULL) {
        code = vox_fail(err, VOX_E_NOMEM, "out of memory for the labels");
    }
    int capacity = 0;
    for (int64_t k = 0; k < labels->size[2] && code == VOX_OK; k++) {
        vox_volume_slice(volume, k, values);
        code = number_slice(labels, &capacity, values, k, err);
    }
    vox_free(values);
    return code;
}

enum vox_code vox_label_file_open(const char *path, struct vox_label_file *out, struct vox_err *err)
{
    struct vox_volume_limits limits = vox_volume_limits_default();
    struct vox_volume *volume = NULL;
    enum vox_code code = vox_volume_read(path, &limits, &volume, err);
    if (code != VOX_OK) {
        return code;
    }
    struct vox_label_file labels = {.geometry = volume->geometry};
    memcpy(labels.size, volume->size, sizeof(labels.size));
    code = number_voxels(volume, &labels, err);
    vox_volume_free(volume);
    if (code == VOX_OK) {
        labels.regions = vox_calloc((size_t)labels.n, sizeof(labels.regions[0]));
        if (labels.regions == NULL) {
            code = vox_fail(err, VOX_E_NOMEM, "out of memory for the labels");
        }
    }
    if (code != VOX_OK) {
        vox_label_file_close(&labels);
        return code;
    }
    vox_regions_find(labels.numbers, labels.size, labels.regions, labels.n);
    *out = labels;
    return VOX_OK;
}

void vox_label_file_close(struct vox_label_file *labels)
{
    vox_free(labels->numbers);
    vox_free(labels->sorted);
    vox_free(labels->regions);
    *labels = (struct vox_label_file){0};
}

struct vox_region vox_label_file_region(const struct vox_label_file *labels, int64_t value)
{
    int place = find_place(labels, value);
    if (!is_at(labels, place, value)) {
        return (struct vox_region){0};
    }
    return labels->regions[labels->sorted[place].number - 1];
}
