#include "util/yaml.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "util/memory.h"

struct vox_yaml_node {
    struct vox_yaml_node *allocated; /* the node made before this one */
    struct vox_yaml_node *parent;
    struct vox_yaml_node *first;
    struct vox_yaml_node *last;
    struct vox_yaml_node *next;
    char *key; /* owned; of a mapping's child */
    size_t count;
    size_t line;
    enum vox_yaml_kind kind;
    bool plain;
    char text[]; /* of a scalar */
};

struct vox_yaml {
    struct vox_yaml_node *allocated; /* the node made last */
    struct vox_yaml_node *root;
    size_t nodes;
};

struct reader {
    struct vox_yaml *yaml;
    struct vox_yaml_node *open; /* the collection being read; NULL outside */
    char *key;                  /* owned; read, and its value not yet */
    size_t depth;
    int documents;
};

static size_t line_of(const yaml_event_t *event)
{
    return event->start_mark.line + 1;
}

static enum vox_code no_memory(struct vox_err *err)
{
    return vox_fail(err, VOX_E_NOMEM, "out of memory");
}

static enum vox_code check_plainness(const yaml_event_t *event, const yaml_char_t *anchor,
                                     const yaml_char_t *tag, struct vox_err *err)
{
    if (anchor != NULL) {
        return vox_fail(err, VOX_E_UNSUPPORTED,
                        "line %zu: the anchor '&%.64s' is not supported; write the value out",
                        line_of(event), (const char *)anchor);
    }
    if (tag != NULL) {
        return vox_fail(err, VOX_E_UNSUPPORTED,
                        "line %zu: the tag '%.64s' is not supported; write a plain value",
                        line_of(event), (const char *)tag);
    }
    return VOX_OK;
}

/* A new node below the open collection, which takes the pending key. */
static enum vox_code add_node(struct reader *reader, const yaml_event_t *event,
                              enum vox_yaml_kind kind, const char *text, size_t length,
                              struct vox_yaml_node **out, struct vox_err *err)
{
    struct vox_yaml *yaml = reader->yaml;
    if (yaml->nodes == VOX_YAML_MAX_NODES) {
        return vox_fail(err, VOX_E_LIMIT, "line %zu: more than %d values", line_of(event),
                        VOX_YAML_MAX_NODES);
    }
    struct vox_yaml_node *node = vox_calloc(1, sizeof(*node) + length + 1);
    if (node == NULL) {
        return no_memory(err);
    }
    if (length > 0) {
        memcpy(node->text, text, length);
    }
    node->kind = kind;
    node->line = line_of(event);
    node->allocated = yaml->allocated;
    yaml->allocated = node;
    yaml->nodes++;

    struct vox_yaml_node *parent = reader->open;
    node->parent = parent;
    node->key = reader->key;
    reader->key = NULL;
    if (parent == NULL) {
        yaml->root = node;
    } else if (parent->last == NULL) {
        parent->first = parent->last = node;
    } else {
        parent->last->next = node;
        parent->last = node;
    }
    if (parent != NULL) {
        parent->count++;
    }
    *out = node;
    return VOX_OK;
}

static enum vox_code open_collection(struct reader *reader, const yaml_event_t *event,
                                     enum vox_yaml_kind kind, struct vox_err *err)
{
    if (reader->depth == VOX_YAML_MAX_DEPTH) {
        return vox_fail(err, VOX_E_LIMIT, "line %zu: nested more than %d levels deep",
                        line_of(event), VOX_YAML_MAX_DEPTH);
    }
    if (reader->open != NULL && reader->open->kind == VOX_YAML_MAPPING && reader->key == NULL) {
        return vox_fail(err, VOX_E_UNSUPPORTED, "line %zu: a key must be a plain word",
                        line_of(event));
    }
    struct vox_yaml_node *node;
    enum vox_code code = add_node(reader, event, kind, NULL, 0, &node, err);
    if (code != VOX_OK) {
        return code;
    }
    reader->open = node;
    reader->depth++;
    return VOX_OK;
}

