#include "app/compare_labels.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "app/arguments.h"
#include "util/memory.h"

static struct vox_label_ref by_value(int64_t value)
{
    return (struct vox_label_ref){.segment = -1, .has_value = true, .value = value};
}

static struct vox_label_ref by_segment(const struct vox_label_map *map, int segment)
{
    const struct vox_segment_info *info = vox_label_map_segment(map, segment);
    return (struct vox_label_ref){info->name, segment, true, info->value};
}

/* The segment of this name, or one that is not there. */
static struct vox_label_ref by_name(const struct vox_label_map *map, const char *name)
{
    int segment = vox_label_map_find(map, name);
    return segment >= 0 ? by_segment(map, segment) : (struct vox_label_ref){.segment = -1};
}

static void add(struct vox_label_pairs *pairs, struct vox_label_ref a, struct vox_label_ref b)
{
    pairs->at[pairs->n++] = (struct vox_label_pair){a, b};
}

static void pair_names(const struct vox_label_map *a, const struct vox_label_map *b,
                       struct vox_label_pairs *out)
{
    for (int i = 0; i < vox_label_map_segments(a); i++) {
        struct vox_label_ref ref = by_segment(a, i);
        add(out, ref, by_name(b, ref.name));
    }
    for (int i = 0; i < vox_label_map_segments(b); i++) {
        struct vox_label_ref ref = by_segment(b, i);
        if (vox_label_map_find(a, ref.name) < 0) {
            add(out, by_name(a, ref.name), ref);
        }
    }
}

static bool has_segment_of(const struct vox_label_map *map, int64_t value)
{
    for (int i = 0; i < vox_label_map_segments(map); i++) {
        if (vox_label_map_segment(map, i)->value == value) {
            return true;
        }
    }
    return false;
}

/* Each segment of the one with its value in the other, then the other's values that are left. */
static void pair_segments(const struct vox_label_map *named, const struct vox_label_map *plain,
                          bool named_first, struct vox_label_pairs *out)
{
    for (int i = 0; i < vox_label_map_segments(named); i++) {
        struct vox_label_ref ref = by_segment(named, i), other = by_value(ref.value);
        add(out, named_first ? ref : other, named_first ? other : ref);
    }
    const int32_t *values;
    size_t n = vox_label_map_values(plain, &values);
    for (size_t v = 0; v < n; v++) {
        if (!has_segment_of(named, values[v])) {
            add(out, by_value(values[v]), by_value(values[v]));
        }
    }
}

static void pair_values(const struct vox_label_map *a, const struct vox_label_map *b,
                        struct vox_label_pairs *out)
{
    const int32_t *in_a, *in_b;
    size_t n_a = vox_label_map_values(a, &in_a), n_b = vox_label_map_values(b, &in_b);
    size_t i = 0, j = 0;
    while (i < n_a || j < n_b) {
        bool from_a = j == n_b || (i < n_a && in_a[i] <= in_b[j]);
        int32_t value = from_a ? in_a[i] : in_b[j];
        i += i < n_a && in_a[i] == value;
        j += j < n_b && in_b[j] == value;
        add(out, by_value(value), by_value(value));
    }
}

enum vox_code vox_label_pairs_all(const struct vox_label_map *a, const struct vox_label_map *b,
                                  struct vox_label_pairs *out, struct vox_err *err)
{
    const int32_t *values;
    int segments_a = vox_label_map_segments(a), segments_b = vox_label_map_segments(b);
    size_t most = (size_t)segments_a + (size_t)segments_b + vox_label_map_values(a, &values) +
                  vox_label_map_values(b, &values);
    struct vox_label_pairs pairs = {vox_calloc(most, sizeof(pairs.at[0])), 0};
    if (pairs.at == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory for the labels");
    }
    if (segments_a > 0 && segments_b > 0) {
        pair_names(a, b, &pairs);
    } else if (segments_a > 0) {
        pair_segments(a, b, true, &pairs);
    } else if (segments_b > 0) {
        pair_segments(b, a, false, &pairs);
    } else {
        pair_values(a, b, &pairs);
    }
    *out = pairs;
    return VOX_OK;
}

