#include "app/report_output.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "app/message.h"
#include "app/signals.h"
#include "util/file.h"

static bool is_stdout(const char *path)
{
    return strcmp(path, "-") == 0;
}

int vox_report_try(const char *path, const char *const *inputs, int n_inputs)
{
    struct stat there, input;
    if (path == NULL || is_stdout(path)) {
        return VOX_EXIT_OK;
    }
    if (stat(path, &there) == 0) {
        for (int i = 0; i < n_inputs; i++) {
            if (stat(inputs[i], &input) == 0 && input.st_dev == there.st_dev &&
                input.st_ino == there.st_ino) {
                vox_say("%s: is an input, name another file for the output", path);
                return VOX_EXIT_USAGE;
            }
        }
        if (!S_ISREG(there.st_mode)) {
            vox_say("%s: is no regular file, name another", path);
            return VOX_EXIT_USAGE;
        }
    }
    struct vox_err err = {0};
    struct vox_file_writer *file;
    if (vox_file_create(path, &file, &err) != VOX_OK) {
        return vox_say_error(path, &err);
    }
    vox_file_abandon(file);
    return VOX_EXIT_OK;
}

int vox_report_write(struct vox_json_writer *json, const char *path)
{
    struct vox_err err = {.code = VOX_E_NOMEM};
    const char *text;
    size_t size;
    enum vox_code code = VOX_E_NOMEM;
    if (json != NULL) {
        code = vox_json_writer_text(json, &text, &size, &err);
    }
    if (code == VOX_OK && !is_stdout(path)) {
        (void)vox_signals_catch();
        vox_signals_hold();
        code = vox_file_save(path, text, size, &err);
        vox_signals_release();
    } else if (code == VOX_OK) {
        /* A failed write shows in ferror, which vox_stdout_finish looks at. */
        (void)fwrite(text, 1, size, stdout);
    }
    vox_json_writer_free(json);
    if (code != VOX_OK) {
        (void)vox_say_error(is_stdout(path) ? NULL : path, &err);
        return VOX_EXIT_FAILURE;
    }
    return VOX_EXIT_OK;
}

int vox_stdout_finish(int status)
{
    if (fflush(stdout) != 0 || ferror(stdout)) {
        vox_say("cannot write the output");
        return VOX_EXIT_FAILURE;
    }
    return status;
}
