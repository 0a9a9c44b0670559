#include "app/model_files.h"

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include "app/message.h"
#include "model/schema.h"
#include "tensor/backend.h"

static int affinity_threads(void)
{
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    /* It fails where the machine has more CPUs than the set has room for. */
    bool told = sched_getaffinity(0, sizeof(cpus), &cpus) == 0;
    long n = told ? CPU_COUNT(&cpus) : sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > VOX_POOL_MAX_THREADS ? VOX_POOL_MAX_THREADS : (int)n;
}

bool vox_builtin_config_find(const struct vox_weights *weights, struct vox_model_config *out,
                             struct vox_err *misfit)
{
    const char *name;
    for (int i = 0; (name = vox_config_builtin_name(i)) != NULL; i++) {
        struct vox_model_config config = {0};
        struct vox_err err = {0};
        snprintf(config.name, sizeof(config.name), "%s", name);
        bool fits = vox_config_builtin(name, &config, &err) == VOX_OK &&
                    vox_schema_check(&config, weights, &err) == VOX_OK;
        if (i == 0 || fits) {
            *out = config;
            *misfit = err;
        }
        if (fits) {
            return true;
        }
    }
    return false;
}

/* Chooses the configuration: the file's, or the first built-in one that fits the checkpoint. */
static int choose_config(const char *config, const char *checkpoint,
                         const struct vox_weights *weights, struct vox_model_config *out)
{
    struct vox_err err = {0};
    if (config == NULL) {
        if (vox_builtin_config_find(weights, out, &err)) {
            return 0;
        }
        vox_say("%s: no built-in configuration fits, name the model's YAML with --config (%s: %s)",
                checkpoint, out->name, err.msg);
        return VOX_EXIT_FAILURE;
    }
    if (vox_config_load(config, out, &err) != VOX_OK) {
        return vox_say_error(config, &err);
    }
    if (vox_schema_check(out, weights, &err) != VOX_OK) {
        vox_say("%s does not fit %s: %s", checkpoint, config, err.msg);
        return VOX_EXIT_FAILURE;
    }
    return 0;
}

static int open_backend(const struct vox_model_request *request, struct vox_opened_model *model)
{
    struct vox_err err = {0};
    int threads = request->threads > 0 ? request->threads : affinity_threads();
    if (vox_pool_new(threads, &model->pool, &err) != VOX_OK) {
        return vox_say_error(NULL, &err);
    }
    if (vox_backend_open(request->backend, model->pool, &model->backend, &err) != VOX_OK) {
        return vox_say_error(request->backend, &err);
    }
    return 0;
}

static int open_network(const struct vox_model_request *request, const struct vox_weights *weights,
                        struct vox_opened_model *model)
{
    struct vox_err err = {0};
    struct vox_model_config config;
    int status = choose_config(request->config, request->checkpoint, weights, &config);
    if (status != 0) {
        return status;
    }
    if (request->sha256 && vox_weights_sha256(weights, model->sha256, &err) != VOX_OK) {
        return vox_say_error(request->checkpoint, &err);
    }
    if (vox_network_open(&config, weights, model->backend, &model->network, &err) != VOX_OK) {
        return vox_say_error(request->checkpoint, &err);
    }
    return 0;
}

int vox_opened_model_open(const struct vox_model_request *request, struct vox_opened_model *out)
{
    struct vox_err err = {0};
    struct vox_opened_model model = {0};
    struct vox_weights *weights = NULL;
    if (vox_weights_open(request->checkpoint, &weights, &err) != VOX_OK) {
        return vox_say_error(request->checkpoint, &err);
    }
    int status = open_backend(request, &model);
    if (status == 0) {
        status = open_network(request, weights, &model);
    }
    vox_weights_close(weights);
    if (status != 0) {
        vox_opened_model_close(&model);
        return status;
    }
    *out = model;
    return 0;
}

void vox_opened_model_close(struct vox_opened_model *model)
{
    vox_network_close(model->network);
    vox_backend_close(model->backend);
    vox_pool_free(model->pool);
    *model = (struct vox_opened_model){0};
}
