#include "server/router.h"

#include <stdio.h>
#include <string.h>

#include "util/memory.h"

/* One segment of a pattern: a word, a variable, or the variable that takes the rest. */
enum segment_kind { WORD, VARIABLE, REST };

struct segment {
    enum segment_kind kind;
    struct vox_span text; /* the word, or the variable's name */
};

struct row {
    const struct vox_route *route;
    size_t count;
    struct segment segments[VOX_ROUTE_SEGMENTS];
};

struct vox_router {
    size_t prefix_count;
    struct segment prefix[VOX_ROUTE_SEGMENTS];
    char *prefix_text;
    size_t count;
    struct row rows[VOX_ROUTES_MAX];
};

/* Splits what is behind the first slash at slashes; one slash at the end is none. Segments beyond
 * `room` are counted but not kept. */
static size_t split(const char *path, size_t size, struct vox_span *out, size_t room)
{
    size_t count = 0;
    size_t begin = 1;
    for (size_t i = 1; i <= size; i++) {
        if (i < size && path[i] != '/') {
            continue;
        }
        if (i == size && begin == size) {
            break;
        }
        if (count < room) {
            out[count] = (struct vox_span){path + begin, i - begin};
        }
        count++;
        begin = i + 1;
    }
    return count;
}

static bool parse_segment(struct vox_span text, struct segment *out)
{
    const bool braces = text.size > 2 && text.text[0] == '{' && text.text[text.size - 1] == '}';
    *out = (struct segment){WORD, text};
    if (braces) {
        out->text = (struct vox_span){text.text + 1, text.size - 2};
        out->kind = VARIABLE;
    }
    if (braces && text.text[text.size - 2] == '*') {
        out->text.size--;
        out->kind = REST;
    }
    return out->text.size > 0 && (out->kind != WORD || memchr(text.text, '{', text.size) == NULL);
}

static bool parse_pattern(const char *pattern, struct segment *out, size_t *count)
{
    struct vox_span spans[VOX_ROUTE_SEGMENTS];
    if (pattern[0] != '/') {
        return false;
    }
    *count = split(pattern, strlen(pattern), spans, VOX_ROUTE_SEGMENTS);
    if (*count > VOX_ROUTE_SEGMENTS) {
        return false;
    }
    for (size_t i = 0; i < *count; i++) {
        if (!parse_segment(spans[i], &out[i]) || (out[i].kind == REST && i + 1 != *count)) {
            return false;
        }
    }
    return true;
}

static bool same_span(struct vox_span a, struct vox_span b)
{
    return a.size == b.size && memcmp(a.text, b.text, a.size) == 0;
}

/* Whether two patterns fit the same addresses. */
static bool same_pattern(const struct row *a, const struct row *b)
{
    bool same =
        a->count == b->count && ((a->route->flags ^ b->route->flags) & VOX_ROUTE_OUTSIDE) == 0;
    for (size_t i = 0; same && i < a->count; i++) {
        same = a->segments[i].kind == b->segments[i].kind &&
               (a->segments[i].kind != WORD || same_span(a->segments[i].text, b->segments[i].text));
    }
    return same;
}

static enum vox_code add_row(struct vox_router *router, const struct vox_route *route,
                             struct vox_err *err)
{
    if (router->count == VOX_ROUTES_MAX) {
        return vox_fail(err, VOX_E_ARG, "more than %d routes", VOX_ROUTES_MAX);
    }
    struct row *row = &router->rows[router->count];
    row->route = route;
    if (!parse_pattern(route->pattern, row->segments, &row->count) || route->handler == NULL) {
        return vox_fail(err, VOX_E_ARG, "%s is no pattern of a route", route->pattern);
    }
    for (size_t i = 0; i < router->count; i++) {
        if (same_pattern(row, &router->rows[i]) &&
            strcmp(row->route->method, router->rows[i].route->method) == 0) {
            return vox_fail(err, VOX_E_ARG, "%s %s is there twice", route->method, route->pattern);
        }
    }
    router->count++;
    return VOX_OK;
}

enum vox_code vox_router_new(const struct vox_route *const *families, const char *prefix,
                             struct vox_router **out, struct vox_err *err)
{
    struct vox_router *router = vox_calloc(1, sizeof(*router));
    char *copy = vox_strdup(prefix != NULL ? prefix : "");
    enum vox_code code = VOX_OK;
    if (router == NULL || copy == NULL) {
        vox_free(copy);
        vox_free(router);
        return vox_fail(err, VOX_E_NOMEM, "there is no memory for the routes");
    }
    router->prefix_text = copy;
    if (*copy != '\0' && !parse_pattern(copy, router->prefix, &router->prefix_count)) {
        code = vox_fail(err, VOX_E_ARG, "the prefix of the addresses must look like /x or /x/y");
    }
    for (size_t i = 0; code == VOX_OK && families[i] != NULL; i++) {
        for (const struct vox_route *route = families[i]; code == VOX_OK && route->pattern != NULL;
             route++) {
            code = add_row(router, route, err);
        }
    }
    if (code != VOX_OK) {
        vox_router_free(router);
        return code;
    }
    *out = router;
    return VOX_OK;
}

