/* The table of file formats: what each one reads and writes lies behind its row.
 *
 * To add a format: a file that defines a row, and a line in format.c. */
#ifndef VOX_VOLUME_FORMAT_H
#define VOX_VOLUME_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/file.h"
#include "volume/header_text.h"
#include "volume/volume.h"
#include "volume/voxel_load.h"

/* A file as its bytes, not kept. */
struct vox_content {
    const uint8_t *data;
    size_t size;
    const char *path; /* where it is, for a format that has a file beside it; NULL: nowhere */
    bool layered;     /* several layers of segments are welcome (layout.layers) */
};

enum { VOX_LAYERS_MAX = 4096 };

struct vox_format;
struct vox_segment_list;

/* What a header says, checked and within the limits, and where the voxels are. */
struct vox_stored_volume {
    const struct vox_format *format; /* that opened it; set by vox_content_open */
    struct vox_voxel_layout layout;
    struct vox_voxel_source source; /* points into the content, or into `beside` */
    struct vox_mapping beside;      /* the voxels' own file, where there is one */
    double slope, intercept;
    struct vox_geometry geometry;
};

/* How a name may end, and what that says about the voxels. */
struct vox_format_ending {
    const char *text; /* ".nii.gz" */
    bool compressed;  /* where vox_write_options do not say */
    bool fixed;       /* whatever they say */
    bool zlib;        /* compressed means RFC 1950, not gzip */
    bool whole;       /* compressed means the header too */
    bool beside;      /* the voxels have a file of their own */
    bool segments;    /* the header has a place for them */
};

/* What is to be written; the voxels come separately. */
struct vox_output {
    const struct vox_format_ending *ending;
    const struct vox_geometry *like;
    int64_t size[3];
    enum vox_voxel_type type; /* native endian */
    bool compressed;
    const char *beside; /* name of the voxels' own file, without its folder; NULL: none */
    const struct vox_segment_info *segments; /* only where the ending has a place for them */
    int n_segments;
};

/* A header that is put together. */
struct vox_head {
    struct vox_header_text text;
    size_t packed_size_at; /* where VOX_PACKED_SIZE blanks wait for the number of bytes that the
                              compressed voxels take; 0: nowhere */
};
enum { VOX_PACKED_SIZE = 20 };

struct vox_format {
    const char *name; /* as sentences name it: "NIfTI" */
    bool in_gzip;     /* the whole file may lie in a gzip stream */

    /* True if a file begins so, whether damaged or not. */
    bool (*probe)(const uint8_t *data, size_t size);

    /* Takes the header apart and compares it with the limits; nothing of the size of the voxels is
     * allocated. Errors are those of vox_volume_parse. */
    enum vox_code (*open)(const struct vox_content *content, const struct vox_volume_limits *limits,
                          struct vox_stored_volume *out, struct vox_err *err);

    /* What a file that was opened says of its segments; NULL for formats that have no place for it.
     */
    enum vox_code (*segments)(const struct vox_content *content, struct vox_segment_list *out,
                              struct vox_err *err);

    const struct vox_format_ending *endings; /* the last one's text is NULL */

    /* Puts the header together; *head is all zero, and the caller releases its text in any case. */
    enum vox_code (*encode)(const struct vox_output *output, struct vox_head *head,
                            struct vox_err *err);
};

/* The rows. */
extern const struct vox_format vox_nifti_format;
extern const struct vox_format vox_nrrd_format;
extern const struct vox_format vox_metaimage_format;

/* Recognises a file by its content and opens it. A file that no format knows is refused with a
 * sentence that names what it is, where that can be told. The caller ends *out with
 * vox_stored_close, before the content goes. */
enum vox_code vox_content_open(const struct vox_content *content,
                               const struct vox_volume_limits *limits,
                               struct vox_stored_volume *out, struct vox_err *err) VOX_MUST_USE;

void vox_stored_close(struct vox_stored_volume *stored);

/* The format for a name's ending, NULL if there is none. */
const struct vox_format *vox_format_for_path(const char *path,
                                             const struct vox_format_ending **ending);

#endif
