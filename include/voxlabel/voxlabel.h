/* libvoxlabel: from clicks, boxes and masks on a medical volume to the 3D mask of a structure.
 *
 *     vox_model_open -> vox_image_open -> vox_request_open, prompts -> vox_segment ->
 * vox_result_save
 *
 * Functions that can fail return enum vox_code and fill *err (which may be NULL). They succeed and
 * set all their outputs, or fail and touch none. The library never exits, prints nothing, installs
 * no signal handler and keeps no global state. Texts are UTF-8. Structs of options may be all zero,
 * which means the defaults; new members are added at their ends.
 *
 * A voxel is (i, j, k): indices of stored voxels along a row, down the rows, over the slices, with
 * i fastest in memory. Nothing is reoriented. World space is RAS millimetres.
 *
 * Threads: a vox_model may be used by several threads at the same time; runs on it take turns slice
 * by slice. All other objects belong to one thread at a time, an image together with its results:
 * threads that work on one file open it each, which shares its voxels. Results must be closed
 * before their image, images before their model.
 *
 * For research, never for diagnosis. */
#ifndef VOXLABEL_VOXLABEL_H
#define VOXLABEL_VOXLABEL_H

#include <stddef.h>
#include <stdint.h>

#include "voxlabel/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* "0.1.0"; static. */
VOX_API const char *vox_version(void);

/* ---- model ---- */

struct vox_model;

struct vox_model_options {
    const char *config;    /* YAML of the SAM 2 family; NULL: the built-in one that fits */
    const char *backend;   /* NULL: the best that proves itself on this machine */
    int threads;           /* 0: one per CPU that the process may use */
    uint64_t cache_memory; /* bytes of slice features and of decoded images, each, kept in memory;
                              0: 1 GiB; 1: none */
    const char *cache_dir; /* folder for slice features on disk, made with mode 0700; NULL: none */
    uint64_t cache_disk;   /* bytes of that folder; 0: 10 GiB */
    uint64_t max_memory;   /* bytes of one image's decoded voxels in memory; larger ones are
                              streamed where their format allows; 0: 16 GiB */
};

/* Opens a checkpoint (.pt as MedSAM2 publishes it, or .safetensors); checkpoint NULL: the small
 * "voxlabel-nano" inside the library (VOX_E_NOT_FOUND where it was built without). The caller owns
 * *out. */
VOX_API enum vox_code vox_model_open(const char *checkpoint,
                                     const struct vox_model_options *options,
                                     struct vox_model **out, struct vox_err *err);

/* A checkpoint in memory. */
struct vox_model_bytes {
    const void *weights; /* the bytes of such a file */
    size_t size;
    const char *yaml; /* of the SAM 2 family, where the options name no file; NULL: the built-in one
                         that fits */
    size_t yaml_size;
    const char *name; /* what that YAML goes by in vox_model_facts; NULL: "unnamed" */
};

/* The same; the bytes are read during the call alone. */
VOX_API enum vox_code vox_model_open_bytes(const struct vox_model_bytes *bytes,
                                           const struct vox_model_options *options,
                                           struct vox_model **out, struct vox_err *err);
VOX_API void vox_model_close(struct vox_model *model); /* NULL is allowed */

/* Borrowed from the model. */
struct vox_model_facts {
    const char *name;    /* of the configuration */
    const char *sha256;  /* of the checkpoint's file */
    const char *backend; /* what computes */
    int threads;
};
VOX_API void vox_model_describe(const struct vox_model *model, struct vox_model_facts *out);

/* ---- image ---- */

struct vox_image;

/* An image file: NIfTI, NRRD, MetaImage, recognised by content. It is read when it is first needed;
 * here it only has to be there (VOX_E_NOT_FOUND). model NULL: for vox_image_describe and
 * vox_explain alone. */
VOX_API enum vox_code vox_image_open(struct vox_model *model, const char *path,
                                     struct vox_image **out, struct vox_err *err);

