#include "store/checksums.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "store/grow_text.h"
#include "store/image_probe.h"
#include "store/store_ids.h"
#include "util/file.h"
#include "util/hash.h"
#include "util/memory.h"
#include "util/number_text.h"

enum { STEP = 1 << 20, KEEP_SECONDS = 5 };

static const char prefix[] = "SHA256:";
static const char first_line[] = "voxlabel-checksums 1";

/* Of a file's state, without the device: a disk can get another number when the machine starts. */
enum { SIZE, INODE, SECONDS, NANOSECONDS, CHANGED, CHANGED_NANOSECONDS, NUMBERS };

struct checksum {
    int64_t numbers[NUMBERS];
    char hex[VOX_SHA256_HEX];
};

struct vox_checksums {
    struct vox_datastore *store;
    char *path;
    pthread_t thread;
    bool running;

    pthread_mutex_t lock;
    pthread_cond_t moved;
    struct vox_name_table known; /* by file name */
    bool changed;                /* since they were kept */
    char *busy;                  /* the name of the file that the thread reads */
    bool stop, poked;
};

static struct checksum of_state(const struct vox_file_state *state, const char *hex)
{
    struct checksum sum = {.numbers = {state->size, (int64_t)state->inode, state->seconds,
                                       state->nanoseconds, state->changed,
                                       state->changed_nanoseconds}};
    memcpy(sum.hex, hex, VOX_SHA256_HEX);
    return sum;
}

static bool holds(const struct checksum *sum, const struct vox_file_state *state)
{
    if (sum == NULL) {
        return false;
    }
    const struct checksum now = of_state(state, sum->hex);
    return memcmp(now.numbers, sum->numbers, sizeof(now.numbers)) == 0;
}

/* --- computing --- */

static bool should_stop(struct vox_checksums *c)
{
    pthread_mutex_lock(&c->lock);
    bool stop = c->stop;
    pthread_mutex_unlock(&c->lock);
    return stop;
}

static enum vox_code read_file(struct vox_checksums *c, int fd, struct vox_hasher *hasher,
                               char *buffer, struct vox_err *err)
{
    for (;;) {
        ssize_t n = read(fd, buffer, STEP);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return vox_fail_sys(err, VOX_E_IO, errno, "cannot read the image: %s",
                                vox_errno_text(errno));
        }
        if (n == 0) {
            return VOX_OK;
        }
        enum vox_code code = vox_hasher_add(hasher, buffer, (size_t)n, err);
        if (code != VOX_OK) {
            return code;
        }
        if (should_stop(c)) {
            return vox_fail(err, VOX_E_CANCELLED, "cancelled");
        }
    }
}

static enum vox_code hash_file(struct vox_checksums *c, const char *path, char hex[VOX_SHA256_HEX],
                               struct vox_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return vox_fail_sys(err, errno == ENOENT ? VOX_E_NOT_FOUND : VOX_E_IO, errno,
                            "cannot open the image: %s", vox_errno_text(errno));
    }
    struct vox_hasher *hasher = NULL;
    char *buffer = vox_alloc(STEP);
    enum vox_code code =
        buffer == NULL ? vox_fail(err, VOX_E_NOMEM, "out of memory") : vox_hasher_new(&hasher, err);
    if (code == VOX_OK) {
        code = read_file(c, fd, hasher, buffer, err);
    }
    if (code == VOX_OK) {
        vox_hasher_take_hex(hasher, hex);
    }
    vox_hasher_free(hasher);
    vox_free(buffer);
    close(fd);
    return code;
}

