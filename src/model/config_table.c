#include "model/config_table.h"

#include <stdio.h>
#include <string.h>

/* Where in the document a value stands. Paths only go into error texts, so they may be cut. */
struct place {
    char path[160];
    size_t line;
};

static struct place place_of(const char *path, const char *key, size_t line)
{
    struct place place = {.line = line};
    int n = snprintf(place.path, sizeof(place.path), "%s%s%.64s", path, path[0] == '\0' ? "" : ".",
                     key);
    if (n < 0) {
        place.path[0] = '\0';
    }
    return place;
}

static enum vox_code wrong_type(const struct place *place, const char *wanted, struct vox_err *err)
{
    return vox_fail(err, VOX_E_FORMAT, "%s (line %zu) must be %s", place->path, place->line,
                    wanted);
}

static enum vox_code check_range(const struct vox_field *field, const struct place *place,
                                 double value, struct vox_err *err)
{
    if (value >= field->low && value <= field->high) {
        return VOX_OK;
    }
    return vox_fail(err, VOX_E_LIMIT, "%s (line %zu) is %.15g; it must be between %.15g and %.15g",
                    place->path, place->line, value, field->low, field->high);
}

static enum vox_code read_int(const struct vox_field *field, const struct place *place,
                              const struct vox_yaml_node *node, int64_t *out, struct vox_err *err)
{
    int64_t value;
    if (!vox_yaml_int(node, &value)) {
        return wrong_type(place, "a whole number", err);
    }
    enum vox_code code = check_range(field, place, (double)value, err);
    if (code == VOX_OK) {
        *out = value;
    }
    return code;
}

static enum vox_code read_real(const struct vox_field *field, const struct place *place,
                               const struct vox_yaml_node *node, double *out, struct vox_err *err)
{
    double value;
    if (!vox_yaml_real(node, &value)) {
        return wrong_type(place, "a number", err);
    }
    enum vox_code code = check_range(field, place, value, err);
    if (code == VOX_OK) {
        *out = value;
    }
    return code;
}

static enum vox_code read_factor(const struct vox_field *field, const struct place *place,
                                 const struct vox_yaml_node *node, double *out, struct vox_err *err)
{
    const char *text = vox_yaml_text(node);
    double value = 0.0;
    bool off = text != NULL && strcmp(text, "off") == 0;
    if (!off && !vox_yaml_real(node, &value)) {
        return wrong_type(place, "off or a number", err);
    }
    enum vox_code code = off ? VOX_OK : check_range(field, place, value, err);
    if (code == VOX_OK) {
        *out = value;
    }
    return code;
}

static enum vox_code read_ints(const struct vox_field *field, const struct place *place,
                               const struct vox_yaml_node *node, struct vox_int_list *out,
                               struct vox_err *err)
{
    struct vox_int_list list = {.given = true};
    if (!vox_yaml_is_null(node)) {
        if (vox_yaml_kind(node) != VOX_YAML_SEQUENCE) {
            return wrong_type(place, "a list of whole numbers", err);
        }
        for (node = vox_yaml_first(node); node != NULL; node = vox_yaml_next(node)) {
            if (list.count == VOX_INT_LIST_MAX) {
                return vox_fail(err, VOX_E_LIMIT, "%s (line %zu) has more than %d elements",
                                place->path, place->line, VOX_INT_LIST_MAX);
            }
            enum vox_code code = read_int(field, place, node, &list.items[list.count], err);
            if (code != VOX_OK) {
                return code;
            }
            list.count++;
        }
    }
    *out = list;
    return VOX_OK;
}

/* Whether `name` is one of the words of `allowed`. */
static bool word_allowed(const char *name, const char *allowed)
{
    size_t length = strlen(name);
    for (const char *at = allowed; length > 0 && (at = strstr(at, name)) != NULL; at += length) {
        bool starts = at == allowed || at[-1] == ' ';
        if (starts && (at[length] == ' ' || at[length] == '\0')) {
            return true;
        }
    }
    return false;
}

/* Whether the last word of the Python path `text` is one of the words of `allowed`. */
static bool class_allowed(const char *text, const char *allowed)
{
    const char *dot = strrchr(text, '.');
    return word_allowed(dot == NULL ? text : dot + 1, allowed) &&
           strncmp(text, "efficient_track_anything.", 25) != 0;
}

static bool matches(const struct vox_field *field, const struct vox_yaml_node *node)
{
    const char *text = vox_yaml_text(node);
    bool flag;
    double number;
    char wanted[32];
    switch (field->kind) {
    case VOX_FIELD_ONLY_BOOL:
        return vox_yaml_bool(node, &flag) && flag == (strcmp(field->only, "true") == 0);
    case VOX_FIELD_ONLY_REAL:
        if (!vox_yaml_real(node, &number)) {
            return false;
        }
        snprintf(wanted, sizeof(wanted), "%.15g", number);
        return strcmp(wanted, field->only) == 0;
    case VOX_FIELD_ONLY_TEXT:
        return text != NULL && strcmp(text, field->only) == 0;
    case VOX_FIELD_ONLY_CLASS:
        return text != NULL && class_allowed(text, field->only);
    default:
        return vox_yaml_is_null(node);
    }
}

