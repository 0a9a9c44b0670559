/* The text of a MetaImage header: its lines taken apart, nothing yet understood. */
#ifndef VOX_VOLUME_METAIMAGE_HEADER_H
#define VOX_VOLUME_METAIMAGE_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"
#include "volume/text_span.h"

/* The fields that are looked at; all others are passed over. */
enum vox_meta_field {
    VOX_META_OBJECT_TYPE,
    VOX_META_DIMENSIONS,
    VOX_META_SIZE,
    VOX_META_TYPE,
    VOX_META_CHANNELS,
    VOX_META_BINARY,
    VOX_META_BINARY_MSB,
    VOX_META_ELEMENT_MSB,
    VOX_META_COMPRESSED,
    VOX_META_COMPRESSED_SIZE,
    VOX_META_HEADER_SIZE,
    VOX_META_SPACING,
    VOX_META_ELEMENT_SIZE,
    VOX_META_ORIGIN,
    VOX_META_OFFSET,
    VOX_META_POSITION,
    VOX_META_MATRIX,
    VOX_META_ROTATION,
    VOX_META_ORIENTATION,
    VOX_META_DATA_FILE,
    VOX_META_FIELDS
};

struct vox_meta_header {
    struct vox_span fields[VOX_META_FIELDS]; /* values, without blanks around them */
    size_t end;                              /* bytes up to and including ElementDataFile's line */
};

/* "DimSize" and so on. */
const char *vox_meta_field_name(enum vox_meta_field field);

/* True if the first line that is not empty gives one of MetaIO's fields. */
bool vox_is_metaimage(const uint8_t *data, size_t size);

/* VOX_E_FORMAT for lines without a field, NUL bytes, fields given twice, a header of more than
 * 1 MiB and one without ElementDataFile, which is its last line. */
enum vox_code vox_meta_header_read(const uint8_t *data, size_t size, struct vox_meta_header *out,
                                   struct vox_err *err) VOX_MUST_USE;

/* The path of the file that a header at `path` names: in the same folder. The caller frees *out.
 * VOX_E_NOMEM. */
enum vox_code vox_meta_beside(const char *path, struct vox_span name, char **out,
                              struct vox_err *err) VOX_MUST_USE;

#endif
