#include "util/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/failing_alloc.h"

static struct vox_yaml *parse(const char *text)
{
    struct vox_yaml *yaml = NULL;
    struct vox_err err = {0};
    assert_int_equal(VOX_OK, vox_yaml_parse(text, strlen(text), &yaml, &err));
    assert_non_null(yaml);
    return yaml;
}

static void refuse(const char *text, size_t size, enum vox_code code, const char *said)
{
    struct vox_yaml *yaml = NULL;
    struct vox_err err = {0};
    assert_int_equal(code, vox_yaml_parse(text, size, &yaml, &err));
    assert_null(yaml);
    assert_non_null(strstr(err.msg, said));
}

static void test_tree(void **state)
{
    (void)state;
    struct vox_yaml *yaml = parse("# comment\nmodel:\n  size: 512\n  list: [1, two]\n"
                                  "  empty:\nlast: 'a: b'\n");
    const struct vox_yaml_node *root = vox_yaml_root(yaml);
    assert_int_equal(VOX_YAML_MAPPING, vox_yaml_kind(root));
    const struct vox_yaml_node *model = vox_yaml_first(root);
    assert_string_equal("model", vox_yaml_key(model));
    assert_ptr_equal(model, vox_yaml_get(root, "model"));
    assert_null(vox_yaml_text(model));
    const struct vox_yaml_node *last = vox_yaml_next(model);
    assert_string_equal("last", vox_yaml_key(last));
    assert_string_equal("a: b", vox_yaml_text(last));
    assert_int_equal(6, vox_yaml_line(last));
    assert_null(vox_yaml_next(last));
    const struct vox_yaml_node *list = vox_yaml_get(model, "list");
    assert_int_equal(VOX_YAML_SEQUENCE, vox_yaml_kind(list));
    assert_string_equal("1", vox_yaml_text(vox_yaml_first(list)));
    assert_string_equal("two", vox_yaml_text(vox_yaml_next(vox_yaml_first(list))));
    assert_int_equal(4, vox_yaml_line(list));
    assert_true(vox_yaml_is_null(vox_yaml_get(model, "empty")));
    assert_null(vox_yaml_get(model, "none"));
    assert_null(vox_yaml_get(list, "size"));
    assert_null(vox_yaml_get(NULL, "size"));
    vox_yaml_free(yaml);
    vox_yaml_free(NULL);

    yaml = parse("");
    assert_null(vox_yaml_root(yaml));
    vox_yaml_free(yaml);
    yaml = NULL;
    assert_int_equal(VOX_OK, vox_yaml_parse(NULL, 0, &yaml, NULL));
    assert_null(vox_yaml_root(yaml));
    vox_yaml_free(yaml);
}

static void test_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_int, is_real;
        int64_t whole;
        double real;
    } cases[] = {
        {"512", true, true, 512, 512.0},
        {"-7", true, true, -7, -7.0},
        {"+7", true, true, 7, 7.0},
        {"-9223372036854775808", true, true, INT64_MIN, -9223372036854775808.0},
        {"9223372036854775808", false, true, 0, 9223372036854775808.0},
        {"1e-6", false, true, 0, 1e-6},
        {"1.5", false, true, 0, 1.5},
        {".5", false, true, 0, 0.5},
        {"1e999", false, false, 0, 0.0},
        {"'512'", false, false, 0, 0.0},
        {"0x10", false, false, 0, 0.0},
        {"nan", false, false, 0, 0.0},
        {".inf", false, false, 0, 0.0},
        {"1-2", false, false, 0, 0.0},
        {"--2", false, false, 0, 0.0},
        {"e", false, false, 0, 0.0},
        {"1.2.3", false, false, 0, 0.0},
        {"12 13", false, false, 0, 0.0},
        {"[1]", false, false, 0, 0.0},
        {"''", false, false, 0, 0.0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct vox_yaml *yaml = parse(cases[i].text);
        int64_t whole = 77;
        double real = 77.0;
        assert_int_equal(cases[i].is_int, vox_yaml_int(vox_yaml_root(yaml), &whole));
        assert_true(whole == (cases[i].is_int ? cases[i].whole : 77));
        assert_int_equal(cases[i].is_real, vox_yaml_real(vox_yaml_root(yaml), &real));
        assert_true(real == (cases[i].is_real ? cases[i].real : 77.0));
        vox_yaml_free(yaml);
    }
}

static void test_words(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_bool, value, is_null;
    } cases[] = {
        {"true", true, true, false},     {"False", true, false, false},
        {"yes", false, false, false},    {"\"true\"", false, false, false},
        {"tRUE", false, false, false},   {"[true]", false, false, false},
        {"null", false, false, true},    {"~", false, false, true},
        {"'null'", false, false, false}, {"'~'", false, false, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct vox_yaml *yaml = parse(cases[i].text);
        bool value = !cases[i].value;
        assert_int_equal(cases[i].is_bool, vox_yaml_bool(vox_yaml_root(yaml), &value));
        assert_int_equal(cases[i].is_bool ? cases[i].value : !cases[i].value, value);
        assert_int_equal(cases[i].is_null, vox_yaml_is_null(vox_yaml_root(yaml)));
        vox_yaml_free(yaml);
    }
}

