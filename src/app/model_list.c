#include "app/model_actions.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "app/message.h"
#include "app/model_folder.h"
#include "app/model_published.h"
#include "app/report_output.h"
#include "app/sizes.h"
#include "model/embedded_model.h"
#include "util/json_writer.h"
#include "util/memory.h"

/* All models that are known; borrowed. */
struct known {
    const char *folder;
    const struct vox_model_entries *here;
};

static bool is_here(const struct known *known, const char *name)
{
    for (int i = 0; i < known->here->n; i++) {
        if (strcmp(known->here->at[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* Bytes of a download that was interrupted. */
static uint64_t begun_bytes(const struct known *known, const struct vox_published_model *model)
{
    struct stat st;
    char *path = vox_model_path(known->folder, model->name, ".pt.part");
    bool there = path != NULL && stat(path, &st) == 0 && S_ISREG(st.st_mode);
    vox_free(path);
    return there ? (uint64_t)st.st_size : 0;
}

static const char *config_of(const struct vox_model_entry *entry)
{
    return entry->recorded ? entry->record.config : "not recorded";
}

/* ---- as text ---- */

static void print_here(const struct known *known)
{
    const struct vox_embedded_model *embedded;
    char size[VOX_BYTES_TEXT];
    for (int i = 0; (embedded = vox_embedded_model_at(i)) != NULL; i++) {
        vox_bytes_text(embedded->size, size);
        printf("  %-24s %-10s inside the program, '%s' for short%s\n", embedded->name, size,
               embedded->short_name, i == 0 ? "; taken where none is named" : "");
    }
    for (int i = 0; i < known->here->n; i++) {
        const struct vox_model_entry *entry = &known->here->at[i];
        vox_bytes_text(entry->size, size);
        printf("  %-24s %-10s %s, %s\n", entry->name, size, config_of(entry), entry->checkpoint);
    }
    if (known->here->n == 0 && vox_embedded_model_at(0) == NULL) {
        printf("  none\n");
    }
}

static void print_published(const struct known *known)
{
    const struct vox_published_model *model;
    for (int i = 0; (model = vox_published_model_at(i)) != NULL; i++) {
        char size[VOX_BYTES_TEXT] = "";
        uint64_t begun = begun_bytes(known, model);
        if (is_here(known, model->name)) {
            continue;
        }
        if (model->size != 0) {
            vox_bytes_text(model->size, size);
        }
        printf("  %-24s %-10s %s", model->name, size, model->summary);
        if (model->unsupported != NULL) {
            printf("; %s", model->unsupported);
        }
        if (begun > 0) {
            vox_bytes_text(begun, size);
            printf("; %s of it are here", size);
        }
        putchar('\n');
    }
}

static void print_text(const struct known *known)
{
    printf("here, in %s:\n", known->folder);
    print_here(known);
    printf("\npublished at %s, fetched by 'voxlabel model pull NAME':\n", vox_published_page);
    print_published(known);
}

/* ---- as JSON ---- */

static void put_embedded(struct vox_json_writer *json, const struct vox_embedded_model *model)
{
    vox_json_begin_object(json, NULL);
    vox_json_put_text(json, "name", model->name);
    vox_json_put_text(json, "where", "embedded");
    vox_json_put_text(json, "short_name", model->short_name);
    vox_json_put_int(json, "size", (int64_t)model->size);
    vox_json_put_text(json, "config", model->name);
    vox_json_put_text(json, "sha256", model->sha256);
    vox_json_end(json);
}

static void put_here(struct vox_json_writer *json, const struct vox_model_entry *entry)
{
    bool recorded = entry->recorded;
    vox_json_begin_object(json, NULL);
    vox_json_put_text(json, "name", entry->name);
    vox_json_put_text(json, "where", "folder");
    vox_json_put_int(json, "size", (int64_t)entry->size);
    vox_json_put_text(json, "file", entry->checkpoint);
    vox_json_put_text(json, "yaml", entry->yaml);
    vox_json_put_text(json, "config", recorded ? entry->record.config : NULL);
    vox_json_put_text(json, "sha256", recorded ? entry->record.sha256 : NULL);
    vox_json_put_text(json, "source", recorded ? entry->record.source : NULL);
    vox_json_end(json);
}

static void put_published(struct vox_json_writer *json, const struct known *known,
                          const struct vox_published_model *model)
{
    vox_json_begin_object(json, NULL);
    vox_json_put_text(json, "name", model->name);
    vox_json_put_text(json, "where", "published");
    if (model->size != 0) {
        vox_json_put_int(json, "size", (int64_t)model->size);
    } else {
        vox_json_put_null(json, "size");
    }
    vox_json_put_text(json, "published_file", model->file);
    vox_json_put_text(json, "sha256", model->sha256);
    vox_json_put_bool(json, "supported", model->unsupported == NULL);
    vox_json_put_int(json, "begun", (int64_t)begun_bytes(known, model));
    vox_json_end(json);
}

static int print_json(const struct known *known)
{
    struct vox_json_writer *json = vox_json_writer_new();
    const struct vox_embedded_model *embedded;
    const struct vox_published_model *published;
    if (json == NULL) {
        return vox_say_no_memory();
    }
    vox_json_begin_object(json, NULL);
    vox_json_put_text(json, "version", VOX_VERSION);
    vox_json_put_text(json, "folder", known->folder);
    vox_json_begin_array(json, "models");
    for (int i = 0; (embedded = vox_embedded_model_at(i)) != NULL; i++) {
        put_embedded(json, embedded);
    }
    for (int i = 0; i < known->here->n; i++) {
        put_here(json, &known->here->at[i]);
    }
    for (int i = 0; (published = vox_published_model_at(i)) != NULL; i++) {
        if (!is_here(known, published->name)) {
            put_published(json, known, published);
        }
    }
    vox_json_end(json);
    vox_json_end(json);
    return vox_report_write(json, "-");
}

int vox_model_list(const struct vox_arguments *arguments)
{
    struct vox_model_entries here = {0};
    struct vox_err err = {0};
    char *folder;
    int status = vox_model_folder_find(vox_argument(arguments, "--models", 0), &folder);
    if (status != 0) {
        return status;
    }
    if (vox_model_entries_list(folder, &here, &err) != VOX_OK) {
        status = vox_say_error(folder, &err);
    } else {
        const struct known known = {.folder = folder, .here = &here};
        if (vox_argument_given(arguments, "--json")) {
            status = print_json(&known);
        } else {
            print_text(&known);
        }
        status = vox_stdout_finish(status);
        vox_model_entries_free(&here);
    }
    vox_free(folder);
    return status;
}
