/* All of a result's files are complete under temporary names before the first one gets its own. */
#include <string.h>

#include "pipeline/result.h"
#include "pipeline/result_names.h"
#include "pipeline/result_preview.h"
#include "pipeline/stopwatch.h"
#include "util/file.h"
#include "util/json_writer.h"
#include "util/memory.h"
#include "volume/volume.h"

struct batch {
    struct vox_infer_data *data;
    const struct vox_files *files;
    const struct vox_watch *watch;
    const char **which;
    int n;
    struct {
        const char *path;
        struct vox_file_writer *file;
    } at[VOX_RESULT_FILES];
};

static void blame(const char **which, const char *path)
{
    if (which != NULL) {
        *which = path;
    }
}

/* For writers that look at a flag more often than they ask for a slice. */
static const atomic_int *flag_of(const struct vox_watch *watch)
{
    return watch != NULL ? watch->cancel : NULL;
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
    const struct vox_watch *watch;
    const struct vox_outcome *outcome;
    uint16_t *slice; /* w * h */
    bool bytes;
};

static enum vox_code supply_labels(void *context, int64_t k, void *out, struct vox_err *err)
{
    struct label_supply *supply = context;
    enum vox_code code = vox_watch_check(supply->watch, err);
    if (code != VOX_OK) {
        return code;
    }
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
    struct label_supply supply = {.watch = batch->watch, .outcome = &data->outcome, .bytes = !wide};
    supply.slice = vox_calloc((size_t)(data->w * data->h), sizeof(*supply.slice));
    struct vox_segment_info *segments = NULL;
    enum vox_code code = supply.slice != NULL ? list_segments(labels, &segments, err)
                                              : vox_fail(err, VOX_E_NOMEM, "out of memory");
    if (code == VOX_OK) {
        struct vox_write_options options = vox_write_options_default(path);
        if (data->request->result_compress_given) {
            options.compress = data->request->result_compress;
        }
        options.segments = segments;
        options.n_segments = labels->n + 1;
        const struct vox_slice_supply slices = {supply_labels, &supply};
        struct vox_file_writer *file;
        code = vox_volume_prepare(path, &volume->geometry, volume->size,
                                  wide ? VOX_VOXEL_U16 : VOX_VOXEL_U8, &slices, &options,
                                  flag_of(batch->watch), &file, err);
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
    const struct batch *batch = context;
    enum vox_code code = vox_watch_check(batch->watch, err);
    return code == VOX_OK ? batch->data->task->logits(batch->data, k, out, err) : code;
}

static enum vox_code write_logits(struct batch *batch, struct vox_err *err)
{
    const struct vox_volume *volume = vox_slice_source_volume(batch->data->img_3d);
    const char *path = batch->files->logits;
    const struct vox_slice_supply slices = {supply_logits, batch};
    struct vox_file_writer *file;
    if (batch->data->stale) {
        return vox_fail(err, VOX_E_ARG,
                        "there are no logits any more, as a correction failed; segment again");
    }
    enum vox_code code = vox_volume_prepare(path, &volume->geometry, volume->size, VOX_VOXEL_F32,
                                            &slices, NULL, flag_of(batch->watch), &file, err);
    return code == VOX_OK ? add(batch, path, file, err) : code;
}

/* ---- preview and JSON ---- */

static enum vox_code write_preview(struct batch *batch, struct vox_err *err)
{
    struct vox_file_writer *file;
    enum vox_code code =
        vox_result_prepare_preview(batch->data, batch->files->preview, batch->watch, &file, err);
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
    if (code != VOX_OK && code != VOX_E_CANCELLED) {
        blame(batch->which, path);
    }
    return code;
}

static enum vox_code write_all(struct batch *batch, struct vox_err *err)
{
    const struct vox_files *files = batch->files;
    enum vox_code code = write_one(batch, files->mask, write_mask, err);
    if (code == VOX_OK) {
        code = write_one(batch, files->logits, write_logits, err);
    }
    if (code == VOX_OK) {
        code = write_one(batch, files->preview, write_preview, err);
    }
    if (code == VOX_OK) {
        code = write_one(batch, files->json, write_json, err);
    }
    if (code == VOX_OK) {
        code = vox_watch_check(batch->watch, err);
    }
    return code;
}

enum vox_code vox_result_write_files(struct vox_infer_data *data, const struct vox_files *files,
                                     const struct vox_watch *watch, const char **which,
                                     struct vox_err *err)
{
    enum vox_code code = vox_result_check_names(files, vox_image_path(data->image), which, err);
    if (code != VOX_OK) {
        return code;
    }
    struct batch batch = {.data = data, .files = files, .watch = watch, .which = which};
    data->latencies.write = 0.0;
    code = write_all(&batch, err);
    if (code == VOX_OK) {
        code = commit(&batch, err);
    }
    for (int i = 0; i < batch.n; i++) {
        vox_file_abandon(batch.at[i].file);
    }
    return code;
}

/* Whether a file can be made in the folder. */
static enum vox_code try_file(const char *path, struct vox_err *err)
{
    struct vox_file_writer *file;
    enum vox_code code = path == NULL ? VOX_OK : vox_file_create(path, &file, err);
    if (code == VOX_OK && path != NULL) {
        vox_file_abandon(file);
    }
    return code;
}

enum vox_code vox_files_check(const struct vox_files *files, const char **which,
                              struct vox_err *err)
{
    const char *const paths[] = {files->mask, files->logits, files->preview, files->json};
    enum vox_code code = vox_result_check_names(files, NULL, which, err);
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]) && code == VOX_OK; i++) {
        code = try_file(paths[i], err);
        if (code != VOX_OK) {
            blame(which, paths[i]);
        }
    }
    return code;
}
