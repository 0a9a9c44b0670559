/* The files of a result: names that cannot be, types, compression, all or none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "library_rig.h"
#include "own_folder.h"
#include "util/memory.h"
#include "volume/volume.h"

static const char box[] = "{\"box\": {\"key\": 2, \"xyxy\": [8, 6, 30, 22], \"z\": [1, 4]}}";

static struct vox_model *model;
static struct vox_image *image;

static struct vox_volume *read_volume(const char *path)
{
    const struct vox_volume_limits limits = vox_volume_limits_default();
    struct vox_volume *volume = NULL;
    struct vox_err err = {0};
    if (vox_volume_read(path, &limits, &volume, &err) != VOX_OK) {
        fail_msg("%s", err.msg);
    }
    return volume;
}

/* A file's first bytes as a text. */
static const char *head_of(const char *path)
{
    static char text[2048];
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t n = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    text[n] = '\0';
    return text;
}

static struct vox_result *segment(const char *const *labels, int n, const char *params)
{
    struct vox_request *request = rig_request(labels, n, params);
    struct vox_result *result = NULL;
    struct vox_err err = {0};
    if (vox_segment(model, image, request, NULL, &result, &err) != VOX_OK) {
        fail_msg("%s", err.msg);
    }
    vox_request_close(request);
    return result;
}

static void save_mask(struct vox_result *result, const char *path)
{
    const struct vox_files files = {.mask = path};
    struct vox_err err = {0};
    if (vox_result_save(result, &files, NULL, NULL, &err) != VOX_OK) {
        fail_msg("%s", err.msg);
    }
}

/* ---- names ---- */

static void refuse(struct vox_result *result, const struct vox_files *files, const char *about)
{
    const char *which = NULL;
    struct vox_err err = {0};
    int before = rig_count_files();
    assert_int_equal(VOX_E_ARG, vox_result_save(result, files, NULL, &which, &err));
    assert_ptr_equal(about, which);
    assert_null(strstr(err.msg, about));
    which = NULL;
    if (strcmp(about, "./scan.nii") != 0) {
        assert_int_equal(VOX_E_ARG, vox_files_check(files, &which, NULL));
        assert_ptr_equal(about, which);
    }
    assert_int_equal(before, rig_count_files());
}

static void test_names_that_cannot_be(void **state)
{
    (void)state;
    struct vox_image *file = NULL;
    struct vox_request *request = rig_request(NULL, 0, box);
    struct vox_result *result = NULL;
    assert_int_equal(VOX_OK, vox_image_open(model, "scan.nii", &file, NULL));
    assert_int_equal(VOX_OK, vox_segment(model, file, request, NULL, &result, NULL));
    assert_int_equal(0, mkdir("folder.png", 0700));
    assert_int_equal(0, mkdir("inner", 0700));
    assert_int_equal(0, mkdir("v.raw", 0700));
    assert_int_equal(0, symlink("inner", "link"));
    assert_int_equal(0, mkfifo("pipe.json", 0600));
    static const struct {
        struct vox_files files;
        int about; /* mask, logits, json, preview */
    } bad[] = {
        {{.mask = "m.png"}, 0},
        {{.mask = "m.seg"}, 0},
        {{.logits = "l.seg.nrrd"}, 1},
        {{.preview = "p.jpg"}, 3},
        {{.mask = "m.nii", .logits = "m.nii"}, 1},
        {{.mask = "m.nii", .logits = "./m.nii"}, 1},
        {{.mask = "inner/m.nii", .logits = "link/m.nii"}, 1},
        {{.mask = "m.mhd", .json = "m.raw"}, 2},
        {{.logits = "m.mhd", .json = "m.zraw"}, 2},
        {{.mask = "m.nii", .preview = "folder.png"}, 3},
        {{.mask = "m.nii", .logits = "v.mhd"}, 1},
        {{.mask = "m.nii", .json = "pipe.json"}, 2},
        {{.mask = "./scan.nii"}, 0},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const struct vox_files *files = &bad[i].files;
        const char *const paths[] = {files->mask, files->logits, files->json, files->preview};
        refuse(result, files, paths[bad[i].about]);
    }
    /* No folder at all is not a wrong argument but what the system says. */
    const struct vox_files nowhere = {.mask = "m.nii", .json = "none/report.json"};
    const char *which = NULL;
    int before = rig_count_files();
    assert_int_equal(VOX_E_IO, vox_result_save(result, &nowhere, NULL, &which, NULL));
    assert_ptr_equal(nowhere.json, which);
    assert_int_equal(before, rig_count_files());
    assert_int_equal(VOX_OK, vox_files_check(&(struct vox_files){0}, NULL, NULL));
    assert_int_equal(VOX_OK, vox_result_save(result, &(struct vox_files){0}, NULL, NULL, NULL));
    vox_result_close(result);
    vox_request_close(request);
    vox_image_close(file);
}

