#include "pipeline/model_choice.h"

#include <stddef.h>
#include <stdio.h>

#include "model/schema.h"

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
        bool lost = err.code == VOX_E_NOMEM;
        if (i == 0 || fits || lost) {
            *out = config;
            *misfit = err;
        }
        if (fits || lost) {
            return fits;
        }
    }
    return false;
}

static enum vox_code choose_builtin(const struct vox_weights *weights, struct vox_model_config *out,
                                    struct vox_err *err)
{
    struct vox_err misfit = {0};
    struct vox_model_config config;
    if (!vox_builtin_config_find(weights, &config, &misfit)) {
        if (misfit.code == VOX_E_NOMEM) {
            return vox_fail(err, VOX_E_NOMEM, "out of memory");
        }
        return vox_fail(err, VOX_E_FORMAT,
                        "no built-in configuration fits, name the model's YAML (%s: %s)",
                        config.name, misfit.msg);
    }
    *out = config;
    return VOX_OK;
}

/* Of a configuration that was read with `code`. */
static enum vox_code take_if_it_fits(enum vox_code code, const struct vox_model_config *config,
                                     const struct vox_weights *weights,
                                     struct vox_model_config *out, struct vox_err *err)
{
    if (code != VOX_OK) {
        return vox_err_prefix(err, code, "the configuration");
    }
    code = vox_schema_check(config, weights, err);
    if (code != VOX_OK) {
        return vox_err_prefix(err, code, "it does not fit the configuration");
    }
    *out = *config;
    return VOX_OK;
}

enum vox_code vox_config_choose(const char *path, const struct vox_weights *weights,
                                struct vox_model_config *out, struct vox_err *err)
{
    if (path == NULL) {
        return choose_builtin(weights, out, err);
    }
    struct vox_model_config config;
    enum vox_code code = vox_config_load(path, &config, err);
    return take_if_it_fits(code, &config, weights, out, err);
}

enum vox_code vox_config_choose_text(const char *name, const char *yaml, size_t size,
                                     const struct vox_weights *weights,
                                     struct vox_model_config *out, struct vox_err *err)
{
    struct vox_model_config config;
    enum vox_code code = vox_config_parse(name, yaml, size, &config, err);
    return take_if_it_fits(code, &config, weights, out, err);
}
