#include "store/watcher.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "store/checksums.h"
#include "store/folder_look.h"
#include "store/store_ids.h"
#include "util/memory.h"

enum {
    /* Created too: a second name for a file is not opened and closed. */
    FILE_EVENTS = IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE,
    SELF_EVENTS = IN_DELETE_SELF | IN_MOVE_SELF,
    SETTLE_MS = 40,   /* events come in bursts */
    BURST_MS = 250,   /* but are not waited for longer */
    PENDING_MS = 300, /* between two looks at files that are being written */
    RETRY_MS = 1000,  /* after a look that failed */
    WATCHES = 1024
};

struct vox_watcher {
    struct vox_datastore *store;
    pthread_t thread;
    int stop;    /* an event descriptor */
    int inotify; /* -1: polling */
    struct watched {
        int descriptor; /* of inotify */
        char *folder;
        bool tags; /* the folder of the tags' folders */
    } watched[WATCHES];
    int n_watched;

    /* What the events of a burst said. */
    bool look;                    /* something came or went */
    bool json;                    /* datastore_v2.json was written */
    bool touched;                 /* an image's file was replaced */
    bool tags_moved;              /* there may be new tags */
    struct vox_name_table closed; /* paths */
    bool said_failure;
};

/* --- watches --- */

static void remember(struct vox_watcher *w, int descriptor, const char *folder, bool tags)
{
    for (int i = 0; i < w->n_watched; i++) {
        if (w->watched[i].descriptor == descriptor) {
            w->watched[i].tags = w->watched[i].tags || tags;
            return;
        }
    }
    char *copy = w->n_watched < WATCHES ? vox_strdup(folder) : NULL;
    if (copy == NULL) {
        inotify_rm_watch(w->inotify, descriptor);
        return;
    }
    w->watched[w->n_watched++] = (struct watched){descriptor, copy, tags};
}

static bool watch(struct vox_watcher *w, const char *folder, bool tags)
{
    int descriptor = inotify_add_watch(w->inotify, folder, FILE_EVENTS | SELF_EVENTS | IN_ONLYDIR);
    if (descriptor < 0) {
        return errno == ENOENT || errno == ENOTDIR;
    }
    remember(w, descriptor, folder, tags);
    return true;
}

static bool watch_tags(struct vox_watcher *w)
{
    struct vox_name_table tags = {0};
    size_t cursor = 0;
    const char *tag;
    void *value;
    bool good = true;
    if (vox_folder_list(w->store->labels, &tags, NULL) == VOX_OK) {
        while (good && (tag = vox_name_table_next(&tags, &cursor, &value)) != NULL) {
            char *folder = vox_is_file_value(value) ? NULL : vox_store_tag_folder(w->store, tag);
            good = folder == NULL || watch(w, folder, false);
            vox_free(folder);
        }
    }
    vox_name_table_fini(&tags);
    return good;
}

static bool watch_all(struct vox_watcher *w)
{
    return watch(w, w->store->folder, false) && watch(w, w->store->images, false) &&
           watch(w, w->store->labels, true) && watch_tags(w);
}

static void forget(struct vox_watcher *w, int descriptor)
{
    for (int i = 0; i < w->n_watched; i++) {
        if (w->watched[i].descriptor == descriptor) {
            vox_free(w->watched[i].folder);
            w->watched[i] = w->watched[--w->n_watched];
            return;
        }
    }
}

/* --- events --- */

static const struct watched *find(const struct vox_watcher *w, int descriptor)
{
    for (int i = 0; i < w->n_watched; i++) {
        if (w->watched[i].descriptor == descriptor) {
            return &w->watched[i];
        }
    }
    return NULL;
}

static bool is_folder(const struct watched *watched, const char *folder)
{
    return strcmp(watched->folder, folder) == 0;
}

