#include "server/query.h"

#include <string.h>

#include "util/memory.h"
#include "util/utf8.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool vox_is_clean_text(const char *text, size_t size)
{
    size_t i = 0;
    while (i < size) {
        char one[5] = {0};
        const size_t left = size - i < 4 ? size - i : 4;
        memcpy(one, text + i, left);
        const size_t bytes = one[0] == '\0' ? 0 : vox_utf8_size(one);
        if (bytes == 0) {
            return false;
        }
        i += bytes;
    }
    return true;
}

enum vox_code vox_percent_decode(const char *text, size_t size, bool plus, char **out,
                                 struct vox_err *err)
{
    size_t bytes = 0;
    char *decoded = vox_add(size, 1, &bytes) ? vox_alloc(bytes) : NULL;
    if (decoded == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "there is no memory for a name or value");
    }
    size_t n = 0;
    for (size_t i = 0; i < size; i++) {
        const int high = text[i] == '%' && size - i > 2 ? hex_digit(text[i + 1]) : -1;
        const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
        if (low >= 0) {
            decoded[n++] = (char)(unsigned char)(high * 16 + low);
            i += 2;
        } else {
            decoded[n++] = plus && text[i] == '+' ? ' ' : text[i];
        }
    }
    if (!vox_is_clean_text(decoded, n)) {
        vox_free(decoded);
        return vox_fail(err, VOX_E_FORMAT, "a name or value is not valid UTF-8 or holds a NUL");
    }
    decoded[n] = '\0';
    *out = decoded;
    return VOX_OK;
}

enum vox_code vox_pairs_add(struct vox_pairs *pairs, size_t most, char *name, char *value,
                            struct vox_err *err)
{
    enum vox_code code = VOX_OK;
    if (pairs->count >= most) {
        code = vox_fail(err, VOX_E_LIMIT, "more than %zu names with values", most);
    } else if (pairs->count == pairs->room) {
        const size_t room = pairs->room == 0 ? 8 : pairs->room * 2;
        struct vox_pair *items =
            vox_realloc(pairs->items, pairs->room * sizeof(*items), room * sizeof(*items));
        if (items == NULL) {
            code = vox_fail(err, VOX_E_NOMEM, "there is no memory for names and values");
        } else {
            pairs->items = items;
            pairs->room = room;
        }
    }
    if (code != VOX_OK) {
        vox_free(name);
        vox_free(value);
        return code;
    }
    pairs->items[pairs->count++] = (struct vox_pair){name, value};
    return VOX_OK;
}

static void cut_back(struct vox_pairs *pairs, size_t count)
{
    while (pairs->count > count) {
        pairs->count--;
        vox_free(pairs->items[pairs->count].name);
        vox_free(pairs->items[pairs->count].value);
    }
}

void vox_pairs_clear(struct vox_pairs *pairs)
{
    cut_back(pairs, 0);
    vox_free(pairs->items);
    *pairs = (struct vox_pairs){0};
}

static enum vox_code add_piece(const char *text, size_t size, size_t most, struct vox_pairs *pairs,
                               struct vox_err *err)
{
    const char *sign = memchr(text, '=', size);
    const size_t name_size = sign != NULL ? (size_t)(sign - text) : size;
    char *name = NULL;
    char *value = NULL;
    enum vox_code code = vox_percent_decode(text, name_size, true, &name, err);
    if (code == VOX_OK && sign != NULL) {
        code = vox_percent_decode(sign + 1, size - name_size - 1, true, &value, err);
    } else if (code == VOX_OK) {
        code = vox_percent_decode("", 0, true, &value, err);
    }
    if (code != VOX_OK) {
        vox_free(name);
        return code;
    }
    return vox_pairs_add(pairs, most, name, value, err);
}

enum vox_code vox_query_parse(const char *text, size_t size, size_t most, struct vox_pairs *pairs,
                              struct vox_err *err)
{
    const size_t before = pairs->count;
    const char *end = text + size;
    while (text < end) {
        const char *stop = memchr(text, '&', (size_t)(end - text));
        const size_t piece = (size_t)((stop != NULL ? stop : end) - text);
        if (piece > 0) {
            const enum vox_code code = add_piece(text, piece, most, pairs, err);
            if (code != VOX_OK) {
                cut_back(pairs, before);
                return code;
            }
        }
        text += piece + (stop != NULL ? 1 : 0);
    }
    return VOX_OK;
}

const char *vox_pairs_get(const struct vox_pairs *pairs, const char *name)
{
    for (size_t i = pairs->count; i > 0; i--) {
        if (strcmp(pairs->items[i - 1].name, name) == 0) {
            return pairs->items[i - 1].value;
        }
    }
    return NULL;
}
