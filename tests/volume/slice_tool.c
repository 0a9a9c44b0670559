/* Reads the slices of a file up and down as a segmentation does, and says how long it took and how
 * much memory was resident at most.
 *
 *   slice_tool PATH BUDGET
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "util/memory.h"
#include "volume/slice_source.h"

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* KiB, -1 where the system does not say. */
static long high_water(void)
{
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    long kib = -1;
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, "VmHWM:", 6) == 0) {
            kib = strtol(line + 6, NULL, 10);
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return kib;
}

/* Adds up slices from ... to; false where reading fails. */
static bool add_up(struct vox_slice_source *source, int64_t from, int64_t to, double *sum,
                   double *seconds, struct vox_err *err)
{
    const struct vox_volume *volume = vox_slice_source_volume(source);
    const int64_t pixels = volume->size[0] * volume->size[1];
    double *values = vox_calloc((size_t)pixels, sizeof(*values));
    const int64_t step = from <= to ? 1 : -1;
    double start = now();
    bool good = values != NULL;
    *sum = 0.0;
    for (int64_t k = from; good && k != to + step; k += step) {
        good = vox_slice_source_values(source, k, values, err) == VOX_OK;
        for (int64_t i = 0; good && i < pixels; i++) {
            *sum += values[i];
        }
    }
    *seconds = now() - start;
    vox_free(values);
    return good;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "slice_tool: PATH BUDGET\n");
        return 1;
    }
    struct vox_volume_limits limits = vox_volume_limits_default();
    struct vox_slice_source *source;
    struct vox_err err = {VOX_OK, 0, ""};
    double start = now();
    if (vox_slice_source_open(argv[1], &limits, strtoull(argv[2], NULL, 10), &source, &err) !=
        VOX_OK) {
        fprintf(stderr, "slice_tool: %s\n", err.msg);
        return 1;
    }
    double opened = now() - start;
    const int64_t last = vox_slice_source_volume(source)->size[2] - 1;
    double sums[3], seconds[3];
    bool good = add_up(source, 0, last, &sums[0], &seconds[0], &err);
    vox_slice_source_plan(source, 0, last);
    good = good && add_up(source, 0, last, &sums[1], &seconds[1], &err) &&
           add_up(source, last, 0, &sums[2], &seconds[2], &err);
    if (!good) {
        fprintf(stderr, "slice_tool: %s\n", err.msg);
        return 1;
    }
    printf("{\"resident\": %s, \"open\": %.3f, \"first\": %.3f, \"up\": %.3f, \"down\": %.3f, "
           "\"sums\": [%.17g, %.17g, %.17g], \"high_water_kib\": %ld}\n",
           vox_slice_source_resident(source) ? "true" : "false", opened, seconds[0], seconds[1],
           seconds[2], sums[0], sums[1], sums[2], high_water());
    vox_slice_source_close(source);
    return 0;
}
