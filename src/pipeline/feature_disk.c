#include "pipeline/feature_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pipeline/feature_folder.h"
#include "util/hash.h"
#include "util/memory.h"

/* Written as it lies in memory: a machine of another byte order finds another magic number. */
struct header {
    uint64_t magic;
    uint32_t version, size;
    int64_t image_size, d_model;
    uint64_t bytes; /* of features */
    uint8_t key[32];
};
_Static_assert(sizeof(struct header) == 72, "a header has no holes");

static const uint64_t magic = UINT64_C(0x54414546584F5601); /* "\1VOXFEAT" */
enum { VERSION = 1, MAPS = 3, DIGESTS = MAPS * VOX_SHA256_SIZE };

struct vox_feature_disk {
    int folder;
    uint64_t budget;
    struct header header; /* but the key */
    size_t map_bytes[MAPS];
    pthread_mutex_t lock; /* one writer at a time; guards what follows */
    uint64_t total;       /* bytes of the folder when it was last looked at */
    struct vox_feature_disk_counts counts;
};

/* --- the content of a file --- */

struct maps {
    struct part {
        float *data;
        size_t bytes;
    } parts[MAPS];
};

static struct maps maps_of(const struct vox_feature_disk *disk, const struct vox_features *features)
{
    return (struct maps){{{features->f2, disk->map_bytes[0]},
                          {features->s1, disk->map_bytes[1]},
                          {features->s0, disk->map_bytes[2]}}};
}

static struct header header_of(const struct vox_feature_disk *disk,
                               const struct vox_feature_key *key)
{
    struct header header = disk->header;
    memcpy(header.key, key->bytes, sizeof(header.key));
    return header;
}

static uint64_t file_bytes(const struct vox_feature_disk *disk)
{
    return sizeof(struct header) + disk->header.bytes + VOX_SHA256_SIZE;
}

/* The digest at a file's end: that of the header and of the maps' digests. */
static bool digest_of(const struct header *header, const struct maps *maps,
                      uint8_t digest[VOX_SHA256_SIZE])
{
    uint8_t all[sizeof(*header) + DIGESTS];
    memcpy(all, header, sizeof(*header));
    for (size_t m = 0; m < MAPS; m++) {
        if (vox_sha256(maps->parts[m].data, maps->parts[m].bytes,
                       all + sizeof(*header) + m * VOX_SHA256_SIZE, NULL) != VOX_OK) {
            return false;
        }
    }
    return vox_sha256(all, sizeof(all), digest, NULL) == VOX_OK;
}

static bool read_all(int fd, void *data, size_t size)
{
    uint8_t *at = data;
    while (size > 0) {
        ssize_t n = read(fd, at, size);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        at += n;
        size -= (size_t)n;
    }
    return true;
}

static bool write_all(int fd, const void *data, size_t size)
{
    const uint8_t *at = data;
    while (size > 0) {
        ssize_t n = write(fd, at, size);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return false;
        }
        at += n;
        size -= (size_t)n;
    }
    return true;
}

/* --- reading --- */

static bool private_file(int fd, uint64_t bytes)
{
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
           (st.st_mode & 077) == 0 && st.st_size >= 0 && (uint64_t)st.st_size == bytes;
}

static bool read_file(const struct vox_feature_disk *disk, int fd,
                      const struct vox_feature_key *key, const struct vox_features *features)
{
    const struct header expected = header_of(disk, key);
    struct header header;
    if (!private_file(fd, file_bytes(disk)) || !read_all(fd, &header, sizeof(header)) ||
        memcmp(&header, &expected, sizeof(header)) != 0) {
        return false;
    }
    const struct maps maps = maps_of(disk, features);
    for (size_t m = 0; m < MAPS; m++) {
        if (!read_all(fd, maps.parts[m].data, maps.parts[m].bytes)) {
            return false;
        }
    }
    uint8_t stored[VOX_SHA256_SIZE], digest[VOX_SHA256_SIZE];
    return read_all(fd, stored, sizeof(stored)) && digest_of(&header, &maps, digest) &&
           memcmp(stored, digest, sizeof(digest)) == 0;
}

static void drop_damaged(struct vox_feature_disk *disk, const char *name)
{
    unlinkat(disk->folder, name, 0);
    pthread_mutex_lock(&disk->lock);
    disk->counts.damaged++;
    pthread_mutex_unlock(&disk->lock);
}

bool vox_feature_disk_load(struct vox_feature_disk *disk, const struct vox_feature_key *key,
                           const struct vox_features *features)
{
    char name[VOX_FEATURE_NAME_SIZE];
    vox_feature_name(key, name);
    /* O_NONBLOCK: opening a named pipe would wait for somebody who writes. */
    int fd = openat(disk->folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        if (errno == ELOOP || errno == EACCES) {
            drop_damaged(disk, name);
        }
        return false;
    }
    bool good = read_file(disk, fd, key, features);
    if (good) {
        /* What was used last is thrown out last; many file systems do not keep access times. */
        (void)!futimens(fd, NULL);
    } else {
        drop_damaged(disk, name);
    }
    close(fd);
    return good;
}

/* --- writing --- */

