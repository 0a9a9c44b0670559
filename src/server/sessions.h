/* Sessions: images that clients upload to work on for a while.
 *
 * Each lies in a folder of its own, below one private folder (mode 0700) of this process, under
 * names that the server makes. It goes when it was not used for as long as it may live, when it is
 * removed, when the server ends, and when the next server on the same folder starts after one that
 * was killed. All functions may be called from any thread. */
#ifndef VOX_SERVER_SESSIONS_H
#define VOX_SERVER_SESSIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"

struct vox_sessions;

struct vox_sessions_setup {
    const char *folder; /* made where it is missing; may be shared by several servers */
    int64_t expiry;     /* seconds, the longest life after the last use; up to 60: 3600 */
    int64_t count;      /* sessions at the same time; 0: 64 */
    uint64_t bytes;     /* of one session's files; 0: 4 GiB */
};

enum { VOX_SESSION_ID_BYTES = 37, VOX_SESSION_FILES_MAX = 4096 };

/* Starts the thread that removes what has expired. VOX_E_IO, VOX_E_NOMEM. */
enum vox_code vox_sessions_open(const struct vox_sessions_setup *setup, struct vox_sessions **out,
                                struct vox_err *err) VOX_MUST_USE;
void vox_sessions_close(struct vox_sessions *sessions); /* removes all; NULL is allowed */

/* A file that was uploaded: where it lies, and what the client called it, of which the ending alone
 * is used. */
struct vox_session_file {
    const char *path, *name;
    bool keep; /* copy it; else it is moved */
};

struct vox_session_facts {
    char id[VOX_SESSION_ID_BYTES];
    char *image;                          /* the file, or the folder of several; vox_free */
    char *folder;                         /* vox_free */
    bool single;                          /* one file */
    int64_t created, last_access, expiry; /* seconds */
};
void vox_session_facts_fini(struct vox_session_facts *facts); /* all zero is allowed */

/* expiry 0: the longest; else that at most. VOX_E_BUSY for too many sessions, VOX_E_LIMIT for files
 * too large or too many, VOX_E_IO, VOX_E_NOMEM. The caller ends *out. */
enum vox_code vox_sessions_create(struct vox_sessions *sessions,
                                  const struct vox_session_file *files, int n, int64_t expiry,
                                  struct vox_session_facts *out, struct vox_err *err) VOX_MUST_USE;

/* `use` puts its end off. VOX_E_NOT_FOUND also for ids that cannot be. The caller ends *out. */
enum vox_code vox_sessions_find(struct vox_sessions *sessions, const char *id, bool use,
                                struct vox_session_facts *out, struct vox_err *err) VOX_MUST_USE;

/* Removes it; *out is what it was, for the caller to end. Files that somebody has open stay
 * readable to him. */
enum vox_code vox_sessions_remove(struct vox_sessions *sessions, const char *id,
                                  struct vox_session_facts *out, struct vox_err *err) VOX_MUST_USE;

int64_t vox_sessions_count(struct vox_sessions *sessions);

#endif
