#include "app/model_actions.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "app/environment.h"
#include "app/message.h"
#include "app/model_check.h"
#include "app/model_folder.h"
#include "app/model_progress.h"
#include "app/model_published.h"
#include "app/model_question.h"
#include "app/signals.h"
#include "app/sizes.h"
#include "app/text_file.h"
#include "model/embedded_model.h"
#include "util/fetch.h"
#include "util/memory.h"

enum { URL_BYTES = 4096 };

struct pull {
    const struct vox_published_model *model;
    bool quiet;
    const char *ca_file;
    char url[URL_BYTES];       /* of the mirror, if there is one */
    char published[URL_BYTES]; /* where everybody finds it */
    char *folder;
    char *target;
    char *part;
    struct vox_model_progress progress;
    struct vox_model_record record;
};

/* ---- what is asked for ---- */

static int choose_model(const char *name, struct pull *pull)
{
    pull->model = vox_published_model_find(name);
    if (vox_embedded_model_find(name) != NULL) {
        vox_say("%s: is inside the program, there is nothing to fetch", name);
        return VOX_EXIT_USAGE;
    }
    if (pull->model == NULL) {
        vox_say("%s: no published model has this name; 'voxlabel model list' shows them", name);
        return VOX_EXIT_USAGE;
    }
    if (pull->model->unsupported != NULL) {
        vox_say("%s: %s", name, pull->model->unsupported);
        return VOX_EXIT_FAILURE;
    }
    return 0;
}

static int choose_source(const struct vox_arguments *arguments, struct pull *pull)
{
    const char *mirror = vox_argument(arguments, "--mirror", 0);
    mirror = mirror != NULL ? mirror : vox_environment("VOXLABEL_MODEL_MIRROR");
    const char *base = mirror != NULL ? mirror : vox_published_folder;
    size_t length = strlen(base);
    while (length > 0 && base[length - 1] == '/') {
        length--;
    }
    if (strncmp(base, "https://", 8) != 0) {
        vox_say("the mirror must be an https:// address");
        return VOX_EXIT_USAGE;
    }
    int n = length < URL_BYTES
                ? snprintf(pull->url, URL_BYTES, "%.*s/%s", (int)length, base, pull->model->file)
                : URL_BYTES;
    if (n < 0 || n >= URL_BYTES) {
        vox_say("the mirror's address is too long");
        return VOX_EXIT_USAGE;
    }
    snprintf(pull->published, URL_BYTES, "%s/%s", vox_published_folder, pull->model->file);
    return 0;
}

static int choose_certificates(const struct vox_arguments *arguments, struct pull *pull)
{
    const char *file = vox_argument(arguments, "--cacert", 0);
    file = file != NULL ? file : vox_environment("VOXLABEL_CACERT");
    file = file != NULL ? file : vox_environment("CURL_CA_BUNDLE");
    pull->ca_file = file;
    return vox_input_find(file);
}

static int choose_place(const struct vox_arguments *arguments, struct pull *pull)
{
    int status = vox_model_folder_find(vox_argument(arguments, "--models", 0), &pull->folder);
    if (status != 0) {
        return status;
    }
    pull->target = vox_model_path(pull->folder, pull->model->name, ".pt");
    pull->part = vox_model_path(pull->folder, pull->model->name, ".pt.part");
    return pull->target == NULL || pull->part == NULL ? vox_say_no_memory() : 0;
}

/* ---- what is there ---- */

/* Whether the model is here, and the one that it should be. */
static int look(const struct pull *pull, bool *here)
{
    const char *name = pull->model->name;
    struct vox_model_entry entry;
    struct vox_err err = {0};
    char sha256[65];
    size_t size;
    enum vox_code code = vox_model_entry_find(pull->folder, name, &entry, &err);
    *here = code == VOX_OK;
    if (code == VOX_E_NOT_FOUND) {
        return 0;
    }
    if (code != VOX_OK) {
        return vox_say_error(name, &err);
    }
    const char *wanted = pull->model->sha256 != NULL ? pull->model->sha256
                         : entry.recorded            ? entry.record.sha256
                                                     : NULL;
    int status = 0;
    if (vox_model_file_hash(entry.checkpoint, sha256, &size, &err) != VOX_OK) {
        status = vox_say_error(entry.checkpoint, &err);
    } else if (wanted != NULL && strcmp(sha256, wanted) != 0) {
        vox_say("%s: %s is damaged or another file; 'voxlabel model remove %s', then pull again",
                name, entry.checkpoint, name);
        status = VOX_EXIT_FAILURE;
    } else if (!pull->quiet) {
        vox_say("%s: is here already, %s", name, entry.checkpoint);
    }
    vox_model_entry_free(&entry);
    return status;
}

static int ask_licence(const struct vox_arguments *arguments, const struct pull *pull)
{
    const char *name = pull->model->name;
    bool accepted = vox_argument_given(arguments, "--accept-licence");
    if (!accepted && !vox_can_ask()) {
        vox_say("%s: read the licence at %s, and add --accept-licence if you agree", name,
                vox_published_page);
        return VOX_EXIT_USAGE;
    }
    if (!accepted || !pull->quiet) {
        fputs(vox_published_licence, stderr);
    }
    if (!accepted && !vox_ask("Do you agree? [yes/no] ")) {
        vox_say("%s: not fetched", name);
        return VOX_EXIT_FAILURE;
    }
    return 0;
}

