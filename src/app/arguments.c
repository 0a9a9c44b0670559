#include "app/arguments.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Length of the text at `at` that may be a number: sign, digits, point, exponent. */
static size_t number_length(const char *at, bool real)
{
    size_t n = at[0] == '-' || at[0] == '+' ? 1 : 0;
    size_t digits = strspn(at + n, "0123456789");
    n += digits;
    if (real && at[n] == '.') {
        size_t more = strspn(at + n + 1, "0123456789");
        digits += more;
        n += more + 1;
    }
    if (digits == 0) {
        return 0;
    }
    if (real && (at[n] == 'e' || at[n] == 'E')) {
        size_t sign = at[n + 1] == '-' || at[n + 1] == '+' ? 1 : 0;
        size_t exponent = strspn(at + n + 1 + sign, "0123456789");
        n += exponent == 0 ? 0 : 1 + sign + exponent;
    }
    return n;
}

bool vox_read_int(const char **at, int64_t *out)
{
    size_t length = number_length(*at, false);
    if (length == 0) {
        return false;
    }
    errno = 0;
    long long value = strtoll(*at, NULL, 10);
    if (errno != 0) {
        return false;
    }
    *out = value;
    *at += length;
    return true;
}

bool vox_read_real(const char **at, double *out)
{
    size_t length = number_length(*at, true);
    if (length == 0) {
        return false;
    }
    /* Hexadecimal is the one spelling of strtod that number_length ends elsewhere. */
    char *end;
    double value = strtod(*at, &end);
    if (end != *at + length || !isfinite(value)) {
        return false;
    }
    *out = value;
    *at += length;
    return true;
}

bool vox_read_char(const char **at, char c)
{
    if (**at != c) {
        return false;
    }
    (*at)++;
    return true;
}
