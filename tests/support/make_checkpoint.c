/* Writes a checkpoint with formula-made weights: the program starts with it where no published one
 * is at hand. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "support/checkpoint_writer.h"

static const char usage[] =
    "usage: make_checkpoint OUT [--salt TEXT] [--present] [--config YAML | --builtin NAME]\n"
    "                           [--dtype f32|f16|bf16] [--safetensors f32|f16|bf16]\n"
    "Writes the tensors of a skeleton (default: the built-in sam2.1_hiera_t512) with values from\n"
    "a formula over their names. --salt gives another network of the same shape, --present one\n"
    "that predicts an object to be present. The container is .pt unless --safetensors is given.\n";

struct request {
    const char *out;
    const char *config;
    const char *builtin;
    struct vox_checkpoint_options options;
};

static int parse_dtype(const char *text, enum vox_dtype *out)
{
    for (enum vox_dtype dtype = VOX_F32; text != NULL && dtype <= VOX_BF16; dtype++) {
        if (strcmp(text, vox_dtype_name(dtype)) == 0) {
            *out = dtype;
            return 1;
        }
    }
    return 0;
}

static int parse(int argc, char **argv, struct request *request)
{
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--present") == 0) {
            request->options.present = true;
        } else if (argv[i][0] != '-' && request->out == NULL) {
            request->out = argv[i];
        } else if (value == NULL) {
            return 0;
        } else {
            if (strcmp(argv[i], "--salt") == 0) {
                request->options.salt = value;
            } else if (strcmp(argv[i], "--config") == 0) {
                request->config = value;
            } else if (strcmp(argv[i], "--builtin") == 0) {
                request->builtin = value;
            } else if (strcmp(argv[i], "--dtype") == 0) {
                if (!parse_dtype(value, &request->options.dtype)) {
                    return 0;
                }
            } else if (strcmp(argv[i], "--safetensors") == 0) {
                request->options.safetensors = true;
                if (!parse_dtype(value, &request->options.dtype)) {
                    return 0;
                }
            } else {
                return 0;
            }
            i++;
        }
    }
    return request->out != NULL;
}

int main(int argc, char **argv)
{
    struct request request = {.builtin = "sam2.1_hiera_t512"};
    if (!parse(argc, argv, &request)) {
        fputs(usage, stderr);
        return 2;
    }
    struct vox_err err = {0};
    struct vox_model_config config;
    struct vox_checkpoint_totals totals;
    enum vox_code code = request.config != NULL
                             ? vox_config_load(request.config, &config, &err)
                             : vox_config_builtin(request.builtin, &config, &err);
    if (code == VOX_OK) {
        code = vox_checkpoint_write(request.out, &config, &request.options, &totals, &err);
    }
    if (code != VOX_OK) {
        fprintf(stderr, "make_checkpoint: %s\n", err.msg);
        return 1;
    }
    printf("%" PRId64 " tensors, %" PRId64 " values, sum %.4f\n", totals.tensors, totals.values,
           totals.sum);
    return 0;
}
