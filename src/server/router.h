/* Routes: which function answers which address.
 *
 * A family of addresses is a table that one api_*.c file exports; it ends with a row whose pattern
 * is NULL. Every route answers with and without a slash at its end, HEAD wherever it answers GET
 * (unless the table has a row for HEAD), and 405 with Allow for other methods. Where several
 * patterns fit an address, the one with a fixed word wins over the one with a variable. */
#ifndef VOX_SERVER_ROUTER_H
#define VOX_SERVER_ROUTER_H

#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"

struct vox_app;
struct vox_exchange;

/* Answers a request with the functions of server/answer.h, or suspends it (server/exchange.h). A
 * handler that returns without either has failed, and the client gets a 500. */
typedef void vox_handler(struct vox_exchange *x, struct vox_app *app);

/* Who may use a route, once there are keys. */
enum vox_role { VOX_ROLE_OPEN, VOX_ROLE_USER, VOX_ROLE_ANNOTATOR, VOX_ROLE_ADMIN };

/* What a route makes of a request's body. */
enum vox_body_kind {
    VOX_BODY_NONE, /* nothing; it is read and dropped */
    VOX_BODY_JSON, /* bytes in memory, vox_exchange_json */
    VOX_BODY_FORM  /* fields and files; a body of another content type is dropped */
};

enum vox_route_flags {
    /* The handler runs on the thread that serves many connections, so it neither waits for anything
     * nor touches a disk. All others run on threads that may wait. */
    VOX_ROUTE_QUICK = 1,
    /* The address is not below the configured prefix ("/health"). */
    VOX_ROUTE_OUTSIDE = 2
};

struct vox_route {
    const char *method; /* "GET" */
    /* "/infer/{model}": {name} is one segment, not empty, vox_exchange_param. "/ohif/{path*}": the
     * last one may be any number of segments, none too. */
    const char *pattern;
    vox_handler *handler;
    enum vox_role role;
    enum vox_body_kind body;
    unsigned flags; /* enum vox_route_flags */
};

/* ---- below: for server/http.c and tests ---- */

enum { VOX_ROUTE_SEGMENTS = 8, VOX_ROUTES_MAX = 512, VOX_ALLOW_TEXT = 64 };

struct vox_router;

/* `families` ends with NULL and is borrowed; `prefix` is "" or "/x". VOX_E_ARG for a pattern that
 * is none, or one that stands in the tables twice with the same method. */
enum vox_code vox_router_new(const struct vox_route *const *families, const char *prefix,
                             struct vox_router **out, struct vox_err *err) VOX_MUST_USE;
void vox_router_free(struct vox_router *router); /* NULL is allowed */

/* A piece of an address; not decoded. */
struct vox_span {
    const char *text;
    size_t size;
};

struct vox_route_match {
    const struct vox_route *route; /* NULL: no such address, or not with this method */
    size_t index;                  /* of the route, for counting; vox_router_at */
    bool known;                    /* there is a route with another method; `allow` */
    char allow[VOX_ALLOW_TEXT];    /* "GET, HEAD, PUT" */
    size_t variables;              /* in the order of the pattern */
    struct vox_span variable[VOX_ROUTE_SEGMENTS];
};

/* `path` is what stands between host and query, as it came. */
void vox_router_find(const struct vox_router *router, const char *method, const char *path,
                     size_t size, struct vox_route_match *out);

size_t vox_router_count(const struct vox_router *router);
const struct vox_route *vox_router_at(const struct vox_router *router, size_t index);

/* The name of the i-th variable of a pattern. */
struct vox_span vox_route_variable(const struct vox_route *route, size_t i);

#endif
