/* The datastore: images of a folder, their labels, and what is known of both, kept in
 * datastore_v2.json as MONAI Label keeps it, so that both programs and hands can work on one
 * folder.
 *
 * All functions may be called from any thread. What they give is a copy; texts are freed with the
 * function that is named. A call that changes something returns when the files and the JSON that
 * names them are on the disk; calls that arrive together share one write of the JSON. Where one
 * fails nothing has changed. Changes by others appear within a second (five where the folder is
 * polled) and also before every write.
 *
 * An id is any UTF-8 text of 1 ... 1024 bytes without NUL. It never is a path: vox_datastore_*
 * turns it into a file name of its own (store/store_ids.h). A tag is 1 ... 64 bytes of
 * [A-Za-z0-9._-], not "." or "..". Others are VOX_E_ARG, unknown ones VOX_E_NOT_FOUND. Error texts
 * hold no id, tag or path. */
#ifndef VOX_STORE_DATASTORE_H
#define VOX_STORE_DATASTORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"
#include "volume/volume.h"

struct vox_datastore;

enum { VOX_ID_MAX = 1024, VOX_TAG_MAX = 64, VOX_EXT_MAX = 32 };

enum { VOX_CHECKSUM_SIZE = 72 }; /* "SHA256:", 64 hexadecimal digits, a NUL */

/* How changes of others are noticed. */
enum vox_follow {
    VOX_FOLLOW_AUTO,   /* the kernel tells, and on network mounts the folder is polled */
    VOX_FOLLOW_NOTIFY, /* the kernel tells */
    VOX_FOLLOW_POLL,
    VOX_FOLLOW_NEVER /* only vox_datastore_refresh and writes look */
};

/* What becomes of voxels labelled "uncertain" in a label that is saved with the tag "final". */
enum vox_uncertain {
    VOX_UNCERTAIN_KEEP,
    VOX_UNCERTAIN_DROP, /* they become background */
    VOX_UNCERTAIN_MERGE /* they become part of the label "intersection", or of the only other one */
};

/* Something that an operator should read: one line, without ids and paths. Called from any thread,
 * also while a lock is held: it may not call the datastore. */
typedef void vox_datastore_note(void *context, const char *text);

struct vox_datastore_options {
    bool read_only; /* nothing is ever written; also where the folder cannot be written */
    enum vox_follow follow;
    double poll_seconds; /* between two looks, where the folder is polled */
    int versions;        /* of each label that are kept when it is replaced; 0: none */
    enum vox_uncertain uncertain;
    double checkout_seconds; /* how long an image stays checked out; 0: never is */
    bool checksums_behind;   /* compute the images' checksums before somebody asks */
    struct vox_volume_limits limits;
    vox_datastore_note *note; /* may be NULL */
    void *note_context;
};

/* Followed, polled every 1.5 s where it must be, 10 versions, uncertain voxels kept, checked out
 * for an hour, checksums behind. */
struct vox_datastore_options vox_datastore_options_default(void);

/* Opens the datastore of a folder, which must be there: reads datastore_v2.json, or makes it from
 * what lies in the folder, and brings both together: images and labels whose file is gone leave,
 * those that are new come in. A file that is not JSON, or not a datastore, is kept under the name
 * datastore_v2.json.broken-<time> and noted. Several programs may have one folder open, MONAI Label
 * among them; each follows what the others do. VOX_E_NOT_FOUND if there is no such folder,
 * VOX_E_IO, VOX_E_NOMEM, VOX_E_UNSUPPORTED for image or label folders outside of it. */
enum vox_code vox_datastore_open(const char *folder, const struct vox_datastore_options *options,
                                 struct vox_datastore **out, struct vox_err *err) VOX_MUST_USE;

/* Ends the threads and frees; no call may be under way. NULL is allowed. */
void vox_datastore_close(struct vox_datastore *store);