static bool there_already(const struct vox_feature_disk *disk, const char *name)
{
    struct stat st;
    return fstatat(disk->folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
           st.st_size >= 0 && (uint64_t)st.st_size == file_bytes(disk);
}

static bool write_file(const struct vox_feature_disk *disk, int fd,
                       const struct vox_feature_key *key, const struct vox_features *features)
{
    const struct header header = header_of(disk, key);
    const struct maps maps = maps_of(disk, features);
    uint8_t digest[VOX_SHA256_SIZE];
    if (!digest_of(&header, &maps, digest) || fchmod(fd, 0600) != 0 ||
        !write_all(fd, &header, sizeof(header))) {
        return false;
    }
    for (size_t m = 0; m < MAPS; m++) {
        if (!write_all(fd, maps.parts[m].data, maps.parts[m].bytes)) {
            return false;
        }
    }
    return write_all(fd, digest, sizeof(digest)) && fsync(fd) == 0;
}

/* A new file under a name that no other process has: numbers of processes are not enough where
 * containers share a folder. -1 where there is none. */
static int create_temporary(const struct vox_feature_disk *disk, char name[VOX_FEATURE_NAME_SIZE])
{
    uint8_t random[VOX_FEATURE_RANDOM];
    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random)) {
        return -1;
    }
    vox_feature_temporary_name(random, name);
    return openat(disk->folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
}

/* The folder is not synced: a name that a power cut takes away is computed again. */
static bool put_file(const struct vox_feature_disk *disk, const struct vox_feature_key *key,
                     const char *name, const struct vox_features *features)
{
    char temporary[VOX_FEATURE_NAME_SIZE];
    int fd = create_temporary(disk, temporary);
    if (fd < 0) {
        return false;
    }
    bool written = write_file(disk, fd, key, features);
    written = close(fd) == 0 && written;
    if (written && renameat(disk->folder, temporary, disk->folder, name) == 0) {
        return true;
    }
    unlinkat(disk->folder, temporary, 0);
    return false;
}

void vox_feature_disk_save(struct vox_feature_disk *disk, const struct vox_feature_key *key,
                           const struct vox_features *features)
{
    uint64_t bytes = file_bytes(disk);
    char name[VOX_FEATURE_NAME_SIZE];
    vox_feature_name(key, name);
    if (bytes > disk->budget || there_already(disk, name)) {
        return;
    }
    pthread_mutex_lock(&disk->lock);
    /* Room first, where the last look left too little; a look afterwards, since others write too.
     */
    bool room = disk->total <= disk->budget - bytes ||
                vox_feature_folder_trim(disk->folder, disk->budget - bytes, &disk->counts.removed,
                                        &disk->total);
    bool written = room && put_file(disk, key, name, features);
    if (written) {
        (void)!vox_feature_folder_trim(disk->folder, disk->budget, &disk->counts.removed,
                                       &disk->total);
    } else {
        disk->counts.failed_writes++;
    }
    pthread_mutex_unlock(&disk->lock);
}

struct vox_feature_disk_counts vox_feature_disk_counts(struct vox_feature_disk *disk)
{
    pthread_mutex_lock(&disk->lock);
    struct vox_feature_disk_counts counts = disk->counts;
    pthread_mutex_unlock(&disk->lock);
    return counts;
}

/* --- making --- */

/* Floats of the maps, as model/features.h says. */
static bool measure(const struct vox_model_config *config, size_t map_bytes[MAPS], uint64_t *bytes)
{
    size_t side = (size_t)config->image_size / 16, unit;
    if (!vox_mul(side, side, &unit) || !vox_mul(unit, (size_t)config->neck.d_model, &unit) ||
        !vox_mul(unit, sizeof(float), &unit) || unit > SIZE_MAX / 8) {
        return false;
    }
    map_bytes[0] = unit;
    map_bytes[1] = unit;
    map_bytes[2] = 2 * unit;
    *bytes = 4 * (uint64_t)unit;
    return true;
}

uint64_t vox_feature_disk_file_bytes(const struct vox_model_config *config)
{
    size_t map_bytes[MAPS];
    uint64_t bytes = 0;
    return measure(config, map_bytes, &bytes) ? sizeof(struct header) + bytes + VOX_SHA256_SIZE : 0;
}

enum vox_code vox_feature_disk_new(const char *folder, uint64_t bytes,
                                   const struct vox_model_config *config,
                                   struct vox_feature_disk **out, struct vox_err *err)
{
    struct vox_feature_disk *disk = vox_calloc(1, sizeof(*disk));
    if (disk == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    disk->budget = bytes;
    disk->header = (struct header){
        .magic = magic,
        .version = VERSION,
        .size = sizeof(struct header),
        .image_size = config->image_size,
        .d_model = config->neck.d_model,
    };
    if (!measure(config, disk->map_bytes, &disk->header.bytes)) {
        vox_free(disk);
        return vox_fail(err, VOX_E_LIMIT, "the features of a slice are too large");
    }
    enum vox_code code = vox_feature_folder_open(folder, &disk->folder, err);
    if (code == VOX_OK && pthread_mutex_init(&disk->lock, NULL) != 0) {
        close(disk->folder);
        code = vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    if (code != VOX_OK) {
        vox_free(disk);
        return code;
    }
    (void)!vox_feature_folder_trim(disk->folder, disk->budget, &disk->counts.removed, &disk->total);
    *out = disk;
    return VOX_OK;
}

void vox_feature_disk_free(struct vox_feature_disk *disk)
{
    if (disk != NULL) {
        close(disk->folder);
        pthread_mutex_destroy(&disk->lock);
        vox_free(disk);
    }
}