/* A header's voxels are the image too: nothing may take their place. */
static void test_voxels_beside_a_header(void **state)
{
    (void)state;
    struct vox_volume *scan = read_volume("scan.nii");
    assert_int_equal(VOX_OK, vox_volume_write("beside.mhd", &scan->geometry, scan->size, scan->type,
                                              scan->voxels, NULL));
    vox_volume_free(scan);
    struct vox_image *file = NULL;
    struct vox_request *request = rig_request(NULL, 0, box);
    struct vox_result *result = NULL;
    assert_int_equal(VOX_OK, vox_image_open(model, "beside.mhd", &file, NULL));
    assert_int_equal(VOX_OK, vox_segment(model, file, request, NULL, &result, NULL));
    struct stat before, after;
    assert_int_equal(0, stat("beside.raw", &before));
    static const char *const names[] = {"beside.raw", "./beside.mhd"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const struct vox_files files = {.json = names[i]};
        const char *which = NULL;
        assert_int_equal(VOX_E_ARG, vox_result_save(result, &files, NULL, &which, NULL));
        assert_ptr_equal(names[i], which);
    }
    assert_int_equal(0, stat("beside.raw", &after));
    assert_true(before.st_ino == after.st_ino && before.st_size == after.st_size);
    vox_result_close(result);
    vox_request_close(request);
    vox_image_close(file);
}

/* An older file under a name stays until all new ones are there. */
static void test_all_or_none(void **state)
{
    (void)state;
    struct vox_result *result = segment(NULL, 0, box);
    save_mask(result, "old.nii");
    struct stat before, after;
    assert_int_equal(0, stat("old.nii", &before));
    const struct vox_files files = {.mask = "old.nii", .logits = "none/logits.nii"};
    assert_int_equal(VOX_E_IO, vox_result_save(result, &files, NULL, NULL, NULL));
    assert_int_equal(0, stat("old.nii", &after));
    assert_true(before.st_ino == after.st_ino);
    save_mask(result, "old.nii");
    assert_int_equal(0, stat("old.nii", &after));
    assert_true(before.st_ino != after.st_ino);
    vox_result_close(result);
}

/* ---- what the request asks for ---- */

static void expect_types(int n_labels, const char *dtype, enum vox_voxel_type type)
{
    char names[256][8], params[200];
    const char *labels[256];
    for (int i = 0; i < n_labels; i++) {
        snprintf(names[i], sizeof(names[i]), "L%d", i);
        labels[i] = names[i];
    }
    snprintf(params, sizeof(params),
             "{\"box\": {\"key\": 2, \"xyxy\": [8, 6, 30, 22], \"z\": [0, 5], \"label\": \"L%d\"}, "
             "\"result_dtype\": \"%s\"}",
             n_labels - 1, dtype);
    struct vox_result *result = segment(labels, n_labels, params);
    uint16_t slice[RIG_SLICE];
    save_mask(result, "typed.nii");
    struct vox_volume *volume = read_volume("typed.nii");
    assert_int_equal(type, volume->type);
    int64_t own = 0, uncertain = 0;
    for (int64_t k = 0; k < RIG_D; k++) {
        double values[RIG_SLICE];
        vox_volume_slice(volume, k, values);
        vox_result_slice(result, k, slice);
        for (int i = 0; i < RIG_SLICE; i++) {
            assert_true(values[i] == (double)slice[i]);
            own += slice[i] == n_labels;
            uncertain += slice[i] == n_labels + 1;
        }
    }
    assert_true(own > 0 && uncertain > 0);
    vox_volume_free(volume);
    vox_result_close(result);
}

