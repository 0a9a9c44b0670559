/* A network from the files that the user names. */
#ifndef VOX_APP_MODEL_FILES_H
#define VOX_APP_MODEL_FILES_H

#include <stdbool.h>

#include "model/network.h"
#include "tensor/pool.h"

/* What it takes to compute; all of it is owned by the opened model. */
struct vox_opened_model {
    struct vox_pool *pool;
    struct vox_backend *backend;
    struct vox_network *network;
    char sha256[65]; /* of the checkpoint; empty unless it was asked for */
};

struct vox_model_request {
    const char *checkpoint;
    const char *config;  /* NULL: the built-in configuration that fits the checkpoint */
    const char *backend; /* NULL: the best */
    int threads;         /* 0: one per CPU that this process may use */
    bool sha256;
};

/* Opens the model. Returns 0, or the exit status after it said what is wrong. End it with
 * vox_opened_model_close. */
int vox_opened_model_open(const struct vox_model_request *request, struct vox_opened_model *out);

void vox_opened_model_close(struct vox_opened_model *model); /* all zero is allowed */

/* Finds the first built-in configuration that fits the checkpoint: true, and *out is that one.
 * Where none does: false, *out is the first and *misfit says why it does not. */
bool vox_builtin_config_find(const struct vox_weights *weights, struct vox_model_config *out,
                             struct vox_err *misfit);

#endif