/* An image in memory. */
struct vox_voxels {
    int64_t size[3];
    enum vox_voxel_type type;
    const void *data;    /* size[0] * size[1] * size[2] voxels, borrowed until the image closes, and
                            not to be changed meanwhile */
    double affine[3][4]; /* (i, j, k, 1) -> RAS mm; must span space */
    double slope, intercept; /* real value = slope * stored + intercept; slope 0 counts as 1 */
};
VOX_API enum vox_code vox_image_wrap(struct vox_model *model, const struct vox_voxels *voxels,
                                     struct vox_image **out, struct vox_err *err);
VOX_API void vox_image_close(struct vox_image *image); /* NULL is allowed */

struct vox_image_facts {
    int64_t size[3];
    double spacing[3]; /* mm */
    double affine[3][4];
    enum vox_voxel_type type;
};
/* Reads no more than the file's header: damage beyond it shows where the voxels are needed. */
VOX_API enum vox_code vox_image_describe(struct vox_image *image, struct vox_image_facts *out,
                                         struct vox_err *err);

/* ---- request ---- */

struct vox_request;

/* A request without prompts for a model with these labels (values 1 ... n; "uncertain" follows with
 * n + 1); labels NULL: "intersection" alone. */
VOX_API enum vox_code vox_request_open(const char *const *labels, int n_labels,
                                       struct vox_request **out, struct vox_err *err);
VOX_API void vox_request_close(struct vox_request *request); /* NULL is allowed */

/* Adds what a JSON object says: prompts join those that are there, options replace. */
VOX_API enum vox_code vox_request_params(struct vox_request *request, const char *json, size_t size,
                                         struct vox_err *err);

/* A click of a label (NULL: the chosen one). */
VOX_API enum vox_code vox_request_click(struct vox_request *request, const char *label,
                                        const double ijk[3], int positive, struct vox_err *err);

/* A box of a label (NULL: the chosen one) on slice key: corners i0, j0, i1, j1; z: first and last
 * slice, or NULL where only the key slice is known to hold the structure. */
VOX_API enum vox_code vox_request_box(struct vox_request *request, const char *label, double key,
                                      const double corners[4], const double *z,
                                      struct vox_err *err);

/* Drops all boxes and rois. */
VOX_API void vox_request_clear_boxes(struct vox_request *request);

/* Masks from a label file on the image's grid (or shifted by whole voxels: Slicer's cropped
 * .seg.nrrd): each label takes the segment of its name, else the voxels of its value, unless these
 * are of another label's segment. A label that the file holds nothing for keeps its mask; VOX_E_ARG
 * where that is so for all. */
VOX_API enum vox_code vox_request_mask_file(struct vox_request *request, struct vox_image *image,
                                            const char *path, struct vox_err *err);

/* The mask of one label: size of the image, not 0 is inside; copied. */
VOX_API enum vox_code vox_request_mask(struct vox_request *request, const char *label,
                                       const int64_t size[3], const uint8_t *voxels,
                                       struct vox_err *err);

/* Takes the prompts that are in the request now (but masks) for RAS millimetres and converts them.
 */
VOX_API enum vox_code vox_request_ras(struct vox_request *request, struct vox_image *image,
                                      struct vox_err *err);

/* ---- run ---- */

struct vox_progress {
    const char *step;    /* "track", ...; static */
    int64_t done, total; /* slices; total may fall where borders are free */
    double seconds;      /* since the run began */
    int restarted;       /* the window was widened and the object begins again */
};

/* Callbacks come on the calling thread; all members may be NULL. */
struct vox_callbacks {
    void (*progress)(void *context, const struct vox_progress *progress);

    /* Asked for every slice that is looked at, encoded, tracked, combined or written, and several
     * times a second by who waits for another thread's reading. Not 0: stop, with VOX_E_CANCELLED;
     * it is not asked again. An image that fits into memory is first read as a whole. */
    int (*cancelled)(void *context);
    void *context;
};

struct vox_result;

/* The plan in words; model NULL: as of a model without defaults of its own. The caller frees *text
 * with vox_text_free. */
