#include "server/sessions.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "util/memory.h"
#include "util/private_folder.h"

enum {
    LOOK_SECONDS = 1, /* between two looks for what has expired */
    SHORTEST = 60,
    DEFAULT_EXPIRY = 3600,
    DEFAULT_COUNT = 64,
    COPY_BYTES = 1 << 20
};
static const uint64_t default_bytes = UINT64_C(4) << 30;

struct session {
    struct session *next;
    char id[VOX_SESSION_ID_BYTES];
    char *folder, *image;
    bool single;
    int64_t created, last_access, expiry;
};

struct vox_sessions {
    struct vox_sessions_setup setup;
    struct vox_private_folder *folder;
    pthread_mutex_t lock;
    pthread_cond_t closed;
    pthread_t thread;
    bool closing;
    struct session *first;
    int64_t n; /* with those that are being made */
};

static int64_t now_seconds(void)
{
    return (int64_t)time(NULL);
}

static void free_session(struct session *session)
{
    if (session != NULL) {
        vox_free(session->folder);
        vox_free(session->image);
        vox_free(session);
    }
}

/* ---- expiry ---- */

/* Takes out the session at *at. Under the lock. */
static struct session *take_out(struct vox_sessions *sessions, struct session **at)
{
    struct session *session = *at;
    *at = session->next;
    session->next = NULL;
    sessions->n--;
    return session;
}

static struct session *take_expired(struct vox_sessions *sessions)
{
    int64_t now = now_seconds();
    struct session *gone = NULL, **at = &sessions->first;
    while (*at != NULL) {
        if (now - (*at)->last_access < (*at)->expiry) {
            at = &(*at)->next;
            continue;
        }
        struct session *session = take_out(sessions, at);
        session->next = gone;
        gone = session;
    }
    return gone;
}

static void remove_all(struct session *gone)
{
    while (gone != NULL) {
        struct session *next = gone->next;
        vox_remove_tree(gone->folder);
        free_session(gone);
        gone = next;
    }
}

static void *expire(void *context)
{
    struct vox_sessions *sessions = context;
    pthread_mutex_lock(&sessions->lock);
    while (!sessions->closing) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += LOOK_SECONDS;
        (void)pthread_cond_clockwait(&sessions->closed, &sessions->lock, CLOCK_MONOTONIC, &until);
        struct session *gone = take_expired(sessions);
        pthread_mutex_unlock(&sessions->lock);
        remove_all(gone);
        pthread_mutex_lock(&sessions->lock);
    }
    pthread_mutex_unlock(&sessions->lock);
    return NULL;
}

/* ---- opening and closing ---- */

static enum vox_code start(struct vox_sessions *sessions, struct vox_err *err)
{
    if (pthread_mutex_init(&sessions->lock, NULL) != 0) {
        return vox_fail(err, VOX_E_NOMEM, "no memory for a lock");
    }
    if (pthread_cond_init(&sessions->closed, NULL) != 0) {
        pthread_mutex_destroy(&sessions->lock);
        return vox_fail(err, VOX_E_NOMEM, "no memory for a condition");
    }
    int error = pthread_create(&sessions->thread, NULL, expire, sessions);
    if (error != 0) {
        pthread_cond_destroy(&sessions->closed);
        pthread_mutex_destroy(&sessions->lock);
        return vox_fail_sys(err, VOX_E_NOMEM, error, "cannot start a thread");
    }
    return VOX_OK;
}

