/* Older versions of labels: .voxlabel/versions/<tag>/<stem>/<number><ext>, with <number>.~info that
 * says {"ext", "info", "replaced"}. */
#ifndef VOX_STORE_LABEL_VERSIONS_H
#define VOX_STORE_LABEL_VERSIONS_H

#include "store/datastore_parts.h"

/* The numbers that there are, ascending; the caller frees *out with vox_free. */
enum vox_code vox_versions_list(const struct vox_datastore *store, const char *tag,
                                const char *stem, int **out, size_t *n,
                                struct vox_err *err) VOX_MUST_USE;

/* Path, ending and info of one. VOX_E_NOT_FOUND. */
enum vox_code vox_versions_find(const struct vox_datastore *store, const char *tag,
                                const char *stem, int version, struct vox_label_record *out,
                                struct vox_err *err) VOX_MUST_USE;

/* A version in the making. All zero is none. */
struct vox_version {
    int number;
    char *path; /* of the file, to be made by the caller */
    char *told; /* of what is said of it, which is made */
};

/* Takes the next number and writes down what a label with this ending and info was. The caller puts
 * the file to out->path and ends *out with vox_version_end. */
enum vox_code vox_version_begin(const struct vox_datastore *store, const char *tag,
                                const char *stem, const char *ext, const char *info,
                                struct vox_version *out, struct vox_err *err) VOX_MUST_USE;

/* Removes both again. */
void vox_version_undo(const struct vox_version *version);
void vox_version_end(struct vox_version *version);

/* Removes the oldest ones beyond the datastore's bound; all of an image. */
void vox_versions_trim(const struct vox_datastore *store, const char *tag, const char *stem);
void vox_versions_remove(const struct vox_datastore *store, const char *stem);

#endif
