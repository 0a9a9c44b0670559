#include "server/part_header.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "server/query.h"
#include "util/memory.h"

static const char *skip_blanks(const char *text)
{
    while (*text == ' ' || *text == '\t') {
        text++;
    }
    return text;
}

/* Copies a value, quoted or not. (size_t)-1: too long, or a quote is open. */
static size_t copy_value(const char *text, char *out, size_t room)
{
    const bool quoted = *text == '"';
    size_t n = 0;
    for (text += quoted ? 1 : 0; *text != '\0'; text++) {
        if (quoted ? *text == '"' : (*text == ';' || *text == ' ' || *text == '\t')) {
            break;
        }
        if (quoted && text[0] == '\\' && text[1] == '"') {
            /* The last quote of a value is its end, even if a name ends with a backslash. */
            if (text[2] != '\0' && text[2] != ';') {
                text++;
            }
        }
        if (n + 1 >= room) {
            return (size_t)-1;
        }
        out[n++] = *text;
    }
    if (quoted && *text != '"') {
        return (size_t)-1;
    }
    out[n] = '\0';
    return n;
}

/* The end of a value that nobody wants. */
static const char *skip_value(const char *text)
{
    if (*text != '"') {
        return text + strcspn(text, ";");
    }
    for (text++; *text != '\0' && *text != '"'; text++) {
        if (text[0] == '\\' && text[1] == '"' && text[2] != '\0' && text[2] != ';') {
            text++;
        }
    }
    return text + strcspn(text, ";");
}

/* Where a parameter's value begins; NULL if there is none. */
static const char *find_parameter(const char *value, const char *name)
{
    const size_t size = strlen(name);
    const char *at = value + strcspn(value, ";");
    while (*at == ';') {
        at = skip_blanks(at + 1);
        const size_t key = strcspn(at, "=; \t");
        const char *sign = skip_blanks(at + key);
        if (*sign != '=') {
            at += strcspn(at, ";");
            continue;
        }
        const char *begin = skip_blanks(sign + 1);
        if (key == size && strncasecmp(at, name, size) == 0) {
            return begin;
        }
        at = skip_value(begin);
    }
    return NULL;
}

size_t vox_header_parameter(const char *value, const char *name, char *out, size_t room)
{
    const char *begin = find_parameter(value, name);
    return begin != NULL ? copy_value(begin, out, room) : (size_t)-1;
}

/* The value of a header among lines that end with NUL; "" if there is none. */
static const char *find_header(const char *text, const char *end, const char *name)
{
    const size_t size = strlen(name);
    for (; text < end; text += strlen(text) + 1) {
        if (strncasecmp(text, name, size) == 0 && text[size] == ':') {
            return skip_blanks(text + size + 1);
        }
    }
    return "";
}

/* Ends every line with one NUL instead of CRLF; false where a line has no end or holds a NUL. */
static bool split_lines(char *text, size_t *size)
{
    size_t n = 0;
    for (size_t i = 0; i < *size; i++) {
        if (text[i] == '\0' || text[i] == '\n') {
            return false;
        }
        if (text[i] != '\r') {
            text[n++] = text[i];
            continue;
        }
        if (i + 1 == *size || text[i + 1] != '\n') {
            return false;
        }
        text[n++] = '\0';
        i++;
    }
    *size = n;
    return n == 0 || text[n - 1] == '\0';
}

/* "utf-8''name", in place. */
static bool decode_extended(char *value)
{
    if (strncasecmp(value, "utf-8'", 6) != 0) {
        return false;
    }
    const char *second = strchr(value + 6, '\'');
    char *decoded = NULL;
    if (second == NULL ||
        vox_percent_decode(second + 1, strlen(second + 1), false, &decoded, NULL) != VOX_OK) {
        return false;
    }
    memmove(value, decoded, strlen(decoded) + 1);
    vox_free(decoded);
    return true;
}

/* Names of files serve for their end alone; one in another encoding must not make a request fail.
 */
static void clean(char *text)
{
    if (vox_is_clean_text(text, strlen(text))) {
        return;
    }
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text >= 0x80) {
            *text = '_';
        }
    }
}

/* False where there is one that is not readable. */
static bool read_filename(const char *disposition, struct vox_part_header *out)
{
    char *name = out->filename;
    const size_t room = sizeof(out->filename);
    out->is_file = true;
    if (vox_header_parameter(disposition, "filename*", name, room) != (size_t)-1 &&
        decode_extended(name)) {
        return true;
    }
    if (vox_header_parameter(disposition, "filename", name, room) != (size_t)-1) {
        clean(name);
        return true;
    }
    out->is_file = false;
    name[0] = '\0';
    return find_parameter(disposition, "filename") == NULL;
}

enum vox_code vox_part_header_read(char *text, size_t size, struct vox_part_header *out,
                                   struct vox_err *err)
{
    static const char kind[] = "form-data";
    if (!split_lines(text, &size)) {
        return vox_fail(err, VOX_E_FORMAT, "a part of the form has a header line without an end");
    }
    const char *disposition = find_header(text, text + size, "Content-Disposition");
    if (strncasecmp(disposition, kind, sizeof(kind) - 1) != 0 ||
        vox_header_parameter(disposition, "name", out->name, sizeof(out->name)) == (size_t)-1 ||
        !vox_is_clean_text(out->name, strlen(out->name))) {
        return vox_fail(err, VOX_E_FORMAT, "a part of the form has no name that can be read");
    }
    if (!read_filename(disposition, out)) {
        return vox_fail(err, VOX_E_FORMAT, "a part of the form has a file name without an end");
    }
    const char *type = find_header(text, text + size, "Content-Type");
    const bool fits = strlen(type) < sizeof(out->type) && vox_is_clean_text(type, strlen(type));
    memcpy(out->type, fits ? type : "", fits ? strlen(type) + 1 : 1);
    return VOX_OK;
}
