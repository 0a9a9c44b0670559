/* A volume: a 3D grid of stored voxels with the geometry of the file it came from.
 *
 * Voxel (i, j, k) lies at index i + w * (j + h * k). A slice is one k plane of w x h. Nothing is
 * ever reoriented. World space is RAS millimetres; the files' own spaces are converted when the
 * affine is made. */
#ifndef VOX_VOLUME_VOLUME_H
#define VOX_VOLUME_VOLUME_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

struct vox_file_writer;

enum vox_file_format {
    VOX_FORMAT_NIFTI1,
    VOX_FORMAT_NIFTI2,
    VOX_FORMAT_NRRD,
    VOX_FORMAT_METAIMAGE
};

/* What a NIfTI header says about space, kept bit for bit (fields of nifti1.h / nifti2.h). */
struct vox_nifti_geometry {
    int32_t qform_code, sform_code;
    double pixdim[8]; /* pixdim[0] is qfac */
    double quatern_b, quatern_c, quatern_d;
    double qoffset_x, qoffset_y, qoffset_z;
    double srow_x[4], srow_y[4], srow_z[4];
    int32_t xyzt_units;
};

/* What a NRRD header says about space, its text kept. */
struct vox_nrrd_geometry {
    char space[64];          /* "left-posterior-superior", empty if absent */
    char directions[3][128]; /* "(a,b,c)" per axis, empty if absent */
    char origin[128];        /* "(x,y,z)", empty if absent */
    char spacings[3][48];    /* used when there are no directions */
};

/* What a MetaImage header says about space (LPS), its numbers' text kept, one blank between. */
struct vox_metaimage_geometry {
    char matrix[3][192]; /* an axis' direction, "a b c"; empty if absent */
    char origin[192];    /* "x y z", empty if absent */
    char spacing[3][64]; /* empty if absent */
};

struct vox_geometry {
    double affine[3][4];         /* voxel index (i, j, k, 1) -> RAS millimetres; can be inverted */
    double spacing[3];           /* length of the affine's columns, mm */
    enum vox_file_format source; /* which of the records below is filled */
    struct vox_nifti_geometry nifti;
    struct vox_nrrd_geometry nrrd;
    struct vox_metaimage_geometry metaimage;
};

struct vox_volume {
    int64_t size[3]; /* w, h, d */
    enum vox_voxel_type type;
    double slope, intercept; /* real value = slope * stored + intercept; 1 and 0 where the file
                                scales nothing */
    void *voxels;            /* native endian, owned */
    struct vox_geometry geometry;
};

/* Bounds for what is read from files. */
struct vox_volume_limits {
    int64_t max_side;   /* voxels per axis */
    uint64_t max_bytes; /* of decoded voxels */
};

struct vox_volume_limits vox_volume_limits_default(void); /* 65,536 per side, 16 GiB */

/* Bytes of one voxel in memory. */
size_t vox_voxel_size(enum vox_voxel_type type);
const char *vox_voxel_name(enum vox_voxel_type type); /* "uint8", "int16", ... */

/* Reads .nii, .nii.gz, .nrrd, .seg.nrrd, .mha and .mhd with the file beside it, recognised by
 * content. Bounds are checked before anything is allocated and inflating stops at the size that the
 * header promised. The caller owns *out and ends it with vox_volume_free. VOX_E_FORMAT,
 * VOX_E_LIMIT, VOX_E_UNSUPPORTED, VOX_E_NOT_FOUND, VOX_E_IO, VOX_E_NOMEM; texts never hold the
 * path. */
enum vox_code vox_volume_read(const char *path, const struct vox_volume_limits *limits,
                              struct vox_volume **out, struct vox_err *err) VOX_MUST_USE;

/* The same for a file's bytes in memory (not kept); a .mhd is refused. */
enum vox_code vox_volume_parse(const void *data, size_t size,
                               const struct vox_volume_limits *limits, struct vox_volume **out,
                               struct vox_err *err) VOX_MUST_USE;

/* Gives slice k, w * h voxels of the type that is written, into out. Called once for each slice, in
 * their order; what it returns instead of VOX_OK ends the writing. */
struct vox_slice_supply {
    enum vox_code (*slice)(void *context, int64_t k, void *out, struct vox_err *err);
    void *context;
};

/* A whole grid in memory as a supply, which borrows both. */
struct vox_slice_array {
    const void *voxels;
    size_t slice_bytes;
};
struct vox_slice_array vox_slice_array(const int64_t size[3], enum vox_voxel_type type,
                                       const void *voxels);
struct vox_slice_supply vox_slice_array_supply(struct vox_slice_array *array);

/* A structure of a label map. Texts are UTF-8. */
struct vox_segment_info {
    const char *id;    /* "Segment_1"; NULL when writing: made of the value */
    const char *name;  /* never NULL */
    int64_t value;     /* its voxels' */
    int layer;         /* whose voxels; written as 0 */
    double color[3];   /* 0 ... 1 */
    bool has_color;    /* else vox_segment_color's is written */
    int64_t extent[6]; /* first and last i, j, k of a box that holds it; as it was read, not checked
                          against the voxels; written as the whole grid */
    bool has_extent;
};

/* A colour for the label of this value: twelve that tell apart well on grey images, then again from
 * the first; a muted grey for one that is called "uncertain". */
void vox_segment_color(const char *name, int64_t value, double color[3]);

struct vox_write_options {
    /* The voxels of all but .nii and .nii.gz, which are what they are called. */
    bool compress;
    const struct vox_segment_info *segments; /* for .seg.nrrd; others have no place for them */
    int n_segments;
};

/* What NULL stands for: .nrrd and .seg.nrrd are compressed, .mha and .mhd are not, there are no
 * segments. */
struct vox_write_options vox_write_options_default(const char *path);

/* Writes a grid with the geometry of `like` (NIfTI to NIfTI: sform, qform, codes, pixdim and units
 * bit for bit; NRRD to NRRD and MetaImage to MetaImage: the numbers' text; across: the affine,
 * within 1e-4 voxel as far as the floats of NIfTI-1 can hold it), the format chosen by the ending
 * of `path` (.nii, .nii.gz, .nrrd, .seg.nrrd, .mha, .mhd with the voxels beside it in .raw or
 * .zraw). NIfTI-2 is written if `like` came from it or a side is above 32,767. Voxels are unscaled;
 * memory is needed for one slice. *out holds the whole file under its temporary name, and the
 * caller ends it with vox_file_commit or vox_file_abandon (util/file.h). VOX_E_CANCELLED, and
 * nothing is left, once *cancel is not 0 (NULL: never); it is looked at for each MiB. */
enum vox_code vox_volume_prepare(const char *path, const struct vox_geometry *like,
                                 const int64_t size[3], enum vox_voxel_type type,
                                 const struct vox_slice_supply *supply,
                                 const struct vox_write_options *options /* NULL: defaults */,
                                 const atomic_int *cancel, struct vox_file_writer **out,
                                 struct vox_err *err) VOX_MUST_USE;

/* The same for w * h * d voxels in memory, with the defaults, and committed. */
enum vox_code vox_volume_write(const char *path, const struct vox_geometry *like,
                               const int64_t size[3], enum vox_voxel_type type, const void *voxels,
                               struct vox_err *err) VOX_MUST_USE;

/* Real values (slope and intercept applied, computed in double) of slice k into out, w * h. */
void vox_volume_slice(const struct vox_volume *volume, int64_t k, double *out);

void vox_volume_free(struct vox_volume *volume); /* NULL is allowed */

#endif