const char *vox_datastore_folder(const struct vox_datastore *store); /* absolute; borrowed */
bool vox_datastore_read_only(const struct vox_datastore *store);
bool vox_datastore_polled(const struct vox_datastore *store);

/* Grows with every change of what the datastore says, checkouts included. */
uint64_t vox_datastore_generation(struct vox_datastore *store);

/* Waits until it is not `generation`; false after `seconds`. */
bool vox_datastore_wait(struct vox_datastore *store, uint64_t generation, double seconds);

/* Looks at the folder now. */
enum vox_code vox_datastore_refresh(struct vox_datastore *store, struct vox_err *err) VOX_MUST_USE;

/* A place for another room's own small file, in the folder's hidden folder .voxlabel; it need not
 * exist. `name` is a tag. VOX_E_UNSUPPORTED where the datastore is read-only. */
enum vox_code vox_datastore_state_path(struct vox_datastore *store, const char *name, char **out,
                                       struct vox_err *err) VOX_MUST_USE;

/* --- what clients send --- */

/* Whether `size` bytes are an id, a tag; they need no NUL behind. VOX_E_ARG. */
enum vox_code vox_id_check(const char *id, size_t size, struct vox_err *err) VOX_MUST_USE;
enum vox_code vox_tag_check(const char *tag, size_t size, struct vox_err *err) VOX_MUST_USE;

/* How a client's file name ends, in lower case: ".nii.gz", ".seg.nrrd", ".json"; "" if not at all
 * or not with letters and digits. The name may be a path of any system. */
void vox_file_ext(const char *name, char ext[VOX_EXT_MAX + 1]);

/* The id for an upload that came without one: the base name up to its first dot. False, and *out
 * untouched, where nothing is left or memory is short. */
bool vox_id_from_name(const char *name, char **out) VOX_MUST_USE;

/* --- reading --- */

struct vox_image_record {
    char *id;
    char *path;      /* absolute; the file was there */
    char *ext;       /* ".nii.gz" */
    char *file_name; /* the path's last part */
    char *info;      /* a JSON object */
    uint64_t number; /* among all objects; given once and to no other id while this runs */
    bool labelled;   /* has a "final" label */
    bool decodable;  /* false: nothing here reads it, it is not offered */
};

enum vox_code vox_datastore_image(struct vox_datastore *store, const char *id,
                                  struct vox_image_record *out, struct vox_err *err) VOX_MUST_USE;
void vox_image_record_free(struct vox_image_record *record); /* all zero is allowed */

/* Like it, found by the number. */
enum vox_code vox_datastore_numbered(struct vox_datastore *store, uint64_t number,
                                     struct vox_image_record *out,
                                     struct vox_err *err) VOX_MUST_USE;

struct vox_label_record {
    char *path; /* absolute; the file was there */
    char *ext;
    char *file_name;
    char *info; /* a JSON object */
};

/* version 0 is the label itself, others are older ones (vox_datastore_versions). */
enum vox_code vox_datastore_label(struct vox_datastore *store, const char *id, const char *tag,
                                  int version, struct vox_label_record *out,
                                  struct vox_err *err) VOX_MUST_USE;
void vox_label_record_free(struct vox_label_record *record); /* all zero is allowed */

/* The numbers of the older versions of a label, ascending; also of one that was deleted. The caller
 * frees *out with vox_free. */
enum vox_code vox_datastore_versions(struct vox_datastore *store, const char *id, const char *tag,
                                     int **out, size_t *n, struct vox_err *err) VOX_MUST_USE;

enum vox_image_choice { VOX_IMAGES_ALL, VOX_IMAGES_LABELLED, VOX_IMAGES_UNLABELLED };

struct vox_image_item {
    char *id;
    uint64_t number;
    char *file_name;
};

/* Images that can be decoded, in the order of the datastore. */
enum vox_code vox_datastore_list(struct vox_datastore *store, enum vox_image_choice choice,
                                 struct vox_image_item **out, size_t *n,
                                 struct vox_err *err) VOX_MUST_USE;
