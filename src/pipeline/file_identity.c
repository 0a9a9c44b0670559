#include "pipeline/file_identity.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include "util/file.h"
#include "util/memory.h"
#include "volume/metaimage_header.h"

enum { CLOCK_STEP_MS = 20 /* of file systems: 10 ms at most, and some more */ };

static enum vox_code identify_part(const char *path, struct vox_file_part *out, struct vox_err *err)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        const char *reason = strerrordesc_np(errno);
        enum vox_code code = errno == ENOENT || errno == ENOTDIR ? VOX_E_NOT_FOUND : VOX_E_IO;
        return vox_fail_sys(err, code, errno, "cannot open the file: %s",
                            reason == NULL ? "unknown error" : reason);
    }
    *out = (struct vox_file_part){st.st_dev, st.st_ino, st.st_size, st.st_mtim, st.st_ctim};
    return VOX_OK;
}

/* The file of voxels that a MetaImage header names; *out is NULL where there is none. */
static enum vox_code find_voxels(const char *path, const struct vox_mapping *mapping, char **out,
                                 struct vox_err *err)
{
    struct vox_meta_header header;
    *out = NULL;
    if (!vox_is_metaimage(mapping->data, mapping->size) ||
        vox_meta_header_read(mapping->data, mapping->size, &header, NULL) != VOX_OK) {
        return VOX_OK;
    }
    struct vox_span name = header.fields[VOX_META_DATA_FILE];
    if (vox_span_is(name, "LOCAL")) {
        return VOX_OK;
    }
    return vox_meta_beside(path, name, out, err);
}

enum vox_code vox_file_identify(const char *path, struct vox_file_identity *out,
                                struct vox_err *err)
{
    struct vox_file_identity identity;
    memset(&identity, 0, sizeof(identity));
    struct vox_mapping mapping;
    char *voxels;
    enum vox_code code = identify_part(path, &identity.parts[0], err);
    if (code == VOX_OK) {
        code = vox_file_map(path, &mapping, err);
    }
    if (code != VOX_OK) {
        return code;
    }
    code = find_voxels(path, &mapping, &voxels, err);
    vox_file_unmap(&mapping);
    if (code != VOX_OK) {
        return code;
    }
    /* Where it is missing, who reads the image says so. */
    if (voxels != NULL && identify_part(voxels, &identity.parts[1], NULL) != VOX_OK) {
        memset(&identity.parts[1], 0, sizeof(identity.parts[1]));
    }
    vox_free(voxels);
    *out = identity;
    return VOX_OK;
}

static bool is_young(const struct timespec *changed)
{
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0) {
        return true;
    }
    double age =
        (double)(now.tv_sec - changed->tv_sec) + 1e-9 * (double)(now.tv_nsec - changed->tv_nsec);
    return !(age > 1e-3 * CLOCK_STEP_MS || age < -1.0);
}

enum vox_code vox_file_identify_settled(const char *path, struct vox_file_identity *out,
                                        struct vox_err *err)
{
    struct vox_file_identity identity;
    enum vox_code code = vox_file_identify(path, &identity, err);
    if (code == VOX_OK &&
        (is_young(&identity.parts[0].changed) || is_young(&identity.parts[1].changed))) {
        const struct timespec step = {.tv_nsec = CLOCK_STEP_MS * 1000000L};
        nanosleep(&step, NULL);
        code = vox_file_identify(path, &identity, err);
    }
    if (code == VOX_OK) {
        *out = identity;
    }
    return code;
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

bool vox_file_identity_equal(const struct vox_file_identity *a, const struct vox_file_identity *b)
{
    bool equal = true;
    for (int i = 0; i < 2; i++) {
        const struct vox_file_part *x = &a->parts[i], *y = &b->parts[i];
        equal = equal && x->device == y->device && x->inode == y->inode && x->size == y->size &&
                same_time(&x->modified, &y->modified) && same_time(&x->changed, &y->changed);
    }
    return equal;
}
