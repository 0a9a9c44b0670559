/* Arguments of a command: options with and without a value, and positional ones. */
#ifndef VOX_APP_ARGUMENTS_H
#define VOX_APP_ARGUMENTS_H

#include <stdbool.h>
#include <stdint.h>

/* One option. Exactly one of value and set is not NULL. */
struct vox_option {
    const char *name;   /* "--threads" or "-o" */
    const char **value; /* gets the text after it: "--threads 4" or "--threads=4" */
    bool *set;          /* becomes true */
};

/* Reads argv[1] ... argv[argc - 1]; argv[0] is the command's name. Options may come in any order,
 * each once, positional arguments between them; "--" ends the options. At most max_positional land
 * in positional, their number in *n. Returns 0, or VOX_EXIT_USAGE after it said what is wrong.
 * Texts point into argv. */
int vox_arguments_read(int argc, char **argv, const struct vox_option *options, int n_options,
                       const char **positional, int max_positional, int *n);

/* Numbers, strictly: decimal digits with sign, point and exponent, no blanks, nothing that is not
 * finite. Each reads at *at and moves it behind the number; false, and nothing changed, where there
 * is none or it does not fit. */
bool vox_read_int(const char **at, int64_t *out);
bool vox_read_real(const char **at, double *out);

/* True, and *at moved, where *at begins with this character. */
bool vox_read_char(const char **at, char c);

#endif
