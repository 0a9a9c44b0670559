#include "app/segment_report.h"

#include <math.h>
#include <stddef.h>

#include "app/message.h"
#include "util/json_writer.h"

double vox_report_volume_ml(const struct vox_segment_report *report)
{
    const double(*m)[4] = report->volume->geometry.affine;
    double voxel = m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) -
                   m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0]) +
                   m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0]);
    return fabs(voxel) * (double)report->segmentation->voxels / 1000.0;
}

static void put_input(struct vox_json_writer *json, const struct vox_segment_report *report)
{
    const struct vox_volume *volume = report->volume;
    vox_json_put_text(json, "version", VOX_VERSION);
    vox_json_begin_object(json, "model");
    vox_json_put_text(json, "name", vox_network_config(report->model->network)->name);
    vox_json_put_text(json, "sha256", report->model->sha256);
    vox_json_end(json);
    vox_json_put_text(json, "backend", report->model->backend->ops->name);
    vox_json_put_int(json, "threads", vox_pool_threads(report->model->pool));
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
}

static void put_prompt(struct vox_json_writer *json, const struct vox_segmentation *seg)
{
    vox_json_put_text(json, "passes", "from_key");
    vox_json_begin_array(json, "box");
    for (int i = 0; i < 4; i++) {
        vox_json_put_real(json, NULL, seg->prompt.corners[i]);
    }
    vox_json_end(json);
    vox_json_put_int(json, "key", seg->prompt.key);
    vox_json_begin_array(json, "z");
    vox_json_put_int(json, NULL, seg->prompt.first);
    vox_json_put_int(json, NULL, seg->prompt.last);
    vox_json_end(json);
    vox_json_begin_object(json, "window");
    vox_json_put_text(json, "rule", vox_window_rule_name(seg->intensity.rule));
    vox_json_put_real(json, "low", seg->intensity.low);
    vox_json_put_real(json, "high", seg->intensity.high);
    vox_json_end(json);
}

static void put_mask(struct vox_json_writer *json, const struct vox_segment_report *report)
{
    const struct vox_segmentation *seg = report->segmentation;
    vox_json_put_text(json, "mask", report->options->mask);
    vox_json_put_text(json, "logits", report->options->logits);
    vox_json_put_int(json, "voxels", seg->voxels);
    vox_json_put_real(json, "volume_ml", vox_report_volume_ml(report));
    if (seg->voxels == 0) {
        vox_json_put_null(json, "bbox");
    } else {
        vox_json_begin_array(json, "bbox");
        for (int i = 0; i < 6; i++) {
            vox_json_put_int(json, NULL, seg->bounds[i / 3][i % 3]);
        }
        vox_json_end(json);
    }
    vox_json_begin_array(json, "scores");
    for (int64_t k = seg->prompt.first; k <= seg->prompt.last; k++) {
        vox_json_begin_object(json, NULL);
        vox_json_put_int(json, "slice", k);
        vox_json_put_real(json, "object_score", (double)seg->scores[k - seg->prompt.first]);
        vox_json_end(json);
    }
    vox_json_end(json);
}

static void put_run(struct vox_json_writer *json, const struct vox_segment_report *report)
{
    const struct vox_segmentation *seg = report->segmentation;
    vox_json_begin_object(json, "latencies");
    vox_json_put_real(json, "pre", report->read_seconds + seg->latencies.pre);
    vox_json_put_real(json, "model", report->load_seconds);
    vox_json_put_real(json, "encode", seg->latencies.encode);
    vox_json_put_real(json, "track", seg->latencies.track);
    vox_json_put_real(json, "post", seg->latencies.post);
    vox_json_put_real(json, "write", report->write_seconds);
    vox_json_put_real(json, "total", report->total_seconds);
    vox_json_end(json);
    vox_json_put_int(json, "encoded_slices", seg->encoded_slices);
    vox_json_put_int(json, "cached_slices", seg->cached_slices);
    vox_json_begin_array(json, "warnings");
    for (int i = 0; i < seg->warnings.n; i++) {
        vox_json_put_text(json, NULL, seg->warnings.text[i]);
    }
    vox_json_end(json);
}

int vox_report_make(const struct vox_segment_report *report, struct vox_json_writer **out,
                    const char **text, size_t *size)
{
    struct vox_err err = {.code = VOX_E_NOMEM};
    struct vox_json_writer *json = vox_json_writer_new();
    if (json != NULL) {
        vox_json_begin_object(json, NULL);
        put_input(json, report);
        put_prompt(json, report->segmentation);
        put_mask(json, report);
        put_run(json, report);
        vox_json_end(json);
    }
    if (json == NULL || vox_json_writer_text(json, text, size, &err) != VOX_OK) {
        vox_json_writer_free(json);
        (void)vox_say_error(report->options->json, &err);
        return VOX_EXIT_FAILURE;
    }
    *out = json;
    return 0;
}
