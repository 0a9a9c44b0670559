#include "util/json.h"

#include <string.h>

#include <jansson.h>

#include "util/memory.h"

enum { MAX_DEPTH = 1000 };

/* struct vox_json is never defined: it is jansson's json_t to everybody else. */
static json_t *inner(struct vox_json *json)
{
    return (json_t *)(void *)json;
}

static const json_t *inner_const(const struct vox_json *json)
{
    return (const json_t *)(const void *)json;
}

static struct vox_json *outer(json_t *json)
{
    return (struct vox_json *)(void *)json;
}

/* jansson takes pointers to non-const where it only reads, and counts references in constants. */
static json_t *readable(const struct vox_json *json)
{
    union {
        const struct vox_json *shown;
        json_t *taken;
    } cast = {json};
    return cast.taken;
}

/* What a text would build, counted without building anything. */
struct census {
    size_t depth;
    size_t deepest;
    size_t values;
};

static struct census take_census(const char *text, size_t size)
{
    struct census census = {.values = 1};
    bool quoted = false;
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (quoted) {
            if (c == '\\') {
                i++;
            } else if (c == '"') {
                quoted = false;
            }
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            census.values++;
            census.depth++;
            if (census.depth > census.deepest) {
                census.deepest = census.depth;
            }
        } else if (c == '}' || c == ']') {
            census.depth -= census.depth > 0 ? 1 : 0;
        } else if (c == ',') {
            census.values++;
        }
    }
    return census;
}

static enum vox_code check_limits(const char *text, size_t size,
                                  const struct vox_json_limits *limits, struct vox_err *err)
{
    if (size > limits->bytes) {
        return vox_fail(err, VOX_E_LIMIT, "the JSON text has %zu bytes, more than %zu", size,
                        limits->bytes);
    }
    struct census census = take_census(text, size);
    size_t depth = limits->depth < MAX_DEPTH ? limits->depth : MAX_DEPTH;
    if (census.deepest > depth) {
        return vox_fail(err, VOX_E_LIMIT, "the JSON text is nested more than %zu levels deep",
                        depth);
    }
    if (census.values > limits->values) {
        return vox_fail(err, VOX_E_LIMIT, "the JSON text has more than %zu values", limits->values);
    }
    return VOX_OK;
}

enum vox_code vox_json_parse(const char *text, size_t size, const struct vox_json_limits *limits,
                             struct vox_json **out, struct vox_err *err)
{
    enum vox_code code = check_limits(text, size, limits, err);
    if (code != VOX_OK) {
        return code;
    }
    /* jansson skips a NUL that follows a number. */
    if (size > 0 && memchr(text, '\0', size) != NULL) {
        return vox_fail(err, VOX_E_FORMAT, "the JSON text holds a NUL character");
    }
    json_error_t error;
    json_t *json =
        json_loadb(size == 0 ? "" : text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (json == NULL) {
        if (json_error_code(&error) == json_error_out_of_memory) {
            return vox_fail(err, VOX_E_NOMEM, "out of memory");
        }
        /* jansson's own text may quote the input, which may not go into a log. */
        return vox_fail(err, VOX_E_FORMAT, "not JSON at line %d, column %d", error.line,
                        error.column);
    }
    *out = outer(json);
    return VOX_OK;
}

void vox_json_free(struct vox_json *json)
{
    json_decref(inner(json));
}

enum vox_json_kind vox_json_kind(const struct vox_json *json)
{
    switch (json_typeof(inner_const(json))) {
    case JSON_OBJECT:
        return VOX_JSON_OBJECT;
    case JSON_ARRAY:
        return VOX_JSON_ARRAY;
    case JSON_STRING:
        return VOX_JSON_TEXT;
    case JSON_INTEGER:
        return VOX_JSON_INT;
    case JSON_REAL:
        return VOX_JSON_REAL;
    case JSON_TRUE:
    case JSON_FALSE:
        return VOX_JSON_BOOL;
    case JSON_NULL:
        break;
    }
    return VOX_JSON_NULL;
}

size_t vox_json_count(const struct vox_json *json)
{
    const json_t *value = inner_const(json);
    return json_is_array(value) ? json_array_size(value) : json_object_size(value);
}

const struct vox_json *vox_json_at(const struct vox_json *json, size_t i)
{
    return outer(json_array_get(inner_const(json), i));
}

const struct vox_json *vox_json_get(const struct vox_json *json, const char *key)
{
    return outer(json_object_get(inner_const(json), key));
}

bool vox_json_next(const struct vox_json *json, void **cursor, const char **key,
                   const struct vox_json **value)
{
    json_t *object = readable(json);
    *cursor = *cursor == NULL ? json_object_iter(object) : json_object_iter_next(object, *cursor);
    if (*cursor == NULL) {
        return false;
    }
    *key = json_object_iter_key(*cursor);
    *value = outer(json_object_iter_value(*cursor));
    return true;
}

bool vox_json_int(const struct vox_json *json, int64_t *out)
{
    const json_t *value = inner_const(json);
    if (!json_is_integer(value)) {
        return false;
    }
    *out = json_integer_value(value);
    return true;
}

bool vox_json_bool(const struct vox_json *json, bool *out)
{
    const json_t *value = inner_const(json);
    if (!json_is_boolean(value)) {
        return false;
    }
    *out = json_is_true(value);
    return true;
}

bool vox_json_number(const struct vox_json *json, double *out)
{
    const json_t *value = inner_const(json);
    if (!json_is_number(value)) {
        return false;
    }
    *out = json_number_value(value);
    return true;
}

const char *vox_json_text(const struct vox_json *json)
{
    return json_string_value(inner_const(json));
}

enum vox_code vox_json_format(const struct vox_json *json, char **out, struct vox_err *err)
{
    size_t flags = JSON_COMPACT | JSON_ENCODE_ANY;
    size_t size = json_dumpb(inner_const(json), NULL, 0, flags);
    char *text = size > 0 ? vox_alloc(size + 1) : NULL;
    if (text == NULL || json_dumpb(inner_const(json), text, size, flags) != size) {
        vox_free(text);
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    text[size] = '\0';
    *out = text;
    return VOX_OK;
}
