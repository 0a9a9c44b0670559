#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "server/answer.h"
#include "server/exchange_parts.h"
#include "server/http_parts.h"
#include "server/text_builder.h"

/* ---- headers ---- */

/* A body whose end two parties could see in different places is how requests are smuggled past a
 * proxy (RFC 9112, section 11.2): everything doubtful is refused, and the connection closed. */
static bool is_framed(struct vox_exchange *x)
{
    const struct vox_framing *framing = &x->framing;
    const char *why = NULL;
    if (framing->codings > 0 && framing->lengths > 0) {
        why = "The request has both Content-Length and Transfer-Encoding";
    } else if (framing->lengths > 1) {
        why = "The request has more than one Content-Length";
    } else if (framing->codings > 1 || (framing->codings == 1 && !framing->chunked)) {
        why = "The request has a Transfer-Encoding other than chunked";
    } else if (framing->misnamed) {
        /* "Content-Length :" is a Content-Length to some (RFC 9112, section 5.1). */
        why = "The request has a header whose name is empty or holds a blank";
    }
    if (why != NULL) {
        vox_exchange_fail(x, 400, "%s", why);
        x->close = true;
    }
    return why == NULL;
}

static bool is_preflight(const struct vox_exchange *x)
{
    return strcmp(x->method, "OPTIONS") == 0 && vox_exchange_header(x, "Origin") != NULL &&
           vox_exchange_header(x, "Access-Control-Request-Method") != NULL;
}

/* Whether pages of that origin may read answers. */
static bool is_allowed(const struct vox_http *http, const char *origin)
{
    bool found = http->origins == NULL;
    for (size_t i = 0; !found && i < http->origin_count; i++) {
        found = strcasecmp(http->origins[i], origin) == 0;
    }
    return found;
}

static void answer_preflight(struct vox_exchange *x)
{
    const char *headers = vox_exchange_header(x, "Access-Control-Request-Headers");
    if (!is_allowed(x->http, vox_exchange_header(x, "Origin"))) {
        vox_answer_static(x, 400, "text/plain; charset=utf-8", "Disallowed CORS origin", 22);
        return;
    }
    vox_answer_static(x, 200, "text/plain; charset=utf-8", "OK", 2);
    vox_answer_own_header(x, "Access-Control-Allow-Methods",
                          "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT");
    vox_answer_own_header(x, "Access-Control-Max-Age", "600");
    if (headers != NULL) {
        vox_answer_own_header(x, "Access-Control-Allow-Headers", headers);
    }
}

static bool find_route(struct vox_exchange *x)
{
    vox_router_find(x->http->router, x->method, x->path.text, x->path.size, &x->match);
    if (x->match.route == NULL && x->match.known) {
        vox_exchange_fail(x, 405, "Method Not Allowed");
        vox_answer_own_header(x, "Allow", x->match.allow);
    } else if (x->match.route == NULL) {
        vox_exchange_fail(x, 404, "Not Found");
    }
    return x->match.route != NULL;
}

static bool decode(struct vox_exchange *x)
{
    struct vox_err err = {0};
    const enum vox_code code = vox_exchange_decode(x, &err);
    if (code == VOX_E_FORMAT) {
        vox_exchange_fail(x, 400, "The address cannot be read: %s", err.msg);
    } else if (code != VOX_OK) {
        vox_exchange_fail_err(x, &err);
    }
    return code == VOX_OK;
}

/* ---- bodies ---- */

static void refuse_body(struct vox_exchange *x, const struct vox_err *err)
{
    if (err->code == VOX_E_FORMAT) {
        vox_exchange_fail(x, 400, "There was an error parsing the body: %s", err->msg);
    } else if (err->code == VOX_E_IO) {
        vox_exchange_fail(x, 507, "%s", err->msg);
    } else {
        vox_exchange_fail_err(x, err);
    }
}

static void refuse_size(struct vox_exchange *x)
{
    vox_exchange_fail(x, 413, "The body has more than the %llu bytes that the server takes",
                      (unsigned long long)x->limits->body);
}

