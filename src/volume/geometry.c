#include "volume/geometry.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "util/number_text.h"

/* Voxels of a nanometre or a kilometre are mistakes of a header, and numbers like these upset what
 * divides by them. */
static const double smallest_spacing = 1e-6;
static const double largest_spacing = 1e6;

static double column_length(double m[3][4], int column)
{
    return sqrt(m[0][column] * m[0][column] + m[1][column] * m[1][column] +
                m[2][column] * m[2][column]);
}

static double determinant(double m[3][4])
{
    return m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) -
           m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0]) +
           m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0]);
}

/* Sets spacing from the affine, or says why the affine cannot be one. */
static enum vox_code finish(struct vox_geometry *geometry, double affine[3][4], const char *where,
                            struct vox_err *err)
{
    for (int r = 0; r < 3; r++) {
        for (int c = 0; c < 4; c++) {
            if (!isfinite(affine[r][c])) {
                return vox_fail(err, VOX_E_FORMAT,
                                "the geometry in %s is not finite; correct the header", where);
            }
        }
    }
    double spacing[3];
    double product = 1;
    for (int axis = 0; axis < 3; axis++) {
        spacing[axis] = column_length(affine, axis);
        product *= spacing[axis];
        if (!(spacing[axis] >= smallest_spacing && spacing[axis] <= largest_spacing)) {
            return vox_fail(err, VOX_E_FORMAT,
                            "a voxel spacing of %g mm on axis %d in %s; correct the header",
                            spacing[axis], axis + 1, where);
        }
    }
    if (!(fabs(determinant(affine)) > 1e-6 * product)) {
        return vox_fail(err, VOX_E_FORMAT, "the axes in %s lie in one plane; correct the header",
                        where);
    }
    memcpy(geometry->affine, affine, sizeof(geometry->affine));
    memcpy(geometry->spacing, spacing, sizeof(geometry->spacing));
    return VOX_OK;
}

/* nifti1.h, method 2: a spacing that is not positive counts as 1, as in nifti_quatern_to_mat44. */
void vox_qform_affine(const struct vox_nifti_geometry *nifti, double affine[3][4])
{
    double b = nifti->quatern_b;
    double c = nifti->quatern_c;
    double d = nifti->quatern_d;
    double a = 1 - (b * b + c * c + d * d);
    if (a < 1e-7) {
        double length = sqrt(b * b + c * c + d * d);
        b /= length;
        c /= length;
        d /= length;
        a = 0;
    } else {
        a = sqrt(a);
    }
    double s[3];
    for (int axis = 0; axis < 3; axis++) {
        double spacing = nifti->pixdim[axis + 1];
        s[axis] = spacing > 0 ? spacing : 1;
    }
    if (nifti->pixdim[0] < 0) {
        s[2] = -s[2];
    }
    const double m[3][4] = {
        {(a * a + b * b - c * c - d * d) * s[0], 2 * (b * c - a * d) * s[1],
         2 * (b * d + a * c) * s[2], nifti->qoffset_x},
        {2 * (b * c + a * d) * s[0], (a * a + c * c - b * b - d * d) * s[1],
         2 * (c * d - a * b) * s[2], nifti->qoffset_y},
        {2 * (b * d - a * c) * s[0], 2 * (c * d + a * b) * s[1],
         (a * a + d * d - b * b - c * c) * s[2], nifti->qoffset_z},
    };
    memcpy(affine, m, sizeof(m));
}

static void pixdim_affine(const struct vox_nifti_geometry *nifti, double affine[3][4])
{
    memset(affine, 0, 12 * sizeof(double));
    for (int axis = 0; axis < 3; axis++) {
        double spacing = fabs(nifti->pixdim[axis + 1]);
        /* As nifti1_io does for spacings of 0 and numbers that are none. */
        affine[axis][axis] = spacing > 0 && isfinite(spacing) ? spacing : 1;
    }
    affine[0][0] = -affine[0][0];
    affine[1][1] = -affine[1][1];
}

/* The spatial part of nifti1.h's xyzt_units. */
static double millimetres_per_unit(int32_t xyzt_units)
{
    switch (xyzt_units & 7) {
    case 1:
        return 1e3;
    case 3:
        return 1e-3;
    default:
        return 1;
    }
}

enum vox_code vox_geometry_from_nifti(struct vox_geometry *geometry, struct vox_err *err)
{
    const struct vox_nifti_geometry *nifti = &geometry->nifti;
    double affine[3][4];
    const char *where;
    if (nifti->sform_code > 0) {
        memcpy(affine[0], nifti->srow_x, sizeof(affine[0]));
        memcpy(affine[1], nifti->srow_y, sizeof(affine[1]));
        memcpy(affine[2], nifti->srow_z, sizeof(affine[2]));
        where = "the sform";
    } else if (nifti->qform_code > 0) {
        vox_qform_affine(nifti, affine);
        where = "the qform";
    } else {
        pixdim_affine(nifti, affine);
        where = "pixdim";
    }
    double scale = millimetres_per_unit(nifti->xyzt_units);
    for (int r = 0; r < 3; r++) {
        for (int c = 0; c < 4; c++) {
            affine[r][c] *= scale;
        }
    }
    return finish(geometry, affine, where, err);
}

