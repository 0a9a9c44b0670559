#include <ctype.h>
#include <math.h>
#include <string.h>

#include "pipeline/params_parts.h"
#include "util/number_text.h"

/* Bytes of the digits at `at`. */
static size_t digits(const char *at, const char *end)
{
    size_t n = 0;
    while (at + n < end && isdigit((unsigned char)at[n])) {
        n++;
    }
    return n;
}

/* Bytes of the number at `at` (RFC 8259, section 6), 0 where there is none. */
static size_t number_size(const char *at, const char *end, bool *whole)
{
    const char *p = at < end && *at == '-' ? at + 1 : at;
    size_t n = digits(p, end);
    if (n == 0 || (n > 1 && *p == '0')) {
        return 0;
    }
    p += n;
    *whole = true;
    if (p < end && *p == '.') {
        n = digits(p + 1, end);
        if (n == 0) {
            return 0;
        }
        p += 1 + n;
        *whole = false;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        p += p < end && (*p == '+' || *p == '-') ? 1 : 0;
        n = digits(p, end);
        if (n == 0) {
            return 0;
        }
        p += n;
        *whole = false;
    }
    return (size_t)(p - at);
}

static bool is_held(const char *at, size_t size, bool whole)
{
    int64_t integer;
    double real;
    /* Those that are too long for these functions: no integer fits, a real may. */
    return whole ? vox_text_to_int(at, size, &integer)
                 : !vox_text_to_double(at, size, &real) || isfinite(real);
}

/* Python writes these. */
static size_t word_size(const char *at, const char *end)
{
    static const char *const words[] = {"NaN", "Infinity", "-Infinity"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        size_t size = strlen(words[i]);
        if ((size_t)(end - at) >= size && memcmp(at, words[i], size) == 0) {
            return size;
        }
    }
    return 0;
}

/* A key in that place is no JSON in any dialect. */
static bool is_value(const char *after, const char *end)
{
    while (after < end && strchr(" \t\r\n", *after) != NULL && *after != '\0') {
        after++;
    }
    return after == end || strchr(",]}", *after) != NULL;
}

static void make_string(char *at, size_t size)
{
    memset(at, 'x', size);
    at[0] = '"';
    at[size - 1] = '"';
}

/* Looks at what begins at `at`, outside of strings; the bytes it takes. */
static size_t step(char *at, const char *end, size_t *changed)
{
    size_t size = word_size(at, end);
    bool whole = false;
    bool held = false;
    if (size == 0) {
        size = number_size(at, end, &whole);
        held = size == 0 || is_held(at, size, whole);
    }
    if (!held && is_value(at + size, end)) {
        make_string(at, size);
        ++*changed;
    }
    return size > 0 ? size : 1;
}

size_t vox_params_quote_numbers(char *text, size_t size)
{
    size_t changed = 0;
    bool quoted = false;
    for (size_t i = 0; i < size;) {
        if (quoted) {
            quoted = text[i] != '"';
            i += text[i] == '\\' ? 2 : 1;
        } else if (text[i] == '"') {
            quoted = true;
            i++;
        } else {
            i += step(text + i, text + size, &changed);
        }
    }
    return changed;
}
