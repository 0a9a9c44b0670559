#include "volume/format.h"

#include <string.h>
#include <strings.h>

#include "volume/gzip.h"

static const struct vox_format *const formats[] = {
    &vox_nifti_format,
    &vox_nrrd_format,
    &vox_metaimage_format,
};

enum { FORMATS = sizeof(formats) / sizeof(formats[0]) };

/* Enough of a gzip stream for every probe. */
enum { HEAD = 348 };

/* NULL if none knows it. */
static const struct vox_format *find(const uint8_t *data, size_t size)
{
    for (int i = 0; i < FORMATS; i++) {
        if (formats[i]->probe(data, size)) {
            return formats[i];
        }
    }
    return NULL;
}

/* Names what is often tried and is not read here, so that the user knows what to do. */
static enum vox_code refuse_unknown(const uint8_t *data, size_t size, struct vox_err *err)
{
    if (size >= 132 && memcmp(data + 128, "DICM", 4) == 0) {
        return vox_fail(err, VOX_E_UNSUPPORTED,
                        "a DICOM file; convert the series to NIfTI or NRRD");
    }
    return vox_fail(err, VOX_E_FORMAT, "not a NIfTI, NRRD or MetaImage file");
}

static enum vox_code open_as(const struct vox_format *format, const struct vox_content *content,
                             const struct vox_volume_limits *limits, struct vox_stored_volume *out,
                             struct vox_err *err)
{
    enum vox_code code = format->open(content, limits, out, err);
    if (code == VOX_OK) {
        out->format = format;
    }
    return code;
}

static enum vox_code open_gzip(const struct vox_content *content,
                               const struct vox_volume_limits *limits,
                               struct vox_stored_volume *out, struct vox_err *err)
{
    uint8_t head[HEAD];
    size_t got;
    enum vox_code code =
        vox_gunzip_prefix(content->data, content->size, head, sizeof(head), &got, err);
    if (code != VOX_OK) {
        return code;
    }
    const struct vox_format *format = find(head, got);
    if (format == NULL) {
        return refuse_unknown(head, got, err);
    }
    if (!format->in_gzip) {
        return vox_fail(err, VOX_E_UNSUPPORTED,
                        "%s inside a gzip stream; unpack it, %s compresses its voxels itself",
                        format->name, format->name);
    }
    return open_as(format, content, limits, out, err);
}

enum vox_code vox_content_open(const struct vox_content *content,
                               const struct vox_volume_limits *limits,
                               struct vox_stored_volume *out, struct vox_err *err)
{
    if (content->size == 0) {
        return vox_fail(err, VOX_E_FORMAT, "the file is empty");
    }
    if (vox_is_gzip(content->data, content->size)) {
        return open_gzip(content, limits, out, err);
    }
    const struct vox_format *format = find(content->data, content->size);
    if (format == NULL) {
        return refuse_unknown(content->data, content->size, err);
    }
    return open_as(format, content, limits, out, err);
}

void vox_stored_close(struct vox_stored_volume *stored)
{
    vox_file_unmap(&stored->beside);
}

static bool ends_with(const char *path, const char *ending)
{
    size_t size = strlen(path);
    size_t end = strlen(ending);
    return size > end && strcasecmp(path + size - end, ending) == 0;
}

const struct vox_format *vox_format_for_path(const char *path,
                                             const struct vox_format_ending **ending)
{
    for (int i = 0; i < FORMATS; i++) {
        for (*ending = formats[i]->endings; (*ending)->text != NULL; (*ending)++) {
            if (ends_with(path, (*ending)->text)) {
                return formats[i];
            }
        }
    }
    return NULL;
}
