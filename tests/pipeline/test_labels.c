#include "pipeline/labels.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "pipeline/params_read.h"
#include "support/failing_alloc.h"

static const char longest[] = "123456789 123456789 123456789 123456789 123456789 123456789 123";

static enum vox_code init(struct vox_labels *out, const char *name)
{
    struct vox_err err = {0};
    enum vox_code code = vox_labels_init(out, &name, 1, &err);
    assert_true((code == VOX_OK) == (err.msg[0] == '\0'));
    return code;
}

static void test_names_and_values(void **state)
{
    (void)state;
    static const char *const names[] = {"liver", "t\xc3\xbcmour", longest};
    struct vox_labels labels = {0};
    struct vox_labels copy = {0};
    struct vox_err err = {0};
    assert_int_equal(sizeof(longest), VOX_LABEL_BYTES);
    assert_int_equal(VOX_OK, vox_labels_init(&labels, names, 3, &err));
    assert_int_equal(3, labels.n);
    for (int i = 0; i < 3; i++) {
        assert_string_equal(names[i], labels.names[i]);
        assert_int_equal(i, vox_labels_find(&labels, names[i]));
        assert_int_equal(i + 1, vox_label_value(i));
    }
    assert_int_equal(4, vox_uncertain_value(&labels));
    assert_int_equal(-1, vox_labels_find(&labels, "live"));
    assert_int_equal(-1, vox_labels_find(&labels, ""));

    assert_int_equal(VOX_OK, vox_labels_copy(&copy, &labels, &err));
    labels.names[0][0] = 'L';
    assert_string_equal("liver", copy.names[0]);
    assert_int_equal(3, copy.n);
    vox_labels_fini(&labels);
    assert_null(labels.names);
    vox_labels_fini(&labels);
    vox_labels_fini(&copy);
}

static void test_default(void **state)
{
    (void)state;
    struct vox_labels labels = {0};
    assert_int_equal(VOX_OK, vox_labels_default(&labels, NULL));
    assert_int_equal(1, labels.n);
    assert_string_equal("intersection", labels.names[0]);
    assert_int_equal(2, vox_uncertain_value(&labels));
    vox_labels_fini(&labels);
}

static void test_refused_names(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "a\nb",
        "a\x7f",
        "\xff",
        "\xc3",
        "\xc0\xaf",
        "\xed\xa0\x80",
        "background",
        "uncertain",
        "box",
        "mask",
        "roi",
        "zoom",
        "window",
        "extent",
        "passes",
        "clip",
        "label",
        "slice",
        "points",
        "point_labels",
        "foreground",
        "corrections",
        "min_box",
        "broadcast",
        "points_as",
        "mask_slices",
        "refine",
        "mask_from",
        "largest_cc",
        "fill_holes",
        "model",
        "keep_uncertain",
        "result_dtype",
        "image",
        "device",
        "result_extension",
        "result_compress",
        "save_label",
        "label_tag",
        "client_id",
        "123456789 123456789 123456789 123456789 123456789 123456789 1234",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct vox_labels labels = {.n = 77};
        assert_int_equal(VOX_E_ARG, init(&labels, bad[i]));
        assert_int_equal(77, labels.n);
    }
    struct vox_labels labels = {0};
    assert_int_equal(VOX_E_ARG, init(&labels, NULL));
    /* Near a parameter's name is none. */
    assert_int_equal(VOX_OK, init(&labels, "Box"));
    vox_labels_fini(&labels);
    assert_false(vox_params_is_key("intersection"));
    assert_false(vox_params_is_key(""));
}

static void test_counts(void **state)
{
    (void)state;
    static char texts[VOX_LABELS_MAX + 1][8];
    static const char *names[VOX_LABELS_MAX + 1];
    struct vox_labels labels = {0};
    struct vox_err err = {0};
    for (int i = 0; i <= VOX_LABELS_MAX; i++) {
        snprintf(texts[i], sizeof(texts[i]), "L%d", i);
        names[i] = texts[i];
    }
    assert_int_equal(VOX_E_ARG, vox_labels_init(&labels, names, 0, &err));
    assert_int_equal(VOX_E_ARG, vox_labels_init(&labels, names, -1, &err));
    assert_int_equal(VOX_E_LIMIT, vox_labels_init(&labels, names, VOX_LABELS_MAX + 1, &err));
    assert_int_equal(VOX_OK, vox_labels_init(&labels, names, VOX_LABELS_MAX, &err));
    assert_int_equal(VOX_LABELS_MAX - 1, vox_labels_find(&labels, "L1023"));
    vox_labels_fini(&labels);
    names[5] = "L2";
    assert_int_equal(VOX_E_ARG, vox_labels_init(&labels, names, 9, &err));
    assert_non_null(strstr(err.msg, "'L2'"));
}

static void test_no_memory(void **state)
{
    (void)state;
    struct vox_labels labels = {0};
    struct vox_labels copy = {0};
    struct vox_err err = {0};
    vox_fail_allocation(1);
    assert_int_equal(VOX_E_NOMEM, vox_labels_default(&labels, &err));
    assert_null(labels.names);
    assert_int_equal(VOX_OK, vox_labels_default(&labels, &err));
    vox_fail_allocation(1);
    assert_int_equal(VOX_E_NOMEM, vox_labels_copy(&copy, &labels, &err));
    assert_null(copy.names);
    vox_labels_fini(&labels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_and_values), cmocka_unit_test(test_default),
        cmocka_unit_test(test_refused_names),    cmocka_unit_test(test_counts),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