/* "(a,b,c)", blanks allowed between the parts. */
static bool parse_vector(const char *text, double out[3])
{
    if (*text != '(') {
        return false;
    }
    text++;
    for (int i = 0; i < 3; i++) {
        text += strspn(text, " \t");
        size_t size = strcspn(text, " \t,)");
        if (!vox_text_to_double(text, size, &out[i])) {
            return false;
        }
        text += size;
        text += strspn(text, " \t");
        if (*text != (i < 2 ? ',' : ')')) {
            return false;
        }
        text++;
    }
    return *text == '\0';
}

/* What turns the space's first two axes into RAS. */
static enum vox_code space_signs(const char *space, double signs[3], struct vox_err *err)
{
    static const struct {
        const char *name;
        double x, y;
    } known[] = {
        {"right-anterior-superior", 1, 1},
        {"RAS", 1, 1},
        {"left-anterior-superior", -1, 1},
        {"LAS", -1, 1},
        {"left-posterior-superior", -1, -1},
        {"LPS", -1, -1},
        {"scanner-xyz", -1, -1},
        {"3D-right-handed", -1, -1},
        {"3D-left-handed", -1, -1},
        {"", -1, -1},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcasecmp(space, known[i].name) == 0) {
            signs[0] = known[i].x;
            signs[1] = known[i].y;
            signs[2] = 1;
            return VOX_OK;
        }
    }
    return vox_fail(
        err, VOX_E_UNSUPPORTED,
        "the NRRD space is not one of RAS, LAS, LPS, scanner-xyz and 3D-right/left-handed");
}

static enum vox_code nrrd_column(const struct vox_nrrd_geometry *nrrd, int axis, double out[3],
                                 struct vox_err *err)
{
    memset(out, 0, 3 * sizeof(double));
    if (nrrd->directions[axis][0] != '\0') {
        if (!parse_vector(nrrd->directions[axis], out)) {
            return vox_fail(err, VOX_E_FORMAT,
                            "NRRD field \"space directions\" is not three vectors of 3 numbers");
        }
        return VOX_OK;
    }
    double spacing = 1;
    const char *text = nrrd->spacings[axis];
    if (text[0] != '\0' && !vox_text_to_double(text, strlen(text), &spacing)) {
        return vox_fail(err, VOX_E_FORMAT,
                        "NRRD field \"spacings\" holds something that is not a number");
    }
    out[axis] = isnan(spacing) ? 1 : spacing;
    return VOX_OK;
}

enum vox_code vox_geometry_from_nrrd(struct vox_geometry *geometry, struct vox_err *err)
{
    const struct vox_nrrd_geometry *nrrd = &geometry->nrrd;
    double signs[3];
    enum vox_code code = space_signs(nrrd->space, signs, err);
    double columns[4][3] = {{0}};
    for (int axis = 0; axis < 3 && code == VOX_OK; axis++) {
        code = nrrd_column(nrrd, axis, columns[axis], err);
    }
    if (code != VOX_OK) {
        return code;
    }
    if (nrrd->origin[0] != '\0' && !parse_vector(nrrd->origin, columns[3])) {
        return vox_fail(err, VOX_E_FORMAT,
                        "NRRD field \"space origin\" is not a vector of 3 numbers");
    }
    double affine[3][4];
    for (int r = 0; r < 3; r++) {
        for (int c = 0; c < 4; c++) {
            affine[r][c] = signs[r] * columns[c][r];
        }
    }
    return finish(geometry, affine, "the NRRD header", err);
}

/* "a b c" */
static bool parse_three(const char *text, double out[3])
{
    for (int i = 0; i < 3; i++) {
        size_t size = strcspn(text, " ");
        if (!vox_text_to_double(text, size, &out[i])) {
            return false;
        }
        text += size;
        text += *text == ' ' ? 1 : 0;
    }
    return *text == '\0';
}

/* An absent text leaves out as it is. */
static enum vox_code metaimage_numbers(const char *text, const char *what, double out[3],
                                       struct vox_err *err)
{
    if (text[0] != '\0' && !parse_three(text, out)) {
        return vox_fail(err, VOX_E_FORMAT,
                        "the %s in the MetaImage header holds something that is not a number",
                        what);
    }
    return VOX_OK;
}

