/* All of a result's files are complete under temporary names before the first one gets its own. */
#include <string.h>
#include <strings.h>

#include "pipeline/result.h"
#include "pipeline/result_preview.h"
#include "pipeline/stopwatch.h"
#include "util/file.h"
#include "util/json_writer.h"
#include "util/memory.h"
#include "volume/volume.h"

enum { FILES_MAX = 4 };

struct batch {
    struct vox_infer_data *data;
    const struct vox_files *files;
    const atomic_int *cancel;
    const char **which;
    int n;
    struct {
        const char *path;
        struct vox_file_writer *file;
    } at[FILES_MAX];
};

static void blame(const char **which, const char *path)
{
    if (which != NULL) {
        *which = path;
    }
}

/* Takes over a file that was written. */
static enum vox_code add(struct batch *batch, const char *path, struct vox_file_writer *file,
                         struct vox_err *err)
{
    enum vox_code code = vox_file_sync(file, err);
    if (code != VOX_OK) {
        vox_file_abandon(file);
        return code;
    }
    batch->at[batch->n].path = path;
    batch->at[batch->n].file = file;
    batch->n++;
    return VOX_OK;
}

/* ---- the mask ---- */

struct label_supply {
    const struct vox_outcome *outcome;
    uint16_t *slice; /* w * h */
    bool bytes;
};

static enum vox_code supply_labels(void *context, int64_t k, void *out, struct vox_err *err)
{
    struct label_supply *supply = context;
    (void)err;
    if (!supply->bytes) {
        vox_outcome_slice(supply->outcome, k, out);
        return VOX_OK;
    }
    const int64_t *size = supply->outcome->slab.size;
    uint8_t *bytes = out;
    vox_outcome_slice(supply->outcome, k, supply->slice);
    for (int64_t i = 0; i < size[0] * size[1]; i++) {
        bytes[i] = (uint8_t)supply->slice[i];
    }
    return VOX_OK;
}

