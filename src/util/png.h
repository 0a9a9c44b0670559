/* PNG pictures, 8 bits each of red, green and blue, written row by row. */
#ifndef VOX_UTIL_PNG_H
#define VOX_UTIL_PNG_H

#include <stdint.h>

#include "util/error.h"
#include "util/file.h"

enum { VOX_PNG_SIDE_MAX = 1000000 };

/* A picture under construction; one thread at a time. */
struct vox_png;

/* Begins a picture of width x height pixels, 1 ... VOX_PNG_SIDE_MAX each, in a file that the caller
 * owns and that outlives it. VOX_E_LIMIT, VOX_E_NOMEM, VOX_E_IO. */
enum vox_code vox_png_begin(struct vox_file_writer *file, int64_t width, int64_t height,
                            struct vox_png **out, struct vox_err *err) VOX_MUST_USE;

/* The next row, 3 * width bytes. After an error only vox_png_free is allowed. */
enum vox_code vox_png_row(struct vox_png *png, const uint8_t *row,
                          struct vox_err *err) VOX_MUST_USE;

/* Completes the picture, all rows of which have been written, and frees *png in every case. */
enum vox_code vox_png_end(struct vox_png *png, struct vox_err *err) VOX_MUST_USE;

void vox_png_free(struct vox_png *png); /* drops an unfinished picture; NULL is allowed */

#endif
