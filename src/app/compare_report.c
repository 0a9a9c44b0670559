#include "app/compare_report.h"

#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>

#include "volume/overlap.h"

static double voxel_ml(const struct vox_label_file *labels)
{
    const double(*m)[4] = labels->geometry.affine;
    double voxel = m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) -
                   m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0]) +
                   m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0]);
    return fabs(voxel) / 1000.0;
}

static void print_header(const char *what)
{
    printf("%-12s %7s %8s %9s %13s %12s %12s\n", what, "dice", "jaccard", "hd95 mm", "surface dice",
           "a ml", "b ml");
}

static void print_row(const char *what, const struct vox_measures *m, double ml)
{
    printf("%-12s %7.4f %8.4f ", what, vox_overlap_dice(m->a, m->b, m->both),
           vox_overlap_jaccard(m->a, m->b, m->both));
    if (m->surface.defined) {
        printf("%9.3f", m->surface.hd95);
    } else {
        printf("%9s", "-");
    }
    printf(" %13.4f %12.3f %12.3f\n", m->surface.surface_dice, (double)m->a * ml,
           (double)m->b * ml);
}

static void label_name(const struct vox_compared *label, char *out, size_t size)
{
    if (label->value_a == label->value_b) {
        snprintf(out, size, "%" PRId64, label->value_a);
    } else {
        snprintf(out, size, "%" PRId64 ":%" PRId64, label->value_a, label->value_b);
    }
}

void vox_compare_print(const struct vox_compare_report *report)
{
    const struct vox_label_file *a = report->a;
    const struct vox_comparison *comparison = report->comparison;
    const double ml = voxel_ml(a);
    char name[48];
    printf("a     %s\nb     %s\n", report->path_a, report->path_b);
    printf("grid  %" PRId64 " x %" PRId64 " x %" PRId64 " voxels of %.6g x %.6g x %.6g mm\n",
           a->size[0], a->size[1], a->size[2], a->geometry.spacing[0], a->geometry.spacing[1],
           a->geometry.spacing[2]);
    printf("surface dice within %g mm\n\n", report->tolerance);
    if (comparison->n == 0) {
        puts("neither file holds a label");
        return;
    }
    print_header("label");
    for (int i = 0; i < comparison->n; i++) {
        label_name(&comparison->labels[i], name, sizeof(name));
        print_row(name, &comparison->labels[i].whole, ml);
    }
    for (int i = 0; i < comparison->n && report->per_slice; i++) {
        const struct vox_compared *label = &comparison->labels[i];
        label_name(label, name, sizeof(name));
        printf("\nlabel %s, measured in the plane of each slice\n", name);
        print_header("slice");
        for (int64_t s = 0; s < label->n_slices; s++) {
            snprintf(name, sizeof(name), "%" PRId64, label->slices[s].k);
            print_row(name, &label->slices[s].measures, ml);
        }
    }
}

static void put_measures(struct vox_json_writer *json, const struct vox_measures *m, double ml)
{
    vox_json_put_int(json, "voxels_a", m->a);
    vox_json_put_int(json, "voxels_b", m->b);
    vox_json_put_int(json, "voxels_both", m->both);
    vox_json_put_real(json, "volume_ml_a", (double)m->a * ml);
    vox_json_put_real(json, "volume_ml_b", (double)m->b * ml);
    vox_json_put_real(json, "dice", vox_overlap_dice(m->a, m->b, m->both));
    vox_json_put_real(json, "jaccard", vox_overlap_jaccard(m->a, m->b, m->both));
    if (m->surface.defined) {
        vox_json_put_real(json, "hd95_mm", m->surface.hd95);
    } else {
        vox_json_put_null(json, "hd95_mm");
    }
    vox_json_put_real(json, "surface_dice", m->surface.surface_dice);
}

static void put_label(struct vox_json_writer *json, const struct vox_compare_report *report,
                      const struct vox_compared *label)
{
    const double ml = voxel_ml(report->a);
    vox_json_begin_object(json, NULL);
    vox_json_put_int(json, "value_a", label->value_a);
    vox_json_put_int(json, "value_b", label->value_b);
    put_measures(json, &label->whole, ml);
    if (report->per_slice) {
        vox_json_begin_array(json, "slices");
        for (int64_t s = 0; s < label->n_slices; s++) {
            vox_json_begin_object(json, NULL);
            vox_json_put_int(json, "slice", label->slices[s].k);
            put_measures(json, &label->slices[s].measures, ml);
            vox_json_end(json);
        }
        vox_json_end(json);
    }
    vox_json_end(json);
}

struct vox_json_writer *vox_compare_json(const struct vox_compare_report *report)
{
    struct vox_json_writer *json = vox_json_writer_new();
    if (json == NULL) {
        return NULL;
    }
    vox_json_begin_object(json, NULL);
    vox_json_put_text(json, "version", VOX_VERSION);
    vox_json_put_text(json, "a", report->path_a);
    vox_json_put_text(json, "b", report->path_b);
    vox_json_begin_array(json, "size");
    for (int axis = 0; axis < 3; axis++) {
        vox_json_put_int(json, NULL, report->a->size[axis]);
    }
    vox_json_end(json);
    vox_json_begin_array(json, "spacing");
    for (int axis = 0; axis < 3; axis++) {
        vox_json_put_real(json, NULL, report->a->geometry.spacing[axis]);
    }
    vox_json_end(json);
    vox_json_put_real(json, "tolerance_mm", report->tolerance);
    vox_json_begin_array(json, "labels");
    for (int i = 0; i < report->comparison->n; i++) {
        put_label(json, report, &report->comparison->labels[i]);
    }
    vox_json_end(json);
    vox_json_end(json);
    return json;
}
