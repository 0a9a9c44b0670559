#include "app/segment_check.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "app/message.h"
#include "app/segment_request.h"
#include "app/signals.h"
#include "app/text_file.h"
#include "util/memory.h"

enum { OUTPUTS = 4, INPUTS = 6, PARENT_BYTES = 4096 };

bool vox_segment_prints(const struct vox_segment_job *job)
{
    return job->json != NULL && strcmp(job->json, "-") == 0;
}

struct vox_files vox_segment_files(const struct vox_segment_job *job)
{
    return (struct vox_files){
        .mask = job->mask,
        .logits = job->logits,
        .json = vox_segment_prints(job) ? NULL : job->json,
        .preview = job->preview,
    };
}

static void list_outputs(const struct vox_segment_job *job, const char *outputs[OUTPUTS])
{
    struct vox_files files = vox_segment_files(job);
    outputs[0] = files.mask;
    outputs[1] = files.logits;
    outputs[2] = files.json;
    outputs[3] = files.preview;
}

/* ---- one file for two purposes ---- */

/* A file that is there, or a name in a folder that is. */
struct place {
    dev_t device;
    ino_t number;
    const char *name;                  /* NULL: the file itself */
    const char *path;                  /* as it was given */
    const struct vox_segment_job *job; /* NULL: of all */
    bool output;
    size_t order; /* in which they were listed */
};

static struct place find_place(const char *path)
{
    char parent[PARENT_BYTES] = ".";
    struct place place = {.path = path};
    struct stat st;
    if (stat(path, &st) == 0) {
        place.device = st.st_dev;
        place.number = st.st_ino;
        return place;
    }
    const char *slash = strrchr(path, '/');
    size_t length = slash == NULL ? 1 : slash == path ? 1 : (size_t)(slash - path);
    if (slash != NULL && length < sizeof(parent)) {
        memcpy(parent, path, length);
        parent[length] = '\0';
    }
    place.name = slash == NULL ? path : slash + 1;
    if (length < sizeof(parent) && stat(parent, &st) == 0) {
        place.device = st.st_dev;
        place.number = st.st_ino;
    } else {
        place.name = path;
    }
    return place;
}

static int compare_places(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    if (x->device != y->device) {
        return x->device < y->device ? -1 : 1;
    }
    if (x->number != y->number) {
        return x->number < y->number ? -1 : 1;
    }
    if (x->name == NULL || y->name == NULL) {
        return (x->name != NULL) - (y->name != NULL);
    }
    return strcmp(x->name, y->name);
}

static int compare_order(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    int apart = compare_places(a, b);
    return apart != 0 ? apart : (x->order > y->order) - (x->order < y->order);
}

struct places {
    struct place *at;
    size_t n;
};

static void add_place(struct places *places, const char *path, const struct vox_segment_job *job,
                      bool output)
{
    if (path != NULL) {
        struct place place = find_place(path);
        place.job = job;
        place.output = output;
        place.order = places->n;
        places->at[places->n++] = place;
    }
}

static void add_places(struct places *places, const struct vox_segment_ask *ask,
                       const char *checkpoint, const struct vox_segment_jobs *jobs)
{
    static const char *const inputs[] = {"--config", "--params", "--points", "--batch", "--mask"};
    add_place(places, checkpoint, NULL, false);
    for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++) {
        add_place(places, vox_argument(ask->arguments, inputs[i], 0), NULL, false);
    }
    for (int i = 0; i < jobs->n; i++) {
        const struct vox_segment_job *job = &jobs->at[i];
        const char *outputs[OUTPUTS];
        list_outputs(job, outputs);
        add_place(places, job->image, job, false);
        add_place(places, job->prompt_mask, job, false);
        for (int o = 0; o < OUTPUTS; o++) {
            add_place(places, outputs[o], job, true);
        }
    }
}

static int say_about(const struct vox_segment_jobs *jobs, const struct vox_segment_job *job,
                     const char *path, const char *text)
{
    if (jobs->list != NULL && job != NULL) {
        vox_say("%s: line %d: %s: %s", jobs->list, job->line, path, text);
    } else {
        vox_say("%s: %s", path, text);
    }
    return VOX_EXIT_USAGE;
}

/* An output may be neither an input nor another output, of whatever job. */
static int find_clash(const struct vox_segment_jobs *jobs, const struct places *places)
{
    for (size_t i = 0; i < places->n; i++) {
        const struct place *first = &places->at[i], *output = NULL;
        bool input = false, twice = false;
        size_t end = i;
        for (; end < places->n && compare_places(first, &places->at[end]) == 0; end++) {
            const struct place *place = &places->at[end];
            input = input || !place->output;
            twice = twice || (place->output && output != NULL);
            output = place->output ? place : output;
        }
        if (output != NULL && input) {
            return say_about(jobs, output->job, output->path,
                             "is an input, name another file for the output");
        }
        if (twice) {
            return say_about(jobs, output->job, output->path,
                             "one file cannot hold two different outputs");
        }
        i = end - 1;
    }
    return 0;
}

