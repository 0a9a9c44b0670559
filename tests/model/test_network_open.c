/* Opening a network: memory that runs out anywhere, checkpoints that do not fit, and what may be
 * closed afterwards. */
#include "model/network.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/failing_alloc.h"
#include "support/tiny_network.h"
#include "util/memory.h"

enum { SIZE = 64, MOST_ALLOCATIONS = 20000 };

struct opened {
    struct vox_pool *pool;
    struct vox_backend *be;
    struct vox_network *network;
};

static enum vox_code open_all(const struct vox_model_config *config,
                              const struct vox_weights *weights, const char *backend,
                              struct opened *opened, struct vox_err *err)
{
    enum vox_code code = vox_pool_new(2, &opened->pool, err);
    if (code == VOX_OK) {
        code = vox_backend_open(backend, opened->pool, &opened->be, err);
    }
    if (code == VOX_OK) {
        code = vox_network_open(config, weights, opened->be, &opened->network, err);
    }
    return code;
}

static void close_all(struct opened *opened)
{
    vox_network_close(opened->network);
    vox_backend_close(opened->be);
    vox_pool_free(opened->pool);
    *opened = (struct opened){0};
}

static float *encoded(struct vox_network *network)
{
    static uint8_t image[SIZE * SIZE];
    struct vox_err err = {0};
    for (int i = 0; i < SIZE * SIZE; i++) {
        image[i] = (uint8_t)(i * 7 + i / SIZE * 3);
    }
    const struct vox_model_config *config = vox_network_config(network);
    struct vox_features *features = vox_features_new(config);
    size_t bytes = vox_features_bytes(config) - sizeof(*features);
    float *copy = vox_alloc(bytes);
    assert_true(features != NULL && copy != NULL);
    assert_int_equal(VOX_OK, vox_network_encode(network, image, features, NULL, &err));
    memcpy(copy, features->f2, bytes);
    vox_features_free(features);
    return copy;
}

/* From the threads to the last module: each of the first hundred allocations, then one in a few,
 * because there are many of a kind. */
static void every_allocation_may_fail(void **state)
{
    (void)state;
    struct vox_model_config config;
    vox_tiny_config(&config);
    struct vox_weights *weights = vox_tiny_weights(&config, NULL, false);
    for (int i = 0; vox_backend_name(i) != NULL; i++) {
        struct vox_err err = {0};
        enum vox_code code = VOX_E_NOMEM;
        long k = 1;
        while (code != VOX_OK) {
            struct opened opened = {0};
            assert_true(k < MOST_ALLOCATIONS);
            vox_fail_allocation(k);
            code = open_all(&config, weights, vox_backend_name(i), &opened, &err);
            bool failed = vox_allocation_failed();
            vox_fail_allocation(0);
            if (code != (failed ? VOX_E_NOMEM : VOX_OK)) {
                fail_msg("%s, allocation %ld: %s", vox_backend_name(i), k, err.msg);
            }
            assert_true((opened.network == NULL) == failed);
            close_all(&opened);
            k += 1 + k / 100;
        }
        printf("%s: the network takes fewer than %ld allocations\n", vox_backend_name(i), k);
    }
    vox_weights_close(weights);
}

static void must_refuse(const struct vox_model_config *config, const struct vox_weights *weights,
                        enum vox_code wanted, const char *name)
{
    struct opened opened = {0};
    struct vox_err err = {0};
    assert_int_equal(VOX_OK, vox_pool_new(1, &opened.pool, &err));
    assert_int_equal(VOX_OK, vox_backend_open("ref", opened.pool, &opened.be, &err));
    /* Nothing was built: a whole network takes hundreds of allocations. */
    vox_fail_allocation(20);
    enum vox_code code = vox_network_open(config, weights, opened.be, &opened.network, &err);
    bool built = vox_allocation_failed();
    vox_fail_allocation(0);
    assert_false(built);
    assert_int_equal(wanted, code);
    assert_null(opened.network);
    if (strstr(err.msg, name) == NULL) {
        fail_msg("\"%s\" does not name %s", err.msg, name);
    }
    close_all(&opened);
}

static void checkpoints_that_do_not_fit_are_refused_by_name(void **state)
{
    (void)state;
    struct vox_model_config config;
    vox_tiny_config(&config);
    struct vox_weights *weights = vox_tiny_weights(&config, NULL, false);

    struct vox_model_config other = config;
    other.memory_attention.num_layers = 3;
    must_refuse(&other, weights, VOX_E_FORMAT, "memory_attention.layers.2.");
    other.memory_attention.num_layers = 1;
    must_refuse(&other, weights, VOX_E_FORMAT, "memory_attention.layers.1.");
    other = config;
    other.memory_attention.dim_feedforward = 64;
    must_refuse(&other, weights, VOX_E_FORMAT, "memory_attention.layers.0.linear1.weight");
    /* As many values in another order are another tensor. */
    other = config;
    other.trunk.pos_size[0] = 49;
    other.trunk.pos_size[1] = 1;
    must_refuse(&other, weights, VOX_E_FORMAT, "image_encoder.trunk.pos_embed");
    other = config;
    other.num_maskmem = 6;
    must_refuse(&other, weights, VOX_E_FORMAT, "maskmem_tpos_enc");
    /* What the network itself cannot do is said before the checkpoint is looked at. */
    other = config;
    other.directly_add_no_mem_embed = false;
    must_refuse(&other, weights, VOX_E_UNSUPPORTED, "directly_add_no_mem_embed");
    vox_weights_close(weights);
}

/* Modules that were built before the one that refuses are taken down again. */
static void a_module_that_refuses_leaves_nothing(void **state)
{
    (void)state;
    struct vox_model_config config;
    vox_tiny_config(&config);
    config.trunk.window_spec[3] = 4; /* of a grid of 2; no tensor depends on it */
    config.trunk.stages[3] = 2;
    struct vox_weights *weights = vox_tiny_weights(&config, NULL, false);
    for (int i = 0; vox_backend_name(i) != NULL; i++) {
        struct opened opened = {0};
        struct vox_err err = {0};
        assert_int_equal(VOX_E_UNSUPPORTED,
                         open_all(&config, weights, vox_backend_name(i), &opened, &err));
        assert_non_null(strstr(err.msg, "window_spec"));
        assert_null(opened.network);
        close_all(&opened);
    }
    vox_weights_close(weights);
}

/* The checkpoint is read while the network opens, and not after. */
static void the_checkpoint_may_be_closed(void **state)
{
    (void)state;
    struct vox_model_config config;
    vox_tiny_config(&config);
    for (int i = 0; vox_backend_name(i) != NULL; i++) {
        struct vox_weights *weights = vox_tiny_weights(&config, NULL, false);
        struct opened opened = {0};
        struct vox_err err = {0};
        assert_int_equal(VOX_OK, open_all(&config, weights, vox_backend_name(i), &opened, &err));
        float *before = encoded(opened.network);
        vox_weights_close(weights);
        float *after = encoded(opened.network);
        assert_memory_equal(before, after,
                            vox_features_bytes(&config) - sizeof(struct vox_features));
        vox_free(before);
        vox_free(after);
        close_all(&opened);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(checkpoints_that_do_not_fit_are_refused_by_name),
        cmocka_unit_test(a_module_that_refuses_leaves_nothing),
        cmocka_unit_test(the_checkpoint_may_be_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
