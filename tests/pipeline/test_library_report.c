/* What a result says, and what becomes of requests, images and corrections that are not as they
 * should be. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "library_rig.h"
#include "own_folder.h"
#include "util/file.h"
#include "util/json.h"
#include "util/memory.h"
#include "volume/volume.h"

static const char *const labels[] = {"liver", "tumour"};
static const char box[] = "{\"box\": {\"key\": 2, \"xyxy\": [8, 6, 30, 22], \"z\": [1, 4]}}";

static struct vox_model *model;
static struct vox_image *image;

static struct vox_result *segment(struct vox_request *request)
{
    struct vox_result *result = NULL;
    struct vox_err err = {0};
    if (vox_segment(model, image, request, NULL, &result, &err) != VOX_OK) {
        fail_msg("%s", err.msg);
    }
    vox_request_close(request);
    return result;
}

/* ---- the report ---- */

static struct vox_json *report(struct vox_result *result, const struct vox_files *files)
{
    static const struct vox_json_limits limits = {.bytes = 1 << 20, .depth = 32, .values = 1 << 16};
    const char *text;
    size_t size;
    struct vox_json *json = NULL;
    assert_int_equal(VOX_OK, vox_result_json(result, files, &text, &size, NULL));
    assert_int_equal(size, strlen(text));
    assert_int_equal(VOX_OK, vox_json_parse(text, size, &limits, &json, NULL));
    return json;
}

static void expect_keys(const struct vox_json *object, const char *const *keys)
{
    void *cursor = NULL;
    const char *key;
    const struct vox_json *value;
    int n = 0;
    for (; vox_json_next(object, &cursor, &key, &value); n++) {
        assert_non_null(keys[n]);
        assert_string_equal(keys[n], key);
    }
    assert_null(keys[n]);
}

static double number(const struct vox_json *object, const char *key)
{
    double value = (double)NAN;
    assert_true(vox_json_number(vox_json_get(object, key), &value));
    return value;
}

static void expect_all_keys(const struct vox_json *json)
{
    static const char *const all[] = {
        "valid",    "reason",  "label_names", "voxels",      "volume_ml", "bbox",    "latencies",
        "warnings", "plan",    "scores",      "corrections", "image",     "window",  "version",
        "model",    "backend", "threads",     "mask",        "logits",    "preview", NULL};
    static const char *const names[] = {"liver", "tumour", "background", "uncertain", NULL};
    static const char *const told[] = {"liver", "tumour", "uncertain", NULL};
    static const char *const times[] = {"pre",    "encode", "track",          "post",
                                        "write",  "total",  "encoded_slices", "cached_slices",
                                        "stages", NULL};
    expect_keys(json, all);
    expect_keys(vox_json_get(json, "label_names"), names);
    expect_keys(vox_json_get(json, "voxels"), told);
    expect_keys(vox_json_get(json, "volume_ml"), told);
    expect_keys(vox_json_get(json, "bbox"), told);
    expect_keys(vox_json_get(json, "latencies"), times);
    /* Foreground names first, values without gaps. */
    const struct vox_json *values = vox_json_get(json, "label_names");
    assert_true(number(values, "liver") == 1.0 && number(values, "tumour") == 2.0);
    assert_true(number(values, "background") == 0.0 && number(values, "uncertain") == 3.0);
}

static void expect_times(const struct vox_json *json)
{
    static const char *const parts[] = {"pre", "encode", "track", "post", "write"};
    const struct vox_json *latencies = vox_json_get(json, "latencies");
    double sum = 0.0, total = number(latencies, "total");
    for (int i = 0; i < 5; i++) {
        double seconds = number(latencies, parts[i]);
        assert_true(seconds >= 0.0);
        sum += seconds;
    }
    /* What is between the steps takes next to no time, but some. */
    assert_true(total > 0.0 && sum <= total + 1e-6);
}

