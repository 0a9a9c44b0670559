#include "pipeline/engine.h"

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "model/embedded_model.h"
#include "pipeline/model_choice.h"
#include "pipeline/plan_defaults.h"
#include "util/memory.h"

static const uint64_t default_cache_memory = UINT64_C(1) << 30;
static const uint64_t default_cache_disk = UINT64_C(10) << 30;

static int affinity_threads(void)
{
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    /* It fails where the machine has more CPUs than the set has room for. */
    bool told = sched_getaffinity(0, sizeof(cpus), &cpus) == 0;
    long n = told ? CPU_COUNT(&cpus) : sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > VOX_POOL_MAX_THREADS ? VOX_POOL_MAX_THREADS : (int)n;
}

static enum vox_code open_backend(const struct vox_model_options *options, struct vox_model *model,
                                  struct vox_err *err)
{
    if (options->threads < 0 || options->threads > VOX_POOL_MAX_THREADS) {
        return vox_fail(err, VOX_E_ARG, "the number of threads must be 0 to %d",
                        VOX_POOL_MAX_THREADS);
    }
    int threads = options->threads > 0 ? options->threads : affinity_threads();
    enum vox_code code = vox_pool_new(threads, &model->pool, err);
    if (code == VOX_OK) {
        code = vox_backend_open(options->backend, model->pool, &model->backend, err);
        if (code != VOX_OK) {
            return vox_err_prefix(err, code, "the backend");
        }
        model->fell_back =
            options->backend == NULL && strcmp(model->backend->ops->name, "ref") == 0;
    }
    return code;
}

/* A file where it names one, else bytes. */
struct source {
    const char *path;
    struct vox_model_bytes bytes;
};

static enum vox_code open_weights(const struct source *source, struct vox_weights **out,
                                  struct vox_err *err)
{
    return source->path != NULL
               ? vox_weights_open(source->path, out, err)
               : vox_weights_from_memory(source->bytes.weights, source->bytes.size, out, err);
}

static enum vox_code choose_config(const char *path, const struct vox_model_bytes *bytes,
                                   const struct vox_weights *weights, struct vox_model_config *out,
                                   struct vox_err *err)
{
    if (path != NULL || bytes->yaml == NULL) {
        return vox_config_choose(path, weights, out, err);
    }
    const char *name = bytes->name != NULL ? bytes->name : "unnamed";
    return vox_config_choose_text(name, bytes->yaml, bytes->yaml_size, weights, out, err);
}

static enum vox_code open_network(const char *config_path, const struct vox_model_bytes *bytes,
                                  const struct vox_weights *weights, struct vox_model *model,
                                  struct vox_err *err)
{
    struct vox_model_config config;
    enum vox_code code = choose_config(config_path, bytes, weights, &config, err);
    if (code == VOX_OK) {
        code = vox_weights_sha256(weights, model->sha256, err);
    }
    if (code == VOX_OK) {
        code = vox_network_open(&config, weights, model->backend, &model->network, err);
    }
    if (code == VOX_OK) {
        model->defaults = vox_plan_defaults_of(&config);
    }
    return code;
}

/* Features depend on the weights and, in their last bits, on the kernels. */
static enum vox_code open_caches(const struct vox_model_options *options, struct vox_model *model,
                                 struct vox_err *err)
{
    char identity[256];
    snprintf(identity, sizeof(identity), "%s %s %s", VOX_VERSION, model->sha256,
             model->backend->kernels);
    uint64_t memory = options->cache_memory == 0   ? default_cache_memory
                      : options->cache_memory == 1 ? 0
                                                   : options->cache_memory;
    const struct vox_volume_cache_setup volumes = {
        .bytes = memory,
        .max_memory =
            options->max_memory > 0 ? options->max_memory : vox_volume_limits_default().max_bytes,
        .limits = vox_volume_limits_default(),
    };
    const struct vox_feature_store_setup features = {
        .config = vox_network_config(model->network),
        .memory = memory,
        .folder = options->cache_dir,
        .disk = options->cache_disk > 0 ? options->cache_disk : default_cache_disk,
        .identity = identity,
    };
    enum vox_code code = vox_volume_cache_new(&volumes, &model->volumes, err);
    return code == VOX_OK ? vox_feature_store_new(&features, &model->features, err) : code;
}

static enum vox_code open_parts(const struct source *source,
                                const struct vox_model_options *options, struct vox_model *model,
                                struct vox_err *err)
{
    struct vox_weights *weights = NULL;
    enum vox_code code = open_weights(source, &weights, err);
    if (code == VOX_OK) {
        code = open_backend(options, model, err);
    }
    if (code == VOX_OK) {
        code = open_network(options->config, &source->bytes, weights, model, err);
    }
    vox_weights_close(weights);
    if (code == VOX_OK) {
        code = open_caches(options, model, err);
    }
    return code;
}

static enum vox_code open_source(const struct source *source,
                                 const struct vox_model_options *options, struct vox_model **out,
                                 struct vox_err *err)
{
    static const struct vox_model_options defaults = {0};
    options = options != NULL ? options : &defaults;
    struct vox_model *model = vox_calloc(1, sizeof(*model));
    if (model == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    enum vox_code code = open_parts(source, options, model, err);
    if (code != VOX_OK) {
        vox_model_close(model);
        return code;
    }
    *out = model;
    return VOX_OK;
}

enum vox_code vox_model_open(const char *checkpoint, const struct vox_model_options *options,
                             struct vox_model **out, struct vox_err *err)
{
    const struct vox_embedded_model *embedded = vox_embedded_model_at(0);
    struct source source = {.path = checkpoint};
    if (checkpoint == NULL && embedded == NULL) {
        return vox_fail(err, VOX_E_NOT_FOUND,
                        "this library was built without a model, name a checkpoint");
    }
    if (checkpoint == NULL) {
        source.bytes =
            (struct vox_model_bytes){.weights = embedded->weights, .size = embedded->size};
    }
    return open_source(&source, options, out, err);
}

enum vox_code vox_model_open_bytes(const struct vox_model_bytes *bytes,
                                   const struct vox_model_options *options, struct vox_model **out,
                                   struct vox_err *err)
{
    const struct source source = {.bytes = *bytes};
    return open_source(&source, options, out, err);
}

void vox_model_close(struct vox_model *model)
{
    if (model == NULL) {
        return;
    }
    vox_feature_store_free(model->features);
    vox_volume_cache_free(model->volumes);
    vox_network_close(model->network);
    vox_backend_close(model->backend);
    vox_pool_free(model->pool);
    vox_free(model);
}

void vox_model_describe(const struct vox_model *model, struct vox_model_facts *out)
{
    *out = (struct vox_model_facts){
        .name = vox_network_config(model->network)->name,
        .sha256 = model->sha256,
        .backend = model->backend->ops->name,
        .threads = vox_pool_threads(model->pool),
    };
}
