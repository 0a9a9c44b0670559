#include "model/config.h"

#include <stdio.h>
#include <string.h>

#include "model/config_builtin.h"
#include "model/config_keys.h"
#include "util/file.h"
#include "util/memory.h"

const char *vox_config_builtin_name(int i)
{
    return i >= 0 && i < VOX_BUILTIN_SKELETONS ? vox_builtin_skeletons[i].name : NULL;
}

enum vox_code vox_config_builtin(const char *name, struct vox_model_config *out,
                                 struct vox_err *err)
{
    char known[256] = "";
    size_t used = 0;
    for (int i = 0; i < VOX_BUILTIN_SKELETONS; i++) {
        const struct vox_builtin_skeleton *skeleton = &vox_builtin_skeletons[i];
        if (strcmp(skeleton->name, name) == 0) {
            return vox_config_parse(name, skeleton->text, skeleton->size, out, err);
        }
        int n = snprintf(known + used, sizeof(known) - used, "%s%s", i == 0 ? "" : ", ",
                         skeleton->name);
        used += n > 0 && (size_t)n < sizeof(known) - used ? (size_t)n : 0;
    }
    return vox_fail(err, VOX_E_NOT_FOUND, "no built-in skeleton is named '%.64s'; there is %s",
                    name, known);
}

/* What the builder of the reference's video predictor forces (sam2/build_sam.py), whatever the
 * document says. */
static void apply_overrides(struct vox_model_config *config)
{
    config->stability_fallback = true;
    config->stability_delta = 0.05;
    config->stability_threshold = 0.98;
    config->binarize_prompted_memory = true;
}

static enum vox_code read_skeleton(const struct vox_yaml_node *root, struct vox_skeleton *skeleton,
                                   struct vox_err *err)
{
    if (root == NULL || vox_yaml_kind(root) != VOX_YAML_MAPPING) {
        return vox_fail(err, VOX_E_FORMAT, "the document is not a mapping with a key 'model'");
    }
    if (vox_yaml_get(root, "model") == NULL && vox_yaml_get(root, "trainer") != NULL) {
        return vox_fail(err, VOX_E_UNSUPPORTED,
                        "this is a training recipe (key 'trainer'); use the skeleton that the "
                        "inference uses, e.g. sam2.1_hiera_t512.yaml");
    }
    vox_skeleton_defaults(skeleton);
    enum vox_code code = vox_table_read(vox_skeleton_keys, "", root, skeleton, err);
    return code != VOX_OK ? code : vox_skeleton_check(skeleton, err);
}

enum vox_code vox_config_parse(const char *name, const char *yaml, size_t size,
                               struct vox_model_config *out, struct vox_err *err)
{
    struct vox_yaml *document;
    enum vox_code code = vox_yaml_parse(yaml, size, &document, err);
    if (code != VOX_OK) {
        return code;
    }
    struct vox_skeleton *skeleton = vox_alloc(sizeof(*skeleton));
    code = skeleton == NULL ? vox_fail(err, VOX_E_NOMEM, "out of memory")
                            : read_skeleton(vox_yaml_root(document), skeleton, err);
    if (code == VOX_OK) {
        *out = skeleton->config;
        apply_overrides(out);
        snprintf(out->name, sizeof(out->name), "%.63s", name);
    }
    vox_free(skeleton);
    vox_yaml_free(document);
    return code;
}

/* "folder/sam2.1_hiera_t512.yaml" -> "sam2.1_hiera_t512" */
static void stem_of(const char *path, char stem[64])
{
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    snprintf(stem, 64, "%.63s", name);
    char *dot = strrchr(stem, '.');
    if (dot != NULL && dot != stem && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0)) {
        *dot = '\0';
    }
}

enum vox_code vox_config_load(const char *path, struct vox_model_config *out, struct vox_err *err)
{
    struct vox_mapping mapping;
    enum vox_code code = vox_file_map(path, &mapping, err);
    if (code != VOX_OK) {
        return code;
    }
    char stem[64];
    stem_of(path, stem);
    /* A mapping is not NUL-terminated; the parser takes the size. */
    code = vox_config_parse(stem, (const char *)mapping.data, mapping.size, out, err);
    vox_file_unmap(&mapping);
    return code;
}
