#include "app/model_check.h"

#include <stdio.h>
#include <string.h>

#include "app/model_published.h"
#include "model/weights.h"
#include "pipeline/model_choice.h"
#include "util/file.h"
#include "util/hash.h"

enum vox_code vox_model_bytes_check(const void *data, size_t size, const char *yaml,
                                    char config[64], const char **container, struct vox_err *err)
{
    struct vox_weights *weights;
    struct vox_model_config found;
    enum vox_code code = vox_weights_from_memory(data, size, &weights, err);
    if (code != VOX_OK) {
        return code;
    }
    code = vox_config_choose(yaml, weights, &found, err);
    if (code == VOX_OK) {
        snprintf(config, sizeof(found.name), "%s", found.name);
        *container = vox_weights_container(weights);
    }
    vox_weights_close(weights);
    return code;
}

enum vox_code vox_model_file_check(const char *path, const char *yaml, char config[64],
                                   struct vox_err *err)
{
    struct vox_mapping mapping;
    const char *container;
    enum vox_code code = vox_file_map(path, &mapping, err);
    if (code == VOX_OK) {
        code = vox_model_bytes_check(mapping.data, mapping.size, yaml, config, &container, err);
        vox_file_unmap(&mapping);
    }
    return code;
}

enum vox_code vox_model_file_hash(const char *path, char sha256[65], size_t *size,
                                  struct vox_err *err)
{
    struct vox_mapping mapping;
    enum vox_code code = vox_file_map(path, &mapping, err);
    if (code == VOX_OK) {
        code = vox_sha256_hex(mapping.data, mapping.size, sha256, err);
        if (code == VOX_OK) {
            *size = mapping.size;
        }
        vox_file_unmap(&mapping);
    }
    return code;
}

static enum vox_code compare(const struct vox_model_entry *entry, struct vox_model_finding *finding)
{
    const struct vox_published_model *published = vox_published_model_find(entry->name);
    const char *wanted = entry->recorded ? entry->record.sha256 : NULL;
    size_t size;
    if (published != NULL && published->sha256 != NULL) {
        wanted = published->sha256;
    }
    enum vox_code code =
        vox_model_file_hash(entry->checkpoint, finding->sha256, &size, &finding->why);
    if (code == VOX_OK && wanted != NULL && strcmp(wanted, finding->sha256) != 0) {
        code = vox_fail(&finding->why, VOX_E_FORMAT,
                        "its SHA-256 is %s and not %s; remove it and fetch or import it again",
                        finding->sha256, wanted);
    }
    if (code == VOX_OK) {
        code = vox_model_file_check(entry->checkpoint, entry->yaml, finding->config, &finding->why);
    }
    if (code == VOX_OK && entry->yaml != NULL && entry->recorded) {
        /* The copy of its YAML goes by the model's name. */
        memcpy(finding->config, entry->record.config, sizeof(finding->config));
    }
    if (code == VOX_OK && wanted == NULL) {
        finding->verdict = VOX_VERDICT_WARN;
        (void)vox_fail(&finding->why, VOX_E_NOT_FOUND,
                       "no SHA-256 was recorded to compare with; import the file to record one");
    }
    return code;
}

struct vox_model_finding vox_model_examine(const struct vox_model_entry *entry)
{
    struct vox_model_finding finding = {.verdict = VOX_VERDICT_OK};
    if (compare(entry, &finding) != VOX_OK) {
        finding.verdict = VOX_VERDICT_FAIL;
    }
    return finding;
}

struct vox_model_finding vox_embedded_model_examine(const struct vox_embedded_model *model)
{
    struct vox_model_finding finding = {.verdict = VOX_VERDICT_OK};
    struct vox_err *why = &finding.why;
    const char *container;
    enum vox_code code = vox_sha256_hex(model->weights, model->size, finding.sha256, why);
    if (code == VOX_OK && strcmp(model->sha256, finding.sha256) != 0) {
        code = vox_fail(why, VOX_E_FORMAT, "its SHA-256 is %s and not %s; install the program anew",
                        finding.sha256, model->sha256);
    }
    if (code == VOX_OK) {
        code = vox_model_bytes_check(model->weights, model->size, NULL, finding.config, &container,
                                     why);
    }
    finding.verdict = code == VOX_OK ? VOX_VERDICT_OK : VOX_VERDICT_FAIL;
    return finding;
}
