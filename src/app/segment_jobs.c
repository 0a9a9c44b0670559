#include "app/segment_jobs.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "app/message.h"
#include "app/text_file.h"
#include "util/json.h"
#include "util/memory.h"

static const char command[] = "segment";

enum { NAME_MAX_BYTES = 255, PATH_BYTES = 4096 };

static const struct vox_json_limits line_limits = {
    .bytes = 1 << 24, .depth = 32, .values = 1 << 20};

static void free_job(struct vox_segment_job *job)
{
    vox_free(job->image);
    vox_free(job->mask);
    vox_free(job->logits);
    vox_free(job->json);
    vox_free(job->preview);
    vox_free(job->prompt_mask);
    vox_free(job->params);
}

void vox_segment_jobs_free(struct vox_segment_jobs *jobs)
{
    for (int i = 0; i < jobs->n; i++) {
        free_job(&jobs->at[i]);
    }
    vox_free(jobs->at);
    *jobs = (struct vox_segment_jobs){0};
}

/* Copies text (NULL: nothing to do) to *out. */
static int keep(char **out, const char *text)
{
    if (text == NULL) {
        return 0;
    }
    *out = vox_strdup(text);
    return *out != NULL ? 0 : vox_say_no_memory();
}

/* ---- names of masks ---- */

static bool ends_with(const char *text, const char *ending)
{
    size_t length = strlen(text), tail = strlen(ending);
    return length > tail && strcasecmp(text + length - tail, ending) == 0;
}

/* Length of a file's name without the ending of a volume. */
static size_t stem_length(const char *name)
{
    /* Longest first, so that the whole ending is cut off. */
    static const char *const endings[] = {".seg.nrrd", ".nii.gz", ".nrrd", ".nii", ".mha", ".mhd"};
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        if (ends_with(name, endings[i])) {
            return strlen(name) - strlen(endings[i]);
        }
    }
    const char *dot = strrchr(name, '.');
    return dot != NULL && dot != name ? (size_t)(dot - name) : strlen(name);
}

/* FOLDER/STEM-mask.nii.gz; folder NULL: the current one. */
static int name_mask(struct vox_segment_job *job, const char *folder)
{
    char path[PATH_BYTES];
    const char *slash = strrchr(job->image, '/');
    const char *name = slash == NULL ? job->image : slash + 1;
    size_t stem = stem_length(name);
    if (stem == 0 || stem > NAME_MAX_BYTES) {
        return vox_say_usage(command, "%s: name the mask's file with -o", job->image);
    }
    const char *between = folder == NULL || ends_with(folder, "/") ? "" : "/";
    int n = snprintf(path, sizeof(path), "%s%s%.*s-mask.nii.gz", folder != NULL ? folder : "",
                     between, (int)stem, name);
    if (n < 0 || (size_t)n >= sizeof(path)) {
        return vox_say_usage(command, "%s: the folder's name is too long", folder);
    }
    return keep(&job->mask, path);
}

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* ---- from the arguments ---- */

static int one_job(const struct vox_arguments *arguments, struct vox_segment_job *job)
{
    const char *mask = vox_argument(arguments, "-o", 0);
    int status = mask == NULL || is_folder(mask) ? name_mask(job, mask) : keep(&job->mask, mask);
    if (status == 0) {
        status = keep(&job->logits, vox_argument(arguments, "--logits", 0));
    }
    if (status == 0) {
        status = keep(&job->json, vox_argument(arguments, "--json", 0));
    }
    if (status == 0) {
        status = keep(&job->preview, vox_argument(arguments, "--preview", 0));
    }
    return status;
}

/* Several images: a file each, in one folder. */
static int check_many(const struct vox_arguments *arguments)
{
    static const char *const single[] = {"--logits", "--json", "--preview"};
    for (size_t i = 0; i < sizeof(single) / sizeof(single[0]); i++) {
        if (vox_argument_given(arguments, single[i])) {
            return vox_say_usage(command, "%s is for one image; list several with --batch",
                                 single[i]);
        }
    }
    const char *folder = vox_argument(arguments, "-o", 0);
    if (folder != NULL && !is_folder(folder)) {
        return vox_say_usage(
            command, "-o %s: must be a folder that is there, as there are several images", folder);
    }
    return 0;
}

static int jobs_of_arguments(const struct vox_arguments *arguments, struct vox_segment_jobs *out)
{
    int n = vox_positional_count(arguments);
    int status = n > 1 ? check_many(arguments) : 0;
    out->at = vox_calloc((size_t)n, sizeof(*out->at));
    if (out->at == NULL) {
        return vox_say_no_memory();
    }
    out->n = n;
    for (int i = 0; i < n && status == 0; i++) {
        struct vox_segment_job *job = &out->at[i];
        status = keep(&job->image, vox_positional(arguments, i));
        if (status == 0) {
            status =
                n == 1 ? one_job(arguments, job) : name_mask(job, vox_argument(arguments, "-o", 0));
        }
    }
    return status;
}

/* ---- from a list ---- */

struct list {
    const char *path;
    int line;
};

static int refuse(const struct list *list, const char *what)
{
    vox_say("%s: line %d: %s", list->path, list->line, what);
    return VOX_EXIT_USAGE;
}

