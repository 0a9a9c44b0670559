#include "pipeline/image.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "util/memory.h"
#include "volume/geometry.h"

struct vox_image {
    struct vox_model *model;      /* borrowed */
    char *path;                   /* NULL: from memory */
    struct vox_volume *wrapped;   /* of an image from memory: its voxels are the caller's */
    struct vox_held_volume *held; /* of an image from a file of a model; NULL before it was read */
    struct vox_slice_source *own; /* of any other image */
    bool knows; /* the grey values of an image that is its own, under the last window */
    struct vox_window window;
    struct vox_intensity intensity;
};

enum vox_code vox_image_open(struct vox_model *model, const char *path, struct vox_image **out,
                             struct vox_err *err)
{
    if (access(path, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR)) {
        return vox_fail(err, VOX_E_NOT_FOUND, "no such file");
    }
    struct vox_image *image = vox_calloc(1, sizeof(*image));
    char *copy = vox_strdup(path);
    if (image == NULL || copy == NULL) {
        vox_free(image);
        vox_free(copy);
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    image->model = model;
    image->path = copy;
    *out = image;
    return VOX_OK;
}

static enum vox_code check_voxels(const struct vox_voxels *voxels, struct vox_err *err)
{
    struct vox_volume_limits limits = vox_volume_limits_default();
    size_t bytes = 1;
    for (int a = 0; a < 3; a++) {
        if (voxels->size[a] < 1 || voxels->size[a] > limits.max_side ||
            !vox_mul(bytes, (size_t)voxels->size[a], &bytes)) {
            return vox_fail(err, VOX_E_LIMIT, "sides of an image must be 1 to %lld voxels",
                            (long long)limits.max_side);
        }
    }
    if ((unsigned)voxels->type > VOX_VOXEL_F64 || voxels->data == NULL) {
        return vox_fail(err, VOX_E_ARG, "the image has no voxels of a known type");
    }
    if (!isfinite(voxels->slope) || !isfinite(voxels->intercept)) {
        return vox_fail(err, VOX_E_ARG, "slope and intercept must be finite");
    }
    return VOX_OK;
}

/* A volume around the caller's voxels, with the geometry of a NIfTI file made from the affine. */
static enum vox_code make_volume(const struct vox_voxels *voxels, struct vox_volume *volume,
                                 struct vox_err *err)
{
    double affine[3][4];
    for (int r = 0; r < 3; r++) {
        for (int c = 0; c < 4; c++) {
            affine[r][c] = voxels->affine[r][c];
        }
    }
    for (int a = 0; a < 3; a++) {
        volume->size[a] = voxels->size[a];
    }
    volume->type = voxels->type;
    volume->slope = voxels->slope == 0.0 ? 1.0 : voxels->slope;
    volume->intercept = voxels->intercept;
    /* Only read: images from memory are never written to. */
    memcpy(&volume->voxels, &voxels->data, sizeof(volume->voxels));
    volume->geometry.source = VOX_FORMAT_NIFTI1;
    vox_nifti_from_affine(affine, volume->size, false, &volume->geometry.nifti);
    return vox_geometry_from_nifti(&volume->geometry, err);
}

enum vox_code vox_image_wrap(struct vox_model *model, const struct vox_voxels *voxels,
                             struct vox_image **out, struct vox_err *err)
{
    enum vox_code code = check_voxels(voxels, err);
    if (code != VOX_OK) {
        return code;
    }
    struct vox_image *image = vox_calloc(1, sizeof(*image));
    struct vox_volume *volume = vox_calloc(1, sizeof(*volume));
    if (image == NULL || volume == NULL) {
        vox_free(image);
        vox_free(volume);
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    image->model = model;
    image->wrapped = volume;
    code = make_volume(voxels, volume, err);
    if (code == VOX_OK) {
        code = vox_slice_source_borrow(volume, &image->own, err);
    }
    if (code != VOX_OK) {
        vox_image_close(image);
        return code;
    }
    *out = image;
    return VOX_OK;
}

void vox_image_close(struct vox_image *image)
{
    if (image == NULL) {
        return;
    }
    if (image->held != NULL) {
        vox_volume_cache_release(image->model->volumes, image->held);
    }
    vox_slice_source_close(image->own);
    vox_free(image->wrapped);
    vox_free(image->path);
    vox_free(image);
}

enum vox_code vox_image_load(struct vox_image *image, const struct vox_watch *watch,
                             struct vox_slice_source **out, struct vox_err *err)
{
    enum vox_code code = VOX_OK;
    if (image->own == NULL && image->held == NULL) {
        if (image->model != NULL) {
            code =
                vox_volume_cache_get(image->model->volumes, image->path, watch, &image->held, err);
        } else {
            struct vox_volume_limits limits = vox_volume_limits_default();
            code = vox_slice_source_open(image->path, &limits, limits.max_bytes, &image->own, err);
        }
    }
    if (code == VOX_OK) {
        *out = image->held != NULL ? vox_held_volume_slices(image->held) : image->own;
    }
    return code;
}

enum vox_code vox_image_intensity(struct vox_image *image, const struct vox_window *window,
                                  const struct vox_watch *watch, struct vox_intensity *out,
                                  struct vox_err *err)
{
    struct vox_slice_source *slices;
    enum vox_code code = vox_image_load(image, watch, &slices, err);
    if (code != VOX_OK) {
        return code;
    }
    if (image->held != NULL) {
        return vox_held_volume_intensity(image->held, window, watch, out, err);
    }
    if (!image->knows || !vox_window_equal(&image->window, window)) {
        struct vox_intensity found;
        code = vox_intensity_prepare_watched(slices, window, watch, &found, err);
        if (code != VOX_OK) {
            return code;
        }
        image->knows = true;
        image->window = *window;
        image->intensity = found;
    }
    *out = image->intensity;
    return VOX_OK;
}

/* The volume of an image that was read. */
static const struct vox_volume *loaded(const struct vox_image *image)
{
    return vox_slice_source_volume(image->held != NULL ? vox_held_volume_slices(image->held)
                                                       : image->own);
}

enum vox_code vox_image_header(struct vox_image *image, const struct vox_volume **out,
                               struct vox_volume **own, struct vox_err *err)
{
    *own = NULL;
    if (image->own != NULL || image->held != NULL) {
        *out = loaded(image);
        return VOX_OK;
    }
    struct vox_volume_limits limits = vox_volume_limits_default();
    enum vox_code code = vox_volume_read_header(image->path, &limits, own, err);
    if (code == VOX_OK) {
        *out = *own;
    }
    return code;
}

enum vox_code vox_image_describe(struct vox_image *image, struct vox_image_facts *out,
                                 struct vox_err *err)
{
    const struct vox_volume *volume;
    struct vox_volume *own;
    enum vox_code code = vox_image_header(image, &volume, &own, err);
    if (code != VOX_OK) {
        return code;
    }
    for (int a = 0; a < 3; a++) {
        out->size[a] = volume->size[a];
        out->spacing[a] = volume->geometry.spacing[a];
        for (int c = 0; c < 4; c++) {
            out->affine[a][c] = volume->geometry.affine[a][c];
        }
    }
    out->type = volume->type;
    vox_volume_free(own);
    return VOX_OK;
}

const char *vox_image_path(const struct vox_image *image)
{
    return image->path;
}

static const char *extension_of_format(enum vox_file_format format)
{
    switch (format) {
    case VOX_FORMAT_NRRD:
        return ".nrrd";
    case VOX_FORMAT_METAIMAGE:
        return ".mha";
    case VOX_FORMAT_NIFTI1:
    case VOX_FORMAT_NIFTI2:
        break;
    }
    return ".nii.gz";
}

const char *vox_image_extension(const struct vox_image *image)
{
    static const char *const endings[][2] = {
        {".nii.gz", ".nii.gz"}, {".nii", ".nii"}, {".nrrd", ".nrrd"},
        {".mha", ".mha"},       {".mhd", ".mha"},
    };
    size_t length = image->path != NULL ? strlen(image->path) : 0;
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        size_t tail = strlen(endings[i][0]);
        if (length > tail && strcasecmp(image->path + length - tail, endings[i][0]) == 0) {
            return endings[i][1];
        }
    }
    bool read = image->own != NULL || image->held != NULL;
    return read ? extension_of_format(loaded(image)->geometry.source) : ".nii.gz";
}
