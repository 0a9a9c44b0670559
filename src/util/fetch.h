/* Downloads by HTTPS: a file that arrives complete and checked, or stays beside its place as far as
 * it came, to be gone on with.
 *
 * Only https is spoken, also after a redirect. The proxy is the one that https_proxy, ALL_PROXY and
 * no_proxy of the environment name, as for curl. */
#ifndef VOX_UTIL_FETCH_H
#define VOX_UTIL_FETCH_H

#include <stdatomic.h>
#include <stdint.h>

#include "util/error.h"
#include "util/hash.h"

struct vox_fetched {
    uint64_t size;
    char sha256[VOX_SHA256_HEX];
};

struct vox_fetch_request {
    const char *url;          /* https://... */
    const char *path;         /* the file; until it is complete its bytes are in PATH.part */
    const char *ca_file;      /* certificates to trust besides the system's, PEM; NULL: none */
    const char *sha256;       /* that the file must have; NULL: not known */
    uint64_t size;            /* bytes that it must have; 0: not known */
    uint64_t max_size;        /* at most, in any case */
    const atomic_int *cancel; /* not 0: stop; NULL: never */

    /* How far it is; some times a second, also while nothing arrives. `total` is 0 where it is not
     * known. NULL: nobody asks. */
    void (*progress)(void *context, uint64_t done, uint64_t total);
    /* The connection was lost and is tried again. NULL: nobody asks. */
    void (*again)(void *context, const struct vox_err *why);
    /* Looks at the complete file, still under the name `part`, before it gets its own; what it
     * refuses is removed. NULL: none. */
    enum vox_code (*check)(void *context, const char *part, const struct vox_fetched *fetched,
                           struct vox_err *err);
    void *context;
};

/* Downloads a file, or goes on with what an earlier call left, where the server still has the same
 * version. A lost connection is tried again while it brings something. VOX_E_CANCELLED within a
 * fraction of a second; VOX_E_BUSY with `sys` not 0 where network or server are the reason, with 0
 * where another process downloads the same file; VOX_E_NOT_FOUND where the server has no such file;
 * VOX_E_LIMIT, VOX_E_FORMAT where the file is not the one that was asked for (its bytes are then
 * dropped); VOX_E_ARG for an address or certificates that are none; VOX_E_IO for the disk. */
enum vox_code vox_fetch(const struct vox_fetch_request *request, struct vox_fetched *out,
                        struct vox_err *err) VOX_MUST_USE;

#endif
