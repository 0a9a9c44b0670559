/* Which labels of two label files are compared with each other. */
#ifndef VOX_APP_COMPARE_LABELS_H
#define VOX_APP_COMPARE_LABELS_H

#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"
#include "volume/label_map.h"

/* A label of one file: a segment, or a value. */
struct vox_label_ref {
    const char *name; /* the segment's, borrowed from the map; NULL for a value */
    int segment;      /* its number in the map; -1 for a value */
    bool has_value;   /* false for a segment that the file does not have */
    int64_t value;
};

struct vox_label_pair {
    struct vox_label_ref a, b;
};

struct vox_label_pairs {
    struct vox_label_pair *at;
    int n;
};

/* All labels of both files: segments by their names where both files name them; else values, for a
 * file with segments those of the segments. VOX_E_NOMEM. */
enum vox_code vox_label_pairs_all(const struct vox_label_map *a, const struct vox_label_map *b,
                                  struct vox_label_pairs *out, struct vox_err *err) VOX_MUST_USE;

/* Those of a list as the user gives it: entries X or X:Y, separated by commas; X and Y are values
 * or names of segments. VOX_E_ARG for a list that is none, and for names that are not there. */
enum vox_code vox_label_pairs_read(const char *list, const struct vox_label_map *a,
                                   const struct vox_label_map *b, struct vox_label_pairs *out,
                                   struct vox_err *err) VOX_MUST_USE;

void vox_label_pairs_free(struct vox_label_pairs *pairs); /* all zero is allowed */

/* "tumour", "3", "1:tumour". */
void vox_label_pair_text(const struct vox_label_pair *pair, char *out, size_t size);

#endif
