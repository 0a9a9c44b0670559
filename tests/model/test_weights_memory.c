/* What reading costs: every allocation may fail, and hostile files take no more than a multiple of
 * their size. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "model/config.h"
#include "model/schema.h"
#include "model/weights.h"
#include "support/checkpoint_forge.h"
#include "util/memory.h"

/* The linker puts these in place of util/memory.c's; see CMakeLists.txt. */
void *__real_vox_alloc(size_t size);
void __real_vox_free(void *block);
void *__wrap_vox_alloc(size_t size);
void *__wrap_vox_calloc(size_t count, size_t size);
void *__wrap_vox_realloc(void *block, size_t old_size, size_t new_size);
void __wrap_vox_free(void *block);

static struct {
    bool armed;
    long left; /* allocations until one fails; 0: none does */
    bool failed;
    size_t live, peak;
} heap;

void *__wrap_vox_alloc(size_t size)
{
    if (heap.armed && heap.left > 0 && --heap.left == 0) {
        heap.failed = true;
        return NULL;
    }
    void *block = __real_vox_alloc(size);
    if (heap.armed && block != NULL) {
        heap.live += malloc_usable_size(block);
        heap.peak = heap.live > heap.peak ? heap.live : heap.peak;
    }
    return block;
}

void *__wrap_vox_calloc(size_t count, size_t size)
{
    void *block = __wrap_vox_alloc(count * size);
    if (block != NULL) {
        memset(block, 0, count * size);
    }
    return block;
}

void *__wrap_vox_realloc(void *block, size_t old_size, size_t new_size)
{
    void *grown = __wrap_vox_alloc(new_size);
    if (grown != NULL && block != NULL) {
        memcpy(grown, block, old_size < new_size ? old_size : new_size);
        __wrap_vox_free(block);
    }
    return grown;
}

void __wrap_vox_free(void *block)
{
    if (heap.armed && block != NULL) {
        heap.live -= malloc_usable_size(block);
    }
    __real_vox_free(block);
}

static void arm(long k)
{
    memset(&heap, 0, sizeof(heap));
    heap.armed = true;
    heap.left = k;
}

/* Opens, compares with a skeleton and reads a tensor. */
static enum vox_code use(const struct vox_bytes *bytes, const struct vox_model_config *config,
                         struct vox_err *err)
{
    struct vox_weights *weights = NULL;
    enum vox_code code = vox_weights_from_memory(bytes->data, bytes->size, &weights, err);
    if (code != VOX_OK) {
        assert_null(weights);
        return code;
    }
    code = vox_schema_check(config, weights, err);
    if (code == VOX_E_FORMAT) {
        const float *data;
        float *owned = NULL;
        code = vox_weight_f32(vox_weights_find(weights, "a"), &data, &owned, err);
        vox_free(owned);
    }
    vox_weights_close(weights);
    return code;
}

static void fails_cleanly_everywhere(const struct vox_bytes *bytes)
{
    struct vox_model_config config;
    struct vox_err err = {0};
    assert_int_equal(vox_config_builtin("sam2.1_hiera_t512", &config, &err), VOX_OK);
    long k = 1;
    for (;; k++) {
        arm(k);
        memset(&err, 0, sizeof(err));
        enum vox_code code = use(bytes, &config, &err);
        heap.armed = false;
        assert_int_equal(heap.live, 0);
        if (!heap.failed) {
            assert_int_equal(code, VOX_OK);
            break;
        }
        assert_int_equal(code, VOX_E_NOMEM);
        assert_non_null(strstr(err.msg, "out of memory"));
    }
    /* The archive, its pickle, the list, a name, the index, the comparison, the values. */
    assert_true(k > 5);
}