static enum vox_code take_key(struct reader *reader, const yaml_event_t *event, const char *text,
                              struct vox_err *err)
{
    if (reader->open->count == VOX_YAML_MAX_KEYS) {
        return vox_fail(err, VOX_E_LIMIT, "line %zu: more than %d keys in one mapping",
                        line_of(event), VOX_YAML_MAX_KEYS);
    }
    if (strcmp(text, "<<") == 0) {
        return vox_fail(err, VOX_E_UNSUPPORTED,
                        "line %zu: the merge key '<<' is not supported; write the keys out",
                        line_of(event));
    }
    if (vox_yaml_get(reader->open, text) != NULL) {
        return vox_fail(err, VOX_E_FORMAT, "line %zu: the key '%.64s' occurs twice", line_of(event),
                        text);
    }
    reader->key = vox_strdup(text);
    return reader->key == NULL ? no_memory(err) : VOX_OK;
}

static enum vox_code take_scalar(struct reader *reader, const yaml_event_t *event,
                                 struct vox_err *err)
{
    const char *text = (const char *)event->data.scalar.value;
    size_t length = event->data.scalar.length;
    if (memchr(text, '\0', length) != NULL) {
        return vox_fail(err, VOX_E_FORMAT, "line %zu: a value holds a NUL character",
                        line_of(event));
    }
    if (reader->open != NULL && reader->open->kind == VOX_YAML_MAPPING && reader->key == NULL) {
        return take_key(reader, event, text, err);
    }
    struct vox_yaml_node *node;
    enum vox_code code = add_node(reader, event, VOX_YAML_SCALAR, text, length, &node, err);
    if (code == VOX_OK) {
        node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    }
    return code;
}

static enum vox_code take_event(struct reader *reader, const yaml_event_t *event,
                                struct vox_err *err)
{
    enum vox_code code;
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (reader->documents++ > 0) {
            return vox_fail(err, VOX_E_UNSUPPORTED, "line %zu: only one document is supported",
                            line_of(event));
        }
        return VOX_OK;
    case YAML_ALIAS_EVENT:
        return vox_fail(err, VOX_E_UNSUPPORTED,
                        "line %zu: the alias '*%.64s' is not supported; write the value out",
                        line_of(event), (const char *)event->data.alias.anchor);
    case YAML_SCALAR_EVENT:
        code = check_plainness(event, event->data.scalar.anchor, event->data.scalar.tag, err);
        return code != VOX_OK ? code : take_scalar(reader, event, err);
    case YAML_SEQUENCE_START_EVENT:
        code = check_plainness(event, event->data.sequence_start.anchor,
                               event->data.sequence_start.tag, err);
        return code != VOX_OK ? code : open_collection(reader, event, VOX_YAML_SEQUENCE, err);
    case YAML_MAPPING_START_EVENT:
        code = check_plainness(event, event->data.mapping_start.anchor,
                               event->data.mapping_start.tag, err);
        return code != VOX_OK ? code : open_collection(reader, event, VOX_YAML_MAPPING, err);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        VOX_ASSERT(reader->open != NULL); /* the parser pairs its events */
        reader->open = reader->open->parent;
        reader->depth--;
        return VOX_OK;
    default:
        return VOX_OK;
    }
}

static enum vox_code read_all(struct reader *reader, yaml_parser_t *parser, struct vox_err *err)
{
    for (;;) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event)) {
            if (parser->error == YAML_MEMORY_ERROR) {
                return no_memory(err);
            }
            return vox_fail(err, VOX_E_FORMAT, "line %zu: not YAML: %s",
                            parser->problem_mark.line + 1,
                            parser->problem == NULL ? "unknown problem" : parser->problem);
        }
        bool end = event.type == YAML_STREAM_END_EVENT;
        enum vox_code code = take_event(reader, &event, err);
        yaml_event_delete(&event);
        if (end || code != VOX_OK) {
            return code;
        }
    }
}