/* Bounds and numbers of voxels as they are counted anew. */
static void expect_counts(struct vox_result *result, const struct vox_json *json)
{
    static uint16_t values[RIG_VOXELS];
    static const char *const names[] = {"liver", "tumour", "uncertain"};
    rig_labels(result, values);
    for (int label = 0; label < 3; label++) {
        int64_t n = 0, lo[3] = {RIG_W, RIG_H, RIG_D}, hi[3] = {-1, -1, -1};
        for (int at = 0; at < RIG_VOXELS; at++) {
            const int64_t ijk[3] = {at % RIG_W, at / RIG_W % RIG_H, at / RIG_SLICE};
            n += values[at] == label + 1;
            for (int a = 0; a < 3 && values[at] == label + 1; a++) {
                lo[a] = ijk[a] < lo[a] ? ijk[a] : lo[a];
                hi[a] = ijk[a] > hi[a] ? ijk[a] : hi[a];
            }
        }
        const struct vox_json *bounds = vox_json_get(vox_json_get(json, "bbox"), names[label]);
        assert_true(number(vox_json_get(json, "voxels"), names[label]) == (double)n);
        double ml = number(vox_json_get(json, "volume_ml"), names[label]);
        assert_true(fabs(ml - (double)n * 0.7 * 0.9 * 2.5 / 1000.0) < 1e-9);
        assert_int_equal(n > 0 ? VOX_JSON_ARRAY : VOX_JSON_NULL, vox_json_kind(bounds));
        for (int a = 0; a < 3 && n > 0; a++) {
            int64_t low, high;
            assert_true(vox_json_int(vox_json_at(bounds, (size_t)a), &low));
            assert_true(vox_json_int(vox_json_at(bounds, (size_t)a + 3), &high));
            assert_true(low == lo[a] && high == hi[a]);
        }
    }
}

static void test_report(void **state)
{
    (void)state;
    const struct vox_files files = {.mask = "a mask.nii"};
    struct vox_result *result = segment(rig_request(labels, 2, box));
    struct vox_json *json = report(result, NULL);
    bool valid = false;
    expect_all_keys(json);
    expect_times(json);
    expect_counts(result, json);
    assert_true(vox_json_bool(vox_json_get(json, "valid"), &valid) && valid);
    assert_int_equal(VOX_JSON_NULL, vox_json_kind(vox_json_get(json, "reason")));
    const struct vox_json *scores = vox_json_get(vox_json_get(json, "scores"), "liver");
    assert_int_equal(4, vox_json_count(vox_json_get(scores, "object_score")));
    assert_true(number(scores, "agreement_dice") > 0.0);
    assert_true(number(scores, "entropy") > 0.0);
    assert_int_equal(VOX_JSON_NULL, vox_json_kind(vox_json_get(json, "mask")));
    assert_int_equal(64,
                     strlen(vox_json_text(vox_json_get(vox_json_get(json, "model"), "sha256"))));
    vox_json_free(json);
    json = report(result, &files);
    assert_string_equal("a mask.nii", vox_json_text(vox_json_get(json, "mask")));
    vox_json_free(json);
    vox_result_close(result);
}

static void test_report_of_nothing(void **state)
{
    (void)state;
    static const char *const params[] = {"{}",
                                         "{\"liver\": [[1, 2, 77]], \"spleen\": [[1, 2, 3]]}"};
    for (int i = 0; i < 2; i++) {
        struct vox_result *result = segment(rig_request(labels, 2, params[i]));
        struct vox_json *json = report(result, NULL);
        bool valid = true;
        expect_all_keys(json);
        expect_counts(result, json);
        assert_true(vox_json_bool(vox_json_get(json, "valid"), &valid) && !valid);
        assert_true(strlen(vox_json_text(vox_json_get(json, "reason"))) > 20);
        assert_int_equal(0, vox_json_count(vox_json_get(json, "scores")));
        assert_int_equal(2 * i, vox_json_count(vox_json_get(json, "warnings")));
        vox_json_free(json);
        vox_result_close(result);
    }
}

/* Of many labels without a usable prompt the list ends with a word of it. */
static void test_many_warnings(void **state)
{
    (void)state;
    enum { N = 60 };
    char names[N][8], params[64 * N] = "{\"L0\": [[20, 15, 2]]";
    const char *many[N];
    for (int i = 0; i < N; i++) {
        size_t at = strlen(params);
        snprintf(names[i], sizeof(names[i]), "L%d", i);
        many[i] = names[i];
        if (i > 0) {
            snprintf(params + at, sizeof(params) - at, ", \"L%d\": [[-5, 1, 1]]", i);
        }
    }
    strcat(params, "}");
    struct vox_result *result = segment(rig_request(many, N, params));
    struct vox_result_facts facts;
    vox_result_describe(result, &facts);
    assert_true(facts.valid && facts.n_warnings > 10);
    assert_non_null(strstr(vox_result_warning(result, 0), "L1"));
    assert_non_null(strstr(vox_result_warning(result, facts.n_warnings - 1), "more warnings"));
    assert_null(strstr(vox_result_warning(result, facts.n_warnings - 2), "more warnings"));
    vox_result_close(result);
}

