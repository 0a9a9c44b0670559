/* What the server is made of, for the files that build it. */
#ifndef VOX_SERVER_HTTP_PARTS_H
#define VOX_SERVER_HTTP_PARTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "server/exchange_parts.h"
#include "server/http.h"
#include "server/links.h"
#include "server/router.h"
#include "server/spool.h"
#include "server/workers.h"
#include "util/error.h"

struct vox_counters;

enum { VOX_URL_BYTES = 320 };

struct vox_http {
    void *daemon; /* of the HTTP library */
    struct vox_http_limits limits;
    struct vox_router *router;
    struct vox_spool *spool;
    struct vox_links *links;
    struct vox_workers *workers;
    struct vox_counters *counters;
    struct vox_app *app;
    bool (*allowed)(struct vox_exchange *x, struct vox_app *app, enum vox_role role);
    void (*done)(void *context, const struct vox_http_record *record);
    void *context;

    char *prefix;
    char **origins; /* that may read answers; NULL: all */
    size_t origin_count;
    char *certificate, *key, *key_password, *ca; /* texts of PEM files; NULL: none */
    char url[VOX_URL_BYTES];
    uint16_t port;
    int listener;

    atomic_bool draining;
    atomic_bool stopping;
    atomic_uint_fast64_t in_flight;
    atomic_uint_fast64_t active;    /* requests that a handler may have */
    atomic_uint_fast64_t suspended; /* connections */
};

/* ---- http_setup.c ---- */

/* A listening socket; url, port and listener are set. */
enum vox_code vox_http_listen(struct vox_http *http, const struct vox_http_options *options,
                              struct vox_err *err) VOX_MUST_USE;

/* An address without its port; IPv4 as such also where it came through an IPv6 socket. NULL: "". */
void vox_http_peer_text(const struct sockaddr *address, char out[VOX_PEER_BYTES]);

/* Everything but the library's daemon. On failure vox_http_release is still due. */
enum vox_code vox_http_build(struct vox_http *http, const struct vox_http_options *options,
                             void (*run)(struct vox_exchange *x), struct vox_err *err) VOX_MUST_USE;
void vox_http_release(struct vox_http *http);

/* ---- http_request.c ---- */

/* Judges a request whose headers have come: finds its route, or sets an answer that refuses it. */
void vox_arrival_open(struct vox_exchange *x);

/* Takes a piece of its body; what is refused sets an answer. */
void vox_arrival_body(struct vox_exchange *x, const char *data, size_t size);

/* The body is complete. */
void vox_arrival_close_body(struct vox_exchange *x);

/* Runs the handler on this thread. True: it suspended the exchange, which must not be touched. */
bool vox_arrival_handle(struct vox_exchange *x);

/* Completes an answer with what all have: CORS, Server-Timing; sets one where none is. */
void vox_arrival_seal(struct vox_exchange *x);

/* ---- counters.c ---- */

enum vox_code vox_counters_new(size_t routes, struct vox_counters **out,
                               struct vox_err *err) VOX_MUST_USE;
void vox_counters_free(struct vox_counters *counters); /* NULL is allowed */
void vox_counters_add(struct vox_counters *counters, size_t route,
                      const struct vox_http_record *record);

#endif