static enum vox_code refuse_value(const struct vox_field *field, const struct place *place,
                                  const struct vox_yaml_node *node, struct vox_err *err)
{
    const char *text = vox_yaml_text(node);
    if (text == NULL) {
        text = vox_yaml_kind(node) == VOX_YAML_MAPPING ? "a mapping" : "a list";
    }
    return vox_fail(err, VOX_E_UNSUPPORTED, "%s (line %zu) is %.80s; only %s is supported",
                    place->path, place->line, text, field->only);
}

/* Words without blanks only, so that none is two of them. */
static enum vox_code read_word(const struct vox_field *field, const struct place *place,
                               const struct vox_yaml_node *node, char *out, struct vox_err *err)
{
    const char *text = vox_yaml_text(node);
    if (text == NULL || strchr(text, ' ') != NULL || !word_allowed(text, field->only)) {
        return vox_fail(err, VOX_E_UNSUPPORTED, "%s (line %zu) must be one of: %s", place->path,
                        place->line, field->only);
    }
    snprintf(out, VOX_CONFIG_WORD, "%s", text);
    return VOX_OK;
}

static enum vox_code read_field(const struct vox_field *field, const char *path,
                                const struct vox_yaml_node *node, void *out, struct vox_err *err)
{
    struct place place = place_of(path, field->key, vox_yaml_line(node));
    void *at = (char *)out + field->offset;
    switch (field->kind) {
    case VOX_FIELD_INT:
        return read_int(field, &place, node, at, err);
    case VOX_FIELD_REAL:
        return read_real(field, &place, node, at, err);
    case VOX_FIELD_BOOL:
        return vox_yaml_bool(node, at) ? VOX_OK : wrong_type(&place, "true or false", err);
    case VOX_FIELD_INTS:
        return read_ints(field, &place, node, at, err);
    case VOX_FIELD_WORD:
        return read_word(field, &place, node, at, err);
    case VOX_FIELD_FACTOR:
        return read_factor(field, &place, node, at, err);
    case VOX_FIELD_MAP:
        return vox_table_read(field->map, place.path, node, out, err);
    case VOX_FIELD_IGNORED:
        return VOX_OK;
    default:
        return matches(field, node) ? VOX_OK : refuse_value(field, &place, node, err);
    }
}

static enum vox_code read_absent(const struct vox_field *field, const char *path,
                                 const struct vox_yaml_node *node, struct vox_err *err)
{
    struct place place = place_of(path, field->key, vox_yaml_line(node));
    if (field->required) {
        return vox_fail(err, VOX_E_FORMAT, "%s is missing", place.path);
    }
    if (field->absent != NULL) {
        return vox_fail(err, VOX_E_UNSUPPORTED,
                        "%s is absent, which means %s; only %s is supported", place.path,
                        field->absent, field->only);
    }
    return VOX_OK;
}

static const struct vox_field *find_field(const struct vox_field *table, const char *key)
{
    for (; table->key != NULL; table++) {
        if (strcmp(table->key, key) == 0) {
            return table;
        }
    }
    return NULL;
}

enum vox_code vox_table_read(const struct vox_field *table, const char *path,
                             const struct vox_yaml_node *node, void *out, struct vox_err *err)
{
    if (vox_yaml_kind(node) != VOX_YAML_MAPPING) {
        struct place place = {.line = vox_yaml_line(node)};
        snprintf(place.path, sizeof(place.path), "%s", path);
        return wrong_type(&place, "a mapping", err);
    }
    /* The classes first: they tell another kind of network better than the first key that it does
     * not share. */
    const struct vox_field *target = find_field(table, "_target_");
    const struct vox_yaml_node *class = vox_yaml_get(node, "_target_");
    if (target != NULL && class != NULL) {
        enum vox_code code = read_field(target, path, class, out, err);
        if (code != VOX_OK) {
            return code;
        }
    }
    const struct vox_yaml_node *child = vox_yaml_first(node);
    for (; child != NULL; child = vox_yaml_next(child)) {
        if (find_field(table, vox_yaml_key(child)) == NULL) {
            struct place place = place_of(path, vox_yaml_key(child), vox_yaml_line(child));
            return vox_fail(err, VOX_E_UNSUPPORTED, "%s (line %zu) is not a key that is known here",
                            place.path, place.line);
        }
    }
    for (const struct vox_field *field = table; field->key != NULL; field++) {
        child = vox_yaml_get(node, field->key);
        enum vox_code code = child == NULL ? read_absent(field, path, node, err)
                                           : read_field(field, path, child, out, err);
        if (code != VOX_OK) {
            return code;
        }
    }
    return VOX_OK;
}
