/* The settings of a configuration file. */
#include <stdio.h>
#include <string.h>

#include "app/message.h"
#include "app/settings_parts.h"
#include "app/text_file.h"
#include "util/memory.h"
#include "util/yaml.h"

enum { SOURCE_BYTES = 4608, LIST_BYTES = 65536 };

static int find_key(const char *key)
{
    char name[VOX_SETTING_NAME_BYTES];
    for (int i = 0; i < vox_setting_count(); i++) {
        vox_setting_key(vox_setting_at(i), name);
        if (strcmp(name, key) == 0) {
            return i;
        }
    }
    return -1;
}

/* Texts of a sequence with commas between them. False for one that is none of texts. */
static bool join(const struct vox_yaml_node *sequence, char list[LIST_BYTES])
{
    size_t used = 0;
    list[0] = '\0';
    for (const struct vox_yaml_node *at = vox_yaml_first(sequence); at != NULL;
         at = vox_yaml_next(at)) {
        const char *text = vox_yaml_text(at);
        if (text == NULL || strchr(text, ',') != NULL) {
            return false;
        }
        int n = snprintf(list + used, LIST_BYTES - used, "%s%s", used > 0 ? "," : "", text);
        if (n < 0 || (size_t)n >= LIST_BYTES - used) {
            return false;
        }
        used += (size_t)n;
    }
    return true;
}

static int take_node(struct vox_setting_text *texts, const char *path,
                     const struct vox_yaml_node *node)
{
    const char *key = vox_yaml_key(node);
    unsigned long long line = vox_yaml_line(node);
    int setting = find_key(key);
    if (setting < 0) {
        vox_say("%s, line %llu: there is no setting '%s'; 'voxlabel help serve' lists them", path,
                line, key);
        return VOX_EXIT_USAGE;
    }
    char source[SOURCE_BYTES];
    snprintf(source, sizeof(source), "%s, line %llu: %s", path, line, key);
    if (vox_yaml_is_null(node)) {
        return 0;
    }
    if (vox_yaml_kind(node) == VOX_YAML_SCALAR) {
        return vox_settings_take(texts, setting, vox_yaml_text(node), source);
    }
    char *list = NULL;
    if (vox_yaml_kind(node) == VOX_YAML_SEQUENCE &&
        vox_setting_at(setting)->kind == VOX_SETTING_LIST) {
        list = vox_alloc(LIST_BYTES);
        if (list == NULL) {
            return vox_say_no_memory();
        }
    }
    int status = VOX_EXIT_USAGE;
    if (list != NULL && join(node, list)) {
        status = vox_settings_take(texts, setting, list, source);
    } else {
        vox_say("%s: a text or a number is needed here", source);
    }
    vox_free(list);
    return status;
}

int vox_settings_take_file(struct vox_setting_text *texts, const char *path)
{
    char *text;
    size_t size;
    int status = vox_text_file_read(path, &text, &size);
    if (status != 0) {
        return status;
    }
    struct vox_yaml *yaml;
    struct vox_err err = {0};
    if (vox_yaml_parse(text, size, &yaml, &err) != VOX_OK) {
        vox_free(text);
        return vox_say_wrong(path, &err);
    }
    vox_free(text);
    const struct vox_yaml_node *root = vox_yaml_root(yaml);
    if (root != NULL && vox_yaml_kind(root) != VOX_YAML_MAPPING) {
        vox_say("%s: 'setting: value' lines are needed here", path);
        status = VOX_EXIT_USAGE;
    }
    const struct vox_yaml_node *node = root != NULL && status == 0 ? vox_yaml_first(root) : NULL;
    for (; node != NULL && status == 0; node = vox_yaml_next(node)) {
        status = take_node(texts, path, node);
    }
    vox_yaml_free(yaml);
    return status;
}
