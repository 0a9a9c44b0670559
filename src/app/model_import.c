#include "app/model_actions.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/message.h"
#include "app/model_check.h"
#include "app/model_folder.h"
#include "app/model_published.h"
#include "app/signals.h"
#include "app/sizes.h"
#include "app/text_file.h"
#include "model/embedded_model.h"
#include "util/file.h"
#include "util/hash.h"
#include "util/memory.h"

struct import {
    const char *path;
    const char *yaml; /* NULL: a built-in configuration */
    char name[VOX_MODEL_NAME_MAX + 1];
    char *folder;
    char *target;  /* the checkpoint's place */
    bool in_place; /* where it is already */
    struct vox_mapping mapping;
    const char *container;
    struct vox_model_record record;
    const atomic_int *cancel;
};

/* ---- the name ---- */

/* The file's name without its ending. */
static bool name_of_file(const char *path, char name[VOX_MODEL_NAME_MAX + 1])
{
    static const char *const endings[] = {".safetensors", ".pt", ".pth"};
    const char *slash = strrchr(path, '/');
    const char *file = slash == NULL ? path : slash + 1;
    size_t length = strlen(file);
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        size_t tail = strlen(endings[i]);
        if (length > tail && strcmp(file + length - tail, endings[i]) == 0) {
            length -= tail;
            break;
        }
    }
    if (length > VOX_MODEL_NAME_MAX) {
        return false;
    }
    memcpy(name, file, length);
    name[length] = '\0';
    return vox_model_name_is_valid(name);
}

static int choose_name(const struct vox_arguments *arguments, struct import *import)
{
    const char *given = vox_argument(arguments, "--name", 0);
    if (given == NULL && !name_of_file(import->path, import->name)) {
        vox_say("%s: the file's name cannot be a model's; give one with --name", import->path);
        return VOX_EXIT_USAGE;
    }
    if (given != NULL && !vox_model_name_is_valid(given)) {
        return vox_say_usage("model",
                             "--name %s is no name: use up to %d letters, digits, '.', '-' and "
                             "'_', first a letter or digit",
                             given, VOX_MODEL_NAME_MAX);
    }
    if (given != NULL) {
        snprintf(import->name, sizeof(import->name), "%s", given);
    }
    if (vox_embedded_model_find(import->name) != NULL) {
        vox_say("%s: is a model inside the program; give another name with --name", import->name);
        return VOX_EXIT_USAGE;
    }
    return 0;
}

/* ---- the file ---- */

/* Reads the checkpoint: is it one, what is its SHA-256, and may it have this name? */
static int examine(struct import *import)
{
    struct vox_err err = {0};
    struct vox_model_record *record = &import->record;
    const struct vox_published_model *published = vox_published_model_find(import->name);
    enum vox_code code = vox_file_map(import->path, &import->mapping, &err);
    const void *data = import->mapping.data;
    size_t size = import->mapping.size;
    if (code == VOX_OK) {
        code = vox_model_bytes_check(data, size, import->yaml, record->config, &import->container,
                                     &err);
    }
    if (code == VOX_OK) {
        code = vox_sha256_hex(data, size, record->sha256, &err);
    }
    if (code != VOX_OK) {
        return vox_say_error(import->path, &err);
    }
    record->size = size;
    snprintf(record->source, sizeof(record->source), "imported");
    if (published != NULL && published->sha256 != NULL &&
        strcmp(published->sha256, record->sha256) != 0) {
        vox_say("%s: is not the published %s, whose SHA-256 is %s; give another name with --name",
                import->path, published->file, published->sha256);
        return VOX_EXIT_FAILURE;
    }
    return 0;
}

