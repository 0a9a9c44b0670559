#include "app/segment_outputs.h"

#include "app/message.h"
#include "util/file.h"

int vox_outputs_try(const char *path)
{
    struct vox_err err = {0};
    struct vox_file_writer *file;
    if (vox_file_create(path, &file, &err) != VOX_OK) {
        return vox_say_error(path, &err);
    }
    vox_file_abandon(file);
    return 0;
}

static int fail(const char *path, enum vox_code code, const struct vox_err *err)
{
    if (code == VOX_E_CANCELLED) {
        return VOX_EXIT_CANCELLED;
    }
    (void)vox_say_error(path, err);
    return VOX_EXIT_FAILURE;
}

/* Takes a file over whose writing ended with this code; it is there unless it could not be made. */
static int take(struct vox_outputs *outputs, const char *path, struct vox_file_writer *file,
                enum vox_code code, struct vox_err *err)
{
    if (code == VOX_OK) {
        code = vox_file_sync(file, err);
    }
    if (code != VOX_OK) {
        vox_file_abandon(file);
        return fail(path, code, err);
    }
    VOX_ASSERT(outputs->n < VOX_OUTPUTS_MAX);
    outputs->at[outputs->n].path = path;
    outputs->at[outputs->n].file = file;
    outputs->n++;
    return 0;
}

int vox_outputs_add_volume(struct vox_outputs *outputs, const char *path,
                           const struct vox_volume *like, enum vox_voxel_type type,
                           const void *voxels, const atomic_int *cancel)
{
    struct vox_err err = {0};
    struct vox_file_writer *file = NULL;
    struct vox_slice_array array = vox_slice_array(like->size, type, voxels);
    struct vox_slice_supply supply = vox_slice_array_supply(&array);
    enum vox_code code = vox_volume_prepare(path, &like->geometry, like->size, type, &supply, NULL,
                                            cancel, &file, &err);
    return take(outputs, path, file, code, &err);
}

int vox_outputs_add_text(struct vox_outputs *outputs, const char *path, const char *text,
                         size_t size)
{
    struct vox_err err = {0};
    struct vox_file_writer *file = NULL;
    enum vox_code code = vox_file_create(path, &file, &err);
    if (code == VOX_OK) {
        code = vox_file_write(file, text, size, &err);
    }
    return take(outputs, path, file, code, &err);
}

int vox_outputs_commit(struct vox_outputs *outputs)
{
    for (int i = 0; i < outputs->n; i++) {
        struct vox_err err = {0};
        struct vox_file_writer *file = outputs->at[i].file;
        outputs->at[i].file = NULL; /* a commit ends it in every case */
        enum vox_code code = vox_file_commit(file, &err);
        if (code != VOX_OK) {
            const char *path = outputs->at[i].path;
            vox_outputs_abandon(outputs);
            return fail(path, code, &err);
        }
    }
    outputs->n = 0;
    return 0;
}

void vox_outputs_abandon(struct vox_outputs *outputs)
{
    for (int i = 0; i < outputs->n; i++) {
        vox_file_abandon(outputs->at[i].file);
    }
    outputs->n = 0;
}
