#include "store/python_json.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "store/grow_text.h"

enum { LONG_INTEGER = 18 }; /* digits that always fit 64 bits */

struct reader {
    const char *at, *end;
    struct vox_grow text;
};

static void copy(struct reader *r, size_t n)
{
    vox_grow_add(&r->text, r->at, n);
    r->at += n;
}

/* The unit of the escape \uXXXX at `at`; false where there is none. */
static bool read_unit(const char *at, const char *end, unsigned *unit)
{
    unsigned value = 0;
    if (end - at < 6 || at[0] != '\\' || at[1] != 'u') {
        return false;
    }
    for (int i = 2; i < 6; i++) {
        char c = at[i];
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                         : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10
                                                : 16;
        if (digit == 16) {
            return false;
        }
        value = value * 16 + digit;
    }
    *unit = value;
    return true;
}

static void take_escape(struct reader *r)
{
    unsigned unit, next;
    if (!read_unit(r->at, r->end, &unit)) {
        copy(r, r->end - r->at < 2 ? 1 : 2);
        return;
    }
    bool high = unit >= 0xD800 && unit < 0xDC00;
    bool low = unit >= 0xDC00 && unit < 0xE000;
    if (high && read_unit(r->at + 6, r->end, &next) && next >= 0xDC00 && next < 0xE000) {
        copy(r, 12);
    } else if (high || low || unit == 0) {
        vox_grow_put(&r->text, "\\ufffd");
        r->at += 6;
    } else {
        copy(r, 6);
    }
}

static void take_string(struct reader *r)
{
    copy(r, 1);
    while (r->at < r->end && *r->at != '"') {
        if (*r->at == '\\') {
            take_escape(r);
        } else {
            copy(r, 1);
        }
    }
    if (r->at < r->end) {
        copy(r, 1);
    }
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static void take_digits(struct reader *r)
{
    size_t n = 0;
    while (r->at + n < r->end && is_digit(r->at[n])) {
        n++;
    }
    copy(r, n);
    bool whole = r->at == r->end || strchr(".eE", *r->at) == NULL;
    if (n > LONG_INTEGER && whole) {
        vox_grow_put(&r->text, ".0");
    }
    /* What follows belongs to the same number. */
    while (!whole && r->at < r->end && (is_digit(*r->at) || strchr(".eE+-", *r->at) != NULL)) {
        copy(r, 1);
    }
}

/* True, and null is written, where a word stands here. */
static bool take_word(struct reader *r, const char *word)
{
    size_t size = strlen(word);
    if ((size_t)(r->end - r->at) < size || memcmp(r->at, word, size) != 0) {
        return false;
    }
    vox_grow_put(&r->text, "null");
    r->at += size;
    return true;
}

enum vox_code vox_python_json(const char *text, size_t size, char **out, size_t *out_size,
                              struct vox_err *err)
{
    struct reader r = {.at = text, .end = text + size};
    while (r.at < r.end) {
        if (*r.at == '"') {
            take_string(&r);
        } else if (is_digit(*r.at)) {
            take_digits(&r);
        } else if (!take_word(&r, "NaN") && !take_word(&r, "-Infinity") &&
                   !take_word(&r, "Infinity")) {
            copy(&r, 1);
        }
    }
    return vox_grow_take(&r.text, out, out_size, err);
}
