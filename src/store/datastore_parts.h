/* The inside of a datastore, for the files of this room that make it up. */
#ifndef VOX_STORE_DATASTORE_PARTS_H
#define VOX_STORE_DATASTORE_PARTS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/checkout.h"
#include "store/datastore.h"
#include "store/index.h"
#include "store/name_table.h"
#include "store/staged_file.h"
#include "store/store_paths.h"
#include "util/error.h"

struct vox_change;
struct vox_watcher;
struct vox_checksums;
struct vox_folder_look;

struct vox_datastore {
    /* Set when it is opened. */
    char *folder, *images, *labels; /* absolute */
    char *json, *flock;             /* datastore_v2.json, .lock */
    char *state;                    /* .voxlabel; and in it: */
    char *ids, *versions, *staging;
    struct vox_file_state root; /* which folder it is, whatever is mounted there later */
    struct vox_datastore_options options;
    bool read_only, polled;
    int alive; /* holds a lock on .voxlabel/alive for as long as this is open, -1: none */

    /* What readers see. */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct vox_index *index;
    uint64_t generation;
    uint64_t images_generation;    /* of the images' files */
    struct vox_name_table numbers; /* id -> number + 1 as a pointer */
    char **numbered;               /* ids by number, owned by `numbers` */
    size_t n_numbered, numbered_room;
    struct vox_name_table checkouts;   /* id -> struct vox_checkout */
    struct vox_name_table undecodable; /* file name -> struct vox_file_state */

    /* Changes; see commit.h. */
    pthread_mutex_t queue_lock;
    pthread_cond_t queue_moved;
    struct vox_change *first, **last;
    bool leading;

    /* Of whoever leads. */
    struct vox_file_state mark; /* datastore_v2.json as it was read or written last */
    struct vox_name_table gone; /* stem -> struct vox_entry whose image is missing */
    struct vox_folder_look *look;
    bool said_broken;

    struct vox_watcher *watcher;
    struct vox_checksums *checksums;
};

void vox_store_note(const struct vox_datastore *store, const char *text);

/* The index as it is, for reading; ends with vox_index_unref. */
struct vox_index *vox_store_snapshot(struct vox_datastore *store);

/* The object of an id, an owner more. VOX_E_NOT_FOUND, VOX_E_ARG for what is no id. */
enum vox_code vox_store_find(struct vox_datastore *store, const char *id, struct vox_entry **out,
                             struct vox_err *err) VOX_MUST_USE;

/* Makes `draft` what readers see and takes it over; numbers its new objects. */
enum vox_code vox_store_publish(struct vox_datastore *store, struct vox_index *draft,
                                struct vox_err *err) VOX_MUST_USE;

/* Numbers objects by their places; for a datastore that nobody else knows yet. */
enum vox_code vox_store_renumber(struct vox_datastore *store, struct vox_err *err) VOX_MUST_USE;

/* datastore_v2.json as it was read or written last. */
struct vox_file_state vox_store_mark(struct vox_datastore *store);
void vox_store_set_mark(struct vox_datastore *store, const struct vox_file_state *mark);

/* Readers see something else from now on; `images`: also an image's file. */
void vox_store_touch(struct vox_datastore *store, bool images);

/* Paths of an object's files; NULL where there is no memory. */
char *vox_store_image_path(const struct vox_datastore *store, const struct vox_entry *entry);
char *vox_store_tag_folder(const struct vox_datastore *store, const char *tag);
char *vox_store_label_path(const struct vox_datastore *store, const char *tag, const char *stem,
                           const char *ext);

/* Whether an image's file is known to be none that can be decoded. */
bool vox_store_is_decodable(struct vox_datastore *store, const struct vox_entry *entry);
void vox_store_set_undecodable(struct vox_datastore *store, const char *file_name,
                               const struct vox_file_state *state);

/* VOX_E_UNSUPPORTED where nothing may be written. */
enum vox_code vox_store_check_writable(const struct vox_datastore *store,
                                       struct vox_err *err) VOX_MUST_USE;

/* The same, and what a change is about: an id, a tag and an info (NULL: none). VOX_E_ARG. */
enum vox_code vox_store_check_change(const struct vox_datastore *store, const char *id,
                                     const char *tag, const char *info,
                                     struct vox_err *err) VOX_MUST_USE;

#endif
