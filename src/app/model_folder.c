#include "app/model_folder.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "app/environment.h"
#include "app/message.h"
#include "util/file.h"
#include "util/json.h"
#include "util/json_writer.h"
#include "util/memory.h"

enum { RECORD_BYTES = 1 << 16, MOST_MODELS = 4096 };

/* Suffixes of checkpoints; the first that is there counts. */
static const char *const suffixes[] = {".safetensors", ".pt"};
enum { SUFFIXES = 2 };

static enum vox_code no_memory(struct vox_err *err)
{
    return vox_fail(err, VOX_E_NOMEM, "out of memory");
}

static enum vox_code fail_io(struct vox_err *err, const char *what)
{
    const char *why = strerrordesc_np(errno);
    return vox_fail_sys(err, VOX_E_IO, errno, "%s: %s", what, why != NULL ? why : "unknown error");
}

/* ---- the folder ---- */

static char *joined(const char *folder, const char *rest)
{
    size_t size = strlen(folder) + strlen(rest) + 1;
    char *path = vox_alloc(size);
    if (path != NULL) {
        snprintf(path, size, "%s%s", folder, rest);
    }
    return path;
}

int vox_model_folder_find(const char *option, char **out)
{
    const char *named = option != NULL ? option : vox_environment("VOXLABEL_MODELS");
    const char *data = vox_environment("XDG_DATA_HOME"), *home = vox_environment("HOME");
    char *path = NULL;
    if (named != NULL) {
        path = vox_strdup(named);
    } else if (data != NULL && data[0] == '/') {
        path = joined(data, "/voxlabel/models");
    } else if (home != NULL) {
        path = joined(home, "/.local/share/voxlabel/models");
    } else {
        vox_say("there is no home folder for models; name a folder with --models");
        return VOX_EXIT_USAGE;
    }
    if (path == NULL) {
        return vox_say_no_memory();
    }
    *out = path;
    return 0;
}

enum vox_code vox_model_folder_make(const char *folder, struct vox_err *err)
{
    char *path = vox_strdup(folder);
    if (path == NULL) {
        return no_memory(err);
    }
    struct stat st;
    bool made = true;
    for (char *at = path; made && *at != '\0'; at++) {
        if (*at == '/' && at != path) {
            *at = '\0';
            made = mkdir(path, 0777) == 0 || errno == EEXIST;
            *at = '/';
        }
    }
    made = made && (mkdir(path, 0777) == 0 || errno == EEXIST);
    enum vox_code code = made ? VOX_OK : fail_io(err, "cannot make the folder");
    if (made && (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))) {
        code = vox_fail(err, VOX_E_IO, "is no folder");
    }
    vox_free(path);
    return code;
}

bool vox_model_name_is_valid(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    size_t length = strlen(name);
    return length > 0 && length <= VOX_MODEL_NAME_MAX && strspn(name, letters) > 0 &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
               length;
}

char *vox_model_path(const char *folder, const char *name, const char *suffix)
{
    size_t size = strlen(folder) + strlen(name) + strlen(suffix) + 2;
    char *path = vox_alloc(size);
    if (path != NULL) {
        snprintf(path, size, "%s/%s%s", folder, name, suffix);
    }
    return path;
}

/* ---- records ---- */

/* A text that fits whole; false, and *out untouched, otherwise. */
static bool take_text(const struct vox_json *json, const char *key, char *out, size_t room)
{
    const char *text = vox_json_text(vox_json_get(json, key));
    if (text == NULL || strlen(text) >= room) {
        return false;
    }
    memcpy(out, text, strlen(text) + 1);
    return true;
}

static bool take_record(const struct vox_json *json, struct vox_model_record *out)
{
    struct vox_model_record record = {0};
    int64_t size;
    if (!vox_json_int(vox_json_get(json, "size"), &size) || size < 0 ||
        !take_text(json, "sha256", record.sha256, sizeof(record.sha256)) ||
        strspn(record.sha256, "0123456789abcdef") != sizeof(record.sha256) - 1 ||
        !take_text(json, "config", record.config, sizeof(record.config)) ||
        !take_text(json, "source", record.source, sizeof(record.source))) {
        return false;
    }
    record.size = (uint64_t)size;
    *out = record;
    return true;
}

/* A record that is missing or damaged is none. */
static bool read_record(const char *path, struct vox_model_record *out)
{
    static const struct vox_json_limits limits = {RECORD_BYTES, 4, 64};
    struct vox_mapping mapping;
    struct vox_json *json;
    bool read = false;
    if (vox_file_map(path, &mapping, NULL) != VOX_OK) {
        return false;
    }
    if (vox_json_parse((const char *)mapping.data, mapping.size, &limits, &json, NULL) == VOX_OK) {
        read = take_record(json, out);
        vox_json_free(json);
    }
    vox_file_unmap(&mapping);
    return read;
}

static enum vox_code write_text(const char *path, struct vox_json_writer *json, struct vox_err *err)
{
    const char *text;
    size_t size;
    enum vox_code code = vox_json_writer_text(json, &text, &size, err);
    return code == VOX_OK ? vox_file_save(path, text, size, err) : code;
}