/* The text is one line, so that only the column of a place in it is of use. */
static int refuse_json(const struct list *list, const struct vox_err *err)
{
    static const char first_line[] = "at line 1, column ";
    char what[sizeof(err->msg)];
    const char *place = strstr(err->msg, first_line);
    if (place == NULL) {
        return refuse(list, err->msg);
    }
    snprintf(what, sizeof(what), "%.*sat column %s", (int)(place - err->msg), err->msg,
             place + strlen(first_line));
    return refuse(list, what);
}

static int take_member(const struct list *list, const char *key, const struct vox_json *value,
                       struct vox_segment_job *job)
{
    struct vox_err err = {0};
    char what[128];
    const struct {
        const char *key;
        char **place;
    } paths[] = {
        {"image", &job->image}, {"output", &job->mask},     {"logits", &job->logits},
        {"json", &job->json},   {"preview", &job->preview}, {"mask", &job->prompt_mask},
    };
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        if (strcmp(key, paths[i].key) == 0) {
            if (vox_json_text(value) == NULL || vox_json_text(value)[0] == '\0') {
                snprintf(what, sizeof(what), "\"%s\" must be a file's name", key);
                return refuse(list, what);
            }
            return keep(paths[i].place, vox_json_text(value));
        }
    }
    if (strcmp(key, "params") != 0) {
        snprintf(what, sizeof(what), "there is no key \"%.60s\"", key);
        return refuse(list, what);
    }
    if (vox_json_kind(value) != VOX_JSON_OBJECT) {
        return refuse(list, "\"params\" must be an object");
    }
    return vox_json_format(value, &job->params, &err) == VOX_OK ? 0 : vox_say_error(NULL, &err);
}

static int read_line(const struct list *list, const char *text, size_t size,
                     const struct vox_arguments *arguments, struct vox_segment_job *job)
{
    struct vox_json *json;
    struct vox_err err = {0};
    if (vox_json_parse(text, size, &line_limits, &json, &err) != VOX_OK) {
        return refuse_json(list, &err);
    }
    int status = vox_json_kind(json) == VOX_JSON_OBJECT ? 0 : refuse(list, "is no JSON object");
    void *cursor = NULL;
    const char *key;
    const struct vox_json *value;
    while (status == 0 && vox_json_next(json, &cursor, &key, &value)) {
        status = take_member(list, key, value, job);
    }
    vox_json_free(json);
    job->line = list->line;
    if (status == 0 && job->image == NULL) {
        status = refuse(list, "\"image\" is missing");
    }
    if (status == 0 && job->mask == NULL) {
        status = name_mask(job, vox_argument(arguments, "-o", 0));
    }
    return status;
}

static int count_lines(const char *text)
{
    int n = 1;
    for (; *text != '\0' && n < INT32_MAX / 2; text++) {
        n += *text == '\n';
    }
    return n;
}

static int read_list(const struct vox_arguments *arguments, struct list *list, const char *text,
                     struct vox_segment_jobs *out)
{
    out->at = vox_calloc((size_t)count_lines(text), sizeof(*out->at));
    if (out->at == NULL) {
        return vox_say_no_memory();
    }
    int status = 0;
    while (*text != '\0' && status == 0) {
        size_t length = strcspn(text, "\n");
        list->line++;
        if (strspn(text, " \t\r") < length) {
            status = read_line(list, text, length, arguments, &out->at[out->n++]);
        }
        text += length + (text[length] == '\n');
    }
    if (status == 0 && out->n == 0) {
        vox_say("%s: holds no image", list->path);
        return VOX_EXIT_USAGE;
    }
    return status;
}

static int jobs_of_list(const struct vox_arguments *arguments, const char *path,
                        struct vox_segment_jobs *out)
{
    struct list list = {.path = path};
    char *text;
    size_t size;
    int status = check_many(arguments);
    out->list = path;
    if (status == 0) {
        status = vox_text_file_read(path, &text, &size);
    }
    if (status != 0) {
        return status;
    }
    status =
        strlen(text) == size ? read_list(arguments, &list, text, out) : refuse(&list, "is no text");
    vox_free(text);
    return status;
}

int vox_segment_jobs_open(const struct vox_arguments *arguments, struct vox_segment_jobs *out)
{
    *out = (struct vox_segment_jobs){0};
    const char *list = vox_argument(arguments, "--batch", 0);
    int status;
    if (list == NULL && vox_positional_count(arguments) == 0) {
        return vox_say_usage(command, "name the image to segment");
    }
    if (list != NULL && vox_positional_count(arguments) > 0) {
        return vox_say_usage(command, "images stand in the list of --batch, or after the command");
    }
    status = list != NULL ? jobs_of_list(arguments, list, out) : jobs_of_arguments(arguments, out);
    if (status != 0) {
        vox_segment_jobs_free(out);
    }
    return status;
}

void vox_segment_say_line(struct vox_segment_jobs *jobs, const struct vox_segment_job *job)
{
    if (jobs->list != NULL) {
        snprintf(jobs->context, sizeof(jobs->context), "%s: line %d", jobs->list, job->line);
        vox_say_context(jobs->context);
    }
}