static int check_places(const struct vox_segment_ask *ask, const char *checkpoint,
                        const struct vox_segment_jobs *jobs)
{
    struct places places = {
        .at = vox_calloc((size_t)jobs->n * (OUTPUTS + 2) + INPUTS, sizeof(*places.at))};
    if (places.at == NULL) {
        return vox_say_no_memory();
    }
    add_places(&places, ask, checkpoint, jobs);
    qsort(places.at, places.n, sizeof(*places.at), compare_order);
    int status = find_clash(jobs, &places);
    vox_free(places.at);
    return status;
}

/* ---- one job ---- */

static int check_kind(const char *path)
{
    struct stat st;
    if (path == NULL || stat(path, &st) != 0 || S_ISREG(st.st_mode)) {
        return 0;
    }
    /* Renaming the finished file would put it in the place of a device. */
    vox_say(S_ISDIR(st.st_mode) ? "%s: is a folder, name a file in it"
                                : "%s: is no regular file, name another",
            path);
    return VOX_EXIT_USAGE;
}

static int check_outputs(const struct vox_segment_job *job)
{
    const char *outputs[OUTPUTS];
    list_outputs(job, outputs);
    for (int i = 0; i < OUTPUTS; i++) {
        int status = check_kind(outputs[i]);
        if (status != 0) {
            return status;
        }
    }
    struct vox_files files = vox_segment_files(job);
    struct vox_err err = {0};
    const char *which = NULL;
    vox_signals_hold();
    enum vox_code code = vox_files_check(&files, &which, &err);
    vox_signals_release();
    return code == VOX_OK ? 0 : vox_say_error(which, &err);
}

/* What the prompts come to in this image; masks are left to the run, as they must be read. */
static int check_plan(const struct vox_segment_job *job, struct vox_image *image,
                      const struct vox_request *request)
{
    struct vox_err err = {0};
    char *text;
    if (vox_explain(NULL, image, request, &text, &err) != VOX_OK) {
        return vox_say_error(job->image, &err);
    }
    vox_text_free(text);
    return 0;
}

static int check_image(const struct vox_segment_ask *ask, const struct vox_segment_job *job)
{
    struct vox_err err = {0};
    struct vox_image *image;
    struct vox_image_facts facts;
    if (vox_image_open(NULL, job->image, &image, &err) != VOX_OK) {
        return vox_say_error(job->image, &err);
    }
    struct vox_request *request = NULL;
    int status = 0;
    if (vox_image_describe(image, &facts, &err) != VOX_OK) {
        status = vox_say_error(job->image, &err);
    }
    if (status == 0) {
        status = vox_segment_request_open(ask, job, image, &request);
    }
    if (status == 0) {
        status = check_plan(job, image, request);
    }
    vox_request_close(request);
    vox_image_close(image);
    return status;
}

/* Prompts that come to nothing give an empty mask; none at all were forgotten. */
static int check_prompts(const struct vox_segment_ask *ask, const struct vox_segment_job *job)
{
    static const char *const options[] = {"--point",  "--negative", "--box",
                                          "--points", "--mask",     "--params"};
    bool any = job->params != NULL || job->prompt_mask != NULL;
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        any = any || vox_argument_given(ask->arguments, options[i]);
    }
    return any ? 0
               : vox_say_usage("segment", "say what to segment, with --point, --box, --points, "
                                          "--mask or --params");
}

static int check_job(const struct vox_segment_ask *ask, const struct vox_segment_job *job,
                     bool writes)
{
    int status = vox_input_find(job->image);
    if (status == 0) {
        status = check_prompts(ask, job);
    }
    if (status == 0) {
        status = vox_input_find(job->prompt_mask);
    }
    if (status == 0 && writes) {
        status = check_outputs(job);
    }
    return status == 0 ? check_image(ask, job) : status;
}

int vox_segment_check(const struct vox_segment_ask *ask, const char *checkpoint, bool writes,
                      struct vox_segment_jobs *jobs)
{
    int status = vox_input_find(vox_argument(ask->arguments, "--mask", 0));
    if (status == 0 && writes) {
        status = check_places(ask, checkpoint, jobs);
    }
    for (int i = 0; i < jobs->n && status == 0; i++) {
        struct vox_segment_job *job = &jobs->at[i];
        vox_segment_say_line(jobs, job);
        status = check_job(ask, job, writes);
        vox_say_context(NULL);
        if (jobs->list != NULL) {
            job->failed = status != 0;
            status = 0;
        }
    }
    return status;
}
