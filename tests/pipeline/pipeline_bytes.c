/* Gives the oracles in Python the bytes that the pipeline makes. Voxels come on stdin or in a file,
 * bytes go to stdout; with a window, rule and numbers go to stderr, as JSON.
 *
 *   pipeline_bytes resize W H OUT_W OUT_H
 *   pipeline_bytes window TYPE W H D SLOPE INTERCEPT [NAME | LOW HIGH]
 *   pipeline_bytes file PATH BUDGET [NAME | LOW HIGH]
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/intensity.h"
#include "pipeline/slice_resize.h"
#include "util/memory.h"

static int complain(const char *what, const struct vox_err *err)
{
    fprintf(stderr, "%s: %s\n", what, err == NULL ? "wrong arguments" : err->msg);
    return 1;
}

static void *read_all(size_t size)
{
    void *data = vox_alloc(size);
    if (data != NULL && fread(data, 1, size, stdin) != size) {
        vox_free(data);
        return NULL;
    }
    return data;
}

static int run_resize(char **argv)
{
    int64_t sides[4];
    for (int i = 0; i < 4; i++) {
        sides[i] = strtoll(argv[i], NULL, 10);
    }
    struct vox_err err;
    struct vox_slice_resize *resize;
    if (vox_slice_resize_new(sides[0], sides[1], sides[2], sides[3], &resize, &err) != VOX_OK) {
        return complain("resize", &err);
    }
    size_t out_size = (size_t)sides[2] * (size_t)sides[3];
    uint8_t *in = read_all((size_t)sides[0] * (size_t)sides[1]), *out = vox_alloc(out_size);
    int status = in == NULL || out == NULL;
    if (status == 0) {
        vox_slice_resize_run(resize, in, out);
        status = fwrite(out, 1, out_size, stdout) != out_size;
    }
    vox_free(in);
    vox_free(out);
    vox_slice_resize_free(resize);
    return status;
}

static int write_slices(struct vox_slice_source *source, const struct vox_intensity *intensity)
{
    const struct vox_volume *volume = vox_slice_source_volume(source);
    size_t pixels = (size_t)volume->size[0] * (size_t)volume->size[1];
    double *work = vox_calloc(pixels, sizeof(*work));
    uint8_t *out = vox_alloc(pixels);
    int status = work == NULL || out == NULL;
    for (int64_t k = 0; status == 0 && k < volume->size[2]; k++) {
        status = vox_intensity_slice(source, intensity, k, work, out, NULL) != VOX_OK ||
                 fwrite(out, 1, pixels, stdout) != pixels;
    }
    vox_free(work);
    vox_free(out);
    return status;
}

/* Takes the source. */
static int write_windowed(struct vox_slice_source *source, int argc, char **argv)
{
    struct vox_window window = {.automatic = argc == 0};
    if (argc == 2) {
        window.low = strtod(argv[0], NULL);
        window.high = strtod(argv[1], NULL);
    } else if (argc == 1 && !vox_window_preset(argv[0], &window)) {
        vox_slice_source_close(source);
        return complain("no such window", NULL);
    }
    struct vox_err err;
    struct vox_intensity intensity;
    if (vox_intensity_prepare(source, &window, &intensity, &err) != VOX_OK) {
        vox_slice_source_close(source);
        return complain("window", &err);
    }
    fprintf(stderr,
            "{\"rule\": \"%s\", \"low\": %.17g, \"high\": %.17g, \"min\": %.17g, \"max\": %.17g, "
            "\"not_finite\": %lld, \"flat\": %s, \"resident\": %s}\n",
            vox_window_rule_name(intensity.rule), intensity.low, intensity.high, intensity.min,
            intensity.max, (long long)intensity.not_finite, intensity.flat ? "true" : "false",
            vox_slice_source_resident(source) ? "true" : "false");
    int status = write_slices(source, &intensity);
    vox_slice_source_close(source);
    return status;
}

static int run_window(int argc, char **argv)
{
    struct vox_volume volume = {.slope = strtod(argv[4], NULL), .intercept = strtod(argv[5], NULL)};
    int type = 0;
    while (type <= VOX_VOXEL_F64 &&
           strcmp(vox_voxel_name((enum vox_voxel_type)type), argv[0]) != 0) {
        type++;
    }
    if (type > VOX_VOXEL_F64) {
        return complain("no such type", NULL);
    }
    volume.type = (enum vox_voxel_type)type;
    size_t bytes = vox_voxel_size(volume.type);
    for (int a = 0; a < 3; a++) {
        volume.size[a] = strtoll(argv[1 + a], NULL, 10);
        bytes *= (size_t)volume.size[a];
    }
    volume.voxels = read_all(bytes);
    struct vox_err err;
    struct vox_slice_source *source;
    if (volume.voxels == NULL || vox_slice_source_borrow(&volume, &source, &err) != VOX_OK) {
        vox_free(volume.voxels);
        return complain("window", volume.voxels == NULL ? NULL : &err);
    }
    int status = write_windowed(source, argc - 6, argv + 6);
    vox_free(volume.voxels);
    return status;
}

static int run_file(int argc, char **argv)
{
    struct vox_volume_limits limits = vox_volume_limits_default();
    struct vox_err err;
    struct vox_slice_source *source;
    if (vox_slice_source_open(argv[0], &limits, strtoull(argv[1], NULL, 10), &source, &err) !=
        VOX_OK) {
        return complain("file", &err);
    }
    return write_windowed(source, argc - 2, argv + 2);
}

int main(int argc, char **argv)
{
    if (argc == 6 && strcmp(argv[1], "resize") == 0) {
        return run_resize(argv + 2);
    }
    if (argc >= 8 && argc <= 10 && strcmp(argv[1], "window") == 0) {
        return run_window(argc - 2, argv + 2);
    }
    if (argc >= 4 && argc <= 6 && strcmp(argv[1], "file") == 0) {
        return run_file(argc - 2, argv + 2);
    }
    return complain("pipeline_bytes", NULL);
}