static void take_file(struct vox_watcher *w, const struct watched *watched, uint32_t mask,
                      const char *name)
{
    if ((mask & (IN_CLOSE_WRITE | IN_MOVED_TO)) == 0) {
        w->look = true;
        return;
    }
    char *path = vox_path_join(watched->folder, name);
    if (path == NULL || vox_name_table_put(&w->closed, path, w, NULL) != VOX_OK) {
        w->look = true; /* without memory it waits like others that are young */
    }
    vox_free(path);
}

static void take_event(struct vox_watcher *w, const struct inotify_event *event)
{
    const char *name = event->len > 0 ? event->name : "";
    if ((event->mask & IN_Q_OVERFLOW) != 0) {
        w->look = w->touched = w->tags_moved = true;
        return;
    }
    const struct watched *watched = find(w, event->wd);
    if ((event->mask & IN_IGNORED) != 0) {
        forget(w, event->wd);
        w->tags_moved = true;
        return;
    }
    if (watched == NULL || (event->mask & SELF_EVENTS) != 0) {
        w->look = w->look || watched != NULL;
        return;
    }
    if ((event->mask & IN_ISDIR) != 0) {
        w->tags_moved = w->tags_moved || watched->tags;
        w->look = w->look || watched->tags;
    } else if (is_folder(watched, w->store->folder) && strcmp(name, "datastore_v2.json") == 0) {
        w->json = w->json || (event->mask & IN_CREATE) == 0;
    } else if (name[0] != '.' && name[0] != '\0') {
        take_file(w, watched, event->mask, name);
    }
}

static void read_events(struct vox_watcher *w)
{
    _Alignas(struct inotify_event) char buffer[16384];
    for (;;) {
        ssize_t n = read(w->inotify, buffer, sizeof(buffer));
        if (n <= 0) {
            return;
        }
        for (ssize_t at = 0; at < n;) {
            const struct inotify_event *event = (const void *)(buffer + at);
            take_event(w, event);
            at += (ssize_t)(sizeof(*event) + event->len);
        }
    }
}

/* --- what a burst comes to --- */

/* Whether the object of a file's stem has this file: as its image where `tag` is NULL. */
static bool has_file(const struct vox_index *index, const char *name, const char *ext,
                     const char *tag)
{
    char *stem = ext == NULL ? NULL : vox_strdup(name);
    if (stem == NULL) {
        return false;
    }
    stem[ext - name] = '\0';
    int64_t place = vox_index_find_stem(index, stem);
    vox_free(stem);
    if (place == VOX_INDEX_NONE) {
        return false;
    }
    const struct vox_entry *entry = index->at[place];
    const struct vox_entry_label *label = tag == NULL ? NULL : vox_entry_label(entry, tag);
    const char *known = tag == NULL ? entry->ext : label == NULL ? NULL : label->ext;
    return known != NULL && strcmp(known, ext) == 0;
}

/* The part of a path that follows a folder; NULL where it does not lie in it. */
static char *within(const char *path, const char *folder)
{
    size_t size = strlen(folder);
    if (strncmp(path, folder, size) != 0 || path[size] != '/') {
        return NULL;
    }
    return vox_strdup(path + size + 1);
}

enum known { UNKNOWN, KNOWN_IMAGE, KNOWN_LABEL };

static enum known find_known(const struct vox_watcher *w, const struct vox_index *index,
                             const char *path)
{
    char *name = within(path, w->store->images);
    bool found = name != NULL && strchr(name, '/') == NULL &&
                 has_file(index, name, vox_image_name_ext(name), NULL);
    vox_free(name);
    if (found) {
        return KNOWN_IMAGE;
    }
    name = within(path, w->store->labels);
    char *slash = name == NULL ? NULL : strchr(name, '/');
    if (slash != NULL) {
        *slash = '\0';
        found = has_file(index, slash + 1, vox_label_name_ext(slash + 1), name);
    }
    vox_free(name);
    return found ? KNOWN_LABEL : UNKNOWN;
}

