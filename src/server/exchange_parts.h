/* What an exchange is made of, for the files that build it; handlers see server/exchange.h. */
#ifndef VOX_SERVER_EXCHANGE_PARTS_H
#define VOX_SERVER_EXCHANGE_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "server/exchange.h"
#include "server/form.h"
#include "server/links.h"
#include "server/query.h"
#include "server/router.h"

struct vox_feed;

enum { VOX_ANSWER_PIECES = 3, VOX_TIMINGS = 12, VOX_METHOD_BYTES = 16, VOX_PEER_BYTES = 64 };

/* A stretch of an answer's body. */
struct vox_piece {
    const void *data; /* NULL: of a file */
    void *owned;      /* `data`, where vox_free is to release it */
    int fd;           /* -1: none; owned */
    uint64_t offset;  /* in the file */
    uint64_t size;
};

struct vox_answer {
    int status; /* 0: there is none yet */
    size_t count;
    struct vox_piece pieces[VOX_ANSWER_PIECES];
    struct vox_pairs headers;
    struct vox_feed *feed;
};

struct vox_timing {
    char name[24];
    double seconds;
};

/* How far the request is, on the thread of its connection. */
enum vox_stage {
    VOX_STAGE_NEW,    /* headers have come, nothing was decided */
    VOX_STAGE_BODY,   /* the body arrives */
    VOX_STAGE_DRAIN,  /* an answer is there; the rest of the body is dropped */
    VOX_STAGE_HANDLED /* a handler has it, or has answered */
};

/* What the headers say of the request's size. */
struct vox_framing {
    size_t header_bytes;
    size_t lengths; /* headers Content-Length */
    size_t codings; /* headers Transfer-Encoding */
    uint64_t length;
    bool chunked;  /* the one coding is that, and the client speaks HTTP/1.1 */
    bool expects;  /* 100-continue */
    bool misnamed; /* a header's name is empty or holds a blank */
};

struct vox_json_node {
    struct vox_json *json;
    struct vox_json_node *next;
};

struct vox_exchange {
    struct vox_http *http;
    void *connection; /* of the HTTP library */
    struct vox_link *link;
    const struct vox_http_limits *limits;
    struct vox_spool *spool;

    char method[VOX_METHOD_BYTES];
    char peer[VOX_PEER_BYTES];
    char *target; /* as it came */
    struct vox_span path;
    struct vox_span query_text;
    struct vox_route_match match;
    char *param[VOX_ROUTE_SEGMENTS];
    char *spaced[VOX_ROUTE_SEGMENTS];
    struct vox_pairs query;

    enum vox_stage stage;
    struct vox_framing framing;
    struct vox_form *form;
    struct vox_json_node *json; /* all that were parsed */
    uint64_t received;
    double started;
    double body_started;
    uint64_t dropped;          /* bytes of a body that nobody wants */
    bool suspended;            /* the connection is */
    bool active;               /* a handler may have it */
    bool close;                /* the connection ends with this answer */
    bool *parked;              /* told when the handler suspends; on the handler's stack */
    struct vox_exchange *next; /* in the queue of workers */

    struct vox_answer answer;
    struct vox_pairs headers; /* that handlers added */
    size_t timings;
    struct vox_timing timing[VOX_TIMINGS];
    uint64_t sent;
};

/* ---- exchange.c ---- */

/* Splits a target ("/a?b", "http://host/a?b") into path and query; NULL target is "/". VOX_E_NOMEM.
 */
enum vox_code vox_exchange_set_target(struct vox_exchange *x, const char *target,
                                      struct vox_err *err) VOX_MUST_USE;

/* Decodes the variables of the route and the query. VOX_E_FORMAT, VOX_E_LIMIT, VOX_E_NOMEM. */
enum vox_code vox_exchange_decode(struct vox_exchange *x, struct vox_err *err) VOX_MUST_USE;

/* Releases what the exchange holds, not itself. */
void vox_exchange_clear(struct vox_exchange *x);

/* ---- answer.c ---- */

/* Drops the answer that is there and begins one; the caller adds pieces. */
struct vox_answer *vox_answer_begin(struct vox_exchange *x, int status);
void vox_answer_clear(struct vox_answer *answer);

/* A header of this answer alone. */
void vox_answer_own_header(struct vox_exchange *x, const char *name, const char *value);

/* Appends a stretch; takes what it owns. */
void vox_answer_piece(struct vox_exchange *x, const struct vox_piece *piece);
void vox_piece_clear(struct vox_piece *piece);

/* Reads what lies `at` bytes behind the begin of the first piece; bytes that were read, 0 at the
 * end, -1 where a file became shorter than was announced. */
ssize_t vox_pieces_read(const struct vox_piece *pieces, size_t count, uint64_t at, char *out,
                        size_t room);

/* Appends bytes that vox_free releases; NULL is no memory, and the answer becomes a 500. */
void vox_answer_owned(struct vox_exchange *x, void *data, size_t size);

/* ---- http.c ---- */

/* A header of the request, by the library. */
const char *vox_connection_header(void *connection, const char *name);
void vox_connection_suspend(struct vox_exchange *x);
void vox_connection_resume(struct vox_exchange *x);

double vox_http_clock(void);

#endif