static void begin_body(struct vox_exchange *x)
{
    struct vox_err err = {0};
    const struct vox_framing *framing = &x->framing;
    if (framing->lengths > 0 && framing->length > x->limits->body) {
        refuse_size(x);
    } else if (x->match.route->body != VOX_BODY_NONE &&
               vox_form_new(x->match.route->body, vox_exchange_header(x, "Content-Type"), x->limits,
                            x->spool, &x->form, &err) != VOX_OK) {
        refuse_body(x, &err);
    }
}

void vox_arrival_body(struct vox_exchange *x, const char *data, size_t size)
{
    struct vox_err err = {0};
    if (x->received > x->limits->body) {
        refuse_size(x);
    } else if (x->form != NULL && vox_form_feed(x->form, data, size, &err) != VOX_OK) {
        refuse_body(x, &err);
    }
    if (x->answer.status != 0) {
        /* What came of it takes disk and memory for nothing. */
        vox_form_free(x->form);
        x->form = NULL;
    }
}

void vox_arrival_close_body(struct vox_exchange *x)
{
    struct vox_err err = {0};
    if (x->form != NULL && x->received > 0 && vox_form_finish(x->form, &err) != VOX_OK) {
        refuse_body(x, &err);
    }
}

void vox_arrival_open(struct vox_exchange *x)
{
    const struct vox_framing *framing = &x->framing;
    if (!is_framed(x)) {
        return;
    }
    if (framing->header_bytes > x->limits->header) {
        vox_exchange_fail(x, 431, "The headers have more than the %llu bytes that the server takes",
                          (unsigned long long)x->limits->header);
        return;
    }
    if (is_preflight(x)) {
        answer_preflight(x);
        return;
    }
    if (!find_route(x) || !decode(x)) {
        return;
    }
    if (x->http->allowed != NULL && !x->http->allowed(x, x->http->app, x->match.route->role)) {
        if (x->answer.status == 0) {
            vox_exchange_fail(x, 403, "This is not allowed");
        }
        return;
    }
    if (framing->lengths > 0 || framing->codings > 0) {
        begin_body(x);
    }
}

bool vox_arrival_handle(struct vox_exchange *x)
{
    bool parked = false;
    x->parked = &parked;
    x->match.route->handler(x, x->http->app);
    if (parked) {
        return true;
    }
    x->parked = NULL;
    return false;
}

/* ---- what every answer has ---- */

static void add_cors(struct vox_exchange *x)
{
    const char *origin = vox_exchange_header(x, "Origin");
    if (origin == NULL || !is_allowed(x->http, origin)) {
        return;
    }
    const bool anybody =
        x->http->origins == NULL && !is_preflight(x) && vox_exchange_header(x, "Cookie") == NULL;
    vox_answer_own_header(x, "Access-Control-Allow-Origin", anybody ? "*" : origin);
    vox_answer_own_header(x, "Access-Control-Allow-Credentials", "true");
    if (!anybody) {
        vox_answer_own_header(x, "Vary", "Origin");
    }
}

static void add_timing(struct vox_exchange *x)
{
    struct vox_text text = {0};
    vox_text_format(&text, "total;dur=%.1f", (vox_http_clock() - x->started) * 1e3);
    for (size_t i = 0; i < x->timings; i++) {
        vox_text_format(&text, ", %s;dur=%.1f", x->timing[i].name, x->timing[i].seconds * 1e3);
    }
    if (text.data != NULL) {
        vox_answer_own_header(x, "Server-Timing", text.data);
    }
    vox_text_clear(&text);
}

void vox_arrival_seal(struct vox_exchange *x)
{
    if (x->answer.status == 0) {
        vox_exchange_fail(x, 500, "Internal Server Error");
    }
    add_cors(x);
    add_timing(x);
    vox_answer_own_header(x, "X-Content-Type-Options", "nosniff");
    if (x->close || vox_http_draining(x->http)) {
        vox_answer_own_header(x, "Connection", "close");
    }
}
