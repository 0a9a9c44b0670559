/* GET /datastore/dataset: the images with final labels, their labels, and what is known of them, in
 * one zip archive. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/app_instance.h"
#include "server/http.h"
#include "store/datastore.h"
#include "util/memory.h"
#include "util/zip_writer.h"

enum { PATH_BYTES = 4096 };

/* What goes into the archive. */
struct dataset {
    struct vox_zip_entry *entries; /* two for each image, and the metadata */
    size_t n;
    char *metadata;
};

static void free_dataset(struct dataset *dataset)
{
    for (size_t i = 0; i < dataset->n; i++) {
        vox_free((void *)(uintptr_t)dataset->entries[i].name);
        vox_free((void *)(uintptr_t)dataset->entries[i].path);
    }
    vox_free(dataset->entries);
    vox_free(dataset->metadata);
}

static enum vox_code no_memory(struct vox_err *err)
{
    return vox_fail(err, VOX_E_NOMEM, "no memory for the archive");
}

/* FOLDER/NAME for a file, whose path is copied. */
static enum vox_code add_file(struct dataset *dataset, const char *folder, const char *name,
                              const char *path, struct vox_err *err)
{
    size_t size = strlen(folder) + strlen(name) + 2;
    char *inside = vox_alloc(size), *copy = vox_strdup(path);
    if (inside == NULL || copy == NULL) {
        vox_free(inside);
        vox_free(copy);
        return no_memory(err);
    }
    snprintf(inside, size, "%s/%s", folder, name);
    dataset->entries[dataset->n++] = (struct vox_zip_entry){.name = inside, .path = copy};
    return VOX_OK;
}

/* An image and its label; one that went meanwhile is left out. */
static enum vox_code add_image(struct dataset *dataset, struct vox_datastore *store, const char *id,
                               struct vox_err *err)
{
    struct vox_image_record image = {0};
    struct vox_label_record label = {0};
    enum vox_code code = vox_datastore_image(store, id, &image, err);
    if (code == VOX_OK) {
        code = vox_datastore_label(store, id, "final", 0, &label, err);
    }
    if (code == VOX_OK) {
        code = add_file(dataset, "image", image.file_name, image.path, err);
    }
    if (code == VOX_OK) {
        code = add_file(dataset, "label", label.file_name, label.path, err);
    }
    vox_image_record_free(&image);
    vox_label_record_free(&label);
    return code == VOX_E_NOT_FOUND ? VOX_OK : code;
}

/* The metadata of all images, as GET /datastore/?output=all says it. */
static enum vox_code add_metadata(struct dataset *dataset, struct vox_datastore *store,
                                  struct vox_err *err)
{
    char *name = vox_strdup("metadata.json");
    if (name == NULL) {
        return no_memory(err);
    }
    enum vox_code code = vox_datastore_all_json(store, &dataset->metadata, err);
    if (code != VOX_OK) {
        vox_free(name);
        return code;
    }
    dataset->entries[dataset->n++] = (struct vox_zip_entry){
        .name = name, .data = dataset->metadata, .size = strlen(dataset->metadata)};
    return VOX_OK;
}

static enum vox_code collect(struct vox_datastore *store, int64_t limit, struct dataset *out,
                             struct vox_err *err)
{
    struct vox_image_item *items;
    size_t n;
    enum vox_code code = vox_datastore_list(store, VOX_IMAGES_LABELLED, &items, &n, err);
    if (code != VOX_OK) {
        return code;
    }
    size_t cases = limit >= 1 && (uint64_t)limit < n ? (size_t)limit : n;
    struct dataset dataset = {.entries = vox_calloc(2 * cases + 1, sizeof(*dataset.entries))};
    if (dataset.entries == NULL) {
        code = no_memory(err);
    }
    for (size_t i = 0; i < cases && code == VOX_OK; i++) {
        code = add_image(&dataset, store, items[i].id, err);
    }
    vox_image_items_free(items, n);
    if (code == VOX_OK && dataset.n == 0) {
        code = vox_fail(err, VOX_E_NOT_FOUND, "no image has a final label yet");
    }
    if (code == VOX_OK) {
        code = add_metadata(&dataset, store, err);
    }
    if (code != VOX_OK) {
        free_dataset(&dataset);
        return code;
    }
    *out = dataset;
    return VOX_OK;
}

/* The archive is opened by the answer before its name goes. */
static enum vox_code write_and_answer(struct vox_exchange *x, const struct dataset *dataset,
                                      struct vox_err *err)
{
    char path[PATH_BYTES];
    int n = snprintf(path, sizeof(path), "%s/dataset-XXXXXX", vox_exchange_spool(x));
    if (n < 0 || (size_t)n >= sizeof(path)) {
        return vox_fail(err, VOX_E_IO, "the name of the folder for uploads is too long");
    }
    int fd = mkstemp(path);
    if (fd < 0) {
        const int sys = errno;
        return vox_fail_sys(err, VOX_E_IO, sys, "the archive cannot be stored: %s",
                            strerrordesc_np(sys));
    }
    close(fd);
    enum vox_code code = vox_zip_write(path, dataset->entries, dataset->n, err);
    if (code == VOX_OK) {
        code = vox_answer_file(x, path, "dataset.zip", err);
    }
    unlink(path);
    return code;
}

static void get_dataset(struct vox_exchange *x, struct vox_app *app)
{
    struct dataset dataset;
    struct vox_err err = {0};
    int64_t limit;
    if (!vox_exchange_query_int(x, "limit_cases", 0, INT32_MIN, INT32_MAX, &limit)) {
        return;
    }
    enum vox_code code = collect(vox_app_datastore(app), limit, &dataset, &err);
    if (code == VOX_OK) {
        code = write_and_answer(x, &dataset, &err);
        free_dataset(&dataset);
    }
    if (code != VOX_OK) {
        vox_exchange_fail_err(x, &err);
    }
}

const struct vox_route vox_routes_dataset[] = {
    {"GET", "/datastore/dataset", get_dataset, VOX_ROLE_ANNOTATOR, VOX_BODY_NONE, 0},
    {NULL, NULL, NULL, VOX_ROLE_OPEN, VOX_BODY_NONE, 0},
};
