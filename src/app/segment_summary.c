#include "app/segment_summary.h"

#include <stdint.h>
#include <stdio.h>

#include "app/message.h"
#include "util/json.h"

enum { LINE_BYTES = 2048 };

static const struct vox_json_limits limits = {.bytes = 1 << 30, .depth = 64, .values = 1 << 26};

bool vox_segment_is_blank(const struct vox_result *result)
{
    struct vox_result_facts facts;
    vox_result_describe(result, &facts);
    return !facts.valid;
}

void vox_segment_warn(const struct vox_segment_job *job, const char *image,
                      const struct vox_result *result)
{
    struct vox_result_facts facts;
    vox_result_describe(result, &facts);
    const char *name = image != NULL ? image : "";
    const char *between = image != NULL ? ": " : "";
    for (int i = 0; i < facts.n_warnings; i++) {
        vox_say("warning: %s%s%s", name, between, vox_result_warning(result, i));
    }
    if (!facts.valid) {
        vox_say("warning: %s: the mask is empty: %s", job->mask, facts.reason);
    }
}

/* "liver 1203 voxels, 3.61 ml; uncertain 20 voxels, 0.06 ml" of the labels that were found. */
static void list_labels(const struct vox_json *report, char text[LINE_BYTES])
{
    const struct vox_json *voxels = vox_json_get(report, "voxels"), *value;
    const struct vox_json *volumes = vox_json_get(report, "volume_ml");
    void *cursor = NULL;
    const char *name;
    size_t used = 0;
    text[0] = '\0';
    while (vox_json_next(voxels, &cursor, &name, &value)) {
        int64_t n;
        double ml;
        if (!vox_json_int(value, &n) || n == 0 ||
            !vox_json_number(vox_json_get(volumes, name), &ml) || used >= LINE_BYTES) {
            continue;
        }
        int more = snprintf(text + used, LINE_BYTES - used, "%s%s %lld voxels, %.2f ml",
                            used > 0 ? "; " : "", name, (long long)n, ml);
        used += more > 0 ? (size_t)more : 0;
    }
}

void vox_segment_summarize(const struct vox_segment_job *job, struct vox_result *result,
                           double seconds)
{
    struct vox_err err = {0};
    struct vox_json *report;
    const char *text;
    size_t size;
    char labels[LINE_BYTES];
    if (vox_segment_is_blank(result) ||
        vox_result_json(result, NULL, &text, &size, &err) != VOX_OK ||
        vox_json_parse(text, size, &limits, &report, &err) != VOX_OK) {
        return;
    }
    list_labels(report, labels);
    vox_json_free(report);
    vox_say("%s: %s, %.1f s", job->mask, labels[0] != '\0' ? labels : "nothing was found", seconds);
}