/* Names and colours for the formats that have a place for them. */
static enum vox_code list_segments(const struct vox_labels *labels, struct vox_segment_info **out,
                                   struct vox_err *err)
{
    struct vox_segment_info *segments = vox_calloc((size_t)labels->n + 1, sizeof(*segments));
    if (segments == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    for (int i = 0; i <= labels->n; i++) {
        segments[i] = (struct vox_segment_info){
            .name = i < labels->n ? labels->names[i] : "uncertain",
            .value = vox_label_value(i),
        };
    }
    *out = segments;
    return VOX_OK;
}

static enum vox_code write_mask(struct batch *batch, struct vox_err *err)
{
    const struct vox_infer_data *data = batch->data;
    const struct vox_labels *labels = &data->request->labels;
    const struct vox_volume *volume = vox_slice_source_volume(data->img_3d);
    const char *path = batch->files->mask;
    bool wide = vox_uncertain_value(labels) > UINT8_MAX ||
                strcmp(data->request->result_dtype, "uint16") == 0;
    struct label_supply supply = {.outcome = &data->outcome, .bytes = !wide};
    supply.slice = vox_calloc((size_t)(data->w * data->h), sizeof(*supply.slice));
    struct vox_segment_info *segments = NULL;
    enum vox_code code = supply.slice != NULL ? list_segments(labels, &segments, err)
                                              : vox_fail(err, VOX_E_NOMEM, "out of memory");
    if (code == VOX_OK) {
        struct vox_write_options options = vox_write_options_default(path);
        options.compress = options.compress || data->request->result_compress;
        options.segments = segments;
        options.n_segments = labels->n + 1;
        const struct vox_slice_supply slices = {supply_labels, &supply};
        struct vox_file_writer *file;
        code = vox_volume_prepare(path, &volume->geometry, volume->size,
                                  wide ? VOX_VOXEL_U16 : VOX_VOXEL_U8, &slices, &options,
                                  batch->cancel, &file, err);
        if (code == VOX_OK) {
            code = add(batch, path, file, err);
        }
    }
    vox_free(segments);
    vox_free(supply.slice);
    return code;
}

/* ---- logits ---- */

static enum vox_code supply_logits(void *context, int64_t k, void *out, struct vox_err *err)
{
    const struct vox_infer_data *data = context;
    return data->task->logits(data, k, out, err);
}

static enum vox_code write_logits(struct batch *batch, struct vox_err *err)
{
    const struct vox_volume *volume = vox_slice_source_volume(batch->data->img_3d);
    const char *path = batch->files->logits;
    const struct vox_slice_supply slices = {supply_logits, batch->data};
    struct vox_file_writer *file;
    enum vox_code code = vox_volume_prepare(path, &volume->geometry, volume->size, VOX_VOXEL_F32,
                                            &slices, NULL, batch->cancel, &file, err);
    return code == VOX_OK ? add(batch, path, file, err) : code;
}

/* ---- preview and JSON ---- */

static enum vox_code write_preview(struct batch *batch, struct vox_err *err)
{
    struct vox_file_writer *file;
    enum vox_code code = vox_result_prepare_preview(batch->data, batch->files->preview, &file, err);
    return code == VOX_OK ? add(batch, batch->files->preview, file, err) : code;
}

/* Comes last, so that the time of writing is known. */
static enum vox_code write_json(struct batch *batch, struct vox_err *err)
{
    struct vox_json_writer *json;
    struct vox_file_writer *file = NULL;
    const char *text;
    size_t size;
    enum vox_code code = vox_result_write_json(batch->data, batch->files, &json, err);
    if (code != VOX_OK) {
        return code;
    }
    code = vox_json_writer_text(json, &text, &size, err);
    if (code == VOX_OK) {
        code = vox_file_create(batch->files->json, &file, err);
    }
    if (code == VOX_OK) {
        code = vox_file_write(file, text, size, err);
        if (code == VOX_OK) {
            code = add(batch, batch->files->json, file, err);
        } else {
            vox_file_abandon(file);
        }
    }
    vox_json_writer_free(json);
    return code;
}

/* ---- all ---- */

static enum vox_code commit(struct batch *batch, struct vox_err *err)
{
    for (int i = 0; i < batch->n; i++) {
        struct vox_file_writer *file = batch->at[i].file;
        batch->at[i].file = NULL; /* a commit ends it in every case */
        enum vox_code code = vox_file_commit(file, err);
        if (code != VOX_OK) {
            blame(batch->which, batch->at[i].path);
            return code;
        }
    }
    return VOX_OK;
}

typedef enum vox_code write_function(struct batch *batch, struct vox_err *err);

static enum vox_code write_one(struct batch *batch, const char *path, write_function *write,
                               struct vox_err *err)
{
    if (path == NULL) {
        return VOX_OK;
    }
    double start = vox_seconds();
    enum vox_code code = write(batch, err);
    batch->data->latencies.write += vox_seconds() - start;
    if (code != VOX_OK) {
        blame(batch->which, path);
    }
    return code;
}

enum vox_code vox_result_write_files(struct vox_infer_data *data, const struct vox_files *files,
                                     const atomic_int *cancel, const char **which,
                                     struct vox_err *err)
{
    struct batch batch = {.data = data, .files = files, .cancel = cancel, .which = which};
    data->latencies.write = 0.0;
    enum vox_code code = write_one(&batch, files->mask, write_mask, err);
    if (code == VOX_OK) {
        code = write_one(&batch, files->logits, write_logits, err);
    }
    if (code == VOX_OK) {
        code = write_one(&batch, files->preview, write_preview, err);
    }
    if (code == VOX_OK) {
        code = write_one(&batch, files->json, write_json, err);
    }
    if (code == VOX_OK && cancel != NULL && atomic_load(cancel) != 0) {
        code = vox_fail(err, VOX_E_CANCELLED, "cancelled");
    }
    if (code == VOX_OK) {
        code = commit(&batch, err);
    }
    for (int i = 0; i < batch.n; i++) {
        vox_file_abandon(batch.at[i].file);
    }
    return code;
}

static bool ends_with(const char *path, const char *ending)
{
    size_t size = strlen(path), end = strlen(ending);
    return size > end && strcasecmp(path + size - end, ending) == 0;
}

/* What the name of a file of one kind must end in; NULL: anything. */
struct endings {
    const char *text;   /* for messages */
    const char *all[6]; /* the last one is NULL */
    const char *none;   /* an ending that is none of them though it ends like one; may be NULL */
};

static enum vox_code check_file(const char *path, const struct endings *endings,
                                struct vox_err *err)
{
    bool known = endings == NULL;
    for (int i = 0; !known && endings->all[i] != NULL; i++) {
        known = ends_with(path, endings->all[i]);
    }
    if (!known || (endings != NULL && endings->none != NULL && ends_with(path, endings->none))) {
        return vox_fail(err, VOX_E_ARG, "%s", endings->text);
    }
    struct vox_file_writer *file;
    enum vox_code code = vox_file_create(path, &file, err);
    if (code == VOX_OK) {
        vox_file_abandon(file);
    }
    return code;
}

enum vox_code vox_files_check(const struct vox_files *files, const char **which,
                              struct vox_err *err)
{
    static const struct endings masks = {
        "the name of a mask must end in .nii.gz, .nii, .nrrd, .seg.nrrd, .mha or .mhd",
        {".nii", ".nii.gz", ".nrrd", ".mha", ".mhd", NULL}, /* .seg.nrrd is an .nrrd */
        NULL};
    static const struct endings numbers = {
        "the name of a file of logits must end in .nii.gz, .nii, .nrrd, .mha or .mhd",
        {".nii", ".nii.gz", ".nrrd", ".mha", ".mhd", NULL},
        ".seg.nrrd"};
    static const struct endings pictures = {
        "the name of a preview must end in .png", {".png", NULL}, NULL};
    const struct {
        const char *path;
        const struct endings *endings;
    } all[FILES_MAX] = {
        {files->mask, &masks},
        {files->logits, &numbers},
        {files->preview, &pictures},
        {files->json, NULL},
    };
    for (int i = 0; i < FILES_MAX; i++) {
        for (int other = 0; all[i].path != NULL && other < i; other++) {
            if (all[other].path != NULL && strcmp(all[i].path, all[other].path) == 0) {
                blame(which, all[i].path);
                return vox_fail(err, VOX_E_ARG, "one file cannot hold two different outputs");
            }
        }
        enum vox_code code =
            all[i].path == NULL ? VOX_OK : check_file(all[i].path, all[i].endings, err);
        if (code != VOX_OK) {
            blame(which, all[i].path);
            return code;
        }
    }
    return VOX_OK;
}