/* What this program wrote itself, and new content of images, ask for no look. */
static void weigh_closed(struct vox_watcher *w)
{
    struct vox_index *index = vox_store_snapshot(w->store);
    size_t cursor = 0;
    const char *path;
    while ((path = vox_name_table_next(&w->closed, &cursor, NULL)) != NULL) {
        enum known known = find_known(w, index, path);
        w->touched = w->touched || known == KNOWN_IMAGE;
        w->look = w->look || known == UNKNOWN;
    }
    vox_index_unref(index);
}

static void weigh_json(struct vox_watcher *w)
{
    struct vox_file_state now, mark = vox_store_mark(w->store);
    w->look = w->look || vox_file_state_read(w->store->json, &now, NULL) != VOX_OK ||
              !vox_file_state_equal(&now, &mark);
    w->json = false;
}

/* --- looking --- */

/* Milliseconds until the next look that nothing asks for; -1: none. */
static int look(struct vox_watcher *w)
{
    struct vox_err err = {0};
    bool pending = false;
    enum vox_code code = vox_folder_look_now(w->store, &w->closed, false, &pending, &err);
    vox_name_table_fini(&w->closed);
    w->look = false;
    if (code != VOX_OK && !w->said_failure) {
        char text[sizeof(err.msg) + 64];
        snprintf(text, sizeof(text), "cannot follow the datastore's folder: %s", err.msg);
        vox_store_note(w->store, text);
    }
    w->said_failure = code != VOX_OK;
    return code != VOX_OK ? RETRY_MS : pending ? PENDING_MS : -1;
}

/* False when it is time to stop. */
static bool wait_for(const struct vox_watcher *w, int timeout_ms)
{
    struct pollfd fds[2] = {{.fd = w->stop, .events = POLLIN},
                            {.fd = w->inotify, .events = POLLIN}};
    poll(fds, w->inotify < 0 ? 1 : 2, timeout_ms);
    return (fds[0].revents & POLLIN) == 0;
}

/* Reads events until they cease for a moment; false when it is time to stop. */
static bool read_burst(struct vox_watcher *w)
{
    double end = vox_clock() + 1e-3 * BURST_MS;
    read_events(w);
    while ((w->look || w->json || w->tags_moved || w->closed.n > 0) && vox_clock() < end) {
        struct pollfd fd = {.fd = w->inotify, .events = POLLIN};
        if (!wait_for(w, 0)) {
            return false;
        }
        if (poll(&fd, 1, SETTLE_MS) <= 0) {
            break;
        }
        read_events(w);
    }
    return true;
}

static void follow_events(struct vox_watcher *w)
{
    double due = w->look ? vox_clock() : 0.0; /* 0: no look is */
    for (;;) {
        double left = due > 0.0 ? (due - vox_clock()) * 1e3 + 1.0 : -1.0;
        if (!wait_for(w, due > 0.0 && left < 0.0 ? 0 : (int)left) || !read_burst(w)) {
            return;
        }
        weigh_closed(w);
        if (w->json) {
            weigh_json(w);
        }
        if (w->tags_moved) {
            (void)!watch_all(w);
            w->tags_moved = false;
        }
        if (w->touched) {
            vox_store_touch(w->store, true);
            w->touched = false;
        }
        if (w->look || (due > 0.0 && vox_clock() >= due)) {
            int more = look(w);
            due = more < 0 ? 0.0 : vox_clock() + 1e-3 * more;
        } else if (w->closed.n > 0) {
            vox_name_table_fini(&w->closed);
        }
    }
}

static void follow_by_polling(struct vox_watcher *w)
{
    double seconds = w->store->options.poll_seconds;
    int step = seconds < 0.01 ? 10 : seconds > 3600.0 ? 3600000 : (int)(seconds * 1000.0);
    while (wait_for(w, step)) {
        (void)look(w);
        vox_checksums_poke(w->store);
    }
}

