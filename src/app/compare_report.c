#include "app/compare_report.h"

#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "volume/overlap.h"

enum { LABEL_TEXT = 264, LEAST_WIDTH = 12 };

static double voxel_ml(const struct vox_volume *grid)
{
    const double(*m)[4] = grid->geometry.affine;
    double voxel = m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) -
                   m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0]) +
                   m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0]);
    return fabs(voxel) / 1000.0;
}

static void print_header(int wide, const char *what)
{
    printf("%-*s %7s %8s %9s %13s %12s %12s\n", wide, what, "dice", "jaccard", "hd95 mm",
           "surface dice", "a ml", "b ml");
}

static void print_row(int wide, const char *what, const struct vox_measures *m, double ml)
{
    printf("%-*s %7.4f %8.4f ", wide, what, vox_overlap_dice(m->a, m->b, m->both),
           vox_overlap_jaccard(m->a, m->b, m->both));
    if (m->surface.defined) {
        printf("%9.3f", m->surface.hd95);
    } else {
        printf("%9s", "-");
    }
    printf(" %13.4f %12.3f %12.3f\n", m->surface.surface_dice, (double)m->a * ml,
           (double)m->b * ml);
}

/* The name of a label, on one line whatever it holds. */
static void name_label(const struct vox_compared *label, char out[LABEL_TEXT])
{
    vox_label_pair_text(&label->pair, out, LABEL_TEXT);
    for (char *c = out; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f) {
            *c = '?';
        }
    }
}

static void print_slices(const struct vox_compared *label, double ml)
{
    char name[LABEL_TEXT];
    name_label(label, name);
    printf("\nlabel %s, measured in the plane of each slice\n", name);
    print_header(LEAST_WIDTH, "slice");
    for (int64_t s = 0; s < label->n_slices; s++) {
        snprintf(name, sizeof(name), "%" PRId64, label->slices[s].k);
        print_row(LEAST_WIDTH, name, &label->slices[s].measures, ml);
    }
}

void vox_compare_print(const struct vox_compare_report *report)
{
    const struct vox_comparison *comparison = report->comparison;
    const int64_t *size = report->grid->size;
    const double *spacing = report->grid->geometry.spacing;
    const double ml = voxel_ml(report->grid);
    char name[LABEL_TEXT];
    printf("a     %s\nb     %s\n", report->path_a, report->path_b);
    printf("grid  %" PRId64 " x %" PRId64 " x %" PRId64 " voxels of %.6g x %.6g x %.6g mm\n",
           size[0], size[1], size[2], spacing[0], spacing[1], spacing[2]);
    printf("surface dice within %g mm\n\n", report->tolerance);
    if (comparison->n == 0) {
        puts("neither file holds a label");
        return;
    }
    int wide = LEAST_WIDTH;
    for (int i = 0; i < comparison->n; i++) {
        name_label(&comparison->labels[i], name);
        wide = (int)strlen(name) > wide ? (int)strlen(name) : wide;
    }
    print_header(wide, "label");
    for (int i = 0; i < comparison->n; i++) {
        name_label(&comparison->labels[i], name);
        print_row(wide, name, &comparison->labels[i].whole, ml);
    }
    for (int i = 0; i < comparison->n && report->per_slice; i++) {
        print_slices(&comparison->labels[i], ml);
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

static void put_ref(struct vox_json_writer *json, const char *name_key, const char *value_key,
                    const struct vox_label_ref *ref)
{
    vox_json_put_text(json, name_key, ref->name);
    if (ref->has_value) {
        vox_json_put_int(json, value_key, ref->value);
    } else {
        vox_json_put_null(json, value_key);
    }
}

static void put_label(struct vox_json_writer *json, const struct vox_compare_report *report,
                      const struct vox_compared *label)
{
    const double ml = voxel_ml(report->grid);
    vox_json_begin_object(json, NULL);
    put_ref(json, "name_a", "value_a", &label->pair.a);
    put_ref(json, "name_b", "value_b", &label->pair.b);
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
        vox_json_put_int(json, NULL, report->grid->size[axis]);
    }
    vox_json_end(json);
    vox_json_begin_array(json, "spacing");
    for (int axis = 0; axis < 3; axis++) {
        vox_json_put_real(json, NULL, report->grid->geometry.spacing[axis]);
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