static enum vox_code remember(struct vox_checksums *c, const char *name,
                              const struct checksum *known, struct vox_err *err)
{
    struct checksum *sum = vox_alloc(sizeof(*sum));
    if (sum == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    *sum = *known;
    pthread_mutex_lock(&c->lock);
    enum vox_code code = vox_name_table_put(&c->known, name, sum, err);
    c->changed = true;
    pthread_mutex_unlock(&c->lock);
    if (code != VOX_OK) {
        vox_free(sum);
    }
    return code;
}

/* What was written a moment ago could be written again without a change of its times, since those
 * go in steps of 10 ms at most. */
static void outwait_clock(const struct vox_file_state *state)
{
    const struct timespec step = {.tv_nsec = 20 * 1000000L};
    int64_t age = vox_now() - state->changed;
    if (age <= 0 || age == 1) {
        nanosleep(&step, NULL);
    }
}

/* Reads the file as often as it changes meanwhile, three times at most. */
static enum vox_code compute(struct vox_checksums *c, const char *path, const char *name,
                             char hex[VOX_SHA256_HEX], struct vox_err *err)
{
    for (int tries = 0; tries < 3; tries++) {
        struct vox_file_state before, after;
        enum vox_code code = vox_file_state_read(path, &before, err);
        if (code == VOX_OK) {
            outwait_clock(&before);
            code = hash_file(c, path, hex, err);
        }
        if (code == VOX_OK) {
            code = vox_file_state_read(path, &after, err);
        }
        if (code != VOX_OK) {
            return code;
        }
        if (vox_file_state_equal(&before, &after)) {
            const struct checksum sum = of_state(&after, hex);
            return remember(c, name, &sum, err);
        }
    }
    return vox_fail(err, VOX_E_BUSY, "the image is being written");
}

static void put_prefix(const char *hex, char out[VOX_CHECKSUM_SIZE])
{
    snprintf(out, VOX_CHECKSUM_SIZE, "%s%s", prefix, hex);
}

/* As vox_checksums_known, for a state that was just read. */
static bool find(struct vox_checksums *c, const char *name, const struct vox_file_state *state,
                 char out[VOX_CHECKSUM_SIZE])
{
    pthread_mutex_lock(&c->lock);
    const struct checksum *sum = vox_name_table_get(&c->known, name);
    bool good = state->there && holds(sum, state);
    if (good && out != NULL) {
        put_prefix(sum->hex, out);
    }
    pthread_mutex_unlock(&c->lock);
    return good;
}

bool vox_checksums_known(struct vox_datastore *store, const char *path, const char *file_name,
                         char out[VOX_CHECKSUM_SIZE])
{
    struct vox_file_state state;
    return vox_file_state_read(path, &state, NULL) == VOX_OK &&
           find(store->checksums, file_name, &state, out);
}

/* Waits while the thread reads the same file. */
static void wait_for_thread(struct vox_checksums *c, const char *name)
{
    pthread_mutex_lock(&c->lock);
    while (c->busy != NULL && strcmp(c->busy, name) == 0) {
        pthread_cond_wait(&c->moved, &c->lock);
    }
    pthread_mutex_unlock(&c->lock);
}

enum vox_code vox_datastore_checksum(struct vox_datastore *store, const char *id,
                                     char out[VOX_CHECKSUM_SIZE], struct vox_err *err)
{
    struct vox_image_record image;
    char hex[VOX_SHA256_HEX];
    enum vox_code code = vox_datastore_image(store, id, &image, err);
    if (code != VOX_OK) {
        return code;
    }
    if (!vox_checksums_known(store, image.path, image.file_name, out)) {
        wait_for_thread(store->checksums, image.file_name);
        if (!vox_checksums_known(store, image.path, image.file_name, out)) {
            code = compute(store->checksums, image.path, image.file_name, hex, err);
            if (code == VOX_OK) {
                put_prefix(hex, out);
            }
        }
    }
    vox_image_record_free(&image);
    return code;
}

/* --- keeping --- */

/* hex, numbers, name: one line each. Names with line ends are not kept. */
static void put_line(struct vox_grow *text, const char *name, const struct checksum *sum)
{
    if (strchr(name, '\n') != NULL) {
        return;
    }
    vox_grow_put(text, sum->hex);
    for (int i = 0; i < NUMBERS; i++) {
        char number[24];
        snprintf(number, sizeof(number), " %" PRId64, sum->numbers[i]);
        vox_grow_put(text, number);
    }
    vox_grow_put(text, " ");
    vox_grow_put(text, name);
    vox_grow_put(text, "\n");
}

/* A text of all that are known of files in the index; NULL where nothing changed. */
static char *write_text(struct vox_checksums *c, size_t *size)
{
    struct vox_grow text = {0};
    char *out = NULL;
    struct vox_index *index = vox_store_snapshot(c->store);
    pthread_mutex_lock(&c->lock);
    bool changed = c->changed;
    vox_grow_put(&text, first_line);
    vox_grow_put(&text, "\n");
    for (size_t i = 0; changed && i < index->n; i++) {
        const struct vox_entry *entry = index->at[i];
        char *name = vox_path_file("", entry->stem, entry->ext);
        const struct checksum *sum = name == NULL ? NULL : vox_name_table_get(&c->known, name + 1);
        if (sum != NULL) {
            put_line(&text, name + 1, sum);
        }
        vox_free(name);
    }
    c->changed = false;
    pthread_mutex_unlock(&c->lock);
    vox_index_unref(index);
    if (!changed || vox_grow_take(&text, &out, size, NULL) != VOX_OK) {
        vox_grow_free(&text);
        return NULL;
    }
    return out;
}

/* What cannot be kept is computed again another time. */
static void keep(struct vox_checksums *c)
{
    size_t size;
    char *text = c->store->read_only ? NULL : write_text(c, &size);
    if (text != NULL) {
        (void)!vox_file_save(c->path, text, size, NULL);
    }
    vox_free(text);
}

static bool take_number(char **at, int64_t *out)
{
    char *end = strchr(*at, ' ');
    if (end == NULL || !vox_text_to_int(*at, (size_t)(end - *at), out)) {
        return false;
    }
    *at = end + 1;
    return true;
}

static void read_line(struct vox_checksums *c, char *line)
{
    struct checksum sum = {0};
    if (strspn(line, "0123456789abcdef") != VOX_SHA256_HEX - 1 || line[VOX_SHA256_HEX - 1] != ' ') {
        return;
    }
    memcpy(sum.hex, line, VOX_SHA256_HEX - 1);
    char *at = line + VOX_SHA256_HEX;
    for (int i = 0; i < NUMBERS; i++) {
        if (!take_number(&at, &sum.numbers[i])) {
            return;
        }
    }
    if (at[0] != '\0') {
        (void)!remember(c, at, &sum, NULL);
    }
}

static void read_kept(struct vox_checksums *c)
{
    char *text;
    size_t size;
    if (vox_file_text(c->path, (size_t)256 << 20, &text, &size, NULL) != VOX_OK) {
        return;
    }
    char *line = text;
    bool known = strncmp(text, first_line, sizeof(first_line) - 1) == 0;
    while (known && line != NULL && *line != '\0') {
        char *end = strchr(line, '\n');
        if (end == NULL) {
            break;
        }
        *end = '\0';
        read_line(c, line);
        line = end + 1;
    }
    c->changed = false;
    vox_free(text);
}

/* --- the thread --- */

static void set_busy(struct vox_checksums *c, char *name)
{
    pthread_mutex_lock(&c->lock);
    vox_free(c->busy);
    c->busy = name;
    pthread_cond_broadcast(&c->moved);
    pthread_mutex_unlock(&c->lock);
}

/* Notes whether a file can be decoded, and its checksum where that is not known. */
static void visit(struct vox_checksums *c, const struct vox_entry *entry)
{
    struct vox_datastore *store = c->store;
    struct vox_file_state state;
    enum vox_code code;
    char hex[VOX_SHA256_HEX];
    char *path = vox_store_image_path(store, entry);
    const char *name = path == NULL ? NULL : strrchr(path, '/') + 1;
    if (path == NULL || entry->foreign || !vox_is_image_ext(entry->ext) ||
        vox_file_state_read(path, &state, NULL) != VOX_OK || !state.there ||
        find(c, name, &state, NULL)) {
        vox_free(path);
        return;
    }
    enum vox_probe probe = vox_image_probe(path, &store->options.limits, &code, NULL);
    vox_store_set_undecodable(store, name, probe == VOX_PROBE_NOT ? &state : NULL);
    char *busy = vox_strdup(name);
    if (busy != NULL) {
        set_busy(c, busy);
        (void)!compute(c, path, name, hex, NULL);
        set_busy(c, NULL);
    }
    vox_free(path);
}

static void visit_all(struct vox_checksums *c)
{
    struct vox_index *index = vox_store_snapshot(c->store);
    double kept = vox_clock();
    for (size_t i = 0; i < index->n && !should_stop(c); i++) {
        visit(c, index->at[i]);
        if (vox_clock() - kept > KEEP_SECONDS) {
            keep(c);
            kept = vox_clock();
        }
    }
    vox_index_unref(index);
    keep(c);
}

/* Waits until images' files changed; false when it is time to stop. */
static bool wait_for_images(struct vox_checksums *c, uint64_t *seen)
{
    struct vox_datastore *store = c->store;
    bool stop, poked;
    pthread_mutex_lock(&store->lock);
    for (;;) {
        pthread_mutex_lock(&c->lock);
        stop = c->stop;
        poked = c->poked;
        c->poked = false;
        pthread_mutex_unlock(&c->lock);
        if (stop || poked || store->images_generation != *seen) {
            break;
        }
        pthread_cond_wait(&store->changed, &store->lock);
    }
    *seen = store->images_generation;
    pthread_mutex_unlock(&store->lock);
    return !stop;
}

static void *run(void *argument)
{
    struct vox_checksums *c = argument;
    uint64_t seen = UINT64_MAX;
    /* Behind everything that somebody waits for. */
    setpriority(PRIO_PROCESS, (id_t)gettid(), 19);
    while (wait_for_images(c, &seen)) {
        visit_all(c);
    }
    return NULL;
}

/* Sets what the thread waits for; both locks are taken so that it cannot miss it. */
static void wake(struct vox_checksums *c, bool *what)
{
    pthread_mutex_lock(&c->store->lock);
    pthread_mutex_lock(&c->lock);
    *what = true;
    pthread_mutex_unlock(&c->lock);
    pthread_cond_broadcast(&c->store->changed);
    pthread_mutex_unlock(&c->store->lock);
}

void vox_checksums_poke(struct vox_datastore *store)
{
    if (store->checksums != NULL && store->checksums->running) {
        wake(store->checksums, &store->checksums->poked);
    }
}

enum vox_code vox_checksums_new(struct vox_datastore *store, struct vox_checksums **out,
                                struct vox_err *err)
{
    struct vox_checksums *c = vox_calloc(1, sizeof(*c));
    if (c == NULL || pthread_mutex_init(&c->lock, NULL) != 0 ||
        pthread_cond_init(&c->moved, NULL) != 0) {
        vox_free(c);
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    c->store = store;
    c->known.free_value = vox_free;
    c->path = vox_path_join(store->state, "checksums");
    if (c->path == NULL) {
        vox_checksums_free(c);
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    read_kept(c);
    if (store->options.checksums_behind) {
        c->running = pthread_create(&c->thread, NULL, run, c) == 0;
    }
    if (store->options.checksums_behind && !c->running) {
        vox_checksums_free(c);
        return vox_fail(err, VOX_E_NOMEM, "no thread can be made for the images' checksums");
    }
    *out = c;
    return VOX_OK;
}

void vox_checksums_free(struct vox_checksums *checksums)
{
    if (checksums == NULL) {
        return;
    }
    if (checksums->running) {
        wake(checksums, &checksums->stop);
        pthread_join(checksums->thread, NULL);
    }
    if (checksums->path != NULL) {
        keep(checksums);
    }
    vox_name_table_fini(&checksums->known);
    vox_free(checksums->path);
    vox_free(checksums->busy);
    pthread_mutex_destroy(&checksums->lock);
    pthread_cond_destroy(&checksums->moved);
    vox_free(checksums);
}
