#include "store/label_versions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/info_text.h"
#include "store/store_ids.h"
#include "util/memory.h"
#include "util/number_text.h"

enum { MOST = 1000000 };

/* No label ends so. */
static const char told_ext[] = ".~info";

static enum vox_code no_memory(struct vox_err *err)
{
    return vox_fail(err, VOX_E_NOMEM, "out of memory");
}

static char *folder_of(const struct vox_datastore *store, const char *tag, const char *stem)
{
    char *folder = vox_path_join(store->versions, tag);
    char *inner = folder == NULL ? NULL : vox_path_join(folder, stem);
    vox_free(folder);
    return inner;
}

/* The number that a name begins with, 0 if it does not. */
static int number_of(const char *name)
{
    int64_t number;
    size_t size = strcspn(name, ".");
    if (!vox_text_to_int(name, size, &number) || number < 1 || number > MOST) {
        return 0;
    }
    return (int)number;
}

static bool is_told(const char *name)
{
    return strcmp(name + strcspn(name, "."), told_ext) == 0;
}

/* Whether there is a file too: who was killed in between leaves only what is said of it. */
static bool has_file(const struct vox_name_table *files, int number)
{
    size_t cursor = 0;
    const char *name;
    while ((name = vox_name_table_next(files, &cursor, NULL)) != NULL) {
        if (number_of(name) == number && !is_told(name)) {
            return true;
        }
    }
    return false;
}

