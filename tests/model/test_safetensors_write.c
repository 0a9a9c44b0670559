#include "model/safetensors_write.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/checkpoint_forge.h"
#include "support/failing_alloc.h"
#include "util/memory.h"

static char path[] = "/tmp/test_safetensors_write.XXXXXX";

static int make_file(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

/* Writes the tensors to `path`. */
static enum vox_code write_file(const struct vox_weights *weights, const enum vox_dtype *dtype,
                                const atomic_int *cancel, struct vox_err *err)
{
    struct vox_file_writer *file;
    enum vox_code code = vox_file_create(path, &file, err);
    if (code != VOX_OK) {
        return code;
    }
    code = vox_safetensors_write(weights, dtype, file, cancel, err);
    if (code != VOX_OK) {
        vox_file_abandon(file);
        return code;
    }
    return vox_file_commit(file, err);
}

/* A .pt whose tensors are views of one storage of n values. */
static struct vox_bytes forge(const struct vox_forged_tensor *tensors, size_t count,
                              const void *storage, size_t size)
{
    struct vox_forge forge;
    vox_forge_begin(&forge);
    for (size_t i = 0; i < count; i++) {
        vox_forge_tensor(&forge, &tensors[i]);
    }
    vox_forge_member(&forge, "archive/data/0", storage, size);
    return vox_forge_end(&forge);
}

static void expect(const struct vox_weights *weights, int64_t at, const char *name, int64_t n,
                   const float *wanted)
{
    const struct vox_weight *weight = vox_weights_at(weights, at);
    const float *data;
    float *owned;
    assert_string_equal(name, weight->name);
    assert_int_equal(n, weight->numel);
    assert_int_equal(VOX_OK, vox_weight_f32(weight, &data, &owned, NULL));
    assert_memory_equal(wanted, data, (size_t)n * sizeof(*data));
    vox_free(owned);
}

static const float storage[12] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
static const struct vox_forged_tensor views[] = {
    {"turned", "FloatStorage", "0", 12, 0, 2, {4, 3}, {1, 4}},
    {"plain", "FloatStorage", "0", 12, 0, 2, {3, 4}, {4, 1}},
    {"column", "FloatStorage", "0", 12, 1, 1, {3}, {4}},
    {"one", "FloatStorage", "0", 12, 11, 0, {0}, {0}},
};

/* Views of one storage become tensors of their own, in the order of their names. */
static void writes_views(void **state)
{
    (void)state;
    static const enum vox_dtype f32 = VOX_F32, bf16 = VOX_BF16;
    static const enum vox_dtype *const dtypes[] = {NULL, &f32, &bf16};
    struct vox_bytes bytes = forge(views, 4, storage, sizeof(storage));
    struct vox_weights *weights, *written;
    assert_int_equal(VOX_OK, vox_weights_from_memory(bytes.data, bytes.size, &weights, NULL));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(VOX_OK, write_file(weights, dtypes[i], NULL, NULL));
        assert_int_equal(VOX_OK, vox_weights_open(path, &written, NULL));
        assert_string_equal("safetensors", vox_weights_container(written));
        assert_string_equal("{\"format\":\"pt\"}", vox_weights_metadata(written));
        assert_int_equal(4, vox_weights_count(written));
        expect(written, 0, "column", 3, (const float[]){1, 5, 9});
        expect(written, 1, "one", 1, (const float[]){11});
        expect(written, 2, "plain", 12, storage);
        expect(written, 3, "turned", 12, (const float[]){0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11});
        vox_weights_close(written);
    }
    vox_weights_close(weights);
    vox_bytes_free(&bytes);
}

static void refuses_half_precision_with_gaps(void **state)
{
    (void)state;
    static const struct vox_forged_tensor gaps[] = {
        {"gaps", "HalfStorage", "0", 24, 0, 1, {3}, {4}}};
    static const enum vox_dtype f32 = VOX_F32;
    struct vox_bytes bytes = forge(gaps, 1, storage, sizeof(storage));
    struct vox_weights *weights;
    struct vox_err err = {0};
    assert_int_equal(VOX_OK, vox_weights_from_memory(bytes.data, bytes.size, &weights, NULL));
    assert_int_equal(VOX_E_UNSUPPORTED, write_file(weights, NULL, NULL, &err));
    assert_non_null(strstr(err.msg, "convert it to f32 or bf16"));
    assert_int_equal(VOX_OK, write_file(weights, &f32, NULL, &err));
    vox_weights_close(weights);
    vox_bytes_free(&bytes);
}

/* A few megabytes must not become a full disk. */
static void bounds_what_is_shared(void **state)
{
    (void)state;
    enum { VALUES = 1 << 20, TENSORS = (64 << 10) / 4 + 1 };
    float *values = vox_calloc(VALUES, sizeof(*values));
    struct vox_forge forge;
    struct vox_weights *weights;
    struct vox_err err = {0};
    assert_non_null(values);
    vox_forge_begin(&forge);
    for (int i = 0; i < TENSORS; i++) {
        char name[16];
        snprintf(name, sizeof(name), "t%d", i);
        vox_forge_tensor(&forge, &(struct vox_forged_tensor){
                                     name, "FloatStorage", "0", VALUES, 0, 1, {VALUES}, {1}});
    }
    vox_forge_member(&forge, "archive/data/0", values, VALUES * sizeof(*values));
    struct vox_bytes bytes = vox_forge_end(&forge);
    assert_int_equal(VOX_OK, vox_weights_from_memory(bytes.data, bytes.size, &weights, NULL));
    assert_int_equal(VOX_E_LIMIT, write_file(weights, NULL, NULL, &err));
    vox_weights_close(weights);
    vox_bytes_free(&bytes);
    vox_free(values);
}

static void stops_when_cancelled(void **state)
{
    (void)state;
    const atomic_int cancel = 1;
    struct vox_bytes bytes = forge(views, 4, storage, sizeof(storage));
    struct vox_weights *weights;
    assert_int_equal(VOX_OK, vox_weights_from_memory(bytes.data, bytes.size, &weights, NULL));
    assert_int_equal(VOX_E_CANCELLED, write_file(weights, NULL, &cancel, NULL));
    vox_weights_close(weights);
    vox_bytes_free(&bytes);
}

static void survives_failing_allocations(void **state)
{
    (void)state;
    static const enum vox_dtype bf16 = VOX_BF16;
    struct vox_bytes bytes = forge(views, 4, storage, sizeof(storage));
    struct vox_weights *weights;
    bool failed = true;
    assert_int_equal(VOX_OK, vox_weights_from_memory(bytes.data, bytes.size, &weights, NULL));
    for (long k = 1; failed; k++) {
        struct vox_err err = {0};
        vox_fail_allocation(k);
        enum vox_code code = write_file(weights, &bf16, NULL, &err);
        failed = vox_allocation_failed();
        vox_fail_allocation(0);
        assert_int_equal(failed ? VOX_E_NOMEM : VOX_OK, code);
        assert_true(k < 1000);
    }
    vox_weights_close(weights);
    vox_bytes_free(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_views),
        cmocka_unit_test(refuses_half_precision_with_gaps),
        cmocka_unit_test(bounds_what_is_shared),
        cmocka_unit_test(stops_when_cancelled),
        cmocka_unit_test(survives_failing_allocations),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
