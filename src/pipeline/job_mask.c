/* Masks as prompts of a job: a label file, or bytes without a header. */
#include "pipeline/image.h"
#include "pipeline/job_parts.h"
#include "util/file.h"
#include "util/memory.h"

static enum vox_code take_value(struct vox_request *request, int label, const int64_t size[3],
                                const uint8_t *bytes, uint8_t *mask, size_t n, bool *found,
                                struct vox_err *err)
{
    bool any = false;
    for (size_t i = 0; i < n; i++) {
        mask[i] = bytes[i] == vox_label_value(label);
        any = any || mask[i] != 0;
    }
    if (!any) {
        return VOX_OK;
    }
    *found = true;
    return vox_request_mask(request, request->labels.names[label], size, mask, err);
}

static enum vox_code take_bytes(struct vox_request *request, const int64_t size[3],
                                const struct vox_mapping *file, struct vox_err *err)
{
    size_t n = (size_t)size[0] * (size_t)size[1] * (size_t)size[2];
    if (file->size != n) {
        return vox_fail(err, VOX_E_ARG,
                        "the mask has %zu bytes, and the image %zu voxels; give one byte for each",
                        file->size, n);
    }
    uint8_t *mask = vox_alloc(n);
    if (mask == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory for the mask");
    }
    bool found = false;
    enum vox_code code = VOX_OK;
    for (int l = 0; l < request->labels.n && l < UINT8_MAX && code == VOX_OK; l++) {
        code = take_value(request, l, size, file->data, mask, n, &found, err);
    }
    vox_free(mask);
    if (code == VOX_OK && !found) {
        return vox_fail(err, VOX_E_ARG, "the mask holds no voxel of the values 1 to %d",
                        request->labels.n);
    }
    return code;
}

static enum vox_code take_raw(struct vox_job *job, struct vox_image *image, struct vox_err *err)
{
    struct vox_image_facts facts;
    struct vox_mapping file;
    enum vox_code code = vox_image_describe(image, &facts, err);
    if (code == VOX_OK) {
        code = vox_file_map(job->mask->path, &file, err);
    }
    if (code != VOX_OK) {
        return code;
    }
    code = take_bytes(job->request, facts.size, &file, err);
    vox_file_unmap(&file);
    return code;
}

enum vox_code vox_job_take_mask(struct vox_job *job, struct vox_image *image, struct vox_err *err)
{
    if (job->raw_mask) {
        return take_raw(job, image, err);
    }
    enum vox_code code = vox_request_mask_file(job->request, image, job->mask->path, err);
    return code == VOX_OK ? code : vox_err_prefix(err, code, "the mask");
}