static int compare(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

enum vox_code vox_versions_list(const struct vox_datastore *store, const char *tag,
                                const char *stem, int **out, size_t *n, struct vox_err *err)
{
    struct vox_name_table files = {0};
    char *folder = folder_of(store, tag, stem);
    enum vox_code code = folder == NULL ? no_memory(err) : vox_folder_list(folder, &files, err);
    int *numbers = code == VOX_OK ? vox_calloc(files.n + 1, sizeof(*numbers)) : NULL;
    if (code == VOX_OK && numbers == NULL) {
        code = no_memory(err);
    }
    size_t cursor = 0, found = 0;
    const char *name;
    while (code == VOX_OK && (name = vox_name_table_next(&files, &cursor, NULL)) != NULL) {
        if (number_of(name) > 0 && is_told(name) && has_file(&files, number_of(name))) {
            numbers[found++] = number_of(name);
        }
    }
    vox_name_table_fini(&files);
    vox_free(folder);
    if (code != VOX_OK) {
        return code;
    }
    qsort(numbers, found, sizeof(*numbers), compare);
    *out = numbers;
    *n = found;
    return VOX_OK;
}

static char *told_path(const char *folder, int number)
{
    char name[24];
    snprintf(name, sizeof(name), "%d", number);
    return vox_path_file(folder, name, told_ext);
}

/* --- reading one --- */

static enum vox_code fill(const char *folder, int version, const struct vox_json *json,
                          struct vox_label_record *out, struct vox_err *err)
{
    char name[24];
    snprintf(name, sizeof(name), "%d", version);
    const char *ext = vox_json_text(vox_json_get(json, "ext"));
    const struct vox_json *info = vox_json_get(json, "info");
    if (ext == NULL || !vox_is_ext(ext) || info == NULL) {
        return vox_fail(err, VOX_E_FORMAT, "what is known of this version of the label is damaged");
    }
    struct vox_label_record record = {.path = vox_path_file(folder, name, ext),
                                      .ext = vox_strdup(ext)};
    enum vox_code code = vox_json_format(info, &record.info, err);
    if (code == VOX_OK) {
        record.file_name = record.path == NULL ? NULL : vox_strdup(strrchr(record.path, '/') + 1);
        code = record.file_name == NULL || record.ext == NULL ? no_memory(err) : VOX_OK;
    }
    struct vox_file_state state = {0};
    if (code == VOX_OK) {
        code = vox_file_state_read(record.path, &state, err);
    }
    if (code == VOX_OK && !state.there) {
        code = vox_fail(err, VOX_E_NOT_FOUND, "the label has no such version");
    }
    if (code != VOX_OK) {
        vox_label_record_free(&record);
        return code;
    }
    *out = record;
    return VOX_OK;
}

enum vox_code vox_versions_find(const struct vox_datastore *store, const char *tag,
                                const char *stem, int version, struct vox_label_record *out,
                                struct vox_err *err)
{
    char *folder = folder_of(store, tag, stem);
    char *path = folder == NULL ? NULL : told_path(folder, version);
    char *text = NULL;
    size_t size;
    struct vox_json *json = NULL;
    enum vox_code code =
        path == NULL ? no_memory(err) : vox_file_text(path, (size_t)64 << 20, &text, &size, err);
    if (code == VOX_E_NOT_FOUND) {
        code = vox_fail(err, VOX_E_NOT_FOUND, "the label has no such version");
    }
    if (code == VOX_OK) {
        code = vox_info_parse(text, &json, err);
    }
    if (code == VOX_OK) {
        code = fill(folder, version, json, out, err);
        vox_json_free(json);
    }
    vox_free(text);
    vox_free(path);
    vox_free(folder);
    return code;
}

/* --- making one --- */

static enum vox_code make_folders(const struct vox_datastore *store, const char *tag,
                                  const char *folder, struct vox_err *err)
{
    char *outer = vox_path_join(store->versions, tag);
    enum vox_code code = outer == NULL ? no_memory(err) : vox_folder_make(outer, err);
    vox_free(outer);
    return code == VOX_OK ? vox_folder_make(folder, err) : code;
}

static enum vox_code tell(const struct vox_datastore *store, const char *ext, const char *info,
                          const char *path, struct vox_err *err)
{
    const struct vox_info_member members[] = {{.key = "ext", .text = ext},
                                              {.key = "info", .raw = info},
                                              {.key = "replaced", .integer = vox_now()}};
    char *text = NULL;
    struct vox_staged staged = {0};
    enum vox_code code = vox_info_merge("{}", NULL, members, 3, &text, err);
    if (code == VOX_OK) {
        code = vox_staged_text(text, strlen(text), store->staging, path, &staged, err);
    }
    if (code == VOX_OK) {
        code = vox_staged_place(&staged, err);
    }
    vox_staged_end(&staged);
    vox_free(text);
    return code;
}

enum vox_code vox_version_begin(const struct vox_datastore *store, const char *tag,
                                const char *stem, const char *ext, const char *info,
                                struct vox_version *out, struct vox_err *err)
{
    int *numbers = NULL;
    size_t n = 0;
    char name[24];
    char *folder = folder_of(store, tag, stem);
    struct vox_version version = {0};
    enum vox_code code = folder == NULL ? no_memory(err) : make_folders(store, tag, folder, err);
    if (code == VOX_OK) {
        code = vox_versions_list(store, tag, stem, &numbers, &n, err);
    }
    if (code == VOX_OK) {
        version.number = n == 0 ? 1 : numbers[n - 1] + 1;
        snprintf(name, sizeof(name), "%d", version.number);
        version.path = vox_path_file(folder, name, ext);
        version.told = told_path(folder, version.number);
        code = version.path == NULL || version.told == NULL ? no_memory(err) : VOX_OK;
    }
    if (code == VOX_OK) {
        /* Left over by a process that was killed before it said anything of it. */
        unlink(version.path);
        code = tell(store, ext, info, version.told, err);
    }
    vox_free(numbers);
    vox_free(folder);
    if (code != VOX_OK) {
        vox_version_end(&version);
        return code;
    }
    *out = version;
    return VOX_OK;
}

void vox_version_undo(const struct vox_version *version)
{
    if (version->path != NULL) {
        unlink(version->told);
        unlink(version->path);
    }
}

void vox_version_end(struct vox_version *version)
{
    vox_free(version->path);
    vox_free(version->told);
    *version = (struct vox_version){0};
}

/* --- removing --- */

static void remove_version(const struct vox_datastore *store, const char *tag, const char *stem,
                           int number)
{
    struct vox_label_record record;
    char *folder = folder_of(store, tag, stem);
    char *told = folder == NULL ? NULL : told_path(folder, number);
    if (vox_versions_find(store, tag, stem, number, &record, NULL) == VOX_OK) {
        unlink(record.path);
        vox_label_record_free(&record);
    }
    if (told != NULL) {
        unlink(told);
    }
    vox_free(told);
    vox_free(folder);
}

void vox_versions_trim(const struct vox_datastore *store, const char *tag, const char *stem)
{
    int *numbers = NULL;
    size_t n = 0;
    size_t most = store->options.versions > 0 ? (size_t)store->options.versions : 0;
    if (vox_versions_list(store, tag, stem, &numbers, &n, NULL) != VOX_OK) {
        return;
    }
    for (size_t i = 0; n > most && i < n - most; i++) {
        remove_version(store, tag, stem, numbers[i]);
    }
    vox_free(numbers);
}

void vox_versions_remove(const struct vox_datastore *store, const char *stem)
{
    struct vox_name_table tags = {0};
    size_t cursor = 0;
    const char *tag;
    if (vox_folder_list(store->versions, &tags, NULL) == VOX_OK) {
        while ((tag = vox_name_table_next(&tags, &cursor, NULL)) != NULL) {
            char *folder = folder_of(store, tag, stem);
            if (folder != NULL) {
                vox_folder_remove(folder);
            }
            vox_free(folder);
        }
    }
    vox_name_table_fini(&tags);
}
