#include "app/model_actions.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/message.h"
#include "app/model_folder.h"
#include "app/model_question.h"
#include "model/embedded_model.h"
#include "util/memory.h"

/* All that a model may consist of; the checkpoint goes first, and what is left is no model. */
static const char *const suffixes[] = {".safetensors", ".pt",      ".yaml",
                                       ".json",        ".pt.part", ".pt.part.json"};
enum { SUFFIXES = (int)(sizeof(suffixes) / sizeof(suffixes[0])) };

/* Removes what there is. */
static int remove_files(const char *folder, const char *name)
{
    for (int i = 0; i < SUFFIXES; i++) {
        char *path = vox_model_path(folder, name, suffixes[i]);
        if (path == NULL) {
            return vox_say_no_memory();
        }
        bool gone = unlink(path) == 0 || errno == ENOENT;
        if (!gone) {
            const char *why = strerrordesc_np(errno);
            vox_say("%s: cannot remove the file: %s", path, why != NULL ? why : "unknown error");
            vox_free(path);
            return VOX_EXIT_FAILURE;
        }
        vox_free(path);
    }
    return 0;
}

static bool is_there(const char *folder, const char *name)
{
    for (int i = 0; i < SUFFIXES; i++) {
        char *path = vox_model_path(folder, name, suffixes[i]);
        bool there = path != NULL && access(path, F_OK) == 0;
        vox_free(path);
        if (there) {
            return true;
        }
    }
    return false;
}

static int confirm(const char *folder, const char *name)
{
    char question[VOX_MODEL_NAME_MAX + 64];
    if (!vox_can_ask()) {
        vox_say("%s: to remove it without a terminal add --yes", name);
        return VOX_EXIT_USAGE;
    }
    fprintf(stderr, "In %s:\n", folder);
    snprintf(question, sizeof(question), "Remove the model '%s'? [yes/no] ", name);
    if (!vox_ask(question)) {
        vox_say("%s: nothing was removed", name);
        return VOX_EXIT_FAILURE;
    }
    return 0;
}

int vox_model_remove(const struct vox_arguments *arguments)
{
    const char *name = vox_positional(arguments, 1);
    char *folder;
    int status = vox_model_folder_find(vox_argument(arguments, "--models", 0), &folder);
    if (status != 0) {
        return status;
    }
    if (vox_embedded_model_find(name) != NULL) {
        vox_say("%s: is inside the program and cannot be removed", name);
        status = VOX_EXIT_USAGE;
    } else if (!vox_model_name_is_valid(name) || !is_there(folder, name)) {
        vox_say("%s: there is no model of this name", name);
        status = VOX_EXIT_USAGE;
    } else if (!vox_argument_given(arguments, "--yes")) {
        status = confirm(folder, name);
    }
    if (status == 0) {
        status = remove_files(folder, name);
    }
    vox_free(folder);
    return status;
}