enum vox_code vox_geometry_from_metaimage(struct vox_geometry *geometry, struct vox_err *err)
{
    const struct vox_metaimage_geometry *meta = &geometry->metaimage;
    double columns[4][3] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}, {0, 0, 0}};
    enum vox_code code = metaimage_numbers(meta->origin, "origin", columns[3], err);
    for (int axis = 0; axis < 3 && code == VOX_OK; axis++) {
        code = metaimage_numbers(meta->matrix[axis], "matrix", columns[axis], err);
        const char *text = meta->spacing[axis];
        double spacing = 1;
        if (code == VOX_OK && text[0] != '\0' &&
            !vox_text_to_double(text, strlen(text), &spacing)) {
            return vox_fail(err, VOX_E_FORMAT,
                            "the spacing in the MetaImage header holds something that is not a "
                            "number");
        }
        for (int r = 0; r < 3; r++) {
            columns[axis][r] *= spacing;
        }
    }
    if (code != VOX_OK) {
        return code;
    }
    double affine[3][4];
    for (int r = 0; r < 3; r++) {
        for (int c = 0; c < 4; c++) {
            /* Adding 0 turns -0 into 0. */
            affine[r][c] = (r < 2 ? -columns[c][r] : columns[c][r]) + 0.0;
        }
    }
    return finish(geometry, affine, "the MetaImage header", err);
}

/* Cramer's rule: an offset in millimetres as one in the affine's voxels. */
static void solve(double affine[3][4], const double offset[3], double voxels[3])
{
    double det = determinant(affine);
    for (int axis = 0; axis < 3; axis++) {
        double m[3][4];
        memcpy(m, affine, sizeof(m));
        for (int r = 0; r < 3; r++) {
            m[r][axis] = offset[r];
        }
        voxels[axis] = determinant(m) / det;
    }
}

void vox_affine_index(double affine[3][4], const double point[3], double index[3])
{
    const double offset[3] = {
        point[0] - affine[0][3],
        point[1] - affine[1][3],
        point[2] - affine[2][3],
    };
    solve(affine, offset, index);
}

double vox_corner_distance(double a[3][4], double b[3][4], const int64_t size[3])
{
    double worst = 0;
    for (int corner = 0; corner < 8; corner++) {
        double index[4] = {0, 0, 0, 1};
        for (int axis = 0; axis < 3; axis++) {
            index[axis] = (corner >> axis & 1) != 0 ? (double)(size[axis] - 1) : 0;
        }
        double off[3] = {0, 0, 0};
        for (int r = 0; r < 3; r++) {
            for (int c = 0; c < 4; c++) {
                off[r] += (b[r][c] - a[r][c]) * index[c];
            }
        }
        double voxels[3];
        solve(a, off, voxels);
        double distance =
            sqrt(voxels[0] * voxels[0] + voxels[1] * voxels[1] + voxels[2] * voxels[2]);
        worst = distance > worst || isnan(distance) ? distance : worst;
    }
    return worst;
}

/* The quaternion of a rotation matrix, as nifti_mat44_to_quatern finds it: from its largest
 * component. */
static void quaternion(double r[3][3], struct vox_nifti_geometry *out)
{
    double xd = 1 + r[0][0] - (r[1][1] + r[2][2]);
    double yd = 1 + r[1][1] - (r[0][0] + r[2][2]);
    double zd = 1 + r[2][2] - (r[0][0] + r[1][1]);
    double a = 1 + r[0][0] + r[1][1] + r[2][2];
    double b;
    double c;
    double d;
    if (a > 1) {
        a = sqrt(a) / 2;
        b = (r[2][1] - r[1][2]) / (4 * a);
        c = (r[0][2] - r[2][0]) / (4 * a);
        d = (r[1][0] - r[0][1]) / (4 * a);
    } else if (xd > 1) {
        b = sqrt(xd) / 2;
        c = (r[0][1] + r[1][0]) / (4 * b);
        d = (r[0][2] + r[2][0]) / (4 * b);
        a = (r[2][1] - r[1][2]) / (4 * b);
    } else if (yd > 1) {
        c = sqrt(yd) / 2;
        b = (r[0][1] + r[1][0]) / (4 * c);
        d = (r[1][2] + r[2][1]) / (4 * c);
        a = (r[0][2] - r[2][0]) / (4 * c);
    } else {
        d = sqrt(zd > 0 ? zd : 0) / 2;
        b = (r[0][2] + r[2][0]) / (4 * d);
        c = (r[1][2] + r[2][1]) / (4 * d);
        a = (r[1][0] - r[0][1]) / (4 * d);
    }
    double sign = a < 0 ? -1 : 1;
    out->quatern_b = sign * b;
    out->quatern_c = sign * c;
    out->quatern_d = sign * d;
}

static double round_to(double value, bool single)
{
    return single ? (double)(float)value : value;
}

