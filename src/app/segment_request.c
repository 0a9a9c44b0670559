#include "app/segment_request.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "app/arguments.h"
#include "app/message.h"
#include "app/text_file.h"
#include "util/json_writer.h"
#include "util/memory.h"

static const char command[] = "segment";

enum { LABELS_MAX = 1024 };

/* ---- labels ---- */

/* The names of --label-names, cut out of a copy of its text. */
struct names {
    char *text;
    const char **at;
    int n;
};

static void free_names(struct names *names)
{
    vox_free(names->at);
    vox_free(names->text);
}

static int split_names(const char *text, struct names *out)
{
    *out = (struct names){0};
    if (text == NULL) {
        return 0;
    }
    out->text = vox_strdup(text);
    out->at = vox_calloc(LABELS_MAX, sizeof(*out->at));
    if (out->text == NULL || out->at == NULL) {
        vox_say("out of memory");
        return VOX_EXIT_FAILURE;
    }
    char *rest = out->text;
    while (rest != NULL) {
        if (out->n == LABELS_MAX) {
            return vox_say_usage(command, "--label-names has more than %d names", LABELS_MAX);
        }
        char *comma = strchr(rest, ',');
        if (comma != NULL) {
            *comma = '\0';
        }
        out->at[out->n++] = rest;
        rest = comma != NULL ? comma + 1 : NULL;
    }
    return 0;
}

static int open_request(const struct vox_arguments *arguments, struct vox_request **out)
{
    struct names names;
    struct vox_err err = {0};
    int status = split_names(vox_argument(arguments, "--label-names", 0), &names);
    if (status == 0 && vox_request_open(names.at, names.n, out, &err) != VOX_OK) {
        status = vox_say_error("--label-names", &err);
    }
    free_names(&names);
    return status;
}

/* ---- prompts ---- */

/* I,J,K[:LABEL]; *label is NULL where there is none, and points into text. */
static bool read_point(const char *text, double ijk[3], const char **label)
{
    const char *at = text;
    for (int a = 0; a < 3; a++) {
        if ((a > 0 && !vox_read_char(&at, ',')) || !vox_read_real(&at, &ijk[a])) {
            return false;
        }
    }
    *label = NULL;
    if (vox_read_char(&at, ':')) {
        *label = at;
        return *at != '\0';
    }
    return *at == '\0';
}

static int add_clicks(const struct vox_arguments *arguments, const char *option, int positive,
                      struct vox_request *request)
{
    const char *text;
    for (int i = 0; (text = vox_argument(arguments, option, i)) != NULL; i++) {
        double ijk[3];
        const char *label;
        struct vox_err err = {0};
        if (!read_point(text, ijk, &label)) {
            return vox_say_usage(command, "%s %s is not I,J,K or I,J,K:LABEL", option, text);
        }
        if (vox_request_click(request, label, ijk, positive, &err) != VOX_OK) {
            return vox_say_error(option, &err);
        }
    }
    return 0;
}

struct box {
    double key, corners[4], z[2];
    bool bounded;
    const char *label;
};

/* Z0,Z1, where that is what comes. */
static bool read_slices(const char **at, struct box *out)
{
    const char *from = *at;
    if (vox_read_real(&from, &out->z[0]) && vox_read_char(&from, ',') &&
        vox_read_real(&from, &out->z[1]) && (*from == '\0' || *from == ':')) {
        out->bounded = true;
        *at = from;
        return true;
    }
    return false;
}

/* K:I0,J0,I1,J1[:Z0,Z1][:LABEL] */
static bool read_box(const char *text, struct box *out)
{
    const char *at = text;
    *out = (struct box){0};
    int64_t key;
    if (!vox_read_int(&at, &key)) {
        return false;
    }
    out->key = (double)key;
    for (int i = 0; i < 4; i++) {
        if (!vox_read_char(&at, i == 0 ? ':' : ',') || !vox_read_real(&at, &out->corners[i])) {
            return false;
        }
    }
    if (*at == '\0') {
        return true;
    }
    if (!vox_read_char(&at, ':')) {
        return false;
    }
    if (read_slices(&at, out)) {
        return *at == '\0' || (vox_read_char(&at, ':') && (out->label = at)[0] != '\0');
    }
    out->label = at;
    /* What begins like numbers was meant as slices. */
    return *at != '\0' && strchr("+-.0123456789,", *at) == NULL;
}

