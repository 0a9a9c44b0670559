#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "util/file.h"
#include "util/memory.h"
#include "volume/format.h"
#include "volume/gzip.h"

enum { STEP_BYTES = 1 << 20 }; /* between two looks at a cancel flag */

/* Where bytes go: to the file, or through a compressor to it. */
struct sink {
    struct vox_file_writer *file;
    struct vox_gzip_writer *packer; /* NULL: plain */
    const atomic_int *cancel;
};

static enum vox_code check_cancel(const atomic_int *cancel, struct vox_err *err)
{
    return cancel != NULL && atomic_load(cancel) != 0 ? vox_fail(err, VOX_E_CANCELLED, "cancelled")
                                                      : VOX_OK;
}

static enum vox_code put(struct sink *sink, const void *data, size_t size, struct vox_err *err)
{
    const uint8_t *at = data;
    enum vox_code code = check_cancel(sink->cancel, err);
    while (size > 0 && code == VOX_OK) {
        size_t step = size < STEP_BYTES ? size : STEP_BYTES;
        code = sink->packer == NULL ? vox_file_write(sink->file, at, step, err)
                                    : vox_gzip_writer_put(sink->packer, at, step, err);
        at += step;
        size -= step;
        if (code == VOX_OK) {
            code = check_cancel(sink->cancel, err);
        }
    }
    return code;
}

static enum vox_code put_slices(struct sink *sink, const struct vox_output *output,
                                const struct vox_slice_supply *supply, struct vox_err *err)
{
    size_t bytes = (size_t)output->size[0] * (size_t)output->size[1] * vox_voxel_size(output->type);
    void *slice = vox_alloc(bytes);
    if (slice == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory for a slice of %zu bytes", bytes);
    }
    enum vox_code code = check_cancel(sink->cancel, err);
    for (int64_t k = 0; k < output->size[2] && code == VOX_OK; k++) {
        code = supply->slice(supply->context, k, slice, err);
        if (code == VOX_OK) {
            code = put(sink, slice, bytes, err);
        }
    }
    vox_free(slice);
    return code;
}

static enum vox_code put_voxels(struct sink *sink, const struct vox_output *output,
                                const struct vox_header_text *within,
                                const struct vox_slice_supply *supply, struct vox_err *err)
{
    enum vox_code code = VOX_OK;
    if (output->compressed) {
        code = vox_gzip_writer_new(sink->file, output->ending->zlib, &sink->packer, err);
    }
    if (code == VOX_OK && within != NULL) {
        code = put(sink, within->at, within->size, err);
    }
    if (code == VOX_OK) {
        code = put_slices(sink, output, supply, err);
    }
    if (code == VOX_OK && sink->packer != NULL) {
        code = vox_gzip_writer_finish(sink->packer, err);
    }
    vox_gzip_writer_free(sink->packer);
    return code;
}

/* Into `file`, but for voxels that have a file of their own. */
static enum vox_code write_all(struct vox_file_writer *file, struct vox_file_writer *beside,
                               const struct vox_output *output, const struct vox_head *head,
                               const struct vox_slice_supply *supply, const atomic_int *cancel,
                               struct vox_err *err)
{
    const bool whole = output->compressed && output->ending->whole;
    struct sink sink = {beside == NULL ? file : beside, NULL, cancel};
    enum vox_code code = whole ? VOX_OK : vox_file_write(file, head->text.at, head->text.size, err);
    uint64_t before = vox_file_written(sink.file);
    if (code == VOX_OK) {
        code = put_voxels(&sink, output, whole ? &head->text : NULL, supply, err);
    }
    if (code == VOX_OK && head->packed_size_at > 0) {
        char digits[VOX_PACKED_SIZE + 1];
        snprintf(digits, sizeof(digits), "%*" PRIu64, VOX_PACKED_SIZE,
                 vox_file_written(sink.file) - before);
        code = vox_file_patch(file, head->packed_size_at, digits, VOX_PACKED_SIZE, err);
    }
    return code;
}

/* `beside` is NULL but for voxels with a file of their own. */
static enum vox_code write_files(const char *path, const char *beside,
                                 const struct vox_output *output, const struct vox_head *head,
                                 const struct vox_slice_supply *supply, const atomic_int *cancel,
                                 struct vox_file_writer **out, struct vox_err *err)
{
    struct vox_file_writer *file;
    struct vox_file_writer *second = NULL;
    enum vox_code code = vox_file_create(path, &file, err);
    if (code != VOX_OK) {
        return code;
    }
    if (beside != NULL) {
        code = vox_file_create(beside, &second, err);
    }
    if (code == VOX_OK && second != NULL) {
        vox_file_join(file, second);
    }
    if (code == VOX_OK) {
        code = write_all(file, second, output, head, supply, cancel, err);
    }
    if (code != VOX_OK) {
        vox_file_abandon(file);
        return code;
    }
    *out = file;
    return VOX_OK;
}

