#include "app/model_actions.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "app/message.h"
#include "app/model_lookup.h"
#include "app/report_output.h"
#include "app/signals.h"
#include "app/sizes.h"
#include "model/safetensors_write.h"
#include "util/file.h"

static int read_dtype(const char *text, enum vox_dtype *out)
{
    static const enum vox_dtype known[] = {VOX_F32, VOX_BF16};
    for (int i = 0; i < 2; i++) {
        if (strcmp(text, vox_dtype_name(known[i])) == 0) {
            *out = known[i];
            return 0;
        }
    }
    return vox_say_usage("model", "--dtype %s is neither f32 nor bf16", text);
}

static int check_output(const struct vox_model_place *from, const char *out)
{
    const char *in = from->checkpoint;
    static const char ending[] = ".safetensors";
    size_t length = strlen(out), tail = sizeof(ending) - 1;
    if (length <= tail || strcmp(out + length - tail, ending) != 0) {
        vox_say("%s: the file to write must end in %s", out, ending);
        return VOX_EXIT_USAGE;
    }
    return vox_report_try(out, &in, in != NULL ? 1 : 0);
}

static enum vox_code write_file(const struct vox_weights *weights, const enum vox_dtype *dtype,
                                const char *path, uint64_t *size, struct vox_err *err)
{
    struct vox_file_writer *file;
    const atomic_int *cancel = vox_signals_catch();
    vox_signals_hold();
    enum vox_code code = vox_file_create(path, &file, err);
    if (code == VOX_OK) {
        code = vox_safetensors_write(weights, dtype, file, cancel, err);
        *size = vox_file_written(file);
        if (code == VOX_OK) {
            code = vox_file_commit(file, err);
        } else {
            vox_file_abandon(file);
        }
    }
    vox_signals_release();
    return code;
}

static int convert(const struct vox_arguments *arguments, const enum vox_dtype *dtype,
                   const struct vox_weights *weights)
{
    const char *out = vox_positional(arguments, 2);
    struct vox_err err = {0};
    uint64_t size = 0;
    enum vox_code code = write_file(weights, dtype, out, &size, &err);
    if (code == VOX_E_CANCELLED) {
        vox_say("cancelled; nothing was written");
        return VOX_EXIT_CANCELLED;
    }
    if (code != VOX_OK) {
        (void)vox_say_error(out, &err);
        return VOX_EXIT_FAILURE;
    }
    if (!vox_argument_given(arguments, "--quiet")) {
        char text[VOX_BYTES_TEXT];
        vox_bytes_text(size, text);
        vox_say("%s: %lld tensors, %s", out, (long long)vox_weights_count(weights), text);
    }
    return 0;
}

int vox_model_convert(const struct vox_arguments *arguments)
{
    const char *in = vox_positional(arguments, 1), *out = vox_positional(arguments, 2);
    const char *type = vox_argument(arguments, "--dtype", 0);
    enum vox_dtype dtype = VOX_F32;
    struct vox_model_place from = {0};
    struct vox_weights *weights = NULL;
    struct vox_err err = {0};
    int status = type == NULL ? 0 : read_dtype(type, &dtype);
    if (status == 0) {
        status = vox_model_lookup(NULL, in, &from);
    }
    if (status == 0) {
        status = check_output(&from, out);
    }
    if (status == 0 && vox_model_place_weights(&from, &weights, &err) != VOX_OK) {
        status = vox_say_error(in, &err);
    }
    if (status == 0) {
        status = convert(arguments, type == NULL ? NULL : &dtype, weights);
    }
    vox_weights_close(weights);
    vox_model_place_free(&from);
    return status;
}
