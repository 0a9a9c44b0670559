#include "util/number_text.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST = 60 };

static bool copy_token(const char *text, size_t size, char out[LONGEST + 1])
{
    /* strtod and strtoll would skip leading blanks. */
    if (size == 0 || size > LONGEST || strchr(" \t\r\n\v\f", text[0]) != NULL) {
        return false;
    }
    memcpy(out, text, size);
    out[size] = '\0';
    return strlen(out) == size;
}

/* glibc keeps the "C" locale ready, so newlocale allocates nothing; NULL is answered all the same.
 */
static locale_t enter_c_locale(locale_t *before)
{
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    *before = c == (locale_t)0 ? (locale_t)0 : uselocale(c);
    return c;
}

static void leave_c_locale(locale_t c, locale_t before)
{
    if (c != (locale_t)0) {
        uselocale(before);
        freelocale(c);
    }
}

bool vox_text_to_double(const char *text, size_t size, double *out)
{
    char token[LONGEST + 1];
    /* strtod knows hexadecimal numbers, the formats do not. */
    if (!copy_token(text, size, token) || strpbrk(token, "xX") != NULL) {
        return false;
    }
    locale_t before;
    locale_t c = enter_c_locale(&before);
    char *end;
    double value = strtod(token, &end);
    leave_c_locale(c, before);
    if (*end != '\0') {
        return false;
    }
    *out = value;
    return true;
}

bool vox_text_to_int(const char *text, size_t size, int64_t *out)
{
    char token[LONGEST + 1];
    if (!copy_token(text, size, token)) {
        return false;
    }
    char *end;
    errno = 0;
    long long value = strtoll(token, &end, 10);
    if (errno != 0 || *end != '\0') {
        return false;
    }
    *out = value;
    return true;
}

void vox_double_to_text(double value, char out[VOX_DOUBLE_TEXT])
{
    locale_t before;
    locale_t c = enter_c_locale(&before);
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(out, VOX_DOUBLE_TEXT, "%.*g", digits, value);
        if (strtod(out, NULL) == value) {
            break;
        }
    }
    leave_c_locale(c, before);
}