void vox_router_free(struct vox_router *router)
{
    if (router != NULL) {
        vox_free(router->prefix_text);
        vox_free(router);
    }
}

/* ---- finding ---- */

enum { PATH_SEGMENTS = 2 * VOX_ROUTE_SEGMENTS };

struct address {
    const char *end;
    size_t count;
    struct vox_span spans[PATH_SEGMENTS];
};

/* What stands behind the prefix; false where the address does not begin with it. */
static bool below_prefix(const struct vox_router *router, const struct address *address,
                         struct address *out)
{
    const size_t skip = router->prefix_count;
    if (address->count < skip) {
        return false;
    }
    for (size_t i = 0; i < skip; i++) {
        if (!same_span(router->prefix[i].text, address->spans[i])) {
            return false;
        }
    }
    *out = *address;
    out->count -= skip;
    const size_t kept = PATH_SEGMENTS - skip;
    memmove(out->spans, out->spans + skip, kept * sizeof(out->spans[0]));
    return true;
}

/* The rest of the address from its i-th segment on; empty beyond the last. */
static struct vox_span rest_of(const struct address *address, size_t i)
{
    if (i >= address->count || i >= PATH_SEGMENTS) {
        return (struct vox_span){"", 0};
    }
    const char *begin = address->spans[i].text;
    return (struct vox_span){begin, (size_t)(address->end - begin)};
}

/* Whether the row fits; how well, so that more fixed words at the front are more. */
static bool fits(const struct row *row, const struct address *address, unsigned *score)
{
    const bool rest = row->count > 0 && row->segments[row->count - 1].kind == REST;
    const size_t fixed = row->count - (rest ? 1 : 0);
    if (rest ? address->count < fixed : address->count != fixed) {
        return false;
    }
    *score = 0;
    for (size_t i = 0; i < fixed; i++) {
        const struct vox_span have = address->spans[i];
        const bool word = row->segments[i].kind == WORD;
        if (word ? !same_span(row->segments[i].text, have) : have.size == 0) {
            return false;
        }
        *score |= (word ? 2u : 1u) << (2 * (VOX_ROUTE_SEGMENTS - 1 - i));
    }
    return true;
}

static void add_allowed(char allow[VOX_ALLOW_TEXT], const char *method)
{
    const size_t have = strlen(allow);
    if (strstr(allow, method) == NULL) {
        (void)snprintf(allow + have, VOX_ALLOW_TEXT - have, "%s%s", have > 0 ? ", " : "", method);
    }
}

static void set_variables(const struct row *row, const struct address *address,
                          struct vox_route_match *out)
{
    out->variables = 0;
    for (size_t i = 0; i < row->count; i++) {
        if (row->segments[i].kind == VARIABLE) {
            out->variable[out->variables++] = address->spans[i];
        } else if (row->segments[i].kind == REST) {
            out->variable[out->variables++] = rest_of(address, i);
        }
    }
}

void vox_router_find(const struct vox_router *router, const char *method, const char *path,
                     size_t size, struct vox_route_match *out)
{
    struct address whole = {path + size, 0, {{NULL, 0}}};
    struct address below = {0};
    *out = (struct vox_route_match){0};
    if (size == 0 || path[0] != '/') {
        return;
    }
    whole.count = split(path, size, whole.spans, PATH_SEGMENTS);
    const bool inside = below_prefix(router, &whole, &below);
    /* HEAD is GET where it has no row of its own. */
    unsigned best = 0;
    int rank = 0;
    for (size_t i = 0; i < router->count; i++) {
        const struct row *row = &router->rows[i];
        const bool outside = (row->route->flags & VOX_ROUTE_OUTSIDE) != 0;
        const struct address *address = outside ? &whole : &below;
        unsigned score = 0;
        if ((!outside && !inside) || !fits(row, address, &score) || (out->known && score < best)) {
            continue;
        }
        if (!out->known || score > best) {
            *out = (struct vox_route_match){0};
            rank = 0;
        }
        best = score;
        out->known = true;
        add_allowed(out->allow, row->route->method);
        if (strcmp(row->route->method, "GET") == 0) {
            add_allowed(out->allow, "HEAD");
        }
        const bool exact = strcmp(method, row->route->method) == 0;
        const bool as_get = strcmp(method, "HEAD") == 0 && strcmp(row->route->method, "GET") == 0;
        const int fit = exact ? 2 : (as_get ? 1 : 0);
        if (fit > rank) {
            rank = fit;
            out->route = row->route;
            out->index = i;
            set_variables(row, address, out);
        }
    }
}

size_t vox_router_count(const struct vox_router *router)
{
    return router->count;
}

const struct vox_route *vox_router_at(const struct vox_router *router, size_t index)
{
    return index < router->count ? router->rows[index].route : NULL;
}

struct vox_span vox_route_variable(const struct vox_route *route, size_t i)
{
    struct segment segments[VOX_ROUTE_SEGMENTS];
    size_t count = 0;
    if (parse_pattern(route->pattern, segments, &count)) {
        for (size_t k = 0; k < count; k++) {
            if (segments[k].kind != WORD && i-- == 0) {
                return segments[k].text;
            }
        }
    }
    return (struct vox_span){"", 0};
}
