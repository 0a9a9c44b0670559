/* The HTTP/1.1 server: sockets, TLS, requests and their limits, answers, counters.
 *
 * A few threads serve all connections and never wait; handlers of routes that may wait (router.h)
 * run on a pool of their own. A request whose answer comes later is suspended (exchange.h), and its
 * socket is watched for a client that hangs up.
 *
 * Error texts, records and counters name routes by their patterns ("/infer/{model}"), never what a
 * client wrote. */
#ifndef VOX_SERVER_HTTP_H
#define VOX_SERVER_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/answer.h"
#include "server/exchange.h"
#include "server/limits.h"
#include "server/router.h"
#include "util/error.h"

struct vox_http;

/* One request that has been answered, or whose client left. */
struct vox_http_record {
    const char *method;
    const char *route; /* the pattern; "" where the address is none of ours */
    int status;        /* 0: the client left before there was an answer */
    uint64_t received; /* bytes of the body */
    uint64_t sent;     /* bytes of the answer's body as announced; 0 for a feed */
    double seconds;    /* from the request line to the end of the answer */
    const char *peer;  /* address without the port */
};

struct vox_http_options {
    const char *host; /* a name or an address of this machine; "127.0.0.1" binds loopback alone */
    uint16_t port;    /* 0: any that is free */
    const char *tls_certificate; /* PEM files; NULL: plain HTTP */
    const char *tls_key;
    const char *tls_key_password; /* NULL: none */
    const char *tls_ca;           /* clients must show a certificate of these; NULL: none asked */
    const char *prefix;           /* of all routes but those outside: "" or "/x" */
    const char *const *cors_origins; /* without a slash at the end; NULL: any */
    size_t cors_count;
    const char *upload_dir; /* where the private folder for uploads is made; NULL: TMPDIR or /tmp */
    unsigned threads;       /* that serve connections; 0: 4 */
    unsigned workers;       /* that run handlers which may wait; 0: 16 */
    struct vox_http_limits limits;

    const struct vox_route *const *families; /* ends with NULL */
    struct vox_app *app;                     /* handed on to handlers */

    /* Called before a handler: false has answered (401, 403). NULL: everybody may do all. */
    bool (*allowed)(struct vox_exchange *x, struct vox_app *app, enum vox_role role);
    /* Called when a request has ended, on a thread of the server. NULL: nobody listens. */
    void (*done)(void *context, const struct vox_http_record *record);
    void *context;
};

/* Loopback, port 8000, no TLS, default limits. */
void vox_http_options_default(struct vox_http_options *out);

/* Binds and serves; all members of `options` but `families`, `app` and `context` are copied.
 * VOX_E_BUSY where the address is taken, VOX_E_ARG for one that is none, for certificates that do
 * not fit and for routes, VOX_E_IO. */
enum vox_code vox_http_start(const struct vox_http_options *options, struct vox_http **out,
                             struct vox_err *err) VOX_MUST_USE;

uint16_t vox_http_port(const struct vox_http *http);

/* "http://127.0.0.1:8000", without the prefix. */
const char *vox_http_url(const struct vox_http *http);

/* "" or "/x" */
const char *vox_http_prefix(const struct vox_http *http);

/* Takes no more connections, answers what runs (with Connection: close), waits for it up to
 * `seconds`; then tells the rest that they are gone, waits for their answers, and frees everything.
 * Call it while the handlers' queue still works. NULL is allowed. */
void vox_http_stop(struct vox_http *http, double seconds);

/* Begins the first half of that: from now on /ready says no and answers close their connections.
 * Any thread. */
void vox_http_drain(struct vox_http *http);
bool vox_http_draining(const struct vox_http *http);

/* ---- counters, for /metrics ---- */

enum { VOX_HTTP_BUCKETS = 12, VOX_HTTP_STATUSES = 16 };

/* Upper ends of the buckets but the last, in seconds. */
extern const double vox_http_bucket_ends[VOX_HTTP_BUCKETS - 1];

struct vox_route_stats {
    uint64_t bucket[VOX_HTTP_BUCKETS]; /* of durations; each request in one */
    double seconds;                    /* of all */
    uint64_t count;
};

struct vox_status_stats {
    int status;
    uint64_t count; /* 0: an unused row */
};

struct vox_http_stats {
    uint64_t connections; /* now */
    uint64_t accepted;
    uint64_t in_flight; /* requests */
    uint64_t suspended;
    uint64_t received; /* bytes of bodies */
    uint64_t sent;
    uint64_t timed_out; /* connections closed because a request did not arrive */
    uint64_t hung_up;   /* clients that left while they waited */
};

void vox_http_stats(struct vox_http *http, struct vox_http_stats *out);

/* Of the i-th route: NULL beyond the last. The last is "" for addresses that are none of ours. */
const struct vox_route *vox_http_route_stats(struct vox_http *http, size_t i,
                                             struct vox_route_stats *out,
                                             struct vox_status_stats statuses[VOX_HTTP_STATUSES]);

#endif
