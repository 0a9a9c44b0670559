/* Which points of a request are new to an earlier one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "pipeline/job_parts.h"
#include "request_fixture.h"
#include "support/failing_alloc.h"

/* The corrections as "label k: i,j+ i,j- | ...". */
static void spell(const struct vox_request *request, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t c = 0; c < request->n_corrections; c++) {
        const struct vox_correction_ask *correction = &request->corrections[c];
        used += (size_t)snprintf(out + used, size - used, "%s%d %g:", c > 0 ? " | " : "",
                                 correction->label, correction->k);
        for (size_t i = 0; i < correction->n_clicks; i++) {
            const struct vox_click *click = &correction->clicks[i];
            used += (size_t)snprintf(out + used, size - used, " %g,%g%c", click->at[0],
                                     click->at[1], click->positive ? '+' : '-');
        }
    }
}

static void expect(const char *before, const char *now, const char *wanted)
{
    char found[512];
    size_t first;
    struct vox_request *merged, *old = request_fixture_read(before);
    struct vox_request *fresh = request_fixture_read(now);
    size_t had = old->n_corrections;
    assert_int_equal(VOX_OK, vox_job_refined(old, fresh, &merged, &first, NULL));
    assert_int_equal(had, first);
    spell(merged, found, sizeof(found));
    assert_string_equal(wanted, found);
    for (int l = 0; l < old->labels.n; l++) {
        assert_int_equal(old->objects[l].n_clicks, merged->objects[l].n_clicks);
        assert_int_equal(old->objects[l].n_boxes, merged->objects[l].n_boxes);
    }
    assert_int_equal(old->n_background, merged->n_background);
    /* All of it again is nothing new. */
    struct vox_request *again;
    assert_int_equal(VOX_OK, vox_job_refined(merged, fresh, &again, &first, NULL));
    assert_int_equal(merged->n_corrections, again->n_corrections);
    vox_request_free(again);
    vox_request_free(merged);
    vox_request_free(fresh);
    vox_request_free(old);
}

static void test_new_points(void **state)
{
    (void)state;
    expect("{'liver': [[1, 2, 3]]}", "{'liver': [[1, 2, 3]]}", "");
    expect("{'liver': [[1, 2, 3]]}", "{'liver': [[4, 5, 6], [1, 2, 3]]}", "0 6: 4,5+");
    /* Those of one slice in a row are one correction. */
    expect("{'liver': [[1, 2, 3]]}", "{'liver': [[4, 5, 6], [1, 2, 3], [7, 8, 6], [1, 1, 5]]}",
           "0 6: 4,5+ 7,8+ | 0 5: 1,1+");
    /* The same point twice is a new one once. */
    expect("{'liver': [[1, 2, 3]]}", "{'liver': [[1, 2, 3], [1, 2, 3]]}", "0 3: 1,2+");
    expect("{'liver': [[1, 2, 3]]}", "{'tumour': [[1, 2, 3]], 'liver': [[9, 9, 9]]}",
           "0 9: 9,9+ | 1 3: 1,2+");
    expect("{'liver': [[1, 2, 3]]}", "{}", "");
    /* A point that is negative now is another one. */
    expect("{'points': [[1, 2, 3], [4, 5, 3]], 'point_labels': [1, 1]}",
           "{'points': [[1, 2, 3], [4, 5, 3]], 'point_labels': [1, 0]}", "0 3: 4,5-");
}

static void test_background(void **state)
{
    (void)state;
    /* It is of every object, and of these alone. */
    expect("{'liver': [[1, 2, 3]]}", "{'liver': [[1, 2, 3]], 'background': [[5, 5, 3]]}",
           "0 3: 5,5-");
    expect("{'liver': [[1, 2, 3]], 'tumour': [[3, 3, 3]]}",
           "{'background': [[5, 5, 3], [6, 6, 3], [7, 7, 4]]}",
           "0 3: 5,5- 6,6- | 0 4: 7,7- | 1 3: 5,5- 6,6- | 1 4: 7,7-");
    expect("{'liver': [[1, 2, 3]], 'background': [[5, 5, 3]]}", "{'background': [[5, 5, 3]]}", "");
}

static void test_corrections(void **state)
{
    (void)state;
    static const char *const one = "{'liver': [[1, 2, 3]], 'corrections': [{'k': 2, 'points': "
                                   "[[4, 4], [5, 5]], 'labels': [1, 0]}]}";
    static const char *const two = "{'liver': [[1, 2, 3]], 'corrections': [{'k': 2, 'points': "
                                   "[[4, 4], [5, 5]], 'labels': [1, 0]}, {'k': 1, 'points': "
                                   "[[6, 6]]}]}";
    expect(one, two, "0 2: 4,4+ 5,5- | 0 1: 6,6+");
    /* What was a correction may come as a point. */
    expect(one, "{'liver': [[1, 2, 3], [4, 4, 2]], 'background': [[5, 5, 2]]}", "0 2: 4,4+ 5,5-");
}

static void test_file_options(void **state)
{
    (void)state;
    struct vox_request *merged;
    size_t first;
    struct vox_request *old = request_fixture_read("{'liver': [[1, 2, 3]], 'zoom': 2}");
    struct vox_request *fresh = request_fixture_read("{'zoom': 3, 'result_extension': '.nrrd'}");
    assert_int_equal(VOX_OK, vox_job_refined(old, fresh, &merged, &first, NULL));
    assert_string_equal(".nrrd", merged->result_extension);
    assert_true(merged->zoom.factor == 2.0);
    vox_request_free(merged);
    vox_request_free(fresh);
    vox_request_free(old);
}

static void test_no_memory(void **state)
{
    (void)state;
    struct vox_request *merged;
    size_t first;
    struct vox_request *old = request_fixture_read("{'liver': [[1, 2, 3]], 'tumour': [[3, 3, 3]]}");
    struct vox_request *fresh =
        request_fixture_read("{'liver': [[4, 4, 4], [5, 5, 4]], 'background': [[6, 6, 5]]}");
    enum vox_code code = VOX_E_NOMEM;
    long k = 0;
    while (code != VOX_OK) {
        assert_true(k < 1000);
        vox_fail_allocation(++k);
        code = vox_job_refined(old, fresh, &merged, &first, NULL);
        bool failed = vox_allocation_failed();
        vox_fail_allocation(0);
        assert_int_equal(failed ? VOX_E_NOMEM : VOX_OK, code);
    }
    assert_true(k > 5);
    assert_int_equal(3, merged->n_corrections);
    vox_request_free(merged);
    vox_request_free(fresh);
    vox_request_free(old);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new_points),  cmocka_unit_test(test_background),
        cmocka_unit_test(test_corrections), cmocka_unit_test(test_file_options),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
