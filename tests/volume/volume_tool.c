/* Shows what our reader sees, for the comparison with other readers.
 *
 *   volume_tool info FILE            one JSON line
 *   volume_tool dump FILE OUT        the values of all slices as native doubles
 *   volume_tool copy FILE OUT        the stored voxels, written again with the geometry of FILE
 *   volume_tool pack FILE OUT        the same, compressed
 *   volume_tool mask FILE OUT        uint8, 1 where the stored value is above the mean, with the
 * geometry of FILE
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/file.h"
#include "volume/volume.h"

static int print_info(const struct vox_volume *v)
{
    static const char *const formats[] = {"nifti1", "nifti2", "nrrd", "metaimage"};
    printf("{\"size\": [%" PRId64 ", %" PRId64 ", %" PRId64
           "], \"type\": \"%s\", \"format\": \"%s\", "
           "\"slope\": %.17g, \"intercept\": %.17g, \"affine\": [",
           v->size[0], v->size[1], v->size[2], vox_voxel_name(v->type), formats[v->geometry.source],
           v->slope, v->intercept);
    for (int i = 0; i < 12; i++) {
        printf("%s%.17g", i == 0 ? "" : ", ", v->geometry.affine[i / 4][i % 4]);
    }
    printf("], \"spacing\": [%.17g, %.17g, %.17g]}\n", v->geometry.spacing[0],
           v->geometry.spacing[1], v->geometry.spacing[2]);
    return 0;
}

static double *values(const struct vox_volume *v)
{
    size_t plane = (size_t)(v->size[0] * v->size[1]);
    double *all = malloc(plane * (size_t)v->size[2] * sizeof(*all));
    for (int64_t k = 0; all != NULL && k < v->size[2]; k++) {
        vox_volume_slice(v, k, all + plane * (size_t)k);
    }
    return all;
}

static int dump(const struct vox_volume *v, const char *path)
{
    size_t count = (size_t)(v->size[0] * v->size[1] * v->size[2]);
    double *all = values(v);
    FILE *file = fopen(path, "wb");
    bool good = all != NULL && file != NULL && fwrite(all, sizeof(*all), count, file) == count;
    if (file != NULL) {
        good = fclose(file) == 0 && good;
    }
    free(all);
    return good ? 0 : 1;
}

static int write_mask(const struct vox_volume *v, const char *path, struct vox_err *err)
{
    size_t count = (size_t)(v->size[0] * v->size[1] * v->size[2]);
    double *all = values(v);
    uint8_t *mask = malloc(count);
    int status = 1;
    if (all != NULL && mask != NULL) {
        double sum = 0;
        for (size_t i = 0; i < count; i++) {
            sum += all[i];
        }
        for (size_t i = 0; i < count; i++) {
            mask[i] = all[i] > sum / (double)count ? 1 : 0;
        }
        status = vox_volume_write(path, &v->geometry, v->size, VOX_VOXEL_U8, mask, err) == VOX_OK
                     ? 0
                     : 1;
    }
    free(all);
    free(mask);
    return status;
}

static int write_packed(const struct vox_volume *v, const char *path, struct vox_err *err)
{
    const struct vox_write_options options = {.compress = true};
    struct vox_slice_array array = vox_slice_array(v->size, v->type, v->voxels);
    struct vox_slice_supply supply = vox_slice_array_supply(&array);
    struct vox_file_writer *file;
    enum vox_code code = vox_volume_prepare(path, &v->geometry, v->size, v->type, &supply, &options,
                                            NULL, &file, err);
    return code == VOX_OK && vox_file_commit(file, err) == VOX_OK ? 0 : 1;
}

static int work(const char *what, const struct vox_volume *v, const char *out, struct vox_err *err)
{
    if (strcmp(what, "info") == 0) {
        return print_info(v);
    }
    if (out != NULL && strcmp(what, "dump") == 0) {
        return dump(v, out);
    }
    if (out != NULL && strcmp(what, "copy") == 0) {
        return vox_volume_write(out, &v->geometry, v->size, v->type, v->voxels, err) == VOX_OK ? 0
                                                                                               : 1;
    }
    if (out != NULL && strcmp(what, "pack") == 0) {
        return write_packed(v, out, err);
    }
    if (out != NULL && strcmp(what, "mask") == 0) {
        return write_mask(v, out, err);
    }
    return 2;
}

int main(int argc, char **argv)
{
    struct vox_err err = {VOX_OK, 0, ""};
    struct vox_volume_limits limits = vox_volume_limits_default();
    struct vox_volume *volume = NULL;
    if (argc < 3) {
        fprintf(stderr, "usage: volume_tool info|dump|copy|pack|mask FILE [OUT]\n");
        return 2;
    }
    if (vox_volume_read(argv[2], &limits, &volume, &err) != VOX_OK) {
        fprintf(stderr, "%s: %s\n", vox_code_name(err.code), err.msg);
        return 1;
    }
    int status = work(argv[1], volume, argc > 3 ? argv[3] : NULL, &err);
    if (status != 0) {
        fprintf(stderr, "%s failed: %s\n", argv[1], err.msg);
    }
    vox_volume_free(volume);
    return status;
}
