#include "util/json_writer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/memory.h"
#include "util/number_text.h"
#include "util/utf8.h"

enum { MAX_DEPTH = 32, FIRST_ROOM = 1024 };

struct level {
    char end; /* '}' or ']' */
    bool any; /* something was written in it */
};

struct vox_json_writer {
    char *text;
    size_t size, room;
    bool lost; /* memory ran out */
    int depth;
    struct level levels[MAX_DEPTH];
};

struct vox_json_writer *vox_json_writer_new(void)
{
    return vox_calloc(1, sizeof(struct vox_json_writer));
}

void vox_json_writer_free(struct vox_json_writer *json)
{
    if (json != NULL) {
        vox_free(json->text);
        vox_free(json);
    }
}

static bool make_room(struct vox_json_writer *json, size_t more)
{
    size_t needed, room;
    if (json->lost || !vox_add(json->size, more, &needed)) {
        json->lost = true;
        return false;
    }
    if (needed <= json->room) {
        return true;
    }
    if (!vox_mul(needed, 2, &room)) {
        json->lost = true;
        return false;
    }
    room = room < FIRST_ROOM ? FIRST_ROOM : room;
    char *text = vox_realloc(json->text, json->room, room);
    if (text == NULL) {
        json->lost = true;
        return false;
    }
    json->text = text;
    json->room = room;
    return true;
}

static void add(struct vox_json_writer *json, const char *bytes, size_t n)
{
    if (make_room(json, n)) {
        memcpy(json->text + json->size, bytes, n);
        json->size += n;
    }
}

static void add_string(struct vox_json_writer *json, const char *text)
{
    add(json, text, strlen(text));
}

static void add_quoted(struct vox_json_writer *json, const char *text)
{
    const char *at = text;
    add(json, "\"", 1);
    while (*at != '\0') {
        size_t n = vox_utf8_size(at);
        if (n == 0) {
            add_string(json, "\\ufffd");
            n = 1;
        } else if ((unsigned char)*at < 0x20 || *at == 0x7F) {
            char escaped[8];
            snprintf(escaped, sizeof(escaped), "\\u%04x", (unsigned)(unsigned char)*at);
            add_string(json, escaped);
        } else {
            if (*at == '"' || *at == '\\') {
                add(json, "\\", 1);
            }
            add(json, at, n);
        }
        at += n;
    }
    add(json, "\"", 1);
}

/* What comes before a value: comma, new line, key. */
static void begin_value(struct vox_json_writer *json, const char *key)
{
    if (json->depth > 0) {
        struct level *level = &json->levels[json->depth - 1];
        VOX_ASSERT((key != NULL) == (level->end == '}'));
        bool own_line = json->depth == 1 && level->end == '}';
        if (level->any) {
            add_string(json, own_line ? "," : ", ");
        }
        if (own_line) {
            add_string(json, "\n  ");
        }
        level->any = true;
    }
    if (key != NULL) {
        add_quoted(json, key);
        add_string(json, ": ");
    }
}

static void begin_level(struct vox_json_writer *json, const char *key, char begin, char end)
{
    begin_value(json, key);
    VOX_ASSERT(json->depth < MAX_DEPTH);
    add(json, &begin, 1);
    json->levels[json->depth++] = (struct level){.end = end};
}

void vox_json_begin_object(struct vox_json_writer *json, const char *key)
{
    begin_level(json, key, '{', '}');
}

void vox_json_begin_array(struct vox_json_writer *json, const char *key)
{
    begin_level(json, key, '[', ']');
}

void vox_json_end(struct vox_json_writer *json)
{
    VOX_ASSERT(json->depth > 0);
    const struct level *level = &json->levels[--json->depth];
    if (json->depth == 0 && level->any && level->end == '}') {
        add(json, "\n", 1);
    }
    add(json, &level->end, 1);
}

void vox_json_put_text(struct vox_json_writer *json, const char *key, const char *text)
{
    begin_value(json, key);
    if (text == NULL) {
        add_string(json, "null");
    } else {
        add_quoted(json, text);
    }
}

void vox_json_put_int(struct vox_json_writer *json, const char *key, int64_t value)
{
    char digits[24];
    snprintf(digits, sizeof(digits), "%lld", (long long)value);
    begin_value(json, key);
    add_string(json, digits);
}

void vox_json_put_real(struct vox_json_writer *json, const char *key, double value)
{
    char digits[VOX_DOUBLE_TEXT] = "null";
    if (isfinite(value)) {
        vox_double_to_text(value, digits);
    }
    begin_value(json, key);
    add_string(json, digits);
}

void vox_json_put_bool(struct vox_json_writer *json, const char *key, bool value)
{
    begin_value(json, key);
    add_string(json, value ? "true" : "false");
}

void vox_json_put_null(struct vox_json_writer *json, const char *key)
{
    vox_json_put_text(json, key, NULL);
}

void vox_json_put_raw(struct vox_json_writer *json, const char *key, const char *text)
{
    begin_value(json, key);
    add_string(json, text);
}

enum vox_code vox_json_writer_text(struct vox_json_writer *json, const char **text, size_t *size,
                                   struct vox_err *err)
{
    VOX_ASSERT(json->depth == 0);
    if (json->size == 0 || json->text[json->size - 1] != '\n') {
        add(json, "\n", 1);
    }
    if (make_room(json, 1)) {
        json->text[json->size] = '\0';
    }
    if (json->lost) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    *text = json->text;
    *size = json->size;
    return VOX_OK;
}
