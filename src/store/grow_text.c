#include "store/grow_text.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "util/memory.h"
#include "util/number_text.h"
#include "util/utf8.h"

enum { FIRST_ROOM = 512 };

void vox_grow_reserve(struct vox_grow *text, size_t more)
{
    size_t needed, room;
    if (text->lost || !vox_add(text->size, more, &needed) || !vox_add(needed, 1, &needed)) {
        text->lost = true;
        return;
    }
    if (needed <= text->room) {
        return;
    }
    if (!vox_mul(text->room, 2, &room)) {
        text->lost = true;
        return;
    }
    room = room < FIRST_ROOM ? FIRST_ROOM : room;
    room = room < needed ? needed : room;
    char *grown = vox_realloc(text->at, text->room, room);
    if (grown == NULL) {
        text->lost = true;
        return;
    }
    text->at = grown;
    text->room = room;
}

void vox_grow_add(struct vox_grow *text, const char *bytes, size_t size)
{
    vox_grow_reserve(text, size);
    if (!text->lost && size > 0) {
        memcpy(text->at + text->size, bytes, size);
        text->size += size;
    }
}

void vox_grow_put(struct vox_grow *text, const char *more)
{
    vox_grow_add(text, more, strlen(more));
}

static void put_escape(struct vox_grow *text, uint32_t unit)
{
    char escaped[8];
    snprintf(escaped, sizeof(escaped), "\\u%04" PRIx32, unit & 0xFFFF);
    vox_grow_put(text, escaped);
}

/* The code point of a valid UTF-8 sequence of n bytes. */
static uint32_t decode(const char *at, size_t n)
{
    static const unsigned char masks[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    uint32_t point = (unsigned char)at[0] & masks[n];
    for (size_t i = 1; i < n; i++) {
        point = point << 6 | ((unsigned char)at[i] & 0x3F);
    }
    return point;
}

static void put_character(struct vox_grow *text, uint32_t point)
{
    static const char plain[] = "\b\f\n\r\t\"\\";
    static const char letters[] = "bfnrt\"\\";
    const char *found = point > 0 && point < 0x80 ? strchr(plain, (int)point) : NULL;
    if (found != NULL) {
        const char pair[2] = {'\\', letters[found - plain]};
        vox_grow_add(text, pair, 2);
    } else if (point >= 0x20 && point < 0x7F) {
        const char byte = (char)point;
        vox_grow_add(text, &byte, 1);
    } else if (point < 0x10000) {
        put_escape(text, point);
    } else {
        put_escape(text, 0xD800 + ((point - 0x10000) >> 10));
        put_escape(text, 0xDC00 + ((point - 0x10000) & 0x3FF));
    }
}

void vox_grow_quote(struct vox_grow *text, const char *more)
{
    vox_grow_add(text, "\"", 1);
    while (*more != '\0') {
        size_t n = vox_utf8_size(more);
        put_character(text, n == 0 ? 0xFFFD : decode(more, n));
        more += n == 0 ? 1 : n;
    }
    vox_grow_add(text, "\"", 1);
}

void vox_grow_line(struct vox_grow *text, int indent)
{
    vox_grow_add(text, "\n", 1);
    for (int i = 0; i < indent; i++) {
        vox_grow_add(text, " ", 1);
    }
}

static void put_real(struct vox_grow *text, double value)
{
    char digits[VOX_DOUBLE_TEXT];
    vox_double_to_text(value, digits);
    vox_grow_put(text, digits);
    if (strpbrk(digits, ".eE") == NULL) {
        vox_grow_put(text, ".0");
    }
}

static void put_int(struct vox_grow *text, int64_t value)
{
    char digits[24];
    snprintf(digits, sizeof(digits), "%" PRId64, value);
    vox_grow_put(text, digits);
}

static void put_scalar(struct vox_grow *text, const struct vox_json *json)
{
    int64_t integer;
    double real;
    bool truth;
    if (vox_json_text(json) != NULL) {
        vox_grow_quote(text, vox_json_text(json));
    } else if (vox_json_int(json, &integer)) {
        put_int(text, integer);
    } else if (vox_json_number(json, &real)) {
        put_real(text, real);
    } else if (vox_json_bool(json, &truth)) {
        vox_grow_put(text, truth ? "true" : "false");
    } else {
        vox_grow_put(text, "null");
    }
}

static void put_object(struct vox_grow *text, const struct vox_json *json, int indent)
{
    void *cursor = NULL;
    const char *key;
    const struct vox_json *value;
    const char *before = "{";
    while (vox_json_next(json, &cursor, &key, &value)) {
        vox_grow_put(text, before);
        vox_grow_line(text, indent + 2);
        vox_grow_quote(text, key);
        vox_grow_put(text, ": ");
        vox_grow_json(text, value, indent + 2);
        before = ",";
    }
    vox_grow_line(text, indent);
    vox_grow_put(text, "}");
}

/* Recursion is as deep as the parser let the text be. */
void vox_grow_json(struct vox_grow *text, const struct vox_json *json, int indent)
{
    enum vox_json_kind kind = vox_json_kind(json);
    bool nested = kind == VOX_JSON_OBJECT || kind == VOX_JSON_ARRAY;
    if (nested && vox_json_count(json) == 0) {
        vox_grow_put(text, kind == VOX_JSON_OBJECT ? "{}" : "[]");
    } else if (kind == VOX_JSON_OBJECT) {
        put_object(text, json, indent);
    } else if (kind == VOX_JSON_ARRAY) {
        for (size_t i = 0; i < vox_json_count(json); i++) {
            vox_grow_put(text, i == 0 ? "[" : ",");
            vox_grow_line(text, indent + 2);
            vox_grow_json(text, vox_json_at(json, i), indent + 2);
        }
        vox_grow_line(text, indent);
        vox_grow_put(text, "]");
    } else {
        put_scalar(text, json);
    }
}

enum vox_code vox_grow_take(struct vox_grow *text, char **out, size_t *size, struct vox_err *err)
{
    vox_grow_reserve(text, 0);
    if (text->lost) {
        vox_grow_free(text);
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    text->at[text->size] = '\0';
    *out = text->at;
    if (size != NULL) {
        *size = text->size;
    }
    *text = (struct vox_grow){0};
    return VOX_OK;
}

void vox_grow_free(struct vox_grow *text)
{
    vox_free(text->at);
    *text = (struct vox_grow){.lost = text->lost};
}
