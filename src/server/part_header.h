/* The headers of one part of a multipart body. */
#ifndef VOX_SERVER_PART_HEADER_H
#define VOX_SERVER_PART_HEADER_H

#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"

enum { VOX_PART_NAME_BYTES = 512, VOX_PART_FILE_BYTES = 4096, VOX_PART_TYPE_BYTES = 128 };

struct vox_part_header {
    char name[VOX_PART_NAME_BYTES];
    char filename[VOX_PART_FILE_BYTES];
    char type[VOX_PART_TYPE_BYTES]; /* empty where there is none, or a longer one */
    bool is_file;                   /* there is a file name, which may be empty */
};

/* Reads `size` bytes of header lines, each ended with CRLF, and writes over them. VOX_E_FORMAT
 * where there is no "Content-Disposition: form-data" with a name that fits, or a file name that
 * does not.
 */
enum vox_code vox_part_header_read(char *text, size_t size, struct vox_part_header *out,
                                   struct vox_err *err) VOX_MUST_USE;

/* A parameter of a header's value ("boundary" of "multipart/form-data; boundary=x"): finds it and
 * copies it without its quotes, where a backslash before a quote is taken away and others stay, for
 * the sake of names like "C:\scan.nii". Bytes of the value, at most room - 1; (size_t)-1 if there
 * is none or it is longer. */
size_t vox_header_parameter(const char *value, const char *name, char *out, size_t room);

#endif