static void test_outside_the_subset(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum vox_code code;
        const char *said;
    } cases[] = {
        {"a: 1\nb: &x 2", VOX_E_UNSUPPORTED, "line 2: the anchor '&x'"},
        {"a: &x [1]", VOX_E_UNSUPPORTED, "line 1: the anchor"},
        {"a: *x", VOX_E_UNSUPPORTED, "line 1: the alias '*x'"},
        {"a: !!python/object:os.system x", VOX_E_UNSUPPORTED, "line 1: the tag"},
        {"!t {a: 1}", VOX_E_UNSUPPORTED, "line 1: the tag"},
        {"<<: {a: 1}", VOX_E_UNSUPPORTED, "line 1: the merge key"},
        {"[1]: 2", VOX_E_UNSUPPORTED, "line 1: a key must be a plain word"},
        {"a: 1\n---\nb: 2", VOX_E_UNSUPPORTED, "only one document"},
        {"a: 1\nb: 2\na: 3", VOX_E_FORMAT, "line 3: the key 'a' occurs twice"},
        {"{x: {\"a\": 1, a: 1}}", VOX_E_FORMAT, "the key 'a' occurs twice"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        refuse(cases[i].text, strlen(cases[i].text), cases[i].code, cases[i].said);
    }
}

static void test_damage(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "[1", "{a: 1", "a: 'x", "a: b: c", "a:\n\t- 1", "a: 1\n b: 2", "]", "\xff\xfe\x41", "%a\n",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        refuse(texts[i], strlen(texts[i]), VOX_E_FORMAT, "not YAML");
    }
    refuse("a: \"x\\0y\"", 9, VOX_E_FORMAT, "line 1: a value holds a NUL character");
    refuse("\"a\\0b\": 1", 9, VOX_E_FORMAT, "line 1: a value holds a NUL character");
}

static void test_bytes_and_depth(void **state)
{
    (void)state;
    static char text[VOX_YAML_MAX_BYTES + 1];
    memset(text, ' ', sizeof(text));
    struct vox_yaml *yaml = NULL;
    assert_int_equal(VOX_OK, vox_yaml_parse(text, VOX_YAML_MAX_BYTES, &yaml, NULL));
    vox_yaml_free(yaml);
    refuse(text, sizeof(text), VOX_E_LIMIT, "bytes");

    memset(text, '[', VOX_YAML_MAX_DEPTH + 1);
    memset(text + VOX_YAML_MAX_DEPTH + 1, ']', VOX_YAML_MAX_DEPTH + 1);
    const size_t size = 2 * (VOX_YAML_MAX_DEPTH + 1);
    refuse(text, size, VOX_E_LIMIT, "nested more than 64 levels");
    yaml = NULL;
    assert_int_equal(VOX_OK, vox_yaml_parse(text + 1, size - 2, &yaml, NULL));
    vox_yaml_free(yaml);
}

static void test_nodes_and_keys(void **state)
{
    (void)state;
    static char text[2 * VOX_YAML_MAX_NODES + 8];
    size_t used = 0;
    text[used++] = '[';
    for (int i = 0; i < VOX_YAML_MAX_NODES; i++) {
        text[used++] = '1';
        text[used++] = ',';
    }
    text[used++] = ']';
    refuse(text, used, VOX_E_LIMIT, "more than 65536 values");

    used = 0;
    for (int i = 0; i <= VOX_YAML_MAX_KEYS; i++) {
        used += (size_t)snprintf(text + used, sizeof(text) - used, "k%d: 1\n", i);
    }
    refuse(text, used, VOX_E_LIMIT, "line 1025: more than 1024 keys");
}

static void test_no_memory(void **state)
{
    (void)state;
    static const char text[] = "a: 1\nb: [2, {c: 3}]\n";
    for (long k = 1;; k++) {
        struct vox_yaml *yaml = NULL;
        struct vox_err err = {0};
        vox_fail_allocation(k);
        enum vox_code code = vox_yaml_parse(text, strlen(text), &yaml, &err);
        bool failed = vox_allocation_failed();
        vox_fail_allocation(0);
        if (!failed) {
            assert_int_equal(VOX_OK, code);
            vox_yaml_free(yaml);
            assert_true(k > 6);
            return;
        }
        assert_int_equal(VOX_E_NOMEM, code);
        assert_null(yaml);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tree),           cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_words),          cmocka_unit_test(test_outside_the_subset),
        cmocka_unit_test(test_damage),         cmocka_unit_test(test_bytes_and_depth),
        cmocka_unit_test(test_nodes_and_keys), cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
