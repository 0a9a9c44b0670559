/* Checkpoints that are no files: in memory, and inside the library. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "library_rig.h"
#include "model/embedded_model.h"
#include "own_folder.h"
#include "util/file.h"
#include "util/memory.h"

static const char box[] = "{\"box\": {\"key\": 2, \"xyxy\": [8, 6, 30, 22], \"z\": [1, 4]}}";

static struct vox_model *from_file;
static struct vox_mapping weights, yaml;

static const struct vox_model_options plain = {.backend = "ref", .threads = 1, .cache_memory = 1};

static struct vox_model_bytes bytes(void)
{
    return (struct vox_model_bytes){.weights = weights.data,
                                    .size = weights.size,
                                    .yaml = (const char *)yaml.data,
                                    .yaml_size = yaml.size};
}

static struct vox_model *open_bytes(const struct vox_model_bytes *from,
                                    const struct vox_model_options *options)
{
    struct vox_model *model = NULL;
    struct vox_err err = {0};
    if (vox_model_open_bytes(from, options, &model, &err) != VOX_OK) {
        fail_msg("%s", err.msg);
    }
    return model;
}

static void segment(struct vox_model *model, uint16_t labels[RIG_VOXELS])
{
    struct vox_image *image = rig_image(model);
    struct vox_result *result = rig_segment(model, image, box);
    rig_labels(result, labels);
    vox_result_close(result);
    vox_image_close(image);
}

/* The caller's bytes may lie anywhere, and go when the call is over. */
static void is_the_same_as_of_a_file(void **state)
{
    static uint16_t wanted[RIG_VOXELS], found[RIG_VOXELS];
    struct vox_model_facts file, memory;
    struct vox_model_bytes from = bytes();
    uint8_t *copy = vox_alloc(weights.size + 1);
    char *text = vox_alloc(yaml.size);
    (void)state;
    assert_non_null(copy);
    assert_non_null(text);
    memcpy(copy + 1, weights.data, weights.size);
    memcpy(text, yaml.data, yaml.size);
    from.weights = copy + 1;
    from.yaml = text;
    from.name = "mine";
    struct vox_model *model = open_bytes(&from, &plain);
    memset(copy, 0xa5, weights.size + 1);
    memset(text, 0xa5, yaml.size);
    vox_free(copy);
    vox_free(text);
    vox_model_describe(from_file, &file);
    vox_model_describe(model, &memory);
    assert_string_equal(memory.sha256, file.sha256);
    assert_string_equal(memory.name, "mine");
    segment(from_file, wanted);
    segment(model, found);
    assert_memory_equal(found, wanted, sizeof(wanted));
    vox_model_close(model);
}

static void takes_the_file_of_the_options_before_the_text(void **state)
{
    struct vox_model_options options = plain;
    struct vox_model_bytes from = bytes();
    struct vox_model_facts facts;
    (void)state;
    struct vox_model *model = open_bytes(&from, &plain);
    vox_model_describe(model, &facts);
    assert_string_equal(facts.name, "unnamed");
    vox_model_close(model);
    options.config = rig_config;
    from.yaml = "no: configuration";
    from.yaml_size = strlen(from.yaml);
    model = open_bytes(&from, &options);
    vox_model_describe(model, &facts);
    assert_string_equal(facts.name, "tiny64");
    vox_model_close(model);
}

static void refuse(const struct vox_model_bytes *from, enum vox_code wanted, const char *said)
{
    struct vox_model *model = from_file;
    struct vox_err err = {0};
    assert_int_equal(vox_model_open_bytes(from, &plain, &model, &err), wanted);
    assert_ptr_equal(model, from_file);
    if (strstr(err.msg, said) == NULL) {
        fail_msg("'%s' lacks '%s'", err.msg, said);
    }
}

static void refuses_what_does_not_fit(void **state)
{
    struct vox_model_bytes from = bytes();
    (void)state;
    from.yaml = NULL;
    refuse(&from, VOX_E_FORMAT, "no built-in configuration fits");
    from.yaml = "model: [";
    from.yaml_size = strlen(from.yaml);
    refuse(&from, VOX_E_FORMAT, "the configuration: ");
    from = bytes();
    from.size /= 2;
    refuse(&from, VOX_E_FORMAT, "");
    from.size = 0;
    from.weights = NULL;
    refuse(&from, VOX_E_FORMAT, "the checkpoint is empty");
}

static void has_a_model_of_its_own(void **state)
{
    const struct vox_embedded_model *embedded = vox_embedded_model_at(0);
    struct vox_model *model = NULL;
    struct vox_model_facts facts;
    struct vox_err err = {0};
    (void)state;
    enum vox_code code = vox_model_open(NULL, &plain, &model, &err);
    if (embedded == NULL) {
        assert_int_equal(code, VOX_E_NOT_FOUND);
        assert_non_null(strstr(err.msg, "name a checkpoint"));
        assert_null(model);
        return;
    }
    assert_int_equal(code, VOX_OK);
    vox_model_describe(model, &facts);
    assert_string_equal(facts.name, "voxlabel-nano");
    assert_string_equal(facts.sha256, embedded->sha256);
    vox_model_close(model);
}

static int set_up(void **state)
{
    if (vox_enter_folder(state) != 0) {
        return -1;
    }
    from_file = rig_model(1);
    return vox_file_map("tiny.pt", &weights, NULL) == VOX_OK &&
                   vox_file_map(rig_config, &yaml, NULL) == VOX_OK
               ? 0
               : -1;
}

static int tear_down(void **state)
{
    vox_file_unmap(&weights);
    vox_file_unmap(&yaml);
    vox_model_close(from_file);
    return vox_leave_folder(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_the_same_as_of_a_file),
        cmocka_unit_test(takes_the_file_of_the_options_before_the_text),
        cmocka_unit_test(refuses_what_does_not_fit),
        cmocka_unit_test(has_a_model_of_its_own),
    };
    return cmocka_run_group_tests_name("library model", tests, set_up, tear_down);
}
