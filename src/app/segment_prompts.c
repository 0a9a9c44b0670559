#include "app/segment_prompts.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "app/arguments.h"
#include "app/message.h"

static const char command[] = "segment";

enum { SUBJECT_BYTES = 256 };

/* "--box TEXT", cut to fit. */
static int say_wrong(const char *option, const char *text, const struct vox_err *err)
{
    char subject[SUBJECT_BYTES];
    snprintf(subject, sizeof(subject), "%s %s", option, text);
    return vox_say_wrong(subject, err);
}

/* n numbers, divided by commas. */
static bool read_numbers(const char **at, double *out, int n)
{
    for (int i = 0; i < n; i++) {
        if ((i > 0 && !vox_read_char(at, ',')) || !vox_read_real(at, &out[i])) {
            return false;
        }
    }
    return true;
}

/* Nothing, or :LABEL; *label is NULL where there is none. */
static bool read_label(const char *at, const char **label)
{
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
        const char *label, *at = text;
        struct vox_err err = {0};
        if (!read_numbers(&at, ijk, 3) || !read_label(at, &label)) {
            return vox_say_usage(command, "%s %s is not I,J,K or I,J,K:LABEL", option, text);
        }
        if (vox_request_click(request, label, ijk, positive, &err) != VOX_OK) {
            return say_wrong(option, text, &err);
        }
    }
    return 0;
}

struct box {
    double key, corners[4], z[2];
    bool bounded;
    const char *label;
};

/* K:I0,J0,I1,J1[:Z0,Z1][:LABEL] */
static bool read_box(const char *text, struct box *out)
{
    const char *at = text;
    *out = (struct box){0};
    if (!vox_read_real(&at, &out->key) || !vox_read_char(&at, ':') ||
        !read_numbers(&at, out->corners, 4)) {
        return false;
    }
    const char *slices = at;
    if (vox_read_char(&slices, ':') && read_numbers(&slices, out->z, 2) &&
        (*slices == '\0' || *slices == ':')) {
        out->bounded = true;
        at = slices;
    }
    /* What begins like numbers was meant as slices. */
    return read_label(at, &out->label) &&
           (out->bounded || out->label == NULL || strchr("+-.0123456789,", *out->label) == NULL);
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
            return say_wrong("--box", text, &err);
        }
    }
    return 0;
}

int vox_segment_prompts_add(const struct vox_arguments *arguments, struct vox_request *request)
{
    int status = add_clicks(arguments, "--point", 1, request);
    if (status == 0) {
        status = add_clicks(arguments, "--negative", 0, request);
    }
    return status == 0 ? add_boxes(arguments, request) : status;
}
