#include "library_rig.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "support/checkpoint_writer.h"
#include "util/memory.h"
#include "volume/geometry.h"
#include "volume/volume.h"

const char *const rig_config = RIG_CONFIG;
int16_t rig_voxels[RIG_VOXELS];

static const double affine[3][4] = {{-0.7, 0, 0, 5}, {0, 0.9, 0, 3}, {0, 0, 2.5, -40}};

static void must(enum vox_code code, const struct vox_err *err)
{
    if (code != VOX_OK) {
        fail_msg("%s: %s", vox_code_name(code), err->msg);
    }
}

struct vox_model *rig_model(uint64_t memory)
{
    struct stat st;
    struct vox_err err = {0};
    const struct vox_checkpoint_options how = {.present = true};
    const struct vox_model_options options = {
        .config = rig_config, .backend = "ref", .threads = 1, .cache_memory = memory};
    struct vox_model *model = NULL;
    if (stat("tiny.pt", &st) != 0) {
        struct vox_model_config config;
        must(vox_config_load(rig_config, &config, &err), &err);
        must(vox_checkpoint_write("tiny.pt", &config, &how, NULL, &err), &err);
    }
    must(vox_model_open("tiny.pt", &options, &model, &err), &err);
    return model;
}

static void fill(void)
{
    for (int i = 0; i < RIG_VOXELS; i++) {
        rig_voxels[i] =
            (int16_t)((37 * (i % RIG_W) + 23 * (i / RIG_W) + ((i * 7) >> 3)) % 900 - 600);
    }
}

struct vox_image *rig_image(struct vox_model *model)
{
    struct vox_voxels voxels = {
        .size = {RIG_W, RIG_H, RIG_D}, .type = VOX_VOXEL_I16, .data = rig_voxels};
    struct vox_image *image = NULL;
    struct vox_err err = {0};
    fill();
    memcpy(voxels.affine, affine, sizeof(affine));
    must(vox_image_wrap(model, &voxels, &image, &err), &err);
    return image;
}

void rig_write_scan(void)
{
    const int64_t size[3] = {RIG_W, RIG_H, RIG_D};
    struct vox_geometry geometry = {.source = VOX_FORMAT_NIFTI1};
    struct vox_err err = {0};
    double copy[3][4];
    fill();
    memcpy(copy, affine, sizeof(copy));
    vox_nifti_from_affine(copy, size, false, &geometry.nifti);
    must(vox_geometry_from_nifti(&geometry, &err), &err);
    must(vox_volume_write("scan.nii", &geometry, size, VOX_VOXEL_I16, rig_voxels, &err), &err);
}

struct vox_request *rig_request(const char *const *labels, int n_labels, const char *params)
{
    struct vox_request *request = NULL;
    struct vox_err err = {0};
    must(vox_request_open(labels, n_labels, &request, &err), &err);
    must(vox_request_params(request, params, strlen(params), &err), &err);
    return request;
}

struct vox_result *rig_segment(struct vox_model *model, struct vox_image *image, const char *params)
{
    struct vox_request *request = rig_request(NULL, 0, params);
    struct vox_result *result = NULL;
    struct vox_err err = {0};
    must(vox_segment(model, image, request, NULL, &result, &err), &err);
    vox_request_close(request);
    return result;
}

char *rig_json(struct vox_result *result)
{
    const char *text;
    size_t size;
    struct vox_err err = {0};
    must(vox_result_json(result, NULL, &text, &size, &err), &err);
    char *copy = vox_strdup(text);
    assert_non_null(copy);
    char *begin = strstr(copy, "\"latencies\""), *end = strstr(copy, "\"warnings\"");
    assert_true(begin != NULL && end != NULL && begin < end);
    memmove(begin, end, strlen(end) + 1);
    return copy;
}

void rig_labels(const struct vox_result *result, uint16_t *out)
{
    for (int64_t k = 0; k < RIG_D; k++) {
        vox_result_slice(result, k, out + k * RIG_SLICE);
    }
}

int rig_count_files(void)
{
    DIR *folder = opendir(".");
    int n = 0;
    assert_non_null(folder);
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    }
    closedir(folder);
    return n;
}
