/* A folder of small images for tests of the store. Functions end the test where they fail. */
#ifndef VOX_STORE_STORE_FOLDER_H
#define VOX_STORE_STORE_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

#include "store/datastore.h"

/* A new folder in the system's place for temporary files; its path is borrowed until the next call
 * of store_folder_remove, which removes it with all that is in it. */
const char *store_folder_new(void);
void store_folder_remove(void);

/* folder/name of the current folder, in one of a few buffers that take turns. */
const char *in_folder(const char *name);

/* A small image, NIfTI, NRRD or MetaImage as its name says; `value` makes its voxels others. */
void put_image(const char *name, int value);
void put_text(const char *name, const char *text);
void put_bytes(const char *name, const void *bytes, size_t size);
void make_dir(const char *name);

/* The whole of a file; the caller frees with vox_free. NULL if it is not there. */
char *get_text(const char *name);
bool is_there(const char *name);

/* Names that begin so, in the folder itself and in all below. */
int count_names(const char *prefix);

/* Opens the folder with the defaults but without following and checksums behind; closes. */
struct vox_datastore_options quiet_options(void);
struct vox_datastore *open_store(const struct vox_datastore_options *options);

/* Adds or replaces a label whose bytes are `text`. */
enum vox_code save_text(struct vox_datastore *store, const char *id, const char *tag,
                        const char *ext, const char *text, const char *info);

/* What the datastore says, freed at the next call. */
const char *all_json(struct vox_datastore *store);
const char *stats_json(struct vox_datastore *store);

#define HAS(text, part) assert_non_null(strstr(text, part))
#define LACKS(text, part) assert_null(strstr(text, part))

#endif