static void *run(void *argument)
{
    struct vox_watcher *w = argument;
    if (w->inotify < 0) {
        follow_by_polling(w);
    } else {
        follow_events(w);
    }
    return NULL;
}

/* --- making --- */

/* File systems whose changes by other machines the kernel does not tell (statfs(2)). */
static bool is_remote(const char *folder)
{
    static const unsigned long kinds[] = {
        0x6969,     /* NFS */
        0x517B,     /* SMB */
        0xFF534D42, /* CIFS */
        0xFE534D42, /* SMB2 */
        0x65735546, /* FUSE */
        0x01021997, /* 9P */
        0x00C36400, /* Ceph */
        0x5346414F, /* AFS */
        0x0BD00BD0, /* Lustre */
        0x47504653, /* GPFS */
        0x73757245, /* Coda */
        0x786F4256, /* VirtualBox */
        0xBEEFDEAD, /* snfs */
        0x7461636F, /* OCFS2 */
        0x01161970, /* GFS2 */
    };
    struct statfs fs;
    if (statfs(folder, &fs) != 0) {
        return false;
    }
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (((unsigned long)fs.f_type & 0xFFFFFFFFUL) == kinds[i]) {
            return true;
        }
    }
    return false;
}

static bool wants_polling(const struct vox_datastore *store)
{
    return store->options.follow == VOX_FOLLOW_POLL ||
           (store->options.follow == VOX_FOLLOW_AUTO &&
            (is_remote(store->folder) || is_remote(store->images) || is_remote(store->labels)));
}

/* Everything is looked at once more when the watches are set, for what came in between. */
static void begin_watching(struct vox_watcher *w)
{
    w->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (w->inotify >= 0 && watch_all(w)) {
        return;
    }
    vox_store_note(w->store,
                   "the kernel watches no more folders (fs.inotify.max_user_watches); the "
                   "datastore's folder is polled");
    if (w->inotify >= 0) {
        close(w->inotify);
    }
    w->inotify = -1;
}

enum vox_code vox_watcher_new(struct vox_datastore *store, struct vox_watcher **out,
                              struct vox_err *err)
{
    if (store->options.follow == VOX_FOLLOW_NEVER) {
        return VOX_OK;
    }
    struct vox_watcher *w = vox_calloc(1, sizeof(*w));
    if (w == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    w->store = store;
    w->inotify = -1;
    w->stop = eventfd(0, EFD_CLOEXEC);
    if (!wants_polling(store)) {
        begin_watching(w);
    }
    store->polled = w->inotify < 0;
    enum vox_code code =
        w->stop < 0 ? vox_fail_sys(err, VOX_E_IO, errno, "cannot follow the datastore's folder: %s",
                                   vox_errno_text(errno))
                    : vox_folder_look_now(store, NULL, true, &w->look, err);
    if (code == VOX_OK && pthread_create(&w->thread, NULL, run, w) != 0) {
        code = vox_fail(err, VOX_E_NOMEM, "no thread can be made to follow the datastore's folder");
    }
    if (code != VOX_OK) {
        w->store = NULL;
        vox_watcher_free(w);
        return code;
    }
    *out = w;
    return VOX_OK;
}

void vox_watcher_free(struct vox_watcher *watcher)
{
    if (watcher == NULL) {
        return;
    }
    if (watcher->store != NULL) {
        const uint64_t one = 1;
        ssize_t n;
        do {
            n = write(watcher->stop, &one, sizeof(one));
        } while (n < 0 && errno == EINTR);
        pthread_join(watcher->thread, NULL);
    }
    if (watcher->stop >= 0) {
        close(watcher->stop);
    }
    if (watcher->inotify >= 0) {
        close(watcher->inotify);
    }
    for (int i = 0; i < watcher->n_watched; i++) {
        vox_free(watcher->watched[i].folder);
    }
    vox_name_table_fini(&watcher->closed);
    vox_free(watcher);
}