/* ---- requests ---- */

static void test_request_is_copied(void **state)
{
    (void)state;
    const double far[3] = {39, 29, 5};
    struct vox_request *request = rig_request(NULL, 0, box);
    struct vox_result *first = NULL, *second = NULL;
    assert_int_equal(VOX_OK, vox_segment(model, image, request, NULL, &first, NULL));
    char *before = rig_json(first);
    assert_int_equal(VOX_OK, vox_segment(model, image, request, NULL, &second, NULL));
    assert_int_equal(VOX_OK, vox_request_click(request, NULL, far, 1, NULL));
    vox_request_close(request);
    char *after = rig_json(second);
    assert_string_equal(before, after);
    vox_free(before);
    vox_free(after);
    vox_result_close(first);
    vox_result_close(second);
}

static void test_names_and_numbers_of_requests(void **state)
{
    (void)state;
    const double at[3] = {1, 2, 3}, bad[3] = {1, (double)NAN, 3};
    const double corners[4] = {1, 2, 9, 9}, open_end[2] = {0, (double)INFINITY};
    const int64_t size[3] = {RIG_W, RIG_H, RIG_D - 1};
    static uint8_t mask[RIG_VOXELS] = {1};
    struct vox_request *request = rig_request(labels, 2, "{}");
    struct vox_result *result = NULL;
    struct vox_err err = {0};
    assert_int_equal(VOX_E_NOT_FOUND, vox_request_click(request, "spleen", at, 1, &err));
    assert_int_equal(VOX_E_NOT_FOUND, vox_request_box(request, "x", 1, corners, NULL, &err));
    assert_int_equal(VOX_E_NOT_FOUND, vox_request_mask(request, "x", size, mask, &err));
    assert_int_equal(VOX_E_ARG, vox_request_click(request, "liver", bad, 1, &err));
    assert_int_equal(VOX_E_ARG, vox_request_box(request, NULL, 1, corners, open_end, &err));
    assert_int_equal(VOX_E_FORMAT, vox_request_params(request, "[]", 2, &err));
    assert_int_equal(VOX_E_ARG, vox_request_params(request, "{\"clip\": 1}", 11, &err));
    assert_int_equal(VOX_E_ARG, vox_request_open(labels, 0, &request, &err));
    /* Of all that nothing is left; a mask of another size is found out with the image. */
    assert_int_equal(VOX_OK, vox_segment(model, image, request, NULL, &result, &err));
    struct vox_result_facts facts;
    vox_result_describe(result, &facts);
    assert_false(facts.valid);
    assert_int_equal(0, facts.n_warnings);
    vox_result_close(result);
    result = NULL;
    assert_int_equal(VOX_OK, vox_request_mask(request, "tumour", size, mask, &err));
    assert_int_equal(VOX_E_ARG, vox_segment(model, image, request, NULL, &result, &err));
    assert_null(result);
    vox_request_close(request);
}

/* ---- masks ---- */

/* A label file on the image's grid: voxels of the value on slices first ... last. */
static void write_labels(const char *path, int value, int first, int last, const char *name)
{
    static uint8_t voxels[RIG_VOXELS];
    const int64_t size[3] = {RIG_W, RIG_H, RIG_D};
    for (int i = 0; i < RIG_VOXELS; i++) {
        int k = i / RIG_SLICE, place = i % RIG_W;
        voxels[i] = k >= first && k <= last && place > 9 && place < 20 ? (uint8_t)value : 0;
    }
    const struct vox_volume_limits limits = vox_volume_limits_default();
    struct vox_volume *scan = NULL;
    struct vox_file_writer *file = NULL;
    assert_int_equal(VOX_OK, vox_volume_read("scan.nii", &limits, &scan, NULL));
    struct vox_slice_array array = vox_slice_array(size, VOX_VOXEL_U8, voxels);
    const struct vox_slice_supply supply = vox_slice_array_supply(&array);
    const struct vox_segment_info segment = {.name = name, .value = value};
    const struct vox_write_options options = {.segments = &segment, .n_segments = name != NULL};
    assert_int_equal(VOX_OK, vox_volume_prepare(path, &scan->geometry, size, VOX_VOXEL_U8, &supply,
                                                &options, NULL, &file, NULL));
    assert_int_equal(VOX_OK, vox_file_commit(file, NULL));
    vox_volume_free(scan);
}

