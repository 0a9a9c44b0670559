#include "app/segment_options.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "app/arguments.h"
#include "app/message.h"
#include "util/json_writer.h"

static const char command[] = "segment";

enum { SUBJECT_BYTES = 256, MASK_SLICES_MAX = 65536 };

/* Writes the member `key`; false where the text cannot be one. */
typedef bool put_function(struct vox_json_writer *json, const char *key, const char *text);

static bool put_text(struct vox_json_writer *json, const char *key, const char *text)
{
    vox_json_put_text(json, key, text);
    return true;
}

static bool put_number(struct vox_json_writer *json, const char *key, const char *text)
{
    const char *at = text;
    double value;
    if (!vox_read_real(&at, &value) || *at != '\0') {
        return false;
    }
    vox_json_put_real(json, key, value);
    return true;
}

static bool put_number_or_text(struct vox_json_writer *json, const char *key, const char *text)
{
    return put_number(json, key, text) || put_text(json, key, text);
}

/* LOW,HIGH or the name of a preset. */
static bool put_window(struct vox_json_writer *json, const char *key, const char *text)
{
    double low, high;
    const char *at = text;
    if (!vox_read_real(&at, &low)) {
        return put_text(json, key, text);
    }
    if (!vox_read_char(&at, ',') || !vox_read_real(&at, &high) || *at != '\0') {
        return false;
    }
    vox_json_begin_array(json, key);
    vox_json_put_real(json, NULL, low);
    vox_json_put_real(json, NULL, high);
    vox_json_end(json);
    return true;
}

static bool put_slices(struct vox_json_writer *json, const char *key, const char *text)
{
    const char *at = text;
    int64_t k;
    int n = 0;
    vox_json_begin_array(json, key);
    bool good = true;
    do {
        good = n++ < MASK_SLICES_MAX && vox_read_int(&at, &k);
        if (good) {
            vox_json_put_int(json, NULL, k);
        }
    } while (good && vox_read_char(&at, ','));
    vox_json_end(json);
    return good && *at == '\0';
}

static bool put_true(struct vox_json_writer *json, const char *key, const char *text)
{
    (void)text;
    vox_json_put_bool(json, key, true);
    return true;
}

static bool put_false(struct vox_json_writer *json, const char *key, const char *text)
{
    (void)text;
    vox_json_put_bool(json, key, false);
    return true;
}

static const struct {
    const char *option, *key;
    put_function *put;
    const char *form; /* what the text must be */
} rows[] = {
    {"--label", "label", put_text, NULL},
    {"--extent", "extent", put_text, NULL},
    {"--clip", "clip", put_text, NULL},
    {"--passes", "passes", put_text, NULL},
    {"--broadcast", "broadcast", put_text, NULL},
    {"--points-as", "points_as", put_text, NULL},
    {"--zoom", "zoom", put_number_or_text, NULL},
    {"--min-box", "min_box", put_number, "a number of voxels"},
    {"--window", "window", put_window, "LOW,HIGH or a name"},
    {"--mask-slices", "mask_slices", put_slices, "K or K,K,..."},
    {"--fill-holes", "fill_holes", put_true, NULL},
    {"--all-parts", "largest_cc", put_false, NULL},
    {"--no-uncertain", "keep_uncertain", put_false, NULL},
};

/* One flag at a time, so that a message can name it. */
static int set_option(struct vox_request *request, size_t row, const char *value)
{
    struct vox_err err = {0};
    const char *text;
    size_t size;
    char subject[SUBJECT_BYTES];
    struct vox_json_writer *json = vox_json_writer_new();
    if (json == NULL) {
        return vox_say_no_memory();
    }
    snprintf(subject, sizeof(subject), "%s%s%s", rows[row].option, value != NULL ? " " : "",
             value != NULL ? value : "");
    vox_json_begin_object(json, NULL);
    bool good = rows[row].put(json, rows[row].key, value);
    vox_json_end(json);
    int status = 0;
    if (!good) {
        status = vox_say_usage(command, "%s is not %s", subject, rows[row].form);
    } else if (vox_json_writer_text(json, &text, &size, &err) != VOX_OK ||
               vox_request_params(request, text, size, &err) != VOX_OK) {
        status = vox_say_wrong(subject, &err);
    }
    vox_json_writer_free(json);
    return status;
}

int vox_segment_options_set(const struct vox_arguments *arguments, struct vox_request *request)
{
    int status = 0;
    for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]) && status == 0; row++) {
        if (vox_argument_given(arguments, rows[row].option)) {
            status = set_option(request, row, vox_argument(arguments, rows[row].option, 0));
        }
    }
    return status;
}
