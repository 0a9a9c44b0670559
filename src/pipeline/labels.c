#include "pipeline/labels.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "pipeline/params_read.h"
#include "util/memory.h"
#include "util/utf8.h"

/* Names go into messages of one line, so no control characters. */
static bool is_text(const char *name)
{
    for (const char *at = name; *at != '\0';) {
        size_t size = vox_utf8_size(at);
        if (size == 0 || (unsigned char)*at < 0x20 || *at == 0x7F) {
            return false;
        }
        at += size;
    }
    return true;
}

/* i tells which name it is where the name itself cannot be shown. */
static enum vox_code check_name(const char *name, int i, struct vox_err *err)
{
    if (name == NULL || name[0] == '\0') {
        return vox_fail(err, VOX_E_ARG, "label %d has no name", i + 1);
    }
    if (strnlen(name, VOX_LABEL_BYTES) == VOX_LABEL_BYTES) {
        return vox_fail(err, VOX_E_ARG, "the name of label %d is longer than %d bytes", i + 1,
                        VOX_LABEL_BYTES - 1);
    }
    if (!is_text(name)) {
        return vox_fail(err, VOX_E_ARG,
                        "the name of label %d must be UTF-8 without control characters", i + 1);
    }
    if (vox_params_is_key(name)) {
        return vox_fail(err, VOX_E_ARG,
                        "a label cannot be called '%s', the name of a parameter; choose another",
                        name);
    }
    return VOX_OK;
}

enum vox_code vox_labels_init(struct vox_labels *out, const char *const *names, int n,
                              struct vox_err *err)
{
    if (n < 1) {
        return vox_fail(err, VOX_E_ARG, "give at least one label");
    }
    if (n > VOX_LABELS_MAX) {
        return vox_fail(err, VOX_E_LIMIT, "%d labels are more than %d", n, VOX_LABELS_MAX);
    }
    struct vox_labels labels = {.names = vox_calloc((size_t)n, sizeof(*labels.names))};
    if (labels.names == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    enum vox_code code = VOX_OK;
    for (int i = 0; i < n && code == VOX_OK; i++) {
        code = check_name(names[i], i, err);
        if (code == VOX_OK && vox_labels_find(&labels, names[i]) >= 0) {
            code = vox_fail(err, VOX_E_ARG, "two labels are called '%s'", names[i]);
        }
        if (code == VOX_OK) {
            memcpy(labels.names[i], names[i], strlen(names[i]));
            labels.n = i + 1;
        }
    }
    if (code != VOX_OK) {
        vox_labels_fini(&labels);
        return code;
    }
    *out = labels;
    return VOX_OK;
}

enum vox_code vox_labels_default(struct vox_labels *out, struct vox_err *err)
{
    static const char *const names[] = {"intersection"};
    return vox_labels_init(out, names, 1, err);
}

enum vox_code vox_labels_copy(struct vox_labels *out, const struct vox_labels *from,
                              struct vox_err *err)
{
    struct vox_labels labels = {.n = from->n,
                                .names = vox_calloc((size_t)from->n, sizeof(*labels.names))};
    if (labels.names == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    memcpy(labels.names, from->names, (size_t)from->n * sizeof(*labels.names));
    *out = labels;
    return VOX_OK;
}

void vox_labels_fini(struct vox_labels *labels)
{
    vox_free(labels->names);
    *labels = (struct vox_labels){0};
}

int vox_labels_find(const struct vox_labels *labels, const char *name)
{
    for (int i = 0; i < labels->n; i++) {
        if (strcmp(labels->names[i], name) == 0) {
            return i;
        }
    }
    return -1;
}