static void test_types(void **state)
{
    (void)state;
    expect_types(1, "", VOX_VOXEL_U8);
    expect_types(1, "uint16", VOX_VOXEL_U16);
    /* Of 254 labels the uncertain value is 255; of one more it does not fit any more. */
    expect_types(254, "uint8", VOX_VOXEL_U8);
    expect_types(255, "uint8", VOX_VOXEL_U16);
}

static void test_compression(void **state)
{
    (void)state;
    static const struct {
        const char *params, *path, *holds;
    } cases[] = {
        {"{}", "c.nrrd", "encoding: gzip"},
        {"{\"result_compress\": false}", "c.nrrd", "encoding: raw"},
        {"{\"result_compress\": true}", "c.nrrd", "encoding: gzip"},
        {"{\"result_compress\": false}", "c.seg.nrrd", "encoding: raw"},
        {"{}", "c.mha", "CompressedData = False"},
        {"{\"result_compress\": true}", "c.mha", "CompressedData = True"},
        {"{\"result_compress\": false}", "c.nii.gz", "\x1f\x8b"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct vox_result *result = segment(NULL, 0, cases[i].params);
        save_mask(result, cases[i].path);
        assert_non_null(strstr(head_of(cases[i].path), cases[i].holds));
        vox_result_close(result);
    }
}

static void test_extension(void **state)
{
    (void)state;
    static const struct {
        const char *path, *params, *wanted;
    } cases[] = {
        {NULL, "{}", ".nii.gz"},
        {NULL, "{\"result_extension\": \".nrrd\"}", ".nrrd"},
        {NULL, "{\"result_extension\": \".seg.nrrd\"}", ".seg.nrrd"},
        {NULL, "{\"result_extension\": \".mhd\"}", ".mha"},
        {"e.nii", "{}", ".nii"},
        {"e.NII", "{}", ".nii"},
        {"e.mhd", "{}", ".mha"},
        {"e.mha", "{\"result_extension\": \".nii\"}", ".nii"},
        {"e.seg.nrrd", "{}", ".nrrd"},
        {"e.upload", "{}", ".nrrd"}, /* by its content */
    };
    struct vox_result *mask = segment(NULL, 0, box);
    save_mask(mask, "e.nii");
    save_mask(mask, "e.mhd");
    save_mask(mask, "e.mha");
    save_mask(mask, "e.seg.nrrd");
    assert_int_equal(0, link("e.seg.nrrd", "e.upload") | link("e.nii", "e.NII"));
    vox_result_close(mask);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct vox_image *opened = NULL;
        struct vox_result *result = NULL;
        struct vox_request *request = rig_request(NULL, 0, cases[i].params);
        if (cases[i].path != NULL) {
            assert_int_equal(VOX_OK, vox_image_open(model, cases[i].path, &opened, NULL));
        }
        assert_int_equal(VOX_OK, vox_segment(model, opened != NULL ? opened : image, request, NULL,
                                             &result, NULL));
        assert_string_equal(cases[i].wanted, vox_result_extension(result));
        vox_result_close(result);
        vox_request_close(request);
        vox_image_close(opened);
    }
}

/* ---- logits and previews ---- */