enum vox_code vox_sessions_open(const struct vox_sessions_setup *setup, struct vox_sessions **out,
                                struct vox_err *err)
{
    struct vox_sessions *sessions = vox_calloc(1, sizeof(*sessions));
    if (sessions == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    sessions->setup = *setup;
    sessions->setup.folder = NULL;
    if (setup->expiry <= SHORTEST) {
        sessions->setup.expiry = DEFAULT_EXPIRY;
    }
    if (setup->count <= 0) {
        sessions->setup.count = DEFAULT_COUNT;
    }
    if (setup->bytes == 0) {
        sessions->setup.bytes = default_bytes;
    }
    enum vox_code code = vox_private_folder_open(setup->folder, &sessions->folder, err);
    if (code == VOX_OK) {
        code = start(sessions, err);
    }
    if (code != VOX_OK) {
        vox_private_folder_close(sessions->folder);
        vox_free(sessions);
        return code;
    }
    *out = sessions;
    return VOX_OK;
}

void vox_sessions_close(struct vox_sessions *sessions)
{
    if (sessions == NULL) {
        return;
    }
    pthread_mutex_lock(&sessions->lock);
    sessions->closing = true;
    pthread_cond_signal(&sessions->closed);
    pthread_mutex_unlock(&sessions->lock);
    pthread_join(sessions->thread, NULL);
    remove_all(sessions->first);
    vox_private_folder_close(sessions->folder);
    pthread_cond_destroy(&sessions->closed);
    pthread_mutex_destroy(&sessions->lock);
    vox_free(sessions);
}

/* ---- files ---- */

static char *join(const char *folder, const char *name)
{
    size_t size = strlen(folder) + strlen(name) + 2;
    char *path = vox_alloc(size);
    if (path != NULL) {
        snprintf(path, size, "%s/%s", folder, name);
    }
    return path;
}

/* The ending of a client's name, of those that tell a format; "" for others. */
static const char *ending_of(const char *name)
{
    static const char *const endings[] = {".nii.gz", ".nii", ".seg.nrrd", ".nrrd",
                                          ".mha",    ".dcm", ".zip"};
    size_t length = strlen(name);
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        size_t tail = strlen(endings[i]);
        if (length > tail && strcasecmp(name + length - tail, endings[i]) == 0) {
            return endings[i];
        }
    }
    return "";
}