static void weights_survive_failing_allocations(void **state)
{
    (void)state;
    static const uint16_t storage[16] = {0};
    struct vox_forge forge;
    vox_forge_begin(&forge);
    vox_forge_tensor(
        &forge, &(struct vox_forged_tensor){"a", "HalfStorage", "0", 16, 0, 2, {4, 4}, {1, 4}});
    vox_forge_member(&forge, "archive/data/0", storage, sizeof(storage));
    struct vox_bytes bytes = vox_forge_end(&forge);
    fails_cleanly_everywhere(&bytes);
    vox_bytes_free(&bytes);

    static const char header[] = "{\"a\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[0,4]}}";
    vox_bytes_number(&bytes, sizeof(header) - 1, 8);
    vox_bytes_text(&bytes, header);
    vox_bytes_fill(&bytes, 0, 4);
    fails_cleanly_everywhere(&bytes);
    vox_bytes_free(&bytes);
}

static void skeletons_survive_failing_allocations(void **state)
{
    (void)state;
    struct vox_model_config config;
    long k = 1;
    for (;; k++) {
        struct vox_err err = {0};
        arm(k);
        enum vox_code code = vox_config_builtin("sam2.1_hiera_t512", &config, &err);
        heap.armed = false;
        if (!heap.failed) {
            assert_int_equal(code, VOX_OK);
            break;
        }
        assert_int_equal(code, VOX_E_NOMEM);
        assert_string_equal(err.msg, "out of memory");
    }
    assert_true(k > 50);
}

/* The archive of a pickle that repeats a piece; its size is about `size`. */
static struct vox_bytes repeated(const char *begin, const char *piece, size_t size)
{
    struct vox_bytes pickle = {0};
    vox_bytes_text(&pickle, "\x80\x02");
    vox_bytes_text(&pickle, begin);
    while (pickle.size < size) {
        vox_bytes_text(&pickle, piece);
    }
    vox_bytes_text(&pickle, ".");
    struct vox_forge forge = {0};
    struct vox_bytes archive = vox_forge_end_with(&forge, pickle.data, pickle.size);
    vox_bytes_free(&pickle);
    return archive;
}

static void memory_follows_the_files_size(void **state)
{
    (void)state;
    static const struct {
        const char *begin, *piece;
    } cases[] = {
        {"", "("},
        {"", "N"},
        {"", "}"},
        {"", "K\1"},
        {"N", "\x85"},
        {"Nq\1", "h\1"},
        {"Nq\1", "h\1q\2"},
        {"}", "NNs"},
        {"}", "(NNu"},
        {"", "U\1x"},
        {"", "ca\nb\n"},
        {"N", "q\xff"},
        {"Nq\1", "h\1h\1\x86q\1"},
    };
    const size_t size = 1 << 20;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct vox_bytes bytes = repeated(cases[i].begin, cases[i].piece, size);
        struct vox_err err = {0};
        struct vox_weights *weights = NULL;
        arm(0);
        enum vox_code code = vox_weights_from_memory(bytes.data, bytes.size, &weights, &err);
        heap.armed = false;
        assert_true(code == VOX_E_FORMAT || code == VOX_E_LIMIT || code == VOX_E_UNSUPPORTED);
        assert_int_equal(heap.live, 0);
        /* A value of 16 bytes and a place of 4 from one byte, arrays twice as large as needed while
         * they grow, and the copy from which they grow. */
        if (heap.peak > 80 * size) {
            fail_msg("case %zu: %zu bytes for a file of %zu", i, heap.peak, size);
        }
        vox_bytes_free(&bytes);
    }
}

/* No file, however large, makes the pickle's bookkeeping take more than this. */
static void memory_has_a_ceiling(void **state)
{
    (void)state;
    struct vox_bytes bytes = repeated("}", "NNs", 24 << 20);
    struct vox_err err = {0};
    struct vox_weights *weights = NULL;
    arm(0);
    assert_int_equal(vox_weights_from_memory(bytes.data, bytes.size, &weights, &err), VOX_E_LIMIT);
    heap.armed = false;
    assert_true(heap.peak < 192u << 20);
    vox_bytes_free(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_survive_failing_allocations),
        cmocka_unit_test(skeletons_survive_failing_allocations),
        cmocka_unit_test(memory_follows_the_files_size),
        cmocka_unit_test(memory_has_a_ceiling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