/* The slices of a label's mask as the plan's borders, or an empty text. */
static void expect_borders(const struct vox_request *request, const char *label, const char *z)
{
    struct vox_result *result = NULL;
    char wanted[80];
    snprintf(wanted, sizeof(wanted), "{\"label\": \"%s\", \"z\": [%s]", label, z);
    assert_int_equal(VOX_OK, vox_segment(model, image, request, NULL, &result, NULL));
    char *json = rig_json(result);
    assert_int_equal(z[0] != '\0', strstr(json, wanted) != NULL);
    wanted[strlen(label) + 12] = '\0';
    assert_int_equal(z[0] != '\0', strstr(json, wanted) != NULL);
    vox_free(json);
    vox_result_close(result);
}

static void test_mask_files(void **state)
{
    (void)state;
    struct vox_err err = {0};
    struct vox_request *request = rig_request(labels, 2, "{}");
    write_labels("two.nii", 2, 1, 2, NULL);
    write_labels("one.nii", 1, 3, 4, NULL);
    write_labels("nine.nii", 9, 1, 2, NULL);
    write_labels("named.seg.nrrd", 2, 2, 4, "liver");
    write_labels("other.seg.nrrd", 2, 0, 1, "spleen");
    assert_int_equal(VOX_OK, vox_request_mask_file(request, image, "two.nii", &err));
    expect_borders(request, "liver", "");
    expect_borders(request, "tumour", "1, 2");
    /* What a file does not hold stays; one that holds nothing changes nothing. */
    assert_int_equal(VOX_OK, vox_request_mask_file(request, image, "one.nii", &err));
    assert_int_equal(VOX_E_ARG, vox_request_mask_file(request, image, "nine.nii", &err));
    expect_borders(request, "liver", "3, 4");
    expect_borders(request, "tumour", "1, 2");
    /* A segment's name counts, and its voxels are not those of the label of its value. */
    assert_int_equal(VOX_OK, vox_request_mask_file(request, image, "named.seg.nrrd", &err));
    expect_borders(request, "liver", "2, 4");
    expect_borders(request, "tumour", "1, 2");
    /* A name that no label has does not. */
    assert_int_equal(VOX_OK, vox_request_mask_file(request, image, "other.seg.nrrd", &err));
    expect_borders(request, "tumour", "0, 1");
    assert_int_equal(VOX_E_NOT_FOUND, vox_request_mask_file(request, image, "none.nii", &err));
    assert_null(strstr(err.msg, "none"));
    vox_request_close(request);
}

/* ---- corrections ---- */

static const double inside[1][2] = {{12, 9}};
static const int negative[1] = {0};

static void refuse(struct vox_result *result, enum vox_code wanted, const char *label, int64_t k,
                   const double (*ij)[2], const int *signs, int n)
{
    struct vox_err err = {0};
    char *before = rig_json(result);
    assert_int_equal(wanted, vox_result_correct(result, label, k, ij, signs, n, NULL, &err));
    assert_true(strlen(err.msg) > 10);
    char *after = rig_json(result);
    assert_string_equal(before, after);
    vox_free(before);
    vox_free(after);
}