enum vox_code vox_yaml_parse(const char *text, size_t size, struct vox_yaml **out,
                             struct vox_err *err)
{
    if (size > VOX_YAML_MAX_BYTES) {
        return vox_fail(err, VOX_E_LIMIT, "the YAML text has %zu bytes, more than %d", size,
                        VOX_YAML_MAX_BYTES);
    }
    struct reader reader = {.yaml = vox_calloc(1, sizeof(*reader.yaml))};
    if (reader.yaml == NULL) {
        return no_memory(err);
    }
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) {
        vox_free(reader.yaml);
        return no_memory(err);
    }
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)(size == 0 ? "" : text), size);
    enum vox_code code = read_all(&reader, &parser, err);
    yaml_parser_delete(&parser);
    vox_free(reader.key);
    if (code != VOX_OK) {
        vox_yaml_free(reader.yaml);
        return code;
    }
    *out = reader.yaml;
    return VOX_OK;
}

void vox_yaml_free(struct vox_yaml *yaml)
{
    if (yaml == NULL) {
        return;
    }
    for (struct vox_yaml_node *node = yaml->allocated; node != NULL;) {
        struct vox_yaml_node *before = node->allocated;
        vox_free(node->key);
        vox_free(node);
        node = before;
    }
    vox_free(yaml);
}

const struct vox_yaml_node *vox_yaml_root(const struct vox_yaml *yaml)
{
    return yaml->root;
}

enum vox_yaml_kind vox_yaml_kind(const struct vox_yaml_node *node)
{
    return node->kind;
}

size_t vox_yaml_line(const struct vox_yaml_node *node)
{
    return node->line;
}

const struct vox_yaml_node *vox_yaml_first(const struct vox_yaml_node *node)
{
    return node->first;
}

const struct vox_yaml_node *vox_yaml_next(const struct vox_yaml_node *node)
{
    return node->next;
}

const char *vox_yaml_key(const struct vox_yaml_node *node)
{
    return node->key;
}

const struct vox_yaml_node *vox_yaml_get(const struct vox_yaml_node *mapping, const char *key)
{
    if (mapping == NULL || mapping->kind != VOX_YAML_MAPPING) {
        return NULL;
    }
    for (const struct vox_yaml_node *node = mapping->first; node != NULL; node = node->next) {
        if (strcmp(node->key, key) == 0) {
            return node;
        }
    }
    return NULL;
}

const char *vox_yaml_text(const struct vox_yaml_node *node)
{
    return node->kind == VOX_YAML_SCALAR ? node->text : NULL;
}

static bool is_one_of(const struct vox_yaml_node *node, const char *const *words)
{
    if (node->kind != VOX_YAML_SCALAR || !node->plain) {
        return false;
    }
    for (; *words != NULL; words++) {
        if (strcmp(node->text, *words) == 0) {
            return true;
        }
    }
    return false;
}

bool vox_yaml_is_null(const struct vox_yaml_node *node)
{
    static const char *const words[] = {"", "~", "null", "Null", "NULL", NULL};
    return is_one_of(node, words);
}

bool vox_yaml_bool(const struct vox_yaml_node *node, bool *out)
{
    static const char *const yes[] = {"true", "True", "TRUE", NULL};
    static const char *const no[] = {"false", "False", "FALSE", NULL};
    if (is_one_of(node, yes)) {
        *out = true;
        return true;
    }
    if (is_one_of(node, no)) {
        *out = false;
        return true;
    }
    return false;
}

/* strtoll and strtod take hexadecimal numbers, blanks and words as well, so the characters are
 * checked first. */
static bool made_of(const struct vox_yaml_node *node, const char *characters)
{
    return node->kind == VOX_YAML_SCALAR && node->plain && node->text[0] != '\0' &&
           node->text[strspn(node->text, characters)] == '\0';
}

bool vox_yaml_int(const struct vox_yaml_node *node, int64_t *out)
{
    if (!made_of(node, "+-0123456789")) {
        return false;
    }
    char *end;
    errno = 0;
    long long value = strtoll(node->text, &end, 10);
    if (errno != 0 || *end != '\0' || end == node->text) {
        return false;
    }
    *out = value;
    return true;
}

bool vox_yaml_real(const struct vox_yaml_node *node, double *out)
{
    if (!made_of(node, "+-0123456789.eE")) {
        return false;
    }
    /* The point is a point whatever the process's locale says. */
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (plain == (locale_t)0) {
        return false;
    }
    char *end;
    double value = strtod_l(node->text, &end, plain);
    freelocale(plain);
    if (*end != '\0' || end == node->text || !isfinite(value)) {
        return false;
    }
    *out = value;
    return true;
}
