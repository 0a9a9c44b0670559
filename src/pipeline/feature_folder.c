#include "pipeline/feature_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "util/memory.h"

static const char digits[] = "0123456789abcdef";
static const char suffix[] = ".part";
static const size_t random_digits = (size_t)2 * VOX_FEATURE_RANDOM;

/* --- names --- */

static char *put_hex(const uint8_t *bytes, size_t n, char *at)
{
    for (size_t i = 0; i < n; i++) {
        *at++ = digits[bytes[i] >> 4];
        *at++ = digits[bytes[i] & 15];
    }
    return at;
}

void vox_feature_name(const struct vox_feature_key *key, char name[VOX_FEATURE_NAME_SIZE])
{
    *put_hex(key->bytes, sizeof(key->bytes), name) = '\0';
}

void vox_feature_temporary_name(const uint8_t random[VOX_FEATURE_RANDOM],
                                char name[VOX_FEATURE_NAME_SIZE])
{
    name[0] = '.';
    memcpy(put_hex(random, VOX_FEATURE_RANDOM, name + 1), suffix, sizeof(suffix));
}

static bool is_name(const char *name)
{
    return strspn(name, digits) == VOX_FEATURE_NAME_SIZE - 1 &&
           name[VOX_FEATURE_NAME_SIZE - 1] == '\0';
}

static bool is_temporary(const char *name)
{
    return name[0] == '.' && strspn(name + 1, digits) == random_digits &&
           strcmp(name + 1 + random_digits, suffix) == 0;
}

/* --- opening --- */

static const char *reason(int number)
{
    const char *text = strerrordesc_np(number);
    return text == NULL ? "unknown error" : text;
}

static enum vox_code check_folder(int fd, struct vox_err *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return vox_fail_sys(err, VOX_E_IO, errno, "cannot examine the feature cache's folder: %s",
                            reason(errno));
    }
    if (st.st_uid != geteuid()) {
        return vox_fail(err, VOX_E_ARG,
                        "the feature cache's folder belongs to another user; name one of your own");
    }
    if ((st.st_mode & 077) != 0) {
        return vox_fail(err, VOX_E_ARG,
                        "the feature cache's folder is open to other users; make it private with "
                        "chmod 700 or name another");
    }
    return VOX_OK;
}

static int open_folder(const char *path)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST && errno != EROFS) {
        return -1;
    }
    return open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

enum vox_code vox_feature_folder_open(const char *path, int *out, struct vox_err *err)
{
    char *trimmed = vox_strdup(path);
    if (trimmed == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    /* With a slash behind it a symbolic link would be followed. */
    for (size_t n = strlen(trimmed); n > 1 && trimmed[n - 1] == '/'; n--) {
        trimmed[n - 1] = '\0';
    }
    int fd = open_folder(trimmed);
    int number = errno;
    vox_free(trimmed);
    if (fd < 0 && (number == ELOOP || number == ENOTDIR)) {
        return vox_fail_sys(err, VOX_E_ARG, number,
                            "the feature cache needs a folder, not a file or a symbolic link");
    }
    if (fd < 0) {
        return vox_fail_sys(err, VOX_E_IO, number, "cannot open the feature cache's folder: %s",
                            reason(number));
    }
    enum vox_code code = check_folder(fd, err);
    if (code != VOX_OK) {
        close(fd);
        return code;
    }
    *out = fd;
    return VOX_OK;
}

/* --- size --- */

struct entry {
    struct timespec used;
    uint64_t bytes;
    char name[VOX_FEATURE_NAME_SIZE];
};

struct listing {
    struct entry *entries;
    size_t n, room;
    uint64_t total; /* bytes, temporary files included */
};

static bool listing_add(struct listing *listing, const char *name, const struct stat *st)
{
    if (listing->n == listing->room) {
        size_t room = listing->room == 0 ? 64 : 2 * listing->room, bytes;
        if (!vox_mul(room, sizeof(struct entry), &bytes)) {
            return false;
        }
        struct entry *entries =
            vox_realloc(listing->entries, listing->room * sizeof(struct entry), bytes);
        if (entries == NULL) {
            return false;
        }
        listing->entries = entries;
        listing->room = room;
    }
    struct entry *entry = &listing->entries[listing->n++];
    *entry = (struct entry){.used = st->st_mtim, .bytes = (uint64_t)st->st_size};
    memcpy(entry->name, name, VOX_FEATURE_NAME_SIZE);
    return true;
}

/* A time in the future is that of a clock that was wrong. */
static bool left_over(const struct timespec *used, time_t now)
{
    return used->tv_sec < now - VOX_FEATURE_LEFT_OVER || used->tv_sec > now + VOX_FEATURE_LEFT_OVER;
}

static bool look_at(int folder, const char *name, time_t now, struct listing *listing)
{
    struct stat st;
    bool temporary = is_temporary(name);
    if ((!temporary && !is_name(name)) || fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(st.st_mode)) {
        return true; /* none of ours, or gone meanwhile */
    }
    if (temporary && left_over(&st.st_mtim, now) && unlinkat(folder, name, 0) == 0) {
        return true;
    }
    listing->total += (uint64_t)st.st_size;
    return temporary || listing_add(listing, name, &st);
}

static bool list_files(int folder, struct listing *listing)
{
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = fd < 0 ? NULL : fdopendir(fd);
    if (stream == NULL) {
        if (fd >= 0) {
            close(fd);
        }
        return false;
    }
    time_t now = time(NULL);
    bool good = true;
    struct dirent *found;
    /* readdir is thread safe as long as no other thread uses the same stream.
     * NOLINTNEXTLINE(concurrency-mt-unsafe) */
    while (good && (found = readdir(stream)) != NULL) {
        good = look_at(folder, found->d_name, now, listing);
    }
    closedir(stream);
    return good;
}

static int by_use(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    if (x->used.tv_sec != y->used.tv_sec) {
        return x->used.tv_sec < y->used.tv_sec ? -1 : 1;
    }
    if (x->used.tv_nsec != y->used.tv_nsec) {
        return x->used.tv_nsec < y->used.tv_nsec ? -1 : 1;
    }
    return strcmp(x->name, y->name);
}

bool vox_feature_folder_trim(int folder, uint64_t bytes, int64_t *removed, uint64_t *left)
{
    struct listing listing = {0};
    bool good = list_files(folder, &listing);
    if (good && listing.total > bytes && listing.n > 0) {
        qsort(listing.entries, listing.n, sizeof(*listing.entries), by_use);
        for (size_t i = 0; i < listing.n && listing.total > bytes; i++) {
            const struct entry *entry = &listing.entries[i];
            bool gone = unlinkat(folder, entry->name, 0) == 0;
            *removed += gone;
            if (gone || errno == ENOENT) {
                listing.total -= entry->bytes;
            }
        }
    }
    vox_free(listing.entries);
    *left = good ? listing.total : UINT64_MAX;
    return good && listing.total <= bytes;
}