static void test_corrections_that_cannot_be(void **state)
{
    (void)state;
    static const double outside[1][2] = {{-0.6, 9}}, not_finite[1][2] = {{(double)NAN, 9}};
    static double many[4096][2];
    static int signs[4096];
    const int odd[1] = {2};
    struct vox_result *result = segment(rig_request(labels, 2, box));
    refuse(result, VOX_E_NOT_FOUND, "spleen", 2, inside, negative, 1);
    refuse(result, VOX_E_ARG, "tumour", 2, inside, negative, 1);
    refuse(result, VOX_E_ARG, NULL, 0, inside, negative, 1);
    refuse(result, VOX_E_ARG, NULL, -1, inside, negative, 1);
    refuse(result, VOX_E_ARG, NULL, RIG_D, inside, negative, 1);
    refuse(result, VOX_E_ARG, NULL, INT64_MAX, inside, negative, 1);
    refuse(result, VOX_E_ARG, NULL, 2, outside, negative, 1);
    refuse(result, VOX_E_ARG, NULL, 2, not_finite, negative, 1);
    refuse(result, VOX_E_ARG, NULL, 2, inside, odd, 1);
    refuse(result, VOX_E_ARG, NULL, 2, inside, negative, 0);
    refuse(result, VOX_E_ARG, NULL, 2, inside, negative, -5);
    /* None of it was begun, so that others can be made. */
    assert_int_equal(VOX_OK, vox_result_correct(result, NULL, 2, inside, negative, 1, NULL, NULL));
    refuse(result, VOX_E_LIMIT, NULL, 3, (const double(*)[2])many, signs, 4096);
    vox_result_close(result);
    result = segment(rig_request(labels, 2, "{}"));
    refuse(result, VOX_E_ARG, NULL, 2, inside, negative, 1);
    vox_result_close(result);
}

static size_t read_bytes(const char *path, uint8_t *out, size_t room)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t n = fread(out, 1, room, file);
    fclose(file);
    assert_true(n > 0 && n < room);
    return n;
}

/* The pictures of both results. */
static void expect_same_preview(struct vox_result *a, struct vox_result *b)
{
    static uint8_t one[1 << 20], two[1 << 20];
    const struct vox_files first = {.preview = "one.png"}, second = {.preview = "two.png"};
    assert_int_equal(VOX_OK, vox_result_save(a, &first, NULL, NULL, NULL));
    assert_int_equal(VOX_OK, vox_result_save(b, &second, NULL, NULL, NULL));
    size_t n = read_bytes("one.png", one, sizeof(one));
    assert_int_equal(n, read_bytes("two.png", two, sizeof(two)));
    assert_memory_equal(one, two, n);
}

/* Clicks of it that lie outside are named in the warnings, as those of a fresh run are. */
static void test_corrections_that_are_in_part(void **state)
{
    (void)state;
    static const double ij[3][2] = {{12, 9}, {400, 9}, {14, 30.5}};
    static const int signs[3] = {1, 1, 0};
    static const char both[] =
        "{\"box\": {\"key\": 2, \"xyxy\": [8, 6, 30, 22], \"z\": [1, 4]}, \"corrections\": "
        "[{\"k\": 3, \"points\": [[12, 9], [400, 9], [14, 30.5]], \"labels\": [1, 1, 0]}]}";
    struct vox_result *fresh = segment(rig_request(labels, 2, both));
    struct vox_result *late = segment(rig_request(labels, 2, box));
    assert_int_equal(VOX_OK, vox_result_correct(late, NULL, 3, ij, signs, 3, NULL, NULL));
    char *wanted = rig_json(fresh), *found = rig_json(late);
    assert_string_equal(wanted, found);
    expect_same_preview(fresh, late);
    struct vox_result_facts facts;
    vox_result_describe(late, &facts);
    assert_int_equal(1, facts.n_warnings);
    assert_non_null(strstr(vox_result_warning(late, 0), "points 1 and 2"));
    assert_string_equal("", vox_result_warning(late, 1));
    assert_string_equal("", vox_result_warning(late, -1));
    vox_free(wanted);
    vox_free(found);
    vox_result_close(fresh);
    vox_result_close(late);
}

/* ---- images ---- */

