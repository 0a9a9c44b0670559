#include "server/http.h"

#include <microhttpd.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "server/exchange_parts.h"
#include "server/feed.h"
#include "server/http_parts.h"
#include "util/memory.h"
#include "util/number_text.h"
#include "util/tls.h"

enum {
    DEFAULT_THREADS = 4,
    BLOCK = 128 * 1024, /* read from a file at a time */
    FEED_BLOCK = 16 * 1024,
    POOL = 128 * 1024, /* for a connection: headers as the library keeps them, and reading */
    STOP_STEP_NS = 5000000
};

double vox_http_clock(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

const char *vox_connection_header(void *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

/* ---- suspending ---- */

void vox_connection_suspend(struct vox_exchange *x)
{
    if (!x->suspended) {
        x->suspended = true;
        (void)atomic_fetch_add(&x->http->suspended, 1);
        MHD_suspend_connection(x->connection);
    }
}

void vox_connection_resume(struct vox_exchange *x)
{
    struct MHD_Connection *connection = x->connection;
    x->suspended = false;
    (void)atomic_fetch_sub(&x->http->suspended, 1);
    MHD_resume_connection(connection); /* the exchange may be gone from here on */
}

/* ---- bodies of answers ---- */

/* Stretches of memory and files one behind the other. */
struct stretches {
    size_t count;
    struct vox_piece pieces[VOX_ANSWER_PIECES];
};

static ssize_t read_stretches(void *context, uint64_t at, char *out, size_t room)
{
    const struct stretches *stretches = context;
    const ssize_t n = vox_pieces_read(stretches->pieces, stretches->count, at, out, room);
    if (n < 0) {
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    return n > 0 ? n : MHD_CONTENT_READER_END_OF_STREAM;
}

static void free_stretches(void *context)
{
    struct stretches *stretches = context;
    for (size_t i = 0; i < stretches->count; i++) {
        vox_piece_clear(&stretches->pieces[i]);
    }
    vox_free(stretches);
}

/* A feed as the body of an answer, on the thread of its connection but for wake_reader. */
struct reader {
    struct vox_feed *feed;
    struct vox_http *http;
    struct MHD_Connection *connection;
    struct vox_link *link;
    bool watched;
};

static void feed_gone(void *context)
{
    vox_feed_cut(((struct reader *)context)->feed);
}

static void feed_tick(void *context)
{
    vox_feed_ping(((struct reader *)context)->feed);
}

static void put_to_sleep(void *context)
{
    struct reader *reader = context;
    const struct vox_link_watch watch = {feed_gone, feed_tick, reader};
    MHD_suspend_connection(reader->connection);
    vox_link_watch(reader->link, &watch);
    reader->watched = true;
}

static void wake_reader(void *context)
{
    struct reader *reader = context;
    struct MHD_Connection *connection = reader->connection;
    (void)atomic_fetch_sub(&reader->http->suspended, 1);
    MHD_resume_connection(connection);
}

static void end_watch(struct reader *reader)
{
    if (reader->watched) {
        vox_link_unwatch(reader->link);
        reader->watched = false;
    }
}

static ssize_t read_feed(void *context, uint64_t at, char *out, size_t room)
{
    struct reader *reader = context;
    struct vox_http *http = reader->http;
    (void)at;
    end_watch(reader);
    /* Counted before it is asked whether the server stops, which asks in the other order. */
    (void)atomic_fetch_add(&http->suspended, 1);
    if (atomic_load(&http->stopping)) {
        vox_feed_cut(reader->feed);
    }
    const ssize_t n = vox_feed_read(reader->feed, out, room, put_to_sleep, wake_reader, reader);
    if (n == VOX_FEED_WAIT) {
        return 0;
    }
    (void)atomic_fetch_sub(&http->suspended, 1);
    if (n < 0) {
        return n == VOX_FEED_END ? MHD_CONTENT_READER_END_OF_STREAM
                                 : MHD_CONTENT_READER_END_WITH_ERROR;
    }
    return n;
}

static void free_reader(void *context)
{
    struct reader *reader = context;
    end_watch(reader);
    vox_feed_cut(reader->feed);
    vox_feed_drop(reader->feed);
    vox_free(reader);
}

static struct MHD_Response *feed_response(struct vox_exchange *x)
{
    struct reader *reader = vox_calloc(1, sizeof(*reader));
    if (reader == NULL) {
        return NULL;
    }
    *reader = (struct reader){x->answer.feed, x->http, x->connection, x->link, false};
    x->answer.feed = NULL;
    struct MHD_Response *response = MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, FEED_BLOCK, read_feed, reader, free_reader);
    if (response == NULL) {
        free_reader(reader);
    }
    return response;
}

static struct MHD_Response *stretches_response(struct vox_answer *answer, uint64_t size)
{
    struct stretches *stretches = vox_calloc(1, sizeof(*stretches));
    if (stretches == NULL) {
        return NULL;
    }
    stretches->count = answer->count;
    memcpy(stretches->pieces, answer->pieces, answer->count * sizeof(answer->pieces[0]));
    answer->count = 0;
    struct MHD_Response *response =
        MHD_create_response_from_callback(size, BLOCK, read_stretches, stretches, free_stretches);
    if (response == NULL) {
        free_stretches(stretches);
    }
    return response;
}

/* What the pieces hold goes over to the response. */
static struct MHD_Response *body_response(struct vox_answer *answer, uint64_t size)
{
    struct vox_piece *piece = &answer->pieces[0];
    struct MHD_Response *response = NULL;
    if (size == 0) {
        return MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    }
    if (answer->count > 1) {
        return stretches_response(answer, size);
    }
    if (piece->fd >= 0) {
        response = MHD_create_response_from_fd_at_offset64(size, piece->fd, piece->offset);
    } else if (piece->owned != NULL) {
        response = MHD_create_response_from_buffer_with_free_callback((size_t)size, piece->owned,
                                                                      vox_free);
    } else {
        const struct MHD_IoVec lasting = {piece->data, (size_t)size};
        response = MHD_create_response_from_iovec(&lasting, 1, NULL, NULL);
    }
    answer->count = response != NULL ? 0 : answer->count;
    return response;
}

static bool is_replaced(const struct vox_pairs *by, const char *name)
{
    for (size_t i = 0; i < by->count; i++) {
        if (strcasecmp(by->items[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static void add_headers(struct MHD_Response *response, const struct vox_pairs *headers,
                        const struct vox_pairs *by)
{
    for (size_t i = 0; i < headers->count; i++) {
        if (by == NULL || !is_replaced(by, headers->items[i].name)) {
            (void)MHD_add_response_header(response, headers->items[i].name,
                                          headers->items[i].value);
        }
    }
}

static enum MHD_Result queue_answer(struct vox_exchange *x)
{
    if (x->active) {
        x->active = false;
        (void)atomic_fetch_sub(&x->http->active, 1);
    }
    vox_arrival_seal(x);
    struct vox_answer *answer = &x->answer;
    uint64_t size = 0;
    for (size_t i = 0; i < answer->count; i++) {
        size += answer->pieces[i].size;
    }
    x->sent = size;
    struct MHD_Response *response =
        answer->feed != NULL ? feed_response(x) : body_response(answer, size);
    if (response == NULL) {
        return MHD_NO;
    }
    add_headers(response, &answer->headers, &x->headers);
    add_headers(response, &x->headers, NULL);
    const enum MHD_Result result =
        MHD_queue_response(x->connection, (unsigned)answer->status, response);
    MHD_destroy_response(response);
    return result;
}

/* ---- requests ---- */

static void run_on_worker(struct vox_exchange *x)
{
    if (!vox_arrival_handle(x)) {
        vox_connection_resume(x);
    }
}

static enum MHD_Result dispatch(struct vox_exchange *x)
{
    x->stage = VOX_STAGE_HANDLED;
    vox_link_expect(x->link, 0);
    if (x->answer.status != 0) {
        return queue_answer(x);
    }
    /* Counted before it is asked whether the server stops, which asks in the other order. */
    x->active = true;
    (void)atomic_fetch_add(&x->http->active, 1);
    if (atomic_load(&x->http->stopping)) {
        vox_exchange_fail(x, 503, "The server stops");
        return queue_answer(x);
    }
    if ((x->match.route->flags & VOX_ROUTE_QUICK) == 0) {
        vox_connection_suspend(x);
        vox_workers_add(x->http->workers, x);
        return MHD_YES;
    }
    return vox_arrival_handle(x) ? MHD_YES : queue_answer(x);
}

static enum MHD_Result note_header(void *context, enum MHD_ValueKind kind, const char *name,
                                   const char *value)
{
    struct vox_framing *framing = context;
    int64_t length = 0;
    (void)kind;
    framing->misnamed = framing->misnamed || *name == '\0' || strpbrk(name, " \t\v\f\r") != NULL;
    if (value != NULL && strcasecmp(name, "Content-Length") == 0) {
        framing->lengths++;
        framing->length =
            vox_text_to_int(value, strlen(value), &length) ? (uint64_t)length : UINT64_MAX;
    } else if (value != NULL && strcasecmp(name, "Transfer-Encoding") == 0) {
        framing->codings++;
        framing->chunked = strcasecmp(value, "chunked") == 0;
    } else if (value != NULL && strcasecmp(name, "Expect") == 0) {
        framing->expects = strcasecmp(value, "100-continue") == 0;
    }
    return MHD_YES;
}

static void note_peer(struct vox_exchange *x)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    vox_http_peer_text(info != NULL ? info->client_addr : NULL, x->peer);
}

static bool takes_body(const struct vox_exchange *x)
{
    return strcmp(x->method, "POST") == 0 || strcmp(x->method, "PUT") == 0 ||
           strcmp(x->method, "PATCH") == 0;
}

/* The body gets what its size needs at the lowest rate, and the time that every request has. */
static void expect_body(struct vox_exchange *x)
{
    const double allowed =
        (double)x->limits->request_time + (double)x->received / (double)x->limits->body_rate;
    vox_link_expect(x->link, x->body_started + allowed);
}

/* The library asks clients for a certificate, but takes those without one too. */
static bool is_let_in(struct vox_exchange *x)
{
    if (x->http->ca == NULL) {
        return true;
    }
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    return info != NULL && vox_tls_peer_is_trusted(info->tls_session);
}

static enum MHD_Result open_request(struct vox_exchange *x, const char *method, const char *version)
{
    struct vox_framing *framing = &x->framing;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    (void)snprintf(x->method, sizeof(x->method), "%s", method);
    framing->header_bytes = info != NULL ? info->header_size : 0;
    (void)MHD_get_connection_values(x->connection, MHD_HEADER_KIND, note_header, framing);
    framing->chunked = framing->chunked && strcmp(version, MHD_HTTP_VERSION_1_0) != 0;
    note_peer(x);
    if (!is_let_in(x)) {
        x->close = true;
        vox_exchange_fail(x, 403, "The client has no certificate of an authority that is trusted");
        return dispatch(x);
    }
    vox_arrival_open(x);
    const bool body = framing->codings > 0 || framing->length > 0;
    if (body && (!takes_body(x) || x->close)) {
        /* Some clients announce a body that never comes: waiting for it would be for ever. */
        x->close = true;
        return dispatch(x);
    }
    if (!body) {
        x->stage = VOX_STAGE_BODY;
        return MHD_YES;
    }
    if (x->answer.status != 0 &&
        (framing->expects || (framing->codings == 0 && framing->length > x->limits->linger))) {
        x->close = true;
        return dispatch(x);
    }
    x->body_started = vox_http_clock();
    x->stage = x->answer.status != 0 ? VOX_STAGE_DRAIN : VOX_STAGE_BODY;
    expect_body(x);
    return MHD_YES;
}

/* A part of the body. A client that was refused and goes on sending is heard for a while, because
 * one that sends first and reads afterwards would otherwise see a reset instead of the answer. */
static enum MHD_Result take_body(struct vox_exchange *x, const char *data, size_t size)
{
    x->received += size;
    if (x->stage == VOX_STAGE_BODY) {
        expect_body(x);
        vox_arrival_body(x, data, size);
        x->stage = x->answer.status != 0 ? VOX_STAGE_DRAIN : VOX_STAGE_BODY;
        return MHD_YES;
    }
    x->dropped += size;
    return x->dropped <= x->limits->linger ? MHD_YES : MHD_NO;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *size, void **state)
{
    struct vox_exchange *x = *state;
    (void)context;
    (void)connection;
    (void)url;
    if (x == NULL) {
        return MHD_NO;
    }
    if (x->stage == VOX_STAGE_NEW) {
        return open_request(x, method, version);
    }
    if (*size > 0) {
        const size_t taken = *size;
        *size = 0;
        return take_body(x, data, taken);
    }
    if (x->stage == VOX_STAGE_HANDLED) {
        return queue_answer(x);
    }
    if (x->stage == VOX_STAGE_BODY) {
        vox_arrival_close_body(x);
    }
    return dispatch(x);
}

/* ---- the life of connections and requests ---- */

static struct vox_link *link_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info != NULL ? info->socket_context : NULL;
}

static void on_connection(void *context, struct MHD_Connection *connection, void **state,
                          enum MHD_ConnectionNotificationCode code)
{
    struct vox_http *http = context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        struct vox_link *link = info != NULL ? vox_link_new(http->links, info->connect_fd) : NULL;
        if (link != NULL) {
            vox_link_expect(link, vox_http_clock() + (double)http->limits.request_time);
        }
        *state = link;
    } else if (*state != NULL) {
        vox_link_drop(*state);
        *state = NULL;
    }
}

/* The request line is there; what this returns comes back with every call for the request. */
static void *on_request_line(void *context, const char *target, struct MHD_Connection *connection)
{
    struct vox_http *http = context;
    struct vox_exchange *x = vox_calloc(1, sizeof(*x));
    struct vox_link *link = link_of(connection);
    if (x == NULL || link == NULL) {
        vox_free(x);
        return NULL;
    }
    x->http = http;
    x->connection = connection;
    x->link = link;
    x->limits = &http->limits;
    x->spool = http->spool;
    x->started = vox_http_clock();
    if (vox_exchange_set_target(x, target, NULL) != VOX_OK) {
        vox_free(x);
        return NULL;
    }
    (void)atomic_fetch_add(&http->in_flight, 1);
    return x;
}

static void on_completed(void *context, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode why)
{
    struct vox_http *http = context;
    struct vox_exchange *x = *state;
    (void)connection;
    *state = NULL;
    if (x == NULL) {
        return;
    }
    const bool routed = x->match.route != NULL;
    const struct vox_http_record record = {
        .method = x->method,
        .route = routed ? x->match.route->pattern : "",
        .status = why == MHD_REQUEST_TERMINATED_COMPLETED_OK ? x->answer.status : 0,
        .received = x->received,
        .sent = x->sent,
        .seconds = vox_http_clock() - x->started,
        .peer = x->peer,
    };
    vox_counters_add(http->counters, routed ? x->match.index : SIZE_MAX, &record);
    if (http->done != NULL) {
        http->done(http->context, &record);
    }
    if (x->active) {
        (void)atomic_fetch_sub(&http->active, 1);
    }
    vox_link_expect(x->link, vox_http_clock() + (double)http->limits.request_time);
    vox_exchange_clear(x);
    vox_free(x);
    (void)atomic_fetch_sub(&http->in_flight, 1);
}

/* Addresses are decoded by server/query.c. */
static size_t keep_escapes(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context;
    (void)connection;
    return strlen(text);
}

/* The library's words may hold an address that a client asked for. */
static void say_nothing(void *context, const char *format, va_list list)
{
    (void)context;
    (void)format;
    (void)list;
}

/* ---- start and stop ---- */

static enum vox_code start_daemon(struct vox_http *http, unsigned threads, struct vox_err *err)
{
    static char versions[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";
    const struct vox_http_limits *limits = &http->limits;
    unsigned flags =
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG | MHD_USE_ITC;
    struct MHD_OptionItem tls[6] = {{MHD_OPTION_END, 0, NULL}};
    size_t n = 0;
    if (http->certificate != NULL) {
        flags |= MHD_USE_TLS;
        tls[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0, http->certificate};
        tls[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, http->key};
        tls[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0, versions};
    }
    if (http->key_password != NULL) {
        tls[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_KEY_PASSWORD, 0, http->key_password};
    }
    if (http->ca != NULL) {
        tls[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_TRUST, 0, http->ca};
    }
    tls[n] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
    threads = threads > 0 ? threads : DEFAULT_THREADS;
    if (threads > limits->connections) {
        threads = (unsigned)limits->connections;
    }
    http->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, http, MHD_OPTION_EXTERNAL_LOGGER, say_nothing, NULL,
        MHD_OPTION_ARRAY, tls, MHD_OPTION_LISTEN_SOCKET, http->listener,
        MHD_OPTION_THREAD_POOL_SIZE, threads, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)limits->connections, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
        (unsigned)limits->connections_per_address, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)limits->idle_time, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)POOL,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_NOTIFY_CONNECTION, on_connection, http,
        MHD_OPTION_URI_LOG_CALLBACK, on_request_line, http, MHD_OPTION_NOTIFY_COMPLETED,
        on_completed, http, MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL, MHD_OPTION_END);
    if (http->daemon == NULL) {
        http->listener = -1; /* the library has closed it */
        return vox_fail(err, http->certificate != NULL ? VOX_E_ARG : VOX_E_IO, "%s",
                        http->certificate != NULL
                            ? "the server does not start; certificate and key do not fit"
                            : "the server does not start; the system gives no threads");
    }
    return VOX_OK;
}

enum vox_code vox_http_start(const struct vox_http_options *options, struct vox_http **out,
                             struct vox_err *err)
{
    struct vox_http *http = vox_calloc(1, sizeof(*http));
    if (http == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "there is no memory for the server");
    }
    http->listener = -1;
    enum vox_code code = vox_http_build(http, options, run_on_worker, err);
    if (code == VOX_OK) {
        code = start_daemon(http, options->threads, err);
    }
    if (code != VOX_OK) {
        vox_http_release(http);
        return code;
    }
    *out = http;
    return VOX_OK;
}

void vox_http_drain(struct vox_http *http)
{
    if (!atomic_exchange(&http->draining, true)) {
        (void)MHD_quiesce_daemon(http->daemon);
    }
}

static void wait_a_little(void)
{
    const struct timespec step = {0, STOP_STEP_NS};
    (void)nanosleep(&step, NULL);
}

void vox_http_stop(struct vox_http *http, double seconds)
{
    if (http == NULL) {
        return;
    }
    vox_http_drain(http);
    const double end = vox_http_clock() + seconds;
    while (atomic_load(&http->in_flight) > 0 && vox_http_clock() < end) {
        wait_a_little();
    }
    atomic_store(&http->stopping, true);
    while (atomic_load(&http->active) > 0 || atomic_load(&http->suspended) > 0) {
        vox_links_tell_all(http->links);
        wait_a_little();
    }
    MHD_stop_daemon(http->daemon);
    vox_http_release(http);
}