enum vox_code vox_model_record_write(const char *folder, const char *name,
                                     const struct vox_model_record *record, struct vox_err *err)
{
    char *path = vox_model_path(folder, name, ".json");
    struct vox_json_writer *json = vox_json_writer_new();
    enum vox_code code = VOX_OK;
    if (path == NULL || json == NULL) {
        code = no_memory(err);
    } else {
        vox_json_begin_object(json, NULL);
        vox_json_put_text(json, "name", name);
        vox_json_put_int(json, "size", (int64_t)record->size);
        vox_json_put_text(json, "sha256", record->sha256);
        vox_json_put_text(json, "config", record->config);
        vox_json_put_text(json, "source", record->source);
        vox_json_end(json);
        code = write_text(path, json, err);
    }
    vox_json_writer_free(json);
    vox_free(path);
    return code;
}

/* ---- models ---- */

static bool is_file(const char *path, uint64_t *size)
{
    struct stat st;
    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode)) {
        return false;
    }
    *size = (uint64_t)st.st_size;
    return true;
}

void vox_model_entry_free(struct vox_model_entry *entry)
{
    vox_free(entry->checkpoint);
    vox_free(entry->record_file);
    vox_free(entry->yaml);
    *entry = (struct vox_model_entry){0};
}

enum vox_code vox_model_entry_find(const char *folder, const char *name,
                                   struct vox_model_entry *out, struct vox_err *err)
{
    struct vox_model_entry entry = {0};
    uint64_t ignored;
    bool found = false, memory = true;
    if (!vox_model_name_is_valid(name)) {
        return vox_fail(err, VOX_E_NOT_FOUND, "this is no model's name");
    }
    snprintf(entry.name, sizeof(entry.name), "%s", name);
    for (int i = 0; i < SUFFIXES && !found && memory; i++) {
        vox_free(entry.checkpoint);
        entry.checkpoint = vox_model_path(folder, name, suffixes[i]);
        memory = entry.checkpoint != NULL;
        found = memory && is_file(entry.checkpoint, &entry.size);
    }
    entry.record_file = vox_model_path(folder, name, ".json");
    entry.yaml = vox_model_path(folder, name, ".yaml");
    enum vox_code code = VOX_OK;
    if (!memory || entry.record_file == NULL || entry.yaml == NULL) {
        code = no_memory(err);
    } else if (!found) {
        code = vox_fail(err, VOX_E_NOT_FOUND, "there is no model of this name");
    }
    if (code != VOX_OK) {
        vox_model_entry_free(&entry);
        return code;
    }
    if (!is_file(entry.yaml, &ignored)) {
        vox_free(entry.yaml);
        entry.yaml = NULL;
    }
    entry.recorded = read_record(entry.record_file, &entry.record);
    *out = entry;
    return VOX_OK;
}

/* The name of a model whose checkpoint has this file name; false where it is none. */
static bool name_of(const char *file, char name[VOX_MODEL_NAME_MAX + 1])
{
    size_t length = strlen(file);
    for (int i = 0; i < SUFFIXES; i++) {
        size_t tail = strlen(suffixes[i]);
        if (length > tail && length - tail <= VOX_MODEL_NAME_MAX &&
            strcmp(file + length - tail, suffixes[i]) == 0) {
            memcpy(name, file, length - tail);
            name[length - tail] = '\0';
            return vox_model_name_is_valid(name);
        }
    }
    return false;
}

static bool has_name(const struct vox_model_entries *entries, const char *name)
{
    for (int i = 0; i < entries->n; i++) {
        if (strcmp(entries->at[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static enum vox_code add_entry(struct vox_model_entries *entries, const char *folder,
                               const char *name, struct vox_err *err)
{
    size_t used = (size_t)entries->n * sizeof(*entries->at);
    if (entries->n == MOST_MODELS) {
        return vox_fail(err, VOX_E_LIMIT, "the folder holds more than %d models", MOST_MODELS);
    }
    void *grown = vox_realloc(entries->at, used, used + sizeof(*entries->at));
    if (grown == NULL) {
        return no_memory(err);
    }
    entries->at = grown;
    enum vox_code code = vox_model_entry_find(folder, name, &entries->at[entries->n], err);
    if (code == VOX_OK) {
        entries->n++;
    }
    return code == VOX_E_NOT_FOUND ? VOX_OK : code; /* a folder of that name, or gone by now */
}

static int by_name(const void *a, const void *b)
{
    const struct vox_model_entry *x = a, *y = b;
    return strcmp(x->name, y->name);
}

enum vox_code vox_model_entries_list(const char *folder, struct vox_model_entries *out,
                                     struct vox_err *err)
{
    struct vox_model_entries entries = {0};
    enum vox_code code = VOX_OK;
    DIR *dir = opendir(folder);
    if (dir == NULL && errno != ENOENT) {
        return fail_io(err, "cannot read the folder");
    }
    while (dir != NULL && code == VOX_OK) {
        char name[VOX_MODEL_NAME_MAX + 1];
        /* A stream of one thread. */
        const struct dirent *file = readdir(dir); /* NOLINT(concurrency-mt-unsafe) */
        if (file == NULL) {
            break;
        }
        if (name_of(file->d_name, name) && !has_name(&entries, name)) {
            code = add_entry(&entries, folder, name, err);
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
    if (code != VOX_OK) {
        vox_model_entries_free(&entries);
        return code;
    }
    if (entries.n > 0) {
        qsort(entries.at, (size_t)entries.n, sizeof(*entries.at), by_name);
    }
    *out = entries;
    return VOX_OK;
}

void vox_model_entries_free(struct vox_model_entries *entries)
{
    for (int i = 0; i < entries->n; i++) {
        vox_model_entry_free(&entries->at[i]);
    }
    vox_free(entries->at);
    *entries = (struct vox_model_entries){0};
}