static int check_room(const struct pull *pull)
{
    struct statvfs disk;
    struct stat part;
    uint64_t begun = stat(pull->part, &part) == 0 ? (uint64_t)part.st_size : 0;
    if (pull->model->size == 0 || statvfs(pull->folder, &disk) != 0) {
        return 0;
    }
    uint64_t free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
    uint64_t needed = pull->model->size > begun ? pull->model->size - begun : 0;
    if (needed > free_bytes) {
        char wanted[VOX_BYTES_TEXT], there[VOX_BYTES_TEXT];
        vox_bytes_text(needed, wanted);
        vox_bytes_text(free_bytes, there);
        vox_say("%s: %s are needed and %s are free; make room, or choose another folder with "
                "--models",
                pull->folder, wanted, there);
        return VOX_EXIT_FAILURE;
    }
    return 0;
}

/* ---- the download ---- */

static void on_progress(void *context, uint64_t done, uint64_t total)
{
    struct pull *pull = context;
    vox_model_progress_show(&pull->progress, done, total);
}

static void on_again(void *context, const struct vox_err *why)
{
    struct pull *pull = context;
    vox_model_progress_end(&pull->progress);
    if (!pull->quiet) {
        vox_say("%s: %s; trying again", pull->model->name, why->msg);
    }
}

/* A file whose SHA-256 nobody told must at least be a model. The record is there before the model
 * is. */
static enum vox_code on_complete(void *context, const char *part, const struct vox_fetched *fetched,
                                 struct vox_err *err)
{
    struct pull *pull = context;
    struct vox_model_record *record = &pull->record;
    enum vox_code code = vox_model_file_check(part, NULL, record->config, err);
    if (code != VOX_OK) {
        return code;
    }
    record->size = fetched->size;
    memcpy(record->sha256, fetched->sha256, sizeof(record->sha256));
    snprintf(record->source, sizeof(record->source), "%.*s", VOX_MODEL_TEXT_MAX - 1,
             pull->published);
    return vox_model_record_write(pull->folder, pull->model->name, record, err);
}

static int say_failure(const struct pull *pull, const struct vox_err *err)
{
    const char *name = pull->model->name;
    struct stat st;
    bool begun = stat(pull->part, &st) == 0 && st.st_size > 0;
    bool network = err->code == VOX_E_NOT_FOUND || (err->code == VOX_E_BUSY && err->sys != 0);
    char size[VOX_BYTES_TEXT];
    vox_bytes_text(begun ? (uint64_t)st.st_size : 0, size);
    if (err->code == VOX_E_CANCELLED && begun) {
        vox_say("cancelled; %s are kept, and the same command goes on from there", size);
    } else if (err->code == VOX_E_CANCELLED) {
        vox_say("cancelled; nothing was fetched");
    } else if (network && begun) {
        vox_say("%s: %s; %s are kept, and the same command goes on from there", name, err->msg,
                size);
    } else if (network) {
        vox_say("%s: %s; fetch %s on another machine and put it here as %s", name, err->msg,
                pull->published, pull->target);
    } else {
        vox_say("%s: %s", err->code == VOX_E_IO ? pull->target : name, err->msg);
    }
    return err->code == VOX_E_CANCELLED ? VOX_EXIT_CANCELLED
           : err->code == VOX_E_ARG     ? VOX_EXIT_USAGE
                                        : VOX_EXIT_FAILURE;
}

static int download(struct pull *pull)
{
    struct vox_err err = {0};
    struct vox_fetched fetched;
    const struct vox_fetch_request request = {
        .url = pull->url,
        .path = pull->target,
        .ca_file = pull->ca_file,
        .sha256 = pull->model->sha256,
        .size = pull->model->size,
        .max_size = vox_published_max_bytes,
        .cancel = vox_signals_catch(),
        .progress = on_progress,
        .again = on_again,
        .check = on_complete,
        .context = pull,
    };
    pull->progress = vox_model_progress_begin(pull->model->name, pull->quiet);
    enum vox_code code = vox_fetch(&request, &fetched, &err);
    vox_model_progress_end(&pull->progress);
    if (code != VOX_OK) {
        return say_failure(pull, &err);
    }
    if (!pull->quiet) {
        char size[VOX_BYTES_TEXT];
        vox_bytes_text(fetched.size, size);
        vox_say("%s: %s, SHA-256 %s; 'voxlabel segment --model %s' uses it", pull->model->name,
                size, pull->model->sha256 != NULL ? "as published" : "recorded", pull->model->name);
    }
    return 0;
}

static int run(const struct vox_arguments *arguments, struct pull *pull)
{
    struct vox_err err = {0};
    bool here = false;
    int status = choose_model(vox_positional(arguments, 1), pull);
    if (status == 0) {
        status = choose_source(arguments, pull);
    }
    if (status == 0) {
        status = choose_certificates(arguments, pull);
    }
    if (status == 0) {
        status = choose_place(arguments, pull);
    }
    if (status == 0) {
        status = look(pull, &here);
    }
    if (status != 0 || here) {
        return status;
    }
    status = ask_licence(arguments, pull);
    if (status == 0 && vox_model_folder_make(pull->folder, &err) != VOX_OK) {
        status = vox_say_error(pull->folder, &err);
    }
    if (status == 0) {
        status = check_room(pull);
    }
    return status == 0 ? download(pull) : status;
}

int vox_model_pull(const struct vox_arguments *arguments)
{
    struct pull pull = {.quiet = vox_argument_given(arguments, "--quiet")};
    int status = run(arguments, &pull);
    vox_free(pull.folder);
    vox_free(pull.target);
    vox_free(pull.part);
    return status;
}
