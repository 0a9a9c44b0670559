#include "app/segment_model.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include "app/arguments.h"
#include "app/environment.h"
#include "app/message.h"
#include "app/sizes.h"
#include "app/text_file.h"

static const char command[] = "segment";

enum { PATH_BYTES = 4096 };

const char *vox_segment_model_name(const struct vox_arguments *arguments)
{
    const char *name = vox_argument(arguments, "--model", 0);
    if (name == NULL) {
        name = vox_environment("VOXLABEL_MODEL");
    }
    const struct vox_embedded_model *embedded = vox_embedded_model_at(0);
    const char *inside = embedded != NULL ? embedded->name : NULL;
    return name != NULL && name[0] != '\0' ? name : inside;
}

int vox_segment_model_find(const struct vox_arguments *arguments, struct vox_model_place *out)
{
    const char *name = vox_segment_model_name(arguments);
    *out = (struct vox_model_place){0};
    return name == NULL ? 0 : vox_model_lookup(vox_argument(arguments, "--models", 0), name, out);
}

static int read_threads(const char *text, int *out)
{
    const char *at = text;
    int64_t threads;
    if (text == NULL) {
        return 0;
    }
    if (!vox_read_int(&at, &threads) || *at != '\0' || threads < 1 || threads > 1024) {
        return vox_say_usage(command, "--threads %s is not a number from 1 to 1024", text);
    }
    *out = (int)threads;
    return 0;
}

static int read_bytes(const struct vox_arguments *arguments, const char *option, bool may_be_none,
                      uint64_t *out)
{
    const char *text = vox_argument(arguments, option, 0);
    if (text != NULL && (!vox_read_bytes(text, out) || (*out == 0 && !may_be_none))) {
        return vox_say_usage(command, "%s %s is no size; write 512M or 2G", option, text);
    }
    return 0;
}

/* The last folder of the path may be made, those above must be there. */
static int check_cache_folder(const char *path)
{
    char parent[PATH_BYTES] = ".";
    struct stat st;
    if (path == NULL) {
        return 0;
    }
    if (stat(path, &st) == 0) {
        return S_ISDIR(st.st_mode) ? 0
                                   : vox_say_usage(command, "--cache-dir %s: is no folder", path);
    }
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/') {
        length--;
    }
    while (length > 0 && path[length - 1] != '/') {
        length--;
    }
    if (length > 0 && length < sizeof(parent)) {
        memcpy(parent, path, length);
        parent[length] = '\0';
    }
    return stat(parent, &st) == 0 && S_ISDIR(st.st_mode)
               ? 0
               : vox_say_usage(command, "--cache-dir %s: there is no folder to make it in", path);
}

int vox_segment_model_options(const struct vox_arguments *arguments,
                              const struct vox_model_place *place, struct vox_model_options *out)
{
    const char *config = vox_argument(arguments, "--config", 0);
    struct vox_model_options options = {
        .config = config != NULL ? config : place->yaml,
        .backend = vox_argument(arguments, "--backend", 0),
        .cache_dir = vox_argument(arguments, "--cache-dir", 0),
    };
    int status = read_threads(vox_argument(arguments, "--threads", 0), &options.threads);
    if (status == 0) {
        status = read_bytes(arguments, "--cache-memory", true, &options.cache_memory);
    }
    if (status == 0) {
        status = read_bytes(arguments, "--cache-size", false, &options.cache_disk);
    }
    if (status == 0) {
        status = read_bytes(arguments, "--max-memory", false, &options.max_memory);
    }
    if (vox_argument_given(arguments, "--cache-memory") && options.cache_memory == 0) {
        options.cache_memory = 1; /* the library's word for none */
    }
    if (status == 0) {
        status = check_cache_folder(options.cache_dir);
    }
    if (status == 0) {
        status = vox_input_find(options.config);
    }
    if (status == 0) {
        *out = options;
    }
    return status;
}

int vox_segment_model_open(const struct vox_arguments *arguments,
                           const struct vox_model_place *place,
                           const struct vox_model_options *options, struct vox_model **out)
{
    struct vox_err err = {0};
    struct vox_model_bytes bytes = {0};
    if (place->embedded != NULL) {
        bytes.weights = place->embedded->weights;
        bytes.size = place->embedded->size;
    }
    enum vox_code code = place->embedded != NULL
                             ? vox_model_open_bytes(&bytes, options, out, &err)
                             : vox_model_open(place->checkpoint, options, out, &err);
    return code == VOX_OK ? 0 : vox_say_error(vox_segment_model_name(arguments), &err);
}
