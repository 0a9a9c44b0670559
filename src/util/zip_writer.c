#include "util/zip_writer.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <zip.h>

static enum vox_code fail_zip(struct vox_err *err, int zip_code, int sys)
{
    if (zip_code == ZIP_ER_MEMORY) {
        return vox_fail(err, VOX_E_NOMEM, "no memory for the archive");
    }
    if (zip_code == ZIP_ER_OPEN && sys == ENOENT) {
        return vox_fail_sys(err, VOX_E_NOT_FOUND, sys, "a file of the archive is not there");
    }
    const char *why = sys != 0 ? strerrordesc_np(sys) : NULL;
    return vox_fail_sys(err, VOX_E_IO, sys, "the archive could not be written: %s",
                        why != NULL ? why : "damaged or too large");
}

static enum vox_code fail_archive(struct vox_err *err, zip_t *archive)
{
    const zip_error_t *error = zip_get_error(archive);
    return fail_zip(err, error->zip_err, error->sys_err);
}

static bool add(zip_t *archive, const struct vox_zip_entry *entry)
{
    zip_source_t *source = entry->path != NULL
                               ? zip_source_file(archive, entry->path, 0, -1)
                               : zip_source_buffer(archive, entry->data, entry->size, 0);
    if (source == NULL) {
        return false;
    }
    zip_int64_t index = zip_file_add(archive, entry->name, source, ZIP_FL_ENC_UTF_8);
    if (index < 0) {
        zip_source_free(source);
        return false;
    }
    return zip_set_file_compression(archive, (zip_uint64_t)index, ZIP_CM_STORE, 0) == 0;
}

enum vox_code vox_zip_write(const char *path, const struct vox_zip_entry *entries, size_t n,
                            struct vox_err *err)
{
    int code = 0;
    zip_t *archive = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, &code);
    if (archive == NULL) {
        return fail_zip(err, code, errno);
    }
    for (size_t i = 0; i < n; i++) {
        if (!add(archive, &entries[i])) {
            enum vox_code failed = fail_archive(err, archive);
            zip_discard(archive);
            return failed;
        }
    }
    /* All files are read and the archive is written here, under a temporary name. */
    if (zip_close(archive) != 0) {
        enum vox_code failed = fail_archive(err, archive);
        zip_discard(archive);
        return failed;
    }
    return VOX_OK;
}