static int add_boxes(const struct vox_arguments *arguments, struct vox_request *request)
{
    const char *text;
    if (vox_argument_given(arguments, "--box")) {
        vox_request_clear_boxes(request);
    }
    for (int i = 0; (text = vox_argument(arguments, "--box", i)) != NULL; i++) {
        struct box box;
        struct vox_err err = {0};
        if (!read_box(text, &box)) {
            return vox_say_usage(
                command, "--box %s is not K:I0,J0,I1,J1 or K:I0,J0,I1,J1:Z0,Z1 (and :LABEL)", text);
        }
        if (vox_request_box(request, box.label, box.key, box.corners, box.bounded ? box.z : NULL,
                            &err) != VOX_OK) {
            return vox_say_error("--box", &err);
        }
    }
    return 0;
}

/* ---- parameters ---- */

static int add_params(struct vox_request *request, const char *subject, const char *text,
                      size_t size)
{
    struct vox_err err = {0};
    if (vox_request_params(request, text, size, &err) == VOX_OK) {
        return 0;
    }
    int status = vox_say_error(subject, &err);
    /* All of these are what the user typed. */
    return status == VOX_EXIT_FAILURE && err.code != VOX_E_NOMEM ? VOX_EXIT_USAGE : status;
}

/* A file, or JSON itself where it begins like that. */
static int add_params_argument(struct vox_request *request, const char *subject, const char *value)
{
    if (value == NULL) {
        return 0;
    }
    if (value[strspn(value, " \t\n")] == '{') {
        return add_params(request, subject, value, strlen(value));
    }
    char *text;
    size_t size;
    int status = vox_text_file_read(value, &text, &size);
    if (status == 0) {
        status = add_params(request, value, text, size);
        vox_free(text);
    }
    return status;
}

static bool is_real(const char *text, double *out)
{
    const char *at = text;
    return vox_read_real(&at, out) && *at == '\0';
}

/* LOW,HIGH or the name of a preset. */
static void put_window(struct vox_json_writer *json, const char *text)
{
    double low, high;
    const char *at = text;
    if (vox_read_real(&at, &low) && vox_read_char(&at, ',') && vox_read_real(&at, &high) &&
        *at == '\0') {
        vox_json_begin_array(json, "window");
        vox_json_put_real(json, NULL, low);
        vox_json_put_real(json, NULL, high);
        vox_json_end(json);
        return;
    }
    vox_json_put_text(json, "window", text);
}

static int put_mask_slices(struct vox_json_writer *json, const char *text)
{
    const char *at = text;
    vox_json_begin_array(json, "mask_slices");
    do {
        int64_t k;
        if (!vox_read_int(&at, &k)) {
            return vox_say_usage(command, "--mask-slices %s is not K or K,K,...", text);
        }
        vox_json_put_int(json, NULL, k);
    } while (vox_read_char(&at, ','));
    vox_json_end(json);
    return *at == '\0' ? 0 : vox_say_usage(command, "--mask-slices %s is not K or K,K,...", text);
}

