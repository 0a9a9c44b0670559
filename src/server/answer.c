#include "server/answer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/exchange_parts.h"
#include "server/feed.h"
#include "server/text_builder.h"
#include "util/memory.h"

enum { HEADERS = 64 };
static const char json_type[] = "application/json";

void vox_piece_clear(struct vox_piece *piece)
{
    vox_free(piece->owned);
    if (piece->fd >= 0) {
        (void)close(piece->fd);
    }
    *piece = (struct vox_piece){.fd = -1};
}

static ssize_t read_piece(const struct vox_piece *piece, uint64_t at, char *out, size_t room)
{
    const uint64_t left = piece->size - at;
    const size_t size = left < room ? (size_t)left : room;
    if (piece->data != NULL) {
        memcpy(out, (const char *)piece->data + at, size);
        return (ssize_t)size;
    }
    ssize_t n = -1;
    do {
        n = pread(piece->fd, out, size, (off_t)(piece->offset + at));
    } while (n < 0 && errno == EINTR);
    return n > 0 ? n : -1;
}

ssize_t vox_pieces_read(const struct vox_piece *pieces, size_t count, uint64_t at, char *out,
                        size_t room)
{
    for (size_t i = 0; i < count; i++) {
        if (at < pieces[i].size) {
            return read_piece(&pieces[i], at, out, room);
        }
        at -= pieces[i].size;
    }
    return 0;
}

void vox_answer_clear(struct vox_answer *answer)
{
    for (size_t i = 0; i < answer->count; i++) {
        vox_piece_clear(&answer->pieces[i]);
    }
    vox_pairs_clear(&answer->headers);
    if (answer->feed != NULL) {
        vox_feed_drop(answer->feed);
    }
    *answer = (struct vox_answer){0};
}

struct vox_answer *vox_answer_begin(struct vox_exchange *x, int status)
{
    vox_answer_clear(&x->answer);
    x->answer.status = status;
    return &x->answer;
}

void vox_answer_piece(struct vox_exchange *x, const struct vox_piece *piece)
{
    VOX_ASSERT(x->answer.count < VOX_ANSWER_PIECES);
    x->answer.pieces[x->answer.count++] = *piece;
}

/* The answer where there is no memory for another. */
static void answer_nothing(struct vox_exchange *x)
{
    static const char text[] = "{\"detail\":\"There is no memory for the answer\"}";
    struct vox_answer *answer = vox_answer_begin(x, 500);
    answer->pieces[0] = (struct vox_piece){.data = text, .fd = -1, .size = sizeof(text) - 1};
    answer->count = 1;
}

void vox_answer_owned(struct vox_exchange *x, void *data, size_t size)
{
    if (data == NULL) {
        answer_nothing(x);
        return;
    }
    const struct vox_piece piece = {.data = data, .owned = data, .fd = -1, .size = size};
    vox_answer_piece(x, &piece);
}

/* Copies name and value without control bytes; false where there is no memory. */
static bool add_header(struct vox_pairs *headers, const char *name, const char *value)
{
    char *names = vox_strdup(name);
    char *values = vox_strdup(value);
    if (names == NULL || values == NULL) {
        vox_free(names);
        vox_free(values);
        return false;
    }
    size_t n = 0;
    for (size_t i = 0; values[i] != '\0'; i++) {
        if ((unsigned char)values[i] >= ' ' && values[i] != 0x7f) {
            values[n++] = values[i];
        }
    }
    values[n] = '\0';
    return vox_pairs_add(headers, HEADERS, names, values, NULL) == VOX_OK;
}

void vox_answer_own_header(struct vox_exchange *x, const char *name, const char *value)
{
    if (!add_header(&x->answer.headers, name, value)) {
        answer_nothing(x);
    }
}

void vox_answer_header(struct vox_exchange *x, const char *name, const char *value)
{
    (void)add_header(&x->headers, name, value);
}

void vox_answer_timing(struct vox_exchange *x, const char *name, double seconds)
{
    if (x->timings < VOX_TIMINGS) {
        struct vox_timing *timing = &x->timing[x->timings++];
        (void)snprintf(timing->name, sizeof(timing->name), "%s", name);
        timing->seconds = seconds;
    }
}

void vox_answer_bytes(struct vox_exchange *x, int status, const char *type, const void *data,
                      size_t size)
{
    void *copy = vox_alloc(size);
    if (copy != NULL && size > 0) {
        memcpy(copy, data, size);
    }
    (void)vox_answer_begin(x, status);
    vox_answer_owned(x, copy, size);
    vox_answer_own_header(x, "Content-Type", type);
}

