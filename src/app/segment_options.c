#include "app/segment_options.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "app/arguments.h"
#include "app/message.h"
#include "tensor/pool.h"

static const char command[] = "segment";

/* Endings of volumes, longest first, so that the whole ending is cut off. */
static const char *const volume_endings[] = {".seg.nrrd", ".nii.gz", ".nrrd", ".nii"};

struct texts {
    const char *box, *window, *passes, *threads;
};

static bool ends_with(const char *text, const char *ending)
{
    size_t length = strlen(text), tail = strlen(ending);
    return length > tail && strcmp(text + length - tail, ending) == 0;
}

/* K:I0,J0,I1,J1 and, where it is bounded, :Z0,Z1 */
static bool read_box(const char *text, struct vox_box_prompt *out)
{
    const char *at = text;
    if (!vox_read_int(&at, &out->key)) {
        return false;
    }
    for (int i = 0; i < 4; i++) {
        if (!vox_read_char(&at, i == 0 ? ':' : ',') || !vox_read_real(&at, &out->corners[i])) {
            return false;
        }
    }
    if (vox_read_char(&at, ':')) {
        out->bounded = true;
        if (!vox_read_int(&at, &out->first) || !vox_read_char(&at, ',') ||
            !vox_read_int(&at, &out->last)) {
            return false;
        }
    }
    return *at == '\0';
}

static bool read_window(const char *text, struct vox_window *out)
{
    if (text == NULL || strcmp(text, "auto") == 0) {
        out->automatic = true;
        return true;
    }
    const char *at = text;
    return vox_read_real(&at, &out->low) && vox_read_char(&at, ',') &&
           vox_read_real(&at, &out->high) && *at == '\0' && out->low < out->high;
}

static bool read_threads(const char *text, int *out)
{
    if (text == NULL) {
        return true;
    }
    const char *at = text;
    int64_t threads;
    if (!vox_read_int(&at, &threads) || *at != '\0' || threads < 1 ||
        threads > VOX_POOL_MAX_THREADS) {
        return false;
    }
    *out = (int)threads;
    return true;
}

static int convert(const struct texts *texts, struct vox_segment_options *out)
{
    if (!read_box(texts->box, &out->prompt)) {
        return vox_say_usage(command, "--box %s is not K:I0,J0,I1,J1 or K:I0,J0,I1,J1:Z0,Z1",
                             texts->box);
    }
    if (!read_window(texts->window, &out->window)) {
        return vox_say_usage(command, "--window %s is neither 'auto' nor LOW,HIGH with LOW < HIGH",
                             texts->window);
    }
    if (texts->passes != NULL && strcmp(texts->passes, "from_key") != 0) {
        return vox_say_usage(command, "--passes %s is not known; there is 'from_key'",
                             texts->passes);
    }
    if (!read_threads(texts->threads, &out->threads)) {
        return vox_say_usage(command, "--threads %s is not a number from 1 to %d", texts->threads,
                             VOX_POOL_MAX_THREADS);
    }
    return 0;
}

/* The image's file name without its ending, in the current folder. */
static int name_mask(struct vox_segment_options *options)
{
    const char *slash = strrchr(options->image, '/');
    const char *name = slash == NULL ? options->image : slash + 1;
    size_t stem = strlen(name);
    const char *dot = strrchr(name, '.');
    if (dot != NULL && dot != name) {
        stem = (size_t)(dot - name);
    }
    for (size_t i = 0; i < sizeof(volume_endings) / sizeof(volume_endings[0]); i++) {
        if (ends_with(name, volume_endings[i])) {
            stem = strlen(name) - strlen(volume_endings[i]);
            break;
        }
    }
    if (stem == 0 || stem > VOX_FILE_NAME_MAX) {
        return vox_say_usage(command, "name the mask's file with -o");
    }
    snprintf(options->default_mask, sizeof(options->default_mask), "%.*s-mask.nii.gz", (int)stem,
             name);
    options->mask = options->default_mask;
    return 0;
}

static bool can_be_written(const char *path)
{
    return ends_with(path, ".nii.gz") || ends_with(path, ".nii") || ends_with(path, ".nrrd");
}

static int check_outputs(const struct vox_segment_options *options)
{
    if (!can_be_written(options->mask)) {
        return vox_say_usage(command, "-o %s must end in .nii.gz, .nii or .nrrd", options->mask);
    }
    if (options->logits != NULL && !can_be_written(options->logits)) {
        return vox_say_usage(command, "--logits %s must end in .nii.gz, .nii or .nrrd",
                             options->logits);
    }
    const char *const outputs[3] = {options->mask, options->logits, options->json};
    for (int a = 0; a < 3; a++) {
        for (int b = a + 1; b < 3; b++) {
            if (outputs[a] != NULL && outputs[b] != NULL && strcmp(outputs[a], outputs[b]) == 0) {
                return vox_say_usage(command, "%s is to hold two different outputs", outputs[a]);
            }
        }
    }
    return 0;
}

int vox_segment_options_read(int argc, char **argv, struct vox_segment_options *out)
{
    *out = (struct vox_segment_options){0};
    struct texts texts = {0};
    const struct vox_option options[] = {
        {"--model", &out->model, NULL},
        {"--config", &out->config, NULL},
        {"--box", &texts.box, NULL},
        {"--window", &texts.window, NULL},
        {"--passes", &texts.passes, NULL},
        {"--logits", &out->logits, NULL},
        {"-o", &out->mask, NULL},
        {"--json", &out->json, NULL},
        {"--threads", &texts.threads, NULL},
        {"--backend", &out->backend, NULL},
        {"--quiet", NULL, &out->quiet},
        {"--help", NULL, &out->help},
        {"-h", NULL, &out->help},
    };
    int n;
    int status = vox_arguments_read(
        argc, argv, options, (int)(sizeof(options) / sizeof(options[0])), &out->image, 1, &n);
    if (status != 0 || out->help) {
        return status;
    }
    if (n == 0) {
        return vox_say_usage(command, "name the image to segment");
    }
    if (out->model == NULL) {
        return vox_say_usage(command, "name the model's checkpoint with --model");
    }
    if (texts.box == NULL) {
        return vox_say_usage(command, "give the box with --box");
    }
    status = convert(&texts, out);
    if (status == 0 && out->mask == NULL) {
        status = name_mask(out);
    }
    return status != 0 ? status : check_outputs(out);
}
