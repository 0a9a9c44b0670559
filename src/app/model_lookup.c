#include "app/model_lookup.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "app/message.h"
#include "app/model_folder.h"
#include "app/model_published.h"
#include "app/text_file.h"
#include "util/memory.h"

static int take_file(const char *path, struct vox_model_place *out)
{
    int status = vox_input_find(path);
    if (status != 0) {
        return status;
    }
    struct vox_model_place place = {.checkpoint = vox_strdup(path)};
    if (place.checkpoint == NULL) {
        return vox_say_no_memory();
    }
    *out = place;
    return 0;
}

static bool ends_with(const char *text, const char *tail)
{
    size_t length = strlen(text), size = strlen(tail);
    return length >= size && strcmp(text + length - size, tail) == 0;
}

/* Neither a model nor a file. */
static int say_unknown(const char *text)
{
    if (ends_with(text, ".pt") || ends_with(text, ".safetensors")) {
        return vox_input_find(text); /* a file was meant */
    }
    const struct vox_published_model *published = vox_published_model_find(text);
    if (published == NULL) {
        vox_say("%s: there is neither a model nor a file of this name; 'voxlabel model list' shows "
                "the models",
                text);
    } else if (published->unsupported == NULL) {
        vox_say("%s: this model is not here yet; 'voxlabel model pull %s' fetches it", text, text);
    } else {
        vox_say("%s: %s", text, published->unsupported);
    }
    return VOX_EXIT_USAGE;
}

int vox_model_lookup(const char *models, const char *text, struct vox_model_place *out)
{
    struct vox_model_entry entry;
    struct vox_err err = {0};
    struct stat st;
    char *folder;
    if (strchr(text, '/') != NULL || !vox_model_name_is_valid(text)) {
        return take_file(text, out);
    }
    if (vox_embedded_model_find(text) != NULL) {
        *out = (struct vox_model_place){.embedded = vox_embedded_model_find(text)};
        return 0;
    }
    int status = vox_model_folder_find(models, &folder);
    if (status != 0) {
        return status;
    }
    enum vox_code code = vox_model_entry_find(folder, text, &entry, &err);
    vox_free(folder);
    if (code == VOX_OK) {
        *out = (struct vox_model_place){.checkpoint = entry.checkpoint, .yaml = entry.yaml};
        entry.checkpoint = NULL;
        entry.yaml = NULL;
        vox_model_entry_free(&entry);
        return 0;
    }
    if (code != VOX_E_NOT_FOUND) {
        return vox_say_error(text, &err);
    }
    if (stat(text, &st) != 0 && errno == ENOENT) {
        return say_unknown(text);
    }
    return take_file(text, out);
}

void vox_model_place_free(struct vox_model_place *place)
{
    vox_free(place->checkpoint);
    vox_free(place->yaml);
    *place = (struct vox_model_place){0};
}

enum vox_code vox_model_place_weights(const struct vox_model_place *place, struct vox_weights **out,
                                      struct vox_err *err)
{
    const struct vox_embedded_model *embedded = place->embedded;
    return embedded != NULL ? vox_weights_from_memory(embedded->weights, embedded->size, out, err)
                            : vox_weights_open(place->checkpoint, out, err);
}