/* "a.mhd" to "a.raw" or "a.zraw". NULL where there is no memory. */
static char *path_beside(const char *path, const struct vox_output *output)
{
    size_t stem = strlen(path) - strlen(output->ending->text);
    size_t room = stem + sizeof(".zraw");
    char *beside = vox_alloc(room);
    if (beside != NULL) {
        snprintf(beside, room, "%.*s%s", (int)stem, path, output->compressed ? ".zraw" : ".raw");
    }
    return beside;
}

static enum vox_code encode_and_write(const char *path, const struct vox_format *format,
                                      struct vox_output *output,
                                      const struct vox_slice_supply *supply,
                                      const atomic_int *cancel, struct vox_file_writer **out,
                                      struct vox_err *err)
{
    char *beside = NULL;
    if (output->ending->beside) {
        beside = path_beside(path, output);
        if (beside == NULL) {
            return vox_fail(err, VOX_E_NOMEM, "out of memory");
        }
        const char *slash = strrchr(beside, '/');
        output->beside = slash == NULL ? beside : slash + 1;
    }
    struct vox_head head = {0};
    enum vox_code code = format->encode(output, &head, err);
    if (code == VOX_OK) {
        code = write_files(path, beside, output, &head, supply, cancel, out, err);
    }
    vox_header_text_free(&head.text);
    vox_free(beside);
    return code;
}

static enum vox_code check_grid(const int64_t size[3], enum vox_voxel_type type,
                                struct vox_err *err)
{
    bool fits = (unsigned)type <= VOX_VOXEL_F64;
    size_t bytes = fits ? vox_voxel_size(type) : 0;
    for (int axis = 0; axis < 3; axis++) {
        fits = fits && size[axis] >= 1 && vox_mul(bytes, (size_t)size[axis], &bytes);
    }
    if (!fits) {
        return vox_fail(err, VOX_E_ARG,
                        "a volume to be written needs a voxel type and sizes of at least 1");
    }
    return VOX_OK;
}

enum vox_code vox_volume_prepare(const char *path, const struct vox_geometry *like,
                                 const int64_t size[3], enum vox_voxel_type type,
                                 const struct vox_slice_supply *supply,
                                 const struct vox_write_options *options, const atomic_int *cancel,
                                 struct vox_file_writer **out, struct vox_err *err)
{
    enum vox_code code = check_grid(size, type, err);
    if (code != VOX_OK) {
        return code;
    }
    struct vox_output output = {.like = like, .size = {size[0], size[1], size[2]}, .type = type};
    const struct vox_format *format = vox_format_for_path(path, &output.ending);
    if (format == NULL) {
        return vox_fail(err, VOX_E_ARG,
                        "the name of a volume must end in .nii.gz, .nii, .nrrd, .mha or .mhd");
    }
    output.compressed = output.ending->compressed;
    if (options != NULL) {
        output.compressed = output.ending->fixed ? output.compressed : options->compress;
        output.segments = options->segments;
        output.n_segments = output.ending->segments ? options->n_segments : 0;
    }
    return encode_and_write(path, format, &output, supply, cancel, out, err);
}

struct vox_write_options vox_write_options_default(const char *path)
{
    const struct vox_format_ending *ending;
    struct vox_write_options options = {0};
    if (vox_format_for_path(path, &ending) != NULL) {
        options.compress = ending->compressed;
    }
    return options;
}

struct vox_slice_array vox_slice_array(const int64_t size[3], enum vox_voxel_type type,
                                       const void *voxels)
{
    return (struct vox_slice_array){
        voxels,
        (size_t)size[0] * (size_t)size[1] * vox_voxel_size(type),
    };
}

static enum vox_code copy_slice(void *context, int64_t k, void *out, struct vox_err *err)
{
    const struct vox_slice_array *array = context;
    (void)err;
    memcpy(out, (const uint8_t *)array->voxels + (size_t)k * array->slice_bytes,
           array->slice_bytes);
    return VOX_OK;
}

struct vox_slice_supply vox_slice_array_supply(struct vox_slice_array *array)
{
    return (struct vox_slice_supply){copy_slice, array};
}

enum vox_code vox_volume_write(const char *path, const struct vox_geometry *like,
                               const int64_t size[3], enum vox_voxel_type type, const void *voxels,
                               struct vox_err *err)
{
    enum vox_code code = check_grid(size, type, err);
    if (code != VOX_OK) {
        return code;
    }
    struct vox_slice_array array = vox_slice_array(size, type, voxels);
    struct vox_slice_supply supply = vox_slice_array_supply(&array);
    struct vox_file_writer *file;
    code = vox_volume_prepare(path, like, size, type, &supply, NULL, NULL, &file, err);
    return code == VOX_OK ? vox_file_commit(file, err) : code;
}
