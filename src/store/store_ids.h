/* Names: ids of images, tags of labels, and how files are called.
 *
 * A file is called <stem><ext>. The stem of a file that was there before is the id. The stem of an
 * id that comes from a client is the id too where that is a safe file name; else it is "id=" and
 * the id with "=2F" for what is not safe; else, where that is too long, "id=", its beginning, "=~"
 * and the SHA-256 of the id, and a file of that name in .voxlabel/ids holds the id. */
#ifndef VOX_STORE_STORE_IDS_H
#define VOX_STORE_STORE_IDS_H

#include <stdbool.h>
#include <stddef.h>

#include "store/datastore.h"
#include "util/error.h"

/* With the longest ending a name has room for a few characters in front within 255 bytes. */
enum { VOX_STEM_MAX = 200, VOX_STEM_SIZE = VOX_STEM_MAX + 1 };

/* Endings of images that are indexed; of two files with one stem the later ending wins. */
enum { VOX_IMAGE_EXTS = 4 };
extern const char *const vox_image_exts[VOX_IMAGE_EXTS];

bool vox_is_image_ext(const char *ext);

/* The ending of an image's or label's file name, pointing into it; NULL for other files and where
 * nothing stands before. "x.seg.nrrd" is ".nrrd" for images and ".seg.nrrd" for labels. */
const char *vox_image_name_ext(const char *name);
const char *vox_label_name_ext(const char *name);

/* Whether a text is an ending: "" or "." and letters, digits, "._-". */
bool vox_is_ext(const char *ext);

/* Whether stem and ending make a name in a folder, and not a hidden one. */
bool vox_is_file_stem(const char *stem);

bool vox_is_utf8(const char *text);

/* *hashed: the id has to be kept in .voxlabel/ids. */
enum vox_code vox_stem_from_id(const char *id, char stem[VOX_STEM_SIZE], bool *hashed,
                               struct vox_err *err) VOX_MUST_USE;

/* The id of a stem; `ids` is the folder .voxlabel/ids, NULL if there is none. The caller frees *out
 * with vox_free. */
enum vox_code vox_stem_to_id(const char *stem, const char *ids, char **out,
                             struct vox_err *err) VOX_MUST_USE;

#endif
