/* The printed tensors, in tables. */
#ifndef VOX_TESTS_GOLDEN_TABLES_H
#define VOX_TESTS_GOLDEN_TABLES_H

#include "golden_probe.h"

struct golden_table {
    const struct golden_row *rows;
    int64_t n;
};

extern const struct golden_table golden_image;
extern const struct golden_table golden_box;
extern const struct golden_table golden_track;
extern const struct golden_table golden_prompts;
extern const struct golden_table golden_absent;

#endif