void vox_answer_static(struct vox_exchange *x, int status, const char *type, const void *data,
                       size_t size)
{
    const struct vox_piece piece = {.data = data, .fd = -1, .size = size};
    (void)vox_answer_begin(x, status);
    vox_answer_piece(x, &piece);
    vox_answer_own_header(x, "Content-Type", type);
}

void vox_answer_json(struct vox_exchange *x, int status, const char *text)
{
    vox_answer_bytes(x, status, json_type, text, strlen(text));
}

void vox_answer_writer(struct vox_exchange *x, int status, struct vox_json_writer *json)
{
    const char *text = NULL;
    size_t size = 0;
    if (json == NULL || vox_json_writer_text(json, &text, &size, NULL) != VOX_OK) {
        answer_nothing(x);
        vox_answer_own_header(x, "Content-Type", json_type);
        return;
    }
    vox_answer_bytes(x, status, json_type, text, size);
}

/* Takes the text. */
static void answer_text(struct vox_exchange *x, int status, struct vox_text *text)
{
    (void)vox_answer_begin(x, status);
    if (text->lost) {
        vox_text_clear(text);
    }
    vox_answer_owned(x, text->data, text->size);
    *text = (struct vox_text){0};
    vox_answer_own_header(x, "Content-Type", json_type);
}

/* ---- refusals ---- */

int vox_http_status(enum vox_code code)
{
    switch (code) {
    case VOX_OK:
        return 200;
    case VOX_E_ARG:
    case VOX_E_FORMAT:
    case VOX_E_UNSUPPORTED:
        return 422;
    case VOX_E_LIMIT:
        return 413;
    case VOX_E_NOT_FOUND:
        return 404;
    case VOX_E_BUSY:
    case VOX_E_NOMEM:
        return 503;
    case VOX_E_CANCELLED:
        return 409;
    case VOX_E_IO:
    case VOX_E_BACKEND:
    case VOX_E_INTERNAL:
        break;
    }
    return 500;
}

static void fail_with(struct vox_exchange *x, int status, const char *sentence)
{
    struct vox_text text = {0};
    vox_text_put(&text, "{\"detail\":");
    vox_text_json(&text, sentence);
    vox_text_put(&text, "}");
    answer_text(x, status, &text);
    if (status == 503) {
        vox_answer_own_header(x, "Retry-After", "1");
    }
    if (status == 401) {
        vox_answer_own_header(x, "WWW-Authenticate", "Bearer");
    }
}

void vox_exchange_fail(struct vox_exchange *x, int status, const char *format, ...)
{
    char sentence[1024];
    va_list list;
    va_start(list, format);
    (void)vsnprintf(sentence, sizeof(sentence), format, list);
    va_end(list);
    fail_with(x, status, sentence);
}

void vox_exchange_fail_err(struct vox_exchange *x, const struct vox_err *err)
{
    bool full = err->code == VOX_E_IO && (err->sys == ENOSPC || err->sys == EDQUOT);
    fail_with(x, full ? 507 : vox_http_status(err->code), err->msg);
}

static void refuse(struct vox_exchange *x, const char *where, const char *name, const char *type,
                   const char *input, const char *sentence)
{
    struct vox_text text = {0};
    vox_text_put(&text, "{\"detail\":[{\"type\":");
    vox_text_json(&text, type);
    vox_text_put(&text, ",\"loc\":[");
    vox_text_json(&text, where);
    if (name != NULL) {
        vox_text_put(&text, ",");
        vox_text_json(&text, name);
    }
    vox_text_put(&text, "],\"msg\":");
    vox_text_json(&text, sentence);
    vox_text_put(&text, ",\"input\":");
    vox_text_json(&text, input);
    vox_text_put(&text, "}]}");
    answer_text(x, 422, &text);
}

void vox_exchange_missing(struct vox_exchange *x, const char *where, const char *name)
{
    refuse(x, where, name, "missing", NULL, "Field required");
}

void vox_exchange_invalid(struct vox_exchange *x, const char *where, const char *name,
                          const char *type, const char *input, const char *format, ...)
{
    char sentence[512];
    va_list list;
    va_start(list, format);
    (void)vsnprintf(sentence, sizeof(sentence), format, list);
    va_end(list);
    refuse(x, where, name, type, input, sentence);
}