/* The flags that are parameters, as the JSON that they stand for. */
static int put_flags(const struct vox_arguments *arguments, struct vox_json_writer *json)
{
    static const struct {
        const char *option, *key;
    } words[] = {
        {"--label", "label"},         {"--extent", "extent"},   {"--clip", "clip"},
        {"--passes", "passes"},       {"--zoom", "zoom"},       {"--broadcast", "broadcast"},
        {"--points-as", "points_as"}, {"--min-box", "min_box"},
    };
    static const struct {
        const char *option, *key;
        bool value;
    } switches[] = {
        {"--fill-holes", "fill_holes", true},
        {"--all-parts", "largest_cc", false},
        {"--no-uncertain", "keep_uncertain", false},
    };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        const char *text = vox_argument(arguments, words[i].option, 0);
        double number;
        if (text != NULL && strcmp(words[i].key, "label") != 0 && is_real(text, &number)) {
            vox_json_put_real(json, words[i].key, number);
        } else if (text != NULL) {
            vox_json_put_text(json, words[i].key, text);
        }
    }
    for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++) {
        if (vox_argument_given(arguments, switches[i].option)) {
            vox_json_put_bool(json, switches[i].key, switches[i].value);
        }
    }
    const char *window = vox_argument(arguments, "--window", 0);
    if (window != NULL) {
        put_window(json, window);
    }
    const char *slices = vox_argument(arguments, "--mask-slices", 0);
    return slices != NULL ? put_mask_slices(json, slices) : 0;
}

static int add_flags(const struct vox_arguments *arguments, struct vox_request *request)
{
    struct vox_err err = {0};
    const char *text;
    size_t size;
    struct vox_json_writer *json = vox_json_writer_new();
    if (json == NULL) {
        vox_say("out of memory");
        return VOX_EXIT_FAILURE;
    }
    vox_json_begin_object(json, NULL);
    int status = put_flags(arguments, json);
    if (status == 0) {
        vox_json_end(json);
        status = vox_json_writer_text(json, &text, &size, &err) == VOX_OK
                     ? add_params(request, NULL, text, size)
                     : vox_say_error(NULL, &err);
    }
    vox_json_writer_free(json);
    return status;
}

static int add_all(const struct vox_arguments *arguments, const struct vox_segment_job *job,
                   struct vox_request *request)
{
    int status = add_params_argument(request, "--params", vox_argument(arguments, "--params", 0));
    if (status == 0 && job != NULL && job->params != NULL) {
        status = add_params(request, job->image, job->params, strlen(job->params));
    }
    if (status == 0) {
        status = add_flags(arguments, request);
    }
    if (status == 0) {
        status = add_params_argument(request, "--points", vox_argument(arguments, "--points", 0));
    }
    if (status == 0) {
        status = add_clicks(arguments, "--point", 1, request);
    }
    if (status == 0) {
        status = add_clicks(arguments, "--negative", 0, request);
    }
    return status != 0 ? status : add_boxes(arguments, request);
}

static int add_image_prompts(const struct vox_arguments *arguments,
                             const struct vox_segment_job *job, struct vox_image *image,
                             struct vox_request *request)
{
    struct vox_err err = {0};
    if (vox_argument_given(arguments, "--ras") && vox_request_ras(request, image, &err) != VOX_OK) {
        return vox_say_error(job->image, &err);
    }
    const char *mask =
        job->prompt_mask != NULL ? job->prompt_mask : vox_argument(arguments, "--mask", 0);
    if (mask != NULL && vox_request_mask_file(request, image, mask, &err) != VOX_OK) {
        return vox_say_error(mask, &err);
    }
    return 0;
}

int vox_segment_request_open(const struct vox_arguments *arguments,
                             const struct vox_segment_job *job, struct vox_image *image,
                             struct vox_request **out)
{
    struct vox_request *request = NULL;
    int status = open_request(arguments, &request);
    if (status == 0) {
        status = add_all(arguments, job, request);
    }
    if (status == 0) {
        status = add_image_prompts(arguments, job, image, request);
    }
    if (status != 0) {
        vox_request_close(request);
        return status;
    }
    *out = request;
    return 0;
}

int vox_segment_request_check(const struct vox_arguments *arguments)
{
    struct vox_request *request = NULL;
    int status = open_request(arguments, &request);
    if (status == 0) {
        status = add_all(arguments, NULL, request);
    }
    vox_request_close(request);
    return status;
}
