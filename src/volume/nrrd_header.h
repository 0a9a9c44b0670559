/* The text of an NRRD header: its lines taken apart, nothing yet understood. */
#ifndef VOX_VOLUME_NRRD_HEADER_H
#define VOX_VOLUME_NRRD_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"
#include "volume/text_span.h"

/* The fields that are looked at; all others, and all key/value pairs, are passed over. */
enum vox_nrrd_field {
    VOX_NRRD_TYPE,
    VOX_NRRD_DIMENSION,
    VOX_NRRD_SIZES,
    VOX_NRRD_ENCODING,
    VOX_NRRD_ENDIAN,
    VOX_NRRD_SPACE,
    VOX_NRRD_SPACE_DIMENSION,
    VOX_NRRD_DIRECTIONS,
    VOX_NRRD_ORIGIN,
    VOX_NRRD_SPACINGS,
    VOX_NRRD_KINDS,
    VOX_NRRD_LINE_SKIP,
    VOX_NRRD_BYTE_SKIP,
    VOX_NRRD_DATA_FILE,
    VOX_NRRD_FIELDS
};

struct vox_nrrd_header {
    struct vox_span fields[VOX_NRRD_FIELDS]; /* descriptions, without blanks around them */
    size_t end;                              /* bytes up to and including the empty line */
};

/* "space directions" and so on. */
const char *vox_nrrd_field_name(enum vox_nrrd_field field);

/* VOX_E_FORMAT for lines that NRRD does not know, NUL bytes, fields given twice, a header of more
 * than 1 MiB and a file that ends within; VOX_E_UNSUPPORTED for versions that are not 1 to 5. */
enum vox_code vox_nrrd_header_read(const uint8_t *data, size_t size, struct vox_nrrd_header *out,
                                   struct vox_err *err) VOX_MUST_USE;

/* Takes the next word off *rest: up to a blank, or a whole "(...)". False if there is none. */
bool vox_nrrd_next_word(struct vox_span *rest, struct vox_span *word);

#endif
