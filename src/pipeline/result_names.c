#include "pipeline/result_names.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "pipeline/file_identity.h"
#include "util/memory.h"

/* What the name of a file of one kind must end in; NULL: anything. */
struct endings {
    const char *text;   /* for messages */
    const char *all[6]; /* the last one is NULL */
    const char *none;   /* an ending that is none of them though it ends like one; may be NULL */
};

static bool ends_with(const char *path, const char *ending)
{
    size_t size = strlen(path), end = strlen(ending);
    return size > end && strcasecmp(path + size - end, ending) == 0;
}

static enum vox_code check_ending(const char *path, const struct endings *endings,
                                  struct vox_err *err)
{
    bool known = endings == NULL;
    for (int i = 0; !known && endings->all[i] != NULL; i++) {
        known = ends_with(path, endings->all[i]);
    }
    if (!known || (endings != NULL && endings->none != NULL && ends_with(path, endings->none))) {
        return vox_fail(err, VOX_E_ARG, "%s", endings->text);
    }
    return VOX_OK;
}

/* ---- places ---- */

/* A file that is there, or a name in a folder that is. */
struct place {
    dev_t device;
    ino_t number;
    const char *name; /* NULL: the file itself; borrowed */
};

static enum vox_code find_place(const char *path, struct place *out, struct vox_err *err)
{
    struct stat st;
    const char *slash = strrchr(path, '/');
    *out = (struct place){.name = slash == NULL ? path : slash + 1};
    if (stat(path, &st) == 0) {
        if (!S_ISREG(st.st_mode)) {
            return vox_fail(err, VOX_E_ARG,
                            S_ISDIR(st.st_mode) ? "a folder has this name; name a file"
                                                : "this is no regular file; name another");
        }
        *out = (struct place){.device = st.st_dev, .number = st.st_ino};
        return VOX_OK;
    }
    char *folder = vox_strdup(slash == NULL ? "." : path);
    if (folder == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    if (slash != NULL) {
        folder[slash == path ? 1 : slash - path] = '\0';
    }
    /* Where the folder is not there either, creating the file will say so. */
    if (stat(folder, &st) == 0) {
        out->device = st.st_dev;
        out->number = st.st_ino;
    }
    vox_free(folder);
    return VOX_OK;
}

static bool same_place(const struct place *a, const struct place *b)
{
    return a->device == b->device && a->number == b->number &&
           (a->name == NULL) == (b->name == NULL) &&
           (a->name == NULL || strcmp(a->name, b->name) == 0);
}

/* A header and the two that may hold its voxels. */
enum { PLACES = 3 };

struct output {
    const char *path;
    const struct endings *endings;
    char *beside[PLACES - 1]; /* "a.raw" and "a.zraw" beside "a.mhd" */
    struct place places[PLACES];
    int n;
};

static enum vox_code find_places(struct output *output, struct vox_err *err)
{
    static const char *const endings[PLACES - 1] = {".raw", ".zraw"};
    enum vox_code code = find_place(output->path, &output->places[0], err);
    output->n = 1;
    for (int i = 0; i < PLACES - 1 && code == VOX_OK && ends_with(output->path, ".mhd"); i++) {
        size_t stem = strlen(output->path) - strlen(".mhd"), room = stem + sizeof(".zraw");
        output->beside[i] = vox_alloc(room);
        if (output->beside[i] == NULL) {
            return vox_fail(err, VOX_E_NOMEM, "out of memory");
        }
        snprintf(output->beside[i], room, "%.*s%s", (int)stem, output->path, endings[i]);
        code = find_place(output->beside[i], &output->places[output->n], err);
        output->n++;
    }
    return code;
}

static bool clash(const struct output *a, const struct output *b)
{
    for (int i = 0; i < a->n; i++) {
        for (int o = 0; o < b->n; o++) {
            if (same_place(&a->places[i], &b->places[o])) {
                return true;
            }
        }
    }
    return false;
}

/* The image, or the file of voxels that its header names. */
static bool takes_place_of(const struct output *output, const char *image)
{
    struct vox_file_identity identity;
    if (image == NULL || vox_file_identify(image, &identity, NULL) != VOX_OK) {
        return false;
    }
    struct output other = {.n = 1};
    for (int i = 0; i < 2; i++) {
        const struct vox_file_part *part = &identity.parts[i];
        other.places[i] = (struct place){.device = part->device, .number = part->inode};
        other.n = i == 0 || part->inode != 0 ? i + 1 : other.n;
    }
    return clash(output, &other);
}

/* ---- all ---- */

static enum vox_code check_output(struct output *outputs, int i, const char *image,
                                  struct vox_err *err)
{
    struct output *output = &outputs[i];
    if (output->path == NULL) {
        return VOX_OK;
    }
    enum vox_code code = check_ending(output->path, output->endings, err);
    if (code == VOX_OK) {
        code = find_places(output, err);
    }
    for (int other = 0; other < i && code == VOX_OK; other++) {
        if (clash(output, &outputs[other])) {
            code = vox_fail(err, VOX_E_ARG, "one file cannot hold two different outputs");
        }
    }
    if (code == VOX_OK && takes_place_of(output, image)) {
        code = vox_fail(err, VOX_E_ARG, "this is the image itself; name another file");
    }
    return code;
}

enum vox_code vox_result_check_names(const struct vox_files *files, const char *image,
                                     const char **which, struct vox_err *err)
{
    static const struct endings masks = {
        "the name of a mask must end in .nii.gz, .nii, .nrrd, .seg.nrrd, .mha or .mhd",
        {".nii", ".nii.gz", ".nrrd", ".mha", ".mhd", NULL}, /* .seg.nrrd is an .nrrd */
        NULL};
    static const struct endings numbers = {
        "the name of a file of logits must end in .nii.gz, .nii, .nrrd, .mha or .mhd",
        {".nii", ".nii.gz", ".nrrd", ".mha", ".mhd", NULL},
        ".seg.nrrd"};
    static const struct endings pictures = {
        "the name of a preview must end in .png", {".png", NULL}, NULL};
    struct output outputs[VOX_RESULT_FILES] = {
        {.path = files->mask, .endings = &masks},
        {.path = files->logits, .endings = &numbers},
        {.path = files->preview, .endings = &pictures},
        {.path = files->json},
    };
    enum vox_code code = VOX_OK;
    for (int i = 0; i < VOX_RESULT_FILES && code == VOX_OK; i++) {
        code = check_output(outputs, i, image, err);
        if (code != VOX_OK && which != NULL) {
            *which = outputs[i].path;
        }
    }
    for (int i = 0; i < VOX_RESULT_FILES; i++) {
        for (int b = 0; b < PLACES - 1; b++) {
            vox_free(outputs[i].beside[b]);
        }
    }
    return code;
}