void vox_image_items_free(struct vox_image_item *items, size_t n);

/* The checksum of an image's file as "SHA256:<hex>". Known ones, kept by size and time across
 * restarts, come at once; others are computed by this call. VOX_E_NOT_FOUND, VOX_E_IO, VOX_E_BUSY
 * if the file changes whenever it is read. */
enum vox_code vox_datastore_checksum(struct vox_datastore *store, const char *id,
                                     char out[VOX_CHECKSUM_SIZE], struct vox_err *err) VOX_MUST_USE;

/* JSON texts as MONAI Label's routes answer; the caller frees *out with vox_free.
 *   stats  {"total", "completed", "label_tags": {tag: count}}, and "checked_out"
 *   all    what is on the disk, keyed by id; an object that is checked out has a member "checkout":
 *          {"client_id", "since", "expires"}
 *   train  [{"image": path, "label": path}] of images with a "final" label
 *   info   the image's info with "checksum" (if it is known already) and "path"; {} if unknown
 *   label_info  the label's info; {} if unknown */
enum vox_code vox_datastore_stats_json(struct vox_datastore *store, char **out,
                                       struct vox_err *err) VOX_MUST_USE;
enum vox_code vox_datastore_all_json(struct vox_datastore *store, char **out,
                                     struct vox_err *err) VOX_MUST_USE;
enum vox_code vox_datastore_train_json(struct vox_datastore *store, char **out,
                                       struct vox_err *err) VOX_MUST_USE;
enum vox_code vox_datastore_info_json(struct vox_datastore *store, const char *id, char **out,
                                      struct vox_err *err) VOX_MUST_USE;
enum vox_code vox_datastore_label_info_json(struct vox_datastore *store, const char *id,
                                            const char *tag, char **out,
                                            struct vox_err *err) VOX_MUST_USE;

/* --- writing; VOX_E_UNSUPPORTED where the datastore is read-only --- */

/* A file that comes in. */
struct vox_incoming {
    const char *path; /* read, not taken */
    const char *ext;  /* vox_file_ext of the client's name; "" means ".nii.gz" */
    const char *info; /* a JSON object; NULL: {} */
    const char *user; /* becomes info.user; NULL: none */
};

/* Adds an image, or replaces the file of one: its labels and what its info holds besides stay.
 * VOX_E_FORMAT, VOX_E_UNSUPPORTED, VOX_E_LIMIT for files that cannot be decoded, but ".dcm", which
 * is put into the folder and not indexed. */
enum vox_code vox_datastore_add_image(struct vox_datastore *store, const char *id,
                                      const struct vox_incoming *upload,
                                      struct vox_err *err) VOX_MUST_USE;

/* Saves a label of an image that is there; the file is not looked into, but for uncertain voxels.
 * The label that it replaces becomes a version. A "final" one ends the image's checkout. */
enum vox_code vox_datastore_save_label(struct vox_datastore *store, const char *id, const char *tag,
                                       const struct vox_incoming *upload,
                                       struct vox_err *err) VOX_MUST_USE;

/* Members of `info` (a JSON object) replace those of the same name. `user` as above. */
enum vox_code vox_datastore_update_image_info(struct vox_datastore *store, const char *id,
                                              const char *info, const char *user,
                                              struct vox_err *err) VOX_MUST_USE;
enum vox_code vox_datastore_update_label_info(struct vox_datastore *store, const char *id,
                                              const char *tag, const char *info, const char *user,
                                              struct vox_err *err) VOX_MUST_USE;

/* Deletes an image with its labels and their versions. */
enum vox_code vox_datastore_delete_image(struct vox_datastore *store, const char *id,
                                         struct vox_err *err) VOX_MUST_USE;

/* Makes a label a version. Not an error where there is none. */
enum vox_code vox_datastore_delete_label(struct vox_datastore *store, const char *id,
                                         const char *tag, struct vox_err *err) VOX_MUST_USE;

#endif