/* One side of an entry: a value but 0, or a name. */
static bool read_side(const char *text, const struct vox_label_map *map, struct vox_label_ref *out)
{
    const char *at = text;
    int64_t value;
    if (vox_read_int(&at, &value) && *at == '\0') {
        *out = by_value(value);
        return value != 0;
    }
    *out = by_name(map, text);
    return text[0] != '\0';
}

/* An entry, which is taken apart in place. */
static enum vox_code read_entry(char *entry, const struct vox_label_map *a,
                                const struct vox_label_map *b, struct vox_label_pair *out,
                                struct vox_err *err)
{
    char *colon = strchr(entry, ':');
    const char *second = colon == NULL ? entry : colon + 1;
    if (colon != NULL) {
        *colon = '\0';
    }
    if (strchr(second, ':') != NULL || !read_side(entry, a, &out->a) ||
        !read_side(second, b, &out->b)) {
        return vox_fail(err, VOX_E_ARG,
                        "a label is a value but 0 or a segment's name, as in 1,3 or tumour:2");
    }
    /* A name that one file has is absent from the other; a name of a pair must be there. */
    bool there =
        colon == NULL ? out->a.has_value || out->b.has_value : out->a.has_value && out->b.has_value;
    if (!there) {
        return vox_fail(err, VOX_E_ARG, "no segment is called '%s'",
                        out->a.has_value ? second : entry);
    }
    return VOX_OK;
}

enum vox_code vox_label_pairs_read(const char *list, const struct vox_label_map *a,
                                   const struct vox_label_map *b, struct vox_label_pairs *out,
                                   struct vox_err *err)
{
    size_t most = 1;
    for (const char *c = list; *c != '\0'; c++) {
        most += *c == ',';
    }
    if (most > VOX_LABEL_VALUES_MAX) {
        return vox_fail(err, VOX_E_ARG, "lists more than %d labels", VOX_LABEL_VALUES_MAX);
    }
    struct vox_label_pairs pairs = {NULL, 0};
    char *text = vox_strdup(list);
    pairs.at = vox_calloc(most, sizeof(pairs.at[0]));
    enum vox_code code = VOX_OK;
    if (text == NULL || pairs.at == NULL) {
        code = vox_fail(err, VOX_E_NOMEM, "out of memory for a list of labels");
    }
    for (char *entry = text; entry != NULL && code == VOX_OK;) {
        char *comma = strchr(entry, ',');
        if (comma != NULL) {
            *comma = '\0';
        }
        code = read_entry(entry, a, b, &pairs.at[pairs.n], err);
        pairs.n++;
        entry = comma == NULL ? NULL : comma + 1;
    }
    vox_free(text);
    if (code != VOX_OK) {
        vox_label_pairs_free(&pairs);
        return code;
    }
    *out = pairs;
    return VOX_OK;
}

void vox_label_pairs_free(struct vox_label_pairs *pairs)
{
    vox_free(pairs->at);
    *pairs = (struct vox_label_pairs){0};
}

static void ref_text(const struct vox_label_ref *ref, char *out, size_t size)
{
    if (ref->name != NULL) {
        snprintf(out, size, "%s", ref->name);
    } else {
        snprintf(out, size, "%" PRId64, ref->value);
    }
}

void vox_label_pair_text(const struct vox_label_pair *pair, char *out, size_t size)
{
    char a[128], b[128];
    ref_text(&pair->a, a, sizeof(a));
    ref_text(&pair->b, b, sizeof(b));
    bool named = pair->a.name != NULL && pair->b.name != NULL;
    bool one = named ? strcmp(pair->a.name, pair->b.name) == 0 : pair->a.value == pair->b.value;
    if (!pair->b.has_value || (one && pair->a.name != NULL)) {
        snprintf(out, size, "%s", a);
    } else if (!pair->a.has_value || one) {
        snprintf(out, size, "%s", b);
    } else {
        snprintf(out, size, "%s:%s", a, b);
    }
}
