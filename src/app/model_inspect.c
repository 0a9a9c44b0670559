#include "app/model_actions.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "app/message.h"
#include "app/model_lookup.h"
#include "model/schema.h"
#include "pipeline/model_choice.h"
#include "util/json_writer.h"

struct inspection {
    struct vox_weights *weights;
    char sha256[65];
    int64_t values;
    int64_t parameters;
    struct vox_model_config config; /* the one that fits, or the one compared with */
    bool fits;
    struct vox_err misfit; /* why it does not */
};

/* The reference registers this one as a buffer: it is saved and never trained. */
static bool is_buffer(const char *name)
{
    static const char buffer[] = "positional_encoding_gaussian_matrix";
    size_t length = strlen(name);
    size_t tail = sizeof(buffer) - 1;
    return length >= tail && strcmp(name + length - tail, buffer) == 0;
}

static void count_values(struct inspection *inspection)
{
    for (int64_t i = 0; i < vox_weights_count(inspection->weights); i++) {
        const struct vox_weight *weight = vox_weights_at(inspection->weights, i);
        inspection->values += weight->numel;
        inspection->parameters += is_buffer(weight->name) ? 0 : weight->numel;
    }
}

/* Compares with the skeleton that the user names, or else with each built-in one until one fits;
 * where none does, with the first. */
static int compare(const char *path, struct inspection *inspection)
{
    if (path == NULL) {
        inspection->fits =
            vox_builtin_config_find(inspection->weights, &inspection->config, &inspection->misfit);
        return VOX_EXIT_OK;
    }
    struct vox_err err = {0};
    if (vox_config_load(path, &inspection->config, &err) != VOX_OK) {
        return vox_say_error(path, &err);
    }
    inspection->fits =
        vox_schema_check(&inspection->config, inspection->weights, &inspection->misfit) == VOX_OK;
    return VOX_EXIT_OK;
}

static void print_text(const struct inspection *inspection)
{
    const struct vox_weights *weights = inspection->weights;
    for (int64_t i = 0; i < vox_weights_count(weights); i++) {
        const struct vox_weight *weight = vox_weights_at(weights, i);
        printf("%-80s %-5s", weight->name, vox_dtype_name(weight->dtype));
        for (int d = 0; d < weight->rank; d++) {
            printf("%s%" PRId64, d == 0 ? "" : "x", weight->shape[d]);
        }
        putchar('\n');
    }
    printf("\ncontainer   %s\nsha256      %s\ntensors     %" PRId64 "\nvalues      %" PRId64
           "\nparameters  %" PRId64 "\n",
           vox_weights_container(weights), inspection->sha256, vox_weights_count(weights),
           inspection->values, inspection->parameters);
    if (inspection->fits) {
        printf("fits        %s\n", inspection->config.name);
    } else {
        printf("fits        nothing; %s: %s\n", inspection->config.name, inspection->misfit.msg);
    }
}

static void put_tensor(struct vox_json_writer *json, const struct vox_weight *weight)
{
    vox_json_begin_object(json, NULL);
    vox_json_put_text(json, "name", weight->name);
    vox_json_put_text(json, "dtype", vox_dtype_name(weight->dtype));
    vox_json_begin_array(json, "shape");
    for (int d = 0; d < weight->rank; d++) {
        vox_json_put_int(json, NULL, weight->shape[d]);
    }
    vox_json_end(json);
    vox_json_end(json);
}

static int print_json(const struct inspection *inspection)
{
    const struct vox_weights *weights = inspection->weights;
    struct vox_err err = {.code = VOX_E_NOMEM};
    struct vox_json_writer *json = vox_json_writer_new();
    if (json == NULL) {
        return vox_say_error(NULL, &err);
    }
    vox_json_begin_object(json, NULL);
    vox_json_put_text(json, "container", vox_weights_container(weights));
    vox_json_put_text(json, "sha256", inspection->sha256);
    vox_json_put_int(json, "values", inspection->values);
    vox_json_put_int(json, "parameters", inspection->parameters);
    vox_json_put_text(json, "config", inspection->fits ? inspection->config.name : NULL);
    vox_json_put_text(json, "compared", inspection->config.name);
    vox_json_put_text(json, "misfit", inspection->fits ? NULL : inspection->misfit.msg);
    vox_json_begin_array(json, "tensors");
    for (int64_t i = 0; i < vox_weights_count(weights); i++) {
        put_tensor(json, vox_weights_at(weights, i));
    }
    vox_json_end(json);
    vox_json_end(json);
    const char *text;
    size_t size;
    int status = VOX_EXIT_OK;
    if (vox_json_writer_text(json, &text, &size, &err) != VOX_OK) {
        status = vox_say_error(NULL, &err);
    } else {
        /* A failed write shows in ferror, which the caller looks at. */
        (void)fwrite(text, 1, size, stdout);
    }
    vox_json_writer_free(json);
    return status;
}

static int print(const struct inspection *inspection, bool as_json)
{
    int status = VOX_EXIT_OK;
    if (as_json) {
        status = print_json(inspection);
    } else {
        print_text(inspection);
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        vox_say("cannot write the output");
        return VOX_EXIT_FAILURE;
    }
    if (status == VOX_EXIT_OK && !inspection->fits) {
        status = VOX_EXIT_FAILURE;
    }
    return status;
}

static int inspect(const struct vox_arguments *arguments, const struct vox_model_place *place,
                   struct inspection *inspection)
{
    const char *name = vox_positional(arguments, 1);
    const char *yaml = vox_argument(arguments, "--config", 0);
    struct vox_err err = {0};
    enum vox_code code = vox_model_place_weights(place, &inspection->weights, &err);
    if (code == VOX_OK) {
        code = vox_weights_sha256(inspection->weights, inspection->sha256, &err);
    }
    if (code != VOX_OK) {
        return vox_say_error(name, &err);
    }
    count_values(inspection);
    int status = compare(yaml != NULL ? yaml : place->yaml, inspection);
    return status == 0 ? print(inspection, vox_argument_given(arguments, "--json")) : status;
}

int vox_model_inspect(const struct vox_arguments *arguments)
{
    struct inspection inspection = {0};
    struct vox_model_place place;
    int status = vox_model_lookup(NULL, vox_positional(arguments, 1), &place);
    if (status != 0) {
        return status;
    }
    status = inspect(arguments, &place, &inspection);
    vox_weights_close(inspection.weights);
    vox_model_place_free(&place);
    return status;
}