static void read_logits(struct vox_result *result, double *out)
{
    const struct vox_files files = {.logits = "logits.nii"};
    assert_int_equal(VOX_OK, vox_result_save(result, &files, NULL, NULL, NULL));
    struct vox_volume *volume = read_volume("logits.nii");
    assert_int_equal(VOX_VOXEL_F32, volume->type);
    for (int64_t k = 0; k < RIG_D; k++) {
        vox_volume_slice(volume, k, out + k * RIG_SLICE);
    }
    vox_volume_free(volume);
}

static double higher(double a, double b)
{
    return a >= b || b != b ? a : b;
}

static void test_logits_of_several_objects(void **state)
{
    (void)state;
    static const char *const labels[] = {"a", "b"};
    static double one[RIG_VOXELS], two[RIG_VOXELS], both[RIG_VOXELS];
    static const char first[] = "{\"box\": {\"key\": 1, \"xyxy\": [2, 2, 20, 18], \"z\": [0, 2], "
                                "\"label\": \"a\"}, \"zoom\": 1.5}";
    static const char second[] = "{\"box\": {\"key\": 3, \"xyxy\": [12, 8, 36, 26], \"z\": [2, 4], "
                                 "\"label\": \"b\"}, \"zoom\": 1.5}";
    struct vox_request *request = rig_request(labels, 2, first);
    struct vox_result *result = segment(labels, 2, first);
    read_logits(result, one);
    vox_result_close(result);
    result = segment(labels, 2, second);
    read_logits(result, two);
    vox_result_close(result);
    assert_int_equal(VOX_OK, vox_request_params(request, second, strlen(second), NULL));
    assert_int_equal(VOX_OK, vox_segment(model, image, request, NULL, &result, NULL));
    read_logits(result, both);
    vox_result_close(result);
    vox_request_close(request);
    int told = 0, shared = 0, silent = 0;
    for (int i = 0; i < RIG_VOXELS; i++) {
        double wanted = higher(one[i], two[i]);
        assert_true(both[i] == wanted || (both[i] != both[i] && wanted != wanted));
        told += both[i] == both[i];
        shared += one[i] == one[i] && two[i] == two[i];
        silent += both[i] != both[i];
    }
    assert_true(told > 0 && shared > 0 && silent > 0);
}

static void test_invalid(void **state)
{
    (void)state;
    const struct vox_files files = {"blank.nii", "blank_logits.nii", "blank.json", "blank.png"};
    struct vox_result *result = segment(NULL, 0, "{\"background\": [[1, 2, 3]]}");
    assert_int_equal(VOX_OK, vox_result_save(result, &files, NULL, NULL, NULL));
    struct vox_volume *mask = read_volume(files.mask), *logits = read_volume(files.logits);
    for (int64_t k = 0; k < RIG_D; k++) {
        double values[RIG_SLICE];
        vox_volume_slice(mask, k, values);
        for (int i = 0; i < RIG_SLICE; i++) {
            assert_true(values[i] == 0.0);
        }
        vox_volume_slice(logits, k, values);
        for (int i = 0; i < RIG_SLICE; i++) {
            assert_true(values[i] != values[i]);
        }
    }
    struct vox_image_facts facts;
    assert_int_equal(VOX_OK, vox_image_describe(image, &facts, NULL));
    for (int r = 0; r < 3; r++) {
        for (int c = 0; c < 4; c++) {
            double apart = mask->geometry.affine[r][c] - facts.affine[r][c];
            assert_true(apart < 1e-5 && apart > -1e-5);
        }
    }
    assert_non_null(strstr(head_of(files.json), "\"valid\": false"));
    assert_memory_equal("\x89PNG", head_of(files.preview), 4);
    vox_volume_free(mask);
    vox_volume_free(logits);
    vox_result_close(result);
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
        cmocka_unit_test(test_names_that_cannot_be),
        cmocka_unit_test(test_voxels_beside_a_header),
        cmocka_unit_test(test_all_or_none),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_compression),
        cmocka_unit_test(test_extension),
        cmocka_unit_test(test_logits_of_several_objects),
        cmocka_unit_test(test_invalid),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
