#include "store/store_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "util/memory.h"
#include "volume/volume.h"

static char root[256];

static void remove_below(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        char inner[2048];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        snprintf(inner, sizeof(inner), "%s/%s", path, entry->d_name);
        if (unlink(inner) != 0) {
            remove_below(inner);
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
    rmdir(path);
}

const char *store_folder_new(void)
{
    const char *place = getenv("TMPDIR");
    snprintf(root, sizeof(root), "%s/voxlabel-store-XXXXXX", place == NULL ? "/tmp" : place);
    assert_non_null(mkdtemp(root));
    return root;
}

void store_folder_remove(void)
{
    remove_below(root);
}

const char *in_folder(const char *name)
{
    static char paths[8][2048];
    static unsigned turn;
    char *path = paths[turn++ % 8];
    snprintf(path, sizeof(paths[0]), "%s/%s", root, name);
    return path;
}

void put_image(const char *name, int value)
{
    const int64_t size[3] = {6, 5, 4};
    int16_t voxels[6 * 5 * 4];
    struct vox_volume like = {.geometry = {.source = VOX_FORMAT_NRRD}};
    for (int i = 0; i < 3; i++) {
        like.geometry.affine[i][i] = 1.0;
        like.geometry.spacing[i] = 1.0;
    }
    for (int i = 0; i < 6 * 5 * 4; i++) {
        voxels[i] = (int16_t)(i * 7 + value);
    }
    struct vox_err err = {0};
    if (vox_volume_write(in_folder(name), &like.geometry, size, VOX_VOXEL_I16, voxels, &err) !=
        VOX_OK) {
        fail_msg("cannot write %s: %s", name, err.msg);
    }
}

void put_bytes(const char *name, const void *bytes, size_t size)
{
    FILE *file = fopen(in_folder(name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

void put_text(const char *name, const char *text)
{
    put_bytes(name, text, strlen(text));
}

void make_dir(const char *name)
{
    assert_int_equal(mkdir(in_folder(name), 0777), 0);
}

char *get_text(const char *name)
{
    struct stat st;
    FILE *file = fopen(in_folder(name), "rb");
    if (file == NULL) {
        return NULL;
    }
    assert_int_equal(fstat(fileno(file), &st), 0);
    char *text = vox_alloc((size_t)st.st_size + 1);
    assert_non_null(text);
    size_t got = fread(text, 1, (size_t)st.st_size, file);
    text[got] = '\0';
    fclose(file);
    return text;
}

bool is_there(const char *name)
{
    return access(in_folder(name), F_OK) == 0;
}

static int count_below(const char *path, const char *prefix)
{
    int n = 0;
    DIR *dir = opendir(path);
    struct dirent *entry;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        char inner[2048];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        n += strncmp(entry->d_name, prefix, strlen(prefix)) == 0;
        snprintf(inner, sizeof(inner), "%s/%s", path, entry->d_name);
        n += entry->d_type == DT_DIR ? count_below(inner, prefix) : 0;
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return n;
}

int count_names(const char *prefix)
{
    return count_below(root, prefix);
}

struct vox_datastore_options quiet_options(void)
{
    struct vox_datastore_options options = vox_datastore_options_default();
    options.follow = VOX_FOLLOW_NEVER;
    options.checksums_behind = false;
    return options;
}

struct vox_datastore *open_store(const struct vox_datastore_options *options)
{
    struct vox_datastore_options quiet = quiet_options();
    struct vox_datastore *store = NULL;
    struct vox_err err = {0};
    if (vox_datastore_open(root, options == NULL ? &quiet : options, &store, &err) != VOX_OK) {
        fail_msg("cannot open the datastore: %s", err.msg);
    }
    return store;
}

enum vox_code save_text(struct vox_datastore *store, const char *id, const char *tag,
                        const char *ext, const char *text, const char *info)
{
    char path[300];
    snprintf(path, sizeof(path), "%s.upload", root);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
    const struct vox_incoming upload = {.path = path, .ext = ext, .info = info};
    struct vox_err err = {0};
    enum vox_code code = vox_datastore_save_label(store, id, tag, &upload, &err);
    assert_int_equal(code == VOX_OK, err.msg[0] == '\0');
    unlink(path);
    return code;
}

static char *kept;

static const char *keep(char *text)
{
    vox_free(kept);
    kept = text;
    return text;
}

const char *all_json(struct vox_datastore *store)
{
    char *text = NULL;
    assert_int_equal(vox_datastore_all_json(store, &text, NULL), VOX_OK);
    return keep(text);
}

const char *stats_json(struct vox_datastore *store)
{
    char *text = NULL;
    assert_int_equal(vox_datastore_stats_json(store, &text, NULL), VOX_OK);
    return keep(text);
}
