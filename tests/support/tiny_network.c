#include "support/tiny_network.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "support/checkpoint_writer.h"
#include "support/formula.h"
#include "util/memory.h"

static void must(bool good, const char *what, const struct vox_err *err)
{
    if (!good) {
        fprintf(stderr, "tiny network: %s: %s\n", what, err != NULL ? err->msg : "failed");
        exit(2);
    }
}

void vox_tiny_config(struct vox_model_config *config)
{
    struct vox_err err = {0};
    must(vox_config_builtin("sam2.1_hiera_t512", config, &err) == VOX_OK, "configuration", &err);
    config->image_size = 64;
    config->trunk.embed_dim = 16;
    config->neck.d_model = 32;
    static const int64_t windows[] = {8, 4, 2, 2}; /* grids of 16, 8, 4 and 2 */
    for (int i = 0; i < config->trunk.n_stages; i++) {
        config->trunk.stages[i] = 1;
        config->trunk.window_spec[i] = windows[i];
        config->neck.channels[i] = 16 << (config->trunk.n_stages - 1 - i);
    }
    config->trunk.n_global = 1;
    config->trunk.global_att_blocks[0] = 2;
    config->memory_attention.num_layers = 2;
    config->memory_attention.dim_feedforward = 48;
    config->memory_encoder.out_dim = 8;
}

struct vox_weights *vox_tiny_weights(const struct vox_model_config *config, const char *salt,
                                     bool present)
{
    const char *folder = getenv("TMPDIR");
    char path[512];
    snprintf(path, sizeof(path), "%s/tiny-XXXXXX", folder != NULL ? folder : "/tmp");
    int descriptor = mkstemp(path);
    must(descriptor >= 0, "temporary file", NULL);
    close(descriptor);
    struct vox_err err = {0};
    const struct vox_checkpoint_options options = {.salt = salt, .present = present};
    must(vox_checkpoint_write(path, config, &options, NULL, &err) == VOX_OK, "checkpoint", &err);
    struct vox_weights *weights = NULL;
    must(vox_weights_open(path, &weights, &err) == VOX_OK, "weights", &err);
    unlink(path);
    return weights;
}

void vox_tiny_open(struct vox_tiny *tiny, const struct vox_model_config *config, const char *salt,
                   bool present)
{
    struct vox_err err = {0};
    *tiny = (struct vox_tiny){.config = *config};
    tiny->weights = vox_tiny_weights(config, salt, present);
    must(vox_pool_new(2, &tiny->pool, &err) == VOX_OK, "pool", &err);
    must(vox_backend_open("ref", tiny->pool, &tiny->be, &err) == VOX_OK, "backend", &err);
    tiny->builder.config = &tiny->config;
    tiny->builder.weights = tiny->weights;
    tiny->builder.be = tiny->be;
}

void vox_tiny_reserve(struct vox_tiny *tiny)
{
    struct vox_err err = {0};
    must(vox_pool_reserve(tiny->pool, tiny->builder.scratch, &err) == VOX_OK, "scratch", &err);
}

void vox_tiny_close(struct vox_tiny *tiny)
{
    vox_backend_close(tiny->be);
    vox_pool_free(tiny->pool);
    vox_weights_close(tiny->weights);
}

float *vox_tiny_values(const char *name, int64_t n)
{
    float *values = vox_alloc((size_t)n * sizeof(*values));
    must(values != NULL, "memory", NULL);
    /* The formula gives u * sqrt(3) for this shape. */
    const int64_t shape[2] = {n, 1};
    vox_formula_fill("", name, 2, shape, values);
    const float scale = 0.57735026F;
    for (int64_t i = 0; i < n; i++) {
        values[i] *= scale;
    }
    return values;
}
