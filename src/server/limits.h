/* Bounds on what a client may ask of the server before anybody has looked at what it asks.
 *
 * One row per bound: member, default, smallest and largest value that a configuration may give, the
 * configuration's name. Sizes are bytes, times are seconds. */
#ifndef VOX_SERVER_LIMITS_H
#define VOX_SERVER_LIMITS_H

#include <stdint.h>

#include "util/error.h"

/* clang-format off */
#define VOX_HTTP_LIMITS(X) \
    /* of a body, form or not; a volume of 1024 slices has 0.5 GiB */ \
    X(body, UINT64_C(4) << 30, 1024, UINT64_C(1) << 40, "max-body") \
    /* of a body that is JSON, and of all text fields of a form together */ \
    X(text, UINT64_C(8) << 20, 1024, UINT64_C(256) << 20, "max-text") \
    /* of all headers and the request line */ \
    X(header, 16384, 1024, 65536, "max-header") \
    /* names with values in a query or a form of that kind */ \
    X(fields, 256, 8, 10000, "max-fields") \
    /* fields and files of a multipart body */ \
    X(parts, 256, 1, 10000, "max-parts") \
    /* of one file of a form, before it goes on from memory to the disk */ \
    X(upload_memory, 65536, 0, UINT64_C(64) << 20, "upload-memory") \
    /* nested arrays and objects of JSON; values in it */ \
    X(json_depth, 32, 4, 1000, "json-depth") \
    X(json_values, 1000000, 100, 100000000, "json-values") \
    /* connections at the same time: of all clients, and of one address */ \
    X(connections, 512, 1, 100000, "max-connections") \
    X(connections_per_address, 256, 1, 100000, "max-connections-per-address") \
    /* for the headers of a request to arrive, from the connection or the last answer on; and for
     * a body at least this and what its size needs at the rate */ \
    X(request_time, 60, 1, 3600, "request-timeout") \
    /* bytes per second of a body that goes on arriving after that time */ \
    X(body_rate, 16384, 1, UINT64_C(1) << 30, "min-body-rate") \
    /* in which a client takes none of an answer */ \
    X(idle_time, 60, 1, 3600, "idle-timeout") \
    /* of a refused body, read and dropped so that the client sees the answer */ \
    X(linger, UINT64_C(16) << 20, 0, UINT64_C(1) << 30, "linger-body") \
    /* of events that wait for a client that reads slowly */ \
    X(feed, UINT64_C(8) << 20, 4096, UINT64_C(256) << 20, "max-event-queue")
/* clang-format on */

struct vox_http_limits {
#define VOX_LIMIT_MEMBER(member, value, least, most, name) uint64_t member;
    VOX_HTTP_LIMITS(VOX_LIMIT_MEMBER)
#undef VOX_LIMIT_MEMBER
};

void vox_http_limits_default(struct vox_http_limits *out);

/* Sets the bound of that configuration name. VOX_E_NOT_FOUND for a name that is none, VOX_E_LIMIT
 * beyond what it may be. */
enum vox_code vox_http_limits_set(struct vox_http_limits *limits, const char *name, uint64_t value,
                                  struct vox_err *err) VOX_MUST_USE;

#endif
