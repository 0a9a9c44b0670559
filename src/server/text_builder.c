#include "server/text_builder.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "util/memory.h"
#include "util/utf8.h"

static bool grow(struct vox_text *text, size_t more)
{
    size_t total = 0;
    if (text->lost || !vox_add(text->size, more, &total) || total > (size_t)1 << 40) {
        text->lost = true;
        return false;
    }
    if (total < text->room) {
        return true;
    }
    size_t room = text->room == 0 ? 256 : text->room;
    while (room <= total) {
        room *= 2;
    }
    char *data = vox_realloc(text->data, text->size, room);
    if (data == NULL) {
        text->lost = true;
        return false;
    }
    text->data = data;
    text->room = room;
    return true;
}

void vox_text_add(struct vox_text *text, const char *data, size_t size)
{
    if (grow(text, size)) {
        if (size > 0) {
            memcpy(text->data + text->size, data, size);
        }
        text->size += size;
        text->data[text->size] = '\0';
    }
}

void vox_text_put(struct vox_text *text, const char *data)
{
    vox_text_add(text, data, strlen(data));
}

void vox_text_format(struct vox_text *text, const char *format, ...)
{
    va_list list;
    va_list again;
    va_start(list, format);
    va_copy(again, list);
    const int size = vsnprintf(NULL, 0, format, list);
    va_end(list);
    if (size >= 0 && grow(text, (size_t)size)) {
        (void)vsnprintf(text->data + text->size, (size_t)size + 1, format, again);
        text->size += (size_t)size;
    }
    va_end(again);
}

void vox_text_json(struct vox_text *text, const char *value)
{
    if (value == NULL) {
        vox_text_put(text, "null");
        return;
    }
    vox_text_put(text, "\"");
    while (*value != '\0') {
        const size_t bytes = vox_utf8_size(value);
        const unsigned char c = (unsigned char)*value;
        if (bytes == 0) {
            vox_text_put(text, "?");
        } else if (c == '"' || c == '\\') {
            vox_text_format(text, "\\%c", c);
        } else if (c < ' ' || c == 0x7f) {
            vox_text_format(text, "\\u%04x", c);
        } else {
            vox_text_add(text, value, bytes);
        }
        value += bytes > 0 ? bytes : 1;
    }
    vox_text_put(text, "\"");
}

void vox_text_html(struct vox_text *text, const char *value)
{
    for (; *value != '\0'; value++) {
        switch (*value) {
        case '&':
            vox_text_put(text, "&amp;");
            break;
        case '<':
            vox_text_put(text, "&lt;");
            break;
        case '>':
            vox_text_put(text, "&gt;");
            break;
        case '"':
            vox_text_put(text, "&quot;");
            break;
        case '\'':
            vox_text_put(text, "&#39;");
            break;
        default:
            vox_text_add(text, value, 1);
        }
    }
}

void vox_text_percent(struct vox_text *text, const char *value)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (; *value != '\0'; value++) {
        if (strchr(plain, *value) != NULL) {
            vox_text_add(text, value, 1);
        } else {
            vox_text_format(text, "%%%02X", (unsigned)(unsigned char)*value);
        }
    }
}

void vox_text_clear(struct vox_text *text)
{
    vox_free(text->data);
    *text = (struct vox_text){0};
}