static enum vox_code copy_bytes(int from, int to, struct vox_err *err)
{
    char *buffer = vox_alloc(COPY_BYTES);
    if (buffer == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    enum vox_code code = VOX_OK;
    ssize_t n;
    while ((n = read(from, buffer, COPY_BYTES)) > 0 && code == VOX_OK) {
        for (ssize_t done = 0, part; done < n; done += part) {
            part = write(to, buffer + done, (size_t)(n - done));
            if (part <= 0) {
                code = vox_fail_sys(err, VOX_E_IO, errno, "cannot write a session's file");
                break;
            }
        }
    }
    if (code == VOX_OK && n < 0) {
        code = vox_fail_sys(err, VOX_E_IO, errno, "cannot read the upload");
    }
    vox_free(buffer);
    return code;
}

static enum vox_code copy_file(const char *from, const char *to, struct vox_err *err)
{
    int in = open(from, O_RDONLY | O_CLOEXEC);
    if (in < 0) {
        return vox_fail_sys(err, VOX_E_IO, errno, "cannot read the upload");
    }
    int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    enum vox_code code = out >= 0
                             ? copy_bytes(in, out, err)
                             : vox_fail_sys(err, VOX_E_IO, errno, "cannot write a session's file");
    close(in);
    if (out >= 0 && close(out) != 0 && code == VOX_OK) {
        code = vox_fail_sys(err, VOX_E_IO, errno, "cannot write a session's file");
    }
    return code;
}

static enum vox_code bring_file(const struct vox_session_file *file, const char *to,
                                struct vox_err *err)
{
    if (!file->keep && rename(file->path, to) == 0) {
        return VOX_OK;
    }
    enum vox_code code = copy_file(file->path, to, err);
    if (code == VOX_OK && !file->keep) {
        (void)unlink(file->path);
    }
    return code;
}

static enum vox_code check_files(const struct vox_sessions *sessions,
                                 const struct vox_session_file *files, int n, struct vox_err *err)
{
    uint64_t bytes = 0;
    if (n < 1 || n > VOX_SESSION_FILES_MAX) {
        return vox_fail(err, VOX_E_LIMIT, "a session has 1 to %d files", VOX_SESSION_FILES_MAX);
    }
    for (int i = 0; i < n; i++) {
        struct stat st;
        if (stat(files[i].path, &st) != 0) {
            return vox_fail_sys(err, VOX_E_IO, errno, "cannot read the upload");
        }
        bytes += (uint64_t)st.st_size;
        if (bytes > sessions->setup.bytes) {
            return vox_fail(err, VOX_E_LIMIT, "the session's files are larger than %llu bytes",
                            (unsigned long long)sessions->setup.bytes);
        }
    }
    return VOX_OK;
}

/* Names: image.nii.gz for one file, 0001.dcm and so on for several. */
static enum vox_code bring_files(struct session *session, const struct vox_session_file *files,
                                 int n, struct vox_err *err)
{
    enum vox_code code = VOX_OK;
    for (int i = 0; i < n && code == VOX_OK; i++) {
        char name[32];
        const char *ending = ending_of(files[i].name);
        if (n == 1) {
            snprintf(name, sizeof(name), "image%s", ending);
        } else {
            snprintf(name, sizeof(name), "%04d%s", i, ending);
        }
        char *path = join(session->folder, name);
        code = path != NULL ? bring_file(&files[i], path, err)
                            : vox_fail(err, VOX_E_NOMEM, "out of memory");
        if (n == 1) {
            session->image = path;
        } else {
            vox_free(path);
        }
    }
    if (n > 1 && code == VOX_OK) {
        session->image = vox_strdup(session->folder);
        code = session->image != NULL ? VOX_OK : vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    session->single = n == 1;
    return code;
}

/* ---- sessions ---- */

/* A random UUID (RFC 9562, version 4). */
static enum vox_code make_id(char id[VOX_SESSION_ID_BYTES], struct vox_err *err)
{
    unsigned char r[16];
    if (getrandom(r, sizeof(r), 0) != (ssize_t)sizeof(r)) {
        return vox_fail(err, VOX_E_IO, "no random numbers");
    }
    r[6] = (unsigned char)((r[6] & 0x0f) | 0x40);
    r[8] = (unsigned char)((r[8] & 0x3f) | 0x80);
    snprintf(id, VOX_SESSION_ID_BYTES,
             "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", r[0], r[1],
             r[2], r[3], r[4], r[5], r[6], r[7], r[8], r[9], r[10], r[11], r[12], r[13], r[14],
             r[15]);
    return VOX_OK;
}

static enum vox_code describe(const struct session *session, struct vox_session_facts *out,
                              struct vox_err *err)
{
    struct vox_session_facts facts = {
        .image = vox_strdup(session->image),
        .folder = vox_strdup(session->folder),
        .single = session->single,
        .created = session->created,
        .last_access = session->last_access,
        .expiry = session->expiry,
    };
    memcpy(facts.id, session->id, sizeof(facts.id));
    if (facts.image == NULL || facts.folder == NULL) {
        vox_session_facts_fini(&facts);
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    *out = facts;
    return VOX_OK;
}

void vox_session_facts_fini(struct vox_session_facts *facts)
{
    vox_free(facts->image);
    vox_free(facts->folder);
    *facts = (struct vox_session_facts){0};
}

static enum vox_code make_session(struct vox_sessions *sessions,
                                  const struct vox_session_file *files, int n, struct session **out,
                                  struct vox_err *err)
{
    struct session *session = vox_calloc(1, sizeof(*session));
    if (session == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    enum vox_code code = make_id(session->id, err);
    if (code == VOX_OK) {
        session->folder = join(vox_private_folder_path(sessions->folder), session->id);
        code = session->folder != NULL ? VOX_OK : vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    if (code == VOX_OK && mkdir(session->folder, 0700) != 0) {
        code = vox_fail_sys(err, VOX_E_IO, errno, "cannot make a session's folder");
    }
    if (code == VOX_OK) {
        code = bring_files(session, files, n, err);
    }
    if (code != VOX_OK) {
        if (session->folder != NULL) {
            vox_remove_tree(session->folder);
        }
        free_session(session);
        return code;
    }
    *out = session;
    return VOX_OK;
}

static enum vox_code reserve(struct vox_sessions *sessions, struct vox_err *err)
{
    pthread_mutex_lock(&sessions->lock);
    bool room = sessions->n < sessions->setup.count;
    sessions->n += room;
    pthread_mutex_unlock(&sessions->lock);
    return room ? VOX_OK
                : vox_fail(err, VOX_E_BUSY, "there are %lld sessions already; try again later",
                           (long long)sessions->setup.count);
}

static void unreserve(struct vox_sessions *sessions)
{
    pthread_mutex_lock(&sessions->lock);
    sessions->n--;
    pthread_mutex_unlock(&sessions->lock);
}

enum vox_code vox_sessions_create(struct vox_sessions *sessions,
                                  const struct vox_session_file *files, int n, int64_t expiry,
                                  struct vox_session_facts *out, struct vox_err *err)
{
    struct session *session;
    enum vox_code code = check_files(sessions, files, n, err);
    if (code == VOX_OK) {
        code = reserve(sessions, err);
    }
    if (code != VOX_OK) {
        return code;
    }
    code = make_session(sessions, files, n, &session, err);
    if (code != VOX_OK) {
        unreserve(sessions);
        return code;
    }
    session->created = session->last_access = now_seconds();
    session->expiry =
        expiry > 0 && expiry < sessions->setup.expiry ? expiry : sessions->setup.expiry;
    code = describe(session, out, err);
    if (code != VOX_OK) {
        vox_remove_tree(session->folder);
        free_session(session);
        unreserve(sessions);
        return code;
    }
    pthread_mutex_lock(&sessions->lock);
    session->next = sessions->first;
    sessions->first = session;
    pthread_mutex_unlock(&sessions->lock);
    return VOX_OK;
}

/* The place of the session of that id that has not expired; NULL: there is none. */
static struct session **find(struct vox_sessions *sessions, const char *id)
{
    struct session **at = &sessions->first;
    while (*at != NULL && strcmp((*at)->id, id) != 0) {
        at = &(*at)->next;
    }
    bool lives = *at != NULL && now_seconds() - (*at)->last_access < (*at)->expiry;
    return lives ? at : NULL;
}

enum vox_code vox_sessions_find(struct vox_sessions *sessions, const char *id, bool use,
                                struct vox_session_facts *out, struct vox_err *err)
{
    pthread_mutex_lock(&sessions->lock);
    struct session **at = find(sessions, id);
    enum vox_code code = VOX_E_NOT_FOUND;
    if (at != NULL) {
        if (use) {
            (*at)->last_access = now_seconds();
        }
        code = describe(*at, out, err);
    }
    pthread_mutex_unlock(&sessions->lock);
    return at != NULL ? code : vox_fail(err, VOX_E_NOT_FOUND, "there is no such session");
}

enum vox_code vox_sessions_remove(struct vox_sessions *sessions, const char *id,
                                  struct vox_session_facts *out, struct vox_err *err)
{
    struct session *session = NULL;
    pthread_mutex_lock(&sessions->lock);
    struct session **at = find(sessions, id);
    enum vox_code code = VOX_OK;
    if (at != NULL) {
        (*at)->last_access = now_seconds();
        code = describe(*at, out, err);
        session = code == VOX_OK ? take_out(sessions, at) : NULL;
    }
    pthread_mutex_unlock(&sessions->lock);
    if (at == NULL) {
        return vox_fail(err, VOX_E_NOT_FOUND, "there is no such session");
    }
    remove_all(session);
    return code;
}

int64_t vox_sessions_count(struct vox_sessions *sessions)
{
    pthread_mutex_lock(&sessions->lock);
    int64_t n = sessions->n;
    pthread_mutex_unlock(&sessions->lock);
    return n;
}