static bool is_same_file(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* A name is given once; a file that lies in its place already is only recorded. */
static int find_target(struct import *import)
{
    struct vox_model_entry there;
    struct vox_err err = {0};
    bool torch = strcmp(import->container, "pt") == 0;
    import->target = vox_model_path(import->folder, import->name, torch ? ".pt" : ".safetensors");
    if (import->target == NULL) {
        return vox_say_no_memory();
    }
    enum vox_code code = vox_model_entry_find(import->folder, import->name, &there, &err);
    if (code == VOX_E_NOT_FOUND) {
        return 0;
    }
    if (code != VOX_OK) {
        return vox_say_error(import->name, &err);
    }
    import->in_place = is_same_file(there.checkpoint, import->path);
    vox_model_entry_free(&there);
    if (!import->in_place) {
        vox_say("%s: there is a model of this name already; remove it first, or give another name "
                "with --name",
                import->name);
        return VOX_EXIT_USAGE;
    }
    return 0;
}

/* ---- the copies ---- */

static enum vox_code copy_bytes(const struct vox_mapping *from, const char *to,
                                const atomic_int *cancel, struct vox_err *err)
{
    struct vox_file_writer *file;
    enum vox_code code = vox_file_create(to, &file, err);
    if (code != VOX_OK) {
        return code;
    }
    code = vox_file_write_large(file, from->data, from->size, cancel, err);
    if (code != VOX_OK) {
        vox_file_abandon(file);
        return code;
    }
    return vox_file_commit(file, err);
}

/* The YAML of the model; one that an earlier model of this name left goes. */
static enum vox_code put_yaml(const struct import *import, struct vox_err *err)
{
    char *path = vox_model_path(import->folder, import->name, ".yaml");
    struct vox_mapping mapping;
    enum vox_code code = VOX_OK;
    if (path == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    if (import->yaml == NULL) {
        unlink(path);
    } else if (!is_same_file(import->yaml, path)) {
        code = vox_file_map(import->yaml, &mapping, err);
        if (code == VOX_OK) {
            code = copy_bytes(&mapping, path, NULL, err);
            vox_file_unmap(&mapping);
        }
    }
    vox_free(path);
    return code;
}

static void remove_leavings(const struct import *import)
{
    static const char *const suffixes[] = {".yaml", ".json"};
    for (int i = 0; i < 2; i++) {
        char *path = vox_model_path(import->folder, import->name, suffixes[i]);
        if (path != NULL) {
            unlink(path);
        }
        vox_free(path);
    }
}

/* The checkpoint last: what is there without it is no model. */
static int put_files(const struct import *import)
{
    struct vox_err err = {0};
    vox_signals_hold();
    enum vox_code code = vox_model_folder_make(import->folder, &err);
    if (code == VOX_OK) {
        code = put_yaml(import, &err);
    }
    if (code == VOX_OK) {
        code = vox_model_record_write(import->folder, import->name, &import->record, &err);
    }
    if (code == VOX_OK && !import->in_place) {
        code = copy_bytes(&import->mapping, import->target, import->cancel, &err);
    }
    if (code != VOX_OK && !import->in_place) {
        remove_leavings(import);
    }
    vox_signals_release();
    if (code == VOX_E_CANCELLED) {
        vox_say("cancelled; nothing was imported");
        return VOX_EXIT_CANCELLED;
    }
    if (code != VOX_OK) {
        (void)vox_say_error(import->folder, &err);
        return VOX_EXIT_FAILURE;
    }
    return 0;
}

static int run(const struct vox_arguments *arguments, struct import *import)
{
    int status = vox_input_find(import->path);
    if (status == 0) {
        status = vox_input_find(import->yaml);
    }
    if (status == 0) {
        status = choose_name(arguments, import);
    }
    if (status == 0) {
        status = vox_model_folder_find(vox_argument(arguments, "--models", 0), &import->folder);
    }
    if (status == 0) {
        status = examine(import);
    }
    if (status == 0) {
        status = find_target(import);
    }
    return status == 0 ? put_files(import) : status;
}

int vox_model_import(const struct vox_arguments *arguments)
{
    struct import import = {
        .path = vox_positional(arguments, 1),
        .yaml = vox_argument(arguments, "--config", 0),
        .cancel = vox_signals_catch(),
    };
    int status = run(arguments, &import);
    if (status == 0 && !vox_argument_given(arguments, "--quiet")) {
        char size[VOX_BYTES_TEXT];
        vox_bytes_text(import.record.size, size);
        vox_say("%s: %s, %s; 'voxlabel segment --model %s' uses it", import.name,
                import.record.config, size, import.name);
    }
    vox_file_unmap(&import.mapping);
    vox_free(import.folder);
    vox_free(import.target);
    return status;
}