static void fill_qform(double affine[3][4], bool single, struct vox_nifti_geometry *out)
{
    double r[3][3];
    out->pixdim[0] = determinant(affine) < 0 ? -1 : 1;
    for (int axis = 0; axis < 3; axis++) {
        double length = column_length(affine, axis);
        out->pixdim[axis + 1] = round_to(length, single);
        for (int row = 0; row < 3; row++) {
            r[row][axis] = affine[row][axis] / length * (axis == 2 ? out->pixdim[0] : 1);
        }
    }
    quaternion(r, out);
    out->quatern_b = round_to(out->quatern_b, single);
    out->quatern_c = round_to(out->quatern_c, single);
    out->quatern_d = round_to(out->quatern_d, single);
    out->qoffset_x = round_to(affine[0][3], single);
    out->qoffset_y = round_to(affine[1][3], single);
    out->qoffset_z = round_to(affine[2][3], single);
    out->qform_code = 1;
}

void vox_nifti_from_affine(double affine[3][4], const int64_t size[3], bool single,
                           struct vox_nifti_geometry *out)
{
    memset(out, 0, sizeof(*out));
    for (int i = 4; i < 8; i++) {
        out->pixdim[i] = 1;
    }
    fill_qform(affine, single, out);
    double by_qform[3][4];
    vox_qform_affine(out, by_qform);
    /* A shear, or a half turn whose quaternion floats cannot hold closely enough. */
    if (!(vox_corner_distance(affine, by_qform, size) <= 1e-4)) {
        out->qform_code = 0;
        out->quatern_b = out->quatern_c = out->quatern_d = 0;
        out->qoffset_x = out->qoffset_y = out->qoffset_z = 0;
    }
    for (int c = 0; c < 4; c++) {
        out->srow_x[c] = round_to(affine[0][c], single);
        out->srow_y[c] = round_to(affine[1][c], single);
        out->srow_z[c] = round_to(affine[2][c], single);
    }
    out->sform_code = 1;
    out->xyzt_units = 2;
}

/* A column in LPS, divided by `unit`: its numbers with what stands before, between and behind. */
static void column_text(double affine[3][4], int column, double unit, const char marks[3][2],
                        char *out, size_t room)
{
    char parts[3][VOX_DOUBLE_TEXT];
    for (int r = 0; r < 3; r++) {
        double value = affine[r][column] / unit;
        /* Adding 0 turns -0 into 0. */
        vox_double_to_text((r < 2 ? -value : value) + 0.0, parts[r]);
    }
    snprintf(out, room, "%s%s%s%s%s%s%s", marks[0], parts[0], marks[1], parts[1], marks[1],
             parts[2], marks[2]);
}

void vox_nrrd_from_affine(double affine[3][4], struct vox_nrrd_geometry *out)
{
    static const char marks[3][2] = {"(", ",", ")"};
    memset(out, 0, sizeof(*out));
    snprintf(out->space, sizeof(out->space), "left-posterior-superior");
    for (int axis = 0; axis < 3; axis++) {
        column_text(affine, axis, 1, marks, out->directions[axis], sizeof(out->directions[axis]));
    }
    column_text(affine, 3, 1, marks, out->origin, sizeof(out->origin));
}

void vox_metaimage_from_affine(double affine[3][4], struct vox_metaimage_geometry *out)
{
    static const char marks[3][2] = {"", " ", ""};
    memset(out, 0, sizeof(*out));
    for (int axis = 0; axis < 3; axis++) {
        double length = column_length(affine, axis);
        char spacing[VOX_DOUBLE_TEXT];
        vox_double_to_text(length, spacing);
        snprintf(out->spacing[axis], sizeof(out->spacing[axis]), "%s", spacing);
        column_text(affine, axis, length, marks, out->matrix[axis], sizeof(out->matrix[axis]));
    }
    column_text(affine, 3, 1, marks, out->origin, sizeof(out->origin));
}

double vox_forms_distance(const struct vox_volume *volume)
{
    const struct vox_geometry *geometry = &volume->geometry;
    const struct vox_nifti_geometry *nifti = &geometry->nifti;
    bool is_nifti = geometry->source == VOX_FORMAT_NIFTI1 || geometry->source == VOX_FORMAT_NIFTI2;
    if (!is_nifti || nifti->sform_code <= 0 || nifti->qform_code <= 0) {
        return -1.0;
    }
    double sform[3][4], qform[3][4];
    for (int c = 0; c < 4; c++) {
        sform[0][c] = nifti->srow_x[c];
        sform[1][c] = nifti->srow_y[c];
        sform[2][c] = nifti->srow_z[c];
    }
    vox_qform_affine(nifti, qform);
    return vox_corner_distance(sform, qform, volume->size);
}
