#include <math.h>

#include "pipeline/result.h"
#include "util/json_writer.h"

double vox_voxel_ml(const struct vox_volume *volume)
{
    const double(*m)[4] = volume->geometry.affine;
    double voxel = m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) -
                   m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0]) +
                   m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0]);
    return fabs(voxel) / 1000.0;
}

/* The label's name, or that of the voxels of which the passes do not agree. */
static const char *label_name(const struct vox_infer_data *data, int label)
{
    const struct vox_labels *labels = &data->request->labels;
    return label < labels->n ? labels->names[label] : "uncertain";
}

static void put_label_names(struct vox_json_writer *json, const struct vox_infer_data *data)
{
    const struct vox_labels *labels = &data->request->labels;
    vox_json_begin_object(json, "label_names");
    for (int i = 0; i < labels->n; i++) {
        vox_json_put_int(json, labels->names[i], vox_label_value(i));
    }
    vox_json_put_int(json, "background", 0);
    vox_json_put_int(json, "uncertain", vox_uncertain_value(labels));
    vox_json_end(json);
}

static void put_model(struct vox_json_writer *json, const struct vox_infer_data *data)
{
    struct vox_model_facts facts;
    vox_model_describe(data->model, &facts);
    vox_json_put_text(json, "version", vox_version());
    vox_json_begin_object(json, "model");
    vox_json_put_text(json, "name", facts.name);
    vox_json_put_text(json, "sha256", facts.sha256);
    vox_json_end(json);
    vox_json_put_text(json, "backend", facts.backend);
    vox_json_put_int(json, "threads", facts.threads);
}

static void put_image(struct vox_json_writer *json, const struct vox_infer_data *data)
{
    const struct vox_volume *volume = vox_slice_source_volume(data->img_3d);
    vox_json_begin_object(json, "image");
    vox_json_begin_array(json, "size");
    for (int a = 0; a < 3; a++) {
        vox_json_put_int(json, NULL, volume->size[a]);
    }
    vox_json_end(json);
    vox_json_begin_array(json, "spacing");
    for (int a = 0; a < 3; a++) {
        vox_json_put_real(json, NULL, volume->geometry.spacing[a]);
    }
    vox_json_end(json);
    vox_json_end(json);
    if (!data->outcome.valid) {
        vox_json_put_null(json, "window");
        return;
    }
    vox_json_begin_object(json, "window");
    vox_json_put_text(json, "rule", vox_window_rule_name(data->intensity.rule));
    vox_json_put_real(json, "low", data->intensity.low);
    vox_json_put_real(json, "high", data->intensity.high);
    vox_json_end(json);
}

static void put_bbox(struct vox_json_writer *json, const char *name,
                     const struct vox_label_count *count)
{
    if (count->voxels == 0) {
        vox_json_put_null(json, name);
        return;
    }
    vox_json_begin_array(json, name);
    for (int a = 0; a < 3; a++) {
        vox_json_put_int(json, NULL, count->lo[a]);
    }
    for (int a = 0; a < 3; a++) {
        vox_json_put_int(json, NULL, count->hi[a]);
    }
    vox_json_end(json);
}

static void put_counts(struct vox_json_writer *json, const struct vox_infer_data *data)
{
    const struct vox_label_count *counts = data->outcome.counts;
    int n = data->request->labels.n;
    double ml = vox_voxel_ml(vox_slice_source_volume(data->img_3d));
    vox_json_begin_object(json, "voxels");
    for (int i = 0; i <= n; i++) {
        vox_json_put_int(json, label_name(data, i), counts[i].voxels);
    }
    vox_json_end(json);
    vox_json_begin_object(json, "volume_ml");
    for (int i = 0; i <= n; i++) {
        vox_json_put_real(json, label_name(data, i), ml * (double)counts[i].voxels);
    }
    vox_json_end(json);
    vox_json_begin_object(json, "bbox");
    for (int i = 0; i <= n; i++) {
        put_bbox(json, label_name(data, i), &counts[i]);
    }
    vox_json_end(json);
}

static void put_latencies(struct vox_json_writer *json, const struct vox_infer_data *data)
{
    const struct vox_latencies *latencies = &data->latencies;
    double total = latencies->write;
    vox_json_begin_object(json, "latencies");
    vox_json_put_real(json, "pre", latencies->pre);
    vox_json_put_real(json, "encode", latencies->encode);
    vox_json_put_real(json, "track", latencies->track);
    vox_json_put_real(json, "post", latencies->post);
    vox_json_put_real(json, "write", latencies->write);
    for (int s = 0; s < VOX_STAGES; s++) {
        total += data->stage_seconds[s];
    }
    vox_json_put_real(json, "total", total);
    vox_json_put_int(json, "encoded_slices", data->encoded_slices);
    vox_json_put_int(json, "cached_slices", data->cached_slices);
    vox_json_begin_object(json, "stages");
    for (int s = 0; s < VOX_STAGES; s++) {
        vox_json_put_real(json, vox_stage_name((enum vox_stage)s), data->stage_seconds[s]);
    }
    vox_json_end(json);
    vox_json_end(json);
}

enum vox_code vox_result_write_json(const struct vox_infer_data *data,
                                    const struct vox_files *files, struct vox_json_writer **out,
                                    struct vox_err *err)
{
    const struct vox_outcome *outcome = &data->outcome;
    struct vox_json_writer *json = vox_json_writer_new();
    if (json == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    vox_json_begin_object(json, NULL);
    vox_json_put_bool(json, "valid", outcome->valid);
    vox_json_put_text(json, "reason", outcome->valid ? NULL : outcome->reason);
    put_label_names(json, data);
    put_counts(json, data);
    put_latencies(json, data);
    vox_json_begin_array(json, "warnings");
    for (int i = 0; i < outcome->warnings.n; i++) {
        vox_json_put_text(json, NULL, outcome->warnings.text[i]);
    }
    vox_json_end(json);
    data->task->describe(data, json);
    put_image(json, data);
    put_model(json, data);
    vox_json_put_text(json, "mask", files != NULL ? files->mask : NULL);
    vox_json_put_text(json, "logits", files != NULL ? files->logits : NULL);
    vox_json_put_text(json, "preview", files != NULL ? files->preview : NULL);
    vox_json_end(json);
    *out = json;
    return VOX_OK;
}
