#include "app/segment_ask.h"

#include <stdbool.h>
#include <string.h>

#include "app/message.h"
#include "app/text_file.h"
#include "util/json.h"
#include "util/json_writer.h"
#include "util/memory.h"

static const char command[] = "segment";
static const char default_label[] = "intersection";

static const struct vox_json_limits limits = {.bytes = 1 << 26, .depth = 32, .values = 1 << 22};

/* ---- labels ---- */

static int read_labels(const char *text, struct vox_segment_ask *out)
{
    if (text == NULL) {
        return 0;
    }
    size_t n = 1;
    for (const char *at = text; *at != '\0'; at++) {
        n += *at == ',';
    }
    out->label_text = vox_strdup(text);
    out->labels = vox_calloc(n, sizeof(*out->labels));
    if (out->label_text == NULL || out->labels == NULL) {
        return vox_say_no_memory();
    }
    char *rest = out->label_text;
    while (rest != NULL) {
        char *comma = strchr(rest, ',');
        if (comma != NULL) {
            *comma = '\0';
        }
        out->labels[out->n_labels++] = rest;
        rest = comma != NULL ? comma + 1 : NULL;
    }
    return 0;
}

static bool is_label(const struct vox_segment_ask *ask, const char *name)
{
    if (ask->labels == NULL) {
        return strcmp(name, default_label) == 0;
    }
    for (int i = 0; i < ask->n_labels; i++) {
        if (strcmp(name, ask->labels[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Among parameters a name that is none stands for the first label; from a person it is a slip of
 * the pen. */
static int check_label(const struct vox_segment_ask *ask, const char *name)
{
    return name == NULL || is_label(ask, name)
               ? 0
               : vox_say_usage(command, "--label %s: is none of the labels", name);
}

/* ---- texts ---- */

/* A file's text, or the value itself where it begins like a JSON object. */
static int read_json(const struct vox_arguments *arguments, const char *option,
                     struct vox_segment_json *out)
{
    const char *value = vox_argument(arguments, option, 0);
    if (value == NULL) {
        return 0;
    }
    if (value[strspn(value, " \t\r\n")] != '{') {
        out->subject = value;
        return vox_text_file_read(value, &out->text, &out->size);
    }
    out->subject = option;
    out->size = strlen(value);
    out->text = vox_strdup(value);
    return out->text != NULL ? 0 : vox_say_no_memory();
}

/* Points alone are expected here: what would pass in silence among parameters is a slip of the pen.
 */
static int check_points(const struct vox_segment_ask *ask, const struct vox_json *json)
{
    static const char *const others[] = {"background", "uncertain", "foreground", "points"};
    const char *subject = ask->points.subject, *key;
    void *cursor = NULL;
    const struct vox_json *value;
    if (vox_json_kind(json) != VOX_JSON_OBJECT) {
        return vox_say_usage(command, "%s: must be {\"label\": [[i, j, k], ...]}", subject);
    }
    while (vox_json_next(json, &cursor, &key, &value)) {
        bool known = is_label(ask, key) || strcmp(key, "point_labels") == 0;
        for (size_t i = 0; !known && i < sizeof(others) / sizeof(others[0]); i++) {
            known = strcmp(key, others[i]) == 0;
        }
        if (vox_json_kind(value) != VOX_JSON_ARRAY && vox_json_kind(value) != VOX_JSON_NULL) {
            return vox_say_usage(command,
                                 "%s: '%s' must be a list of points [i, j, k]; other parameters "
                                 "are for --params",
                                 subject, key);
        }
        if (!known) {
            vox_say("warning: %s: '%s' is no label; its points are left out", subject, key);
        }
    }
    return 0;
}

/* JSON that cannot be read is left to the library, which says where and why. */
static int read_points(struct vox_segment_ask *ask)
{
    struct vox_json *json;
    int status = read_json(ask->arguments, "--points", &ask->points);
    if (status != 0 || ask->points.text == NULL ||
        vox_json_parse(ask->points.text, ask->points.size, &limits, &json, NULL) != VOX_OK) {
        return status;
    }
    status = check_points(ask, json);
    vox_json_free(json);
    return status;
}

/* The object without one of its members, in the place of `text`. */
static int drop_member(const struct vox_json *json, const char *dropped,
                       struct vox_segment_json *text)
{
    struct vox_err err = {0};
    struct vox_json_writer *writer = vox_json_writer_new();
    if (writer == NULL) {
        return vox_say_no_memory();
    }
    void *cursor = NULL;
    const char *key, *written;
    const struct vox_json *value;
    enum vox_code code = VOX_OK;
    vox_json_begin_object(writer, NULL);
    while (code == VOX_OK && vox_json_next(json, &cursor, &key, &value)) {
        char *raw = NULL;
        if (strcmp(key, dropped) != 0) {
            code = vox_json_format(value, &raw, &err);
        }
        if (raw != NULL) {
            vox_json_put_raw(writer, key, raw);
            vox_free(raw);
        }
    }
    vox_json_end(writer);
    if (code == VOX_OK) {
        code = vox_json_writer_text(writer, &written, &text->size, &err);
    }
    char *copy = code == VOX_OK ? vox_strdup(written) : NULL;
    vox_json_writer_free(writer);
    if (copy == NULL) {
        return vox_say_no_memory();
    }
    vox_free(text->text);
    text->text = copy;
    return 0;
}

int vox_segment_json_override(struct vox_segment_json *params, const char *key)
{
    struct vox_json *json;
    if (vox_json_parse(params->text, params->size, &limits, &json, NULL) != VOX_OK) {
        return 0;
    }
    int status = vox_json_get(json, key) != NULL ? drop_member(json, key, params) : 0;
    vox_json_free(json);
    return status;
}

/* ---- all ---- */

int vox_segment_ask_init(const struct vox_arguments *arguments, struct vox_segment_ask *out)
{
    *out = (struct vox_segment_ask){.arguments = arguments};
    int status = read_labels(vox_argument(arguments, "--label-names", 0), out);
    if (status == 0) {
        status = check_label(out, vox_argument(arguments, "--label", 0));
    }
    if (status == 0) {
        status = read_json(arguments, "--params", &out->params);
    }
    if (status == 0 && out->params.text != NULL && vox_argument_given(arguments, "--label")) {
        status = vox_segment_json_override(&out->params, "label");
    }
    return status == 0 ? read_points(out) : status;
}

void vox_segment_ask_fini(struct vox_segment_ask *ask)
{
    vox_free(ask->label_text);
    vox_free(ask->labels);
    vox_free(ask->params.text);
    vox_free(ask->points.text);
    *ask = (struct vox_segment_ask){0};
}
