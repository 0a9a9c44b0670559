#include "plan_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "pipeline/params_read.h"
#include "util/json_writer.h"
#include "util/memory.h"

const struct vox_plan_image plan_fixture_image = {.size = {100, 80, 40},
                                                  .spacing = {1.0, 1.0, 2.0}};

static char names[2][VOX_LABEL_BYTES] = {"liver", "tumour"};
static const struct vox_labels labels = {.n = 2, .names = names};

/* A copy with a NUL behind it. */
static char *swapped(const char *text, size_t size, char from, char to)
{
    char *copy = vox_alloc(size + 1);
    assert_non_null(copy);
    for (size_t n = 0; n < size; n++) {
        copy[n] = text[n] == from ? to : text[n];
    }
    copy[size] = '\0';
    return copy;
}

struct vox_request *plan_fixture_request(const char *params)
{
    struct vox_request *request = NULL;
    struct vox_err err = {0};
    char *json = swapped(params, strlen(params), '\'', '"');
    if (vox_request_new(&labels, &request, &err) != VOX_OK ||
        vox_params_read(request, json, strlen(json), &err) != VOX_OK) {
        fail_msg("%s: %s", params, err.msg);
    }
    vox_free(json);
    return request;
}

struct vox_plan *plan_fixture_plan(struct vox_request *request, const struct vox_plan_image *image,
                                   const struct vox_plan_defaults *defaults)
{
    struct vox_plan *plan = NULL;
    struct vox_err err = {0};
    if (vox_plan_new(request, image, defaults, &plan, &err) != VOX_OK) {
        fail_msg("%s", err.msg);
    }
    vox_request_free(request);
    return plan;
}

struct vox_plan *plan_fixture_of(const char *params)
{
    const struct vox_plan_defaults defaults = {.zoom = 0.0};
    return plan_fixture_plan(plan_fixture_request(params), &plan_fixture_image, &defaults);
}

void plan_fixture_mask(struct vox_request *request, const struct vox_plan_image *image,
                       const int64_t (*boxes)[5], size_t n)
{
    const int64_t *size = image->size;
    uint8_t *mask = vox_calloc((size_t)(size[0] * size[1] * size[2]), 1);
    assert_non_null(mask);
    for (size_t b = 0; b < n; b++) {
        for (int64_t j = boxes[b][1]; j <= boxes[b][3]; j++) {
            for (int64_t i = boxes[b][0]; i <= boxes[b][2]; i++) {
                mask[(boxes[b][4] * size[1] + j) * size[0] + i] = 1;
            }
        }
    }
    struct vox_err err = {0};
    if (vox_request_set_mask(request, 0, size[0], size[1], 0, size[2], mask, &err) != VOX_OK) {
        fail_msg("%s", err.msg);
    }
    vox_free(mask);
}

char *plan_fixture_json(const struct vox_plan *plan)
{
    struct vox_json_writer *json = vox_json_writer_new();
    const char *text;
    size_t size;
    struct vox_err err = {0};
    assert_non_null(json);
    vox_json_begin_array(json, NULL);
    vox_plan_write_json(plan, &labels, json, NULL);
    vox_json_end(json);
    assert_int_equal(vox_json_writer_text(json, &text, &size, &err), VOX_OK);
    char *copy = swapped(text, size, '"', '\'');
    vox_json_writer_free(json);
    return copy;
}

char *plan_fixture_text(const struct vox_plan *plan)
{
    char *text = NULL;
    struct vox_err err = {0};
    assert_int_equal(vox_plan_text(plan, &labels, &text, &err), VOX_OK);
    return text;
}

static void look_for(const struct vox_plan *plan, const char *part, bool wanted)
{
    char *json = plan_fixture_json(plan);
    if ((strstr(json, part) != NULL) != wanted) {
        fail_msg("%s '%s' in %s", wanted ? "missing" : "not wanted:", part, json);
    }
    vox_free(json);
}

void plan_fixture_expect(const struct vox_plan *plan, const char *part)
{
    look_for(plan, part, true);
}

void plan_fixture_expect_not(const struct vox_plan *plan, const char *part)
{
    look_for(plan, part, false);
}

void plan_fixture_expect_warning(const struct vox_plan *plan, const char *words)
{
    for (int n = 0; n < plan->warnings.n; n++) {
        if (strstr(plan->warnings.text[n], words) != NULL) {
            return;
        }
    }
    fail_msg("no warning with '%s' among %d; the first is '%s'", words, plan->warnings.n,
             plan->warnings.text[0]);
}

void plan_fixture_check(const char *params, const char *part)
{
    struct vox_plan *plan = plan_fixture_of(params);
    plan_fixture_expect(plan, part);
    vox_plan_free(plan);
}

void plan_fixture_refuse(const char *params, const char *words)
{
    const struct vox_plan_defaults defaults = {.zoom = 0.0};
    struct vox_request *request = plan_fixture_request(params);
    struct vox_plan *plan = NULL;
    struct vox_err err = {0};
    enum vox_code code = vox_plan_new(request, &plan_fixture_image, &defaults, &plan, &err);
    if (code != VOX_E_ARG || strstr(err.msg, words) == NULL) {
        fail_msg("%s: '%s' (%s), wanted '%s'", params, err.msg, vox_code_name(code), words);
    }
    assert_null(plan);
    vox_request_free(request);
}