static void test_images_in_memory(void **state)
{
    (void)state;
    struct vox_voxels voxels = {
        .size = {RIG_W, RIG_H, RIG_D},
        .type = VOX_VOXEL_I16,
        .data = rig_voxels,
        .affine = {{0.1, 0.2, 2.3, 1.0 / 3}, {0.7, -0.1, 0.3, 2}, {0, 0.9, 0.1, -3e5}},
    };
    const struct vox_voxels good = voxels;
    struct vox_image *wrapped = NULL;
    struct vox_image_facts facts;
    struct vox_err err = {0};
    assert_int_equal(VOX_OK, vox_image_wrap(NULL, &voxels, &wrapped, &err));
    assert_int_equal(VOX_OK, vox_image_describe(wrapped, &facts, &err));
    assert_memory_equal(voxels.affine, facts.affine, sizeof(facts.affine));
    for (int a = 0; a < 3; a++) {
        double length = sqrt(pow(voxels.affine[0][a], 2) + pow(voxels.affine[1][a], 2) +
                             pow(voxels.affine[2][a], 2));
        assert_true(fabs(facts.spacing[a] - length) < 1e-12);
        assert_int_equal(voxels.size[a], facts.size[a]);
    }
    vox_image_close(wrapped);
    wrapped = NULL;
    for (int i = 0; i < 7; i++) {
        voxels = good;
        voxels.affine[0][0] = i == 0 ? (double)NAN : i == 1 ? (double)INFINITY : 0.1;
        voxels.affine[1][2] = i == 2 ? -(double)INFINITY : 0.3;
        memset(voxels.affine[2], 0, i == 3 ? sizeof(voxels.affine[2]) : 0);
        voxels.size[i % 3] = i == 4 ? 0 : i == 5 ? 65537 : voxels.size[i % 3];
        voxels.intercept = i == 6 ? (double)NAN : 0.0;
        enum vox_code code = vox_image_wrap(NULL, &voxels, &wrapped, &err);
        assert_true(code == VOX_E_ARG || code == VOX_E_LIMIT || code == VOX_E_FORMAT);
        assert_null(wrapped);
    }
}

/* Neither texts of errors nor what is told of a result says where things are. */
static void test_no_paths(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "", "\x1f\x8b damaged", "NRRD0004\ndata file: DOE.raw\n\n",
        "ObjectType = Image\nNDims = 3\nElementDataFile = DOE.raw\n"};
    struct vox_image *opened = NULL;
    struct vox_err err = {0};
    assert_int_equal(VOX_E_NOT_FOUND, vox_image_open(model, "DOE^JANE.nii", &opened, &err));
    assert_null(strstr(err.msg, "DOE"));
    for (int i = 0; i < 4; i++) {
        struct vox_image_facts facts;
        FILE *file = fopen("DOE^JANE.nii", "wb");
        assert_non_null(file);
        fputs(texts[i], file);
        fclose(file);
        assert_int_equal(VOX_OK, vox_image_open(model, "DOE^JANE.nii", &opened, &err));
        assert_int_not_equal(VOX_OK, vox_image_describe(opened, &facts, &err));
        assert_null(strstr(err.msg, "DOE"));
        struct vox_request *request = rig_request(NULL, 0, box);
        struct vox_result *result = NULL;
        assert_int_not_equal(VOX_OK, vox_segment(model, opened, request, NULL, &result, &err));
        assert_null(strstr(err.msg, "DOE"));
        vox_request_close(request);
        vox_image_close(opened);
    }
    struct vox_model_options options = {.config = "DOE.yaml"};
    struct vox_model *other = NULL;
    assert_int_equal(VOX_E_NOT_FOUND, vox_model_open("tiny.pt", &options, &other, &err));
    assert_null(strstr(err.msg, "DOE"));
    assert_int_equal(VOX_E_NOT_FOUND, vox_model_open("DOE.pt", NULL, &other, &err));
    assert_null(strstr(err.msg, "DOE"));
    options = (struct vox_model_options){.config = rig_config, .cache_dir = "none/DOE"};
    assert_int_not_equal(VOX_OK, vox_model_open("tiny.pt", &options, &other, &err));
    assert_null(strstr(err.msg, "DOE"));
}

static int set_up(void **state)
{
    int status = vox_enter_folder(state);
    if (status == 0) {
        model = rig_model(0);
        image = rig_image(model);
        rig_write_scan();
    }
    return status;
}

static int tear_down(void **state)
{
    vox_image_close(image);
    vox_model_close(model);
    return vox_leave_folder(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_report),
        cmocka_unit_test(test_report_of_nothing),
        cmocka_unit_test(test_many_warnings),
        cmocka_unit_test(test_request_is_copied),
        cmocka_unit_test(test_names_and_numbers_of_requests),
        cmocka_unit_test(test_mask_files),
        cmocka_unit_test(test_corrections_that_cannot_be),
        cmocka_unit_test(test_corrections_that_are_in_part),
        cmocka_unit_test(test_images_in_memory),
        cmocka_unit_test(test_no_paths),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