VOX_API enum vox_code vox_explain(struct vox_model *model, struct vox_image *image,
                                  const struct vox_request *request, char **text,
                                  struct vox_err *err);
VOX_API void vox_text_free(char *text);

/* Segments. A request without a usable prompt is no error: the result is not valid and its mask
 * empty. VOX_E_ARG for prompts that cannot be, VOX_E_CANCELLED and others. The request is copied;
 * image and model must outlive the result. */
VOX_API enum vox_code vox_segment(struct vox_model *model, struct vox_image *image,
                                  const struct vox_request *request,
                                  const struct vox_callbacks *callbacks, struct vox_result **out,
                                  struct vox_err *err);

/* Adds correction clicks ([i, j] pairs on slice k; labels 1 or 0) of a label (NULL: the chosen one)
 * to a result and recomputes what they change: the result is then, bit for bit, that of a fresh run
 * with the same list, its plan and warnings too. VOX_E_ARG for clicks that a fresh run would leave
 * out altogether: outside the image or beyond strict borders. After an error the result keeps its
 * mask, JSON and preview. One that came while it was recomputed leaves it without logits, and it
 * takes no further corrections. */
VOX_API enum vox_code vox_result_correct(struct vox_result *result, const char *label, int64_t k,
                                         const double (*ij)[2], const int *labels, int n,
                                         const struct vox_callbacks *callbacks,
                                         struct vox_err *err);
VOX_API void vox_result_close(struct vox_result *result); /* NULL is allowed */

struct vox_result_facts {
    int valid;
    const char *reason; /* one sentence where it is not valid, else empty; borrowed */
    int64_t size[3];
    int64_t first, n; /* slices that hold something */
    int64_t voxels;   /* of all labels, the uncertain ones included */
    double volume_ml; /* of those */
    int n_warnings;
};
VOX_API void vox_result_describe(const struct vox_result *result, struct vox_result_facts *out);

/* Borrowed; i from 0. */
VOX_API const char *vox_result_warning(const struct vox_result *result, int i);

/* Label values of slice k, size[0] * size[1] of them. */
VOX_API void vox_result_slice(const struct vox_result *result, int64_t k, uint16_t *out);

/* ---- files ---- */

/* What to write; NULL: not wanted. Endings: .nii .nii.gz .nrrd .mha .mhd (with its .raw or .zraw
 * beside it), and .seg.nrrd for the mask. */
struct vox_files {
    const char *mask;   /* uint8, or uint16 where a value is above 255 or the request asks for it */
    const char *logits; /* float32: the mean of both passes, of several objects the highest; NaN
                           where the network was not asked */
    const char *json;
    const char *preview; /* .png */
};

/* The ending for a mask whose name is up to the caller: what the request asks for
 * (result_extension), else that of the image's own format; never one with a file beside it.
 * Borrowed. */
VOX_API const char *vox_result_extension(const struct vox_result *result);

/* The result's JSON with a NUL behind, borrowed until the next call of this function with the same
 * result; files (NULL: none) are those that it names as written. */
VOX_API enum vox_code vox_result_json(struct vox_result *result, const struct vox_files *files,
                                      const char **text, size_t *size, struct vox_err *err);

/* Tries whether the files can be written and writes nothing. VOX_E_ARG for a wrong ending, one file
 * for two purposes, a folder or device in its place; the errors of creating a file. *which, if not
 * NULL, is the path that an error is about. */
VOX_API enum vox_code vox_files_check(const struct vox_files *files, const char **which,
                                      struct vox_err *err);

/* Writes all files or none: each is complete under a temporary name before the first gets its own.
 * Names are looked at as by vox_files_check, and VOX_E_ARG keeps a file from taking the image's
 * place. */
VOX_API enum vox_code vox_result_save(struct vox_result *result, const struct vox_files *files,
                                      const struct vox_callbacks *callbacks, const char **which,
                                      struct vox_err *err);

#ifdef __cplusplus
}
#endif

#endif
