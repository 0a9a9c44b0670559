#include "app/arguments.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "app/message.h"

/* The option that `text` names, up to an '='; -1 if there is none. */
static int find_option(const struct vox_option *options, int n_options, const char *text)
{
    size_t length = strcspn(text, "=");
    for (int i = 0; i < n_options; i++) {
        if (strlen(options[i].name) == length && memcmp(options[i].name, text, length) == 0) {
            return i;
        }
    }
    return -1;
}

/* Takes argv[*at] as an option and moves *at to the last argument that belongs to it. */
static int take_option(int argc, char **argv, const struct vox_option *option, int *at)
{
    const char *text = argv[*at];
    const char *equals = strchr(text, '=');
    if (option->set != NULL) {
        if (equals != NULL) {
            return vox_say_usage(argv[0], "%s takes no value", option->name);
        }
        *option->set = true;
        return 0;
    }
    if (*option->value != NULL) {
        return vox_say_usage(argv[0], "%s is given twice", option->name);
    }
    if (equals == NULL && *at + 1 >= argc) {
        return vox_say_usage(argv[0], "%s needs a value", option->name);
    }
    *option->value = equals != NULL ? equals + 1 : argv[++*at];
    if ((*option->value)[0] == '\0') {
        return vox_say_usage(argv[0], "%s needs a value", option->name);
    }
    return 0;
}

int vox_arguments_read(int argc, char **argv, const struct vox_option *options, int n_options,
                       const char **positional, int max_positional, int *n)
{
    *n = 0;
    bool ended = false;
    for (int at = 1; at < argc; at++) {
        const char *text = argv[at];
        if (!ended && strcmp(text, "--") == 0) {
            ended = true;
            continue;
        }
        if (!ended && text[0] == '-' && text[1] != '\0') {
            int option = find_option(options, n_options, text);
            if (option < 0) {
                return vox_say_usage(argv[0], "there is no option %s", text);
            }
            int status = take_option(argc, argv, &options[option], &at);
            if (status != 0) {
                return status;
            }
            continue;
        }
        if (*n >= max_positional) {
            return vox_say_usage(argv[0], "one argument too many: %s", text);
        }
        positional[(*n)++] = text;
    }
    return 0;
}

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
