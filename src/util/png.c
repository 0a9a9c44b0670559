#include "util/png.h"

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>

#include <png.h>

#include "util/memory.h"

/* libpng reports by jumping: what lies between a setjmp and the jump has no locals that change. */
struct vox_png {
    struct vox_file_writer *file;
    png_structp write;
    png_infop info;
    enum vox_code code; /* of the failure that made libpng jump; VOX_OK: libpng's own */
    struct vox_err err;
};

static void *allocate(png_structp write, png_alloc_size_t size)
{
    (void)write;
    return vox_alloc(size);
}

static void release(png_structp write, void *block)
{
    (void)write;
    vox_free(block);
}

static void on_error(png_structp write, const char *text)
{
    struct vox_png *png = png_get_error_ptr(write);
    if (png->code == VOX_OK) {
        png->code = vox_fail(&png->err, VOX_E_NOMEM, "cannot make the picture: %s", text);
    }
    png_longjmp(write, 1);
}

static void on_warning(png_structp write, const char *text)
{
    (void)write;
    (void)text;
}

static void write_bytes(png_structp write, png_bytep data, size_t size)
{
    struct vox_png *png = png_get_io_ptr(write);
    png->code = vox_file_write(png->file, data, size, &png->err);
    if (png->code != VOX_OK) {
        png_error(write, "cannot write");
    }
}

/* What is written to the file is synced when it is committed. */
static void flush_nothing(png_structp write)
{
    (void)write;
}

static enum vox_code report(const struct vox_png *png, struct vox_err *err)
{
    if (err != NULL) {
        *err = png->err;
    }
    return png->code;
}

static bool write_head(struct vox_png *png, int64_t width, int64_t height)
{
    if (setjmp(png_jmpbuf(png->write)) != 0) {
        return false;
    }
    png_set_write_fn(png->write, png, write_bytes, flush_nothing);
    png_set_IHDR(png->write, png->info, (png_uint_32)width, (png_uint_32)height, 8,
                 PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png->write, png->info);
    return true;
}

enum vox_code vox_png_begin(struct vox_file_writer *file, int64_t width, int64_t height,
                            struct vox_png **out, struct vox_err *err)
{
    if (width < 1 || height < 1 || width > VOX_PNG_SIDE_MAX || height > VOX_PNG_SIDE_MAX) {
        return vox_fail(err, VOX_E_LIMIT, "a picture has sides of 1 to %d pixels",
                        VOX_PNG_SIDE_MAX);
    }
    struct vox_png *png = vox_calloc(1, sizeof(*png));
    if (png == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory for the picture");
    }
    png->file = file;
    png->write = png_create_write_struct_2(PNG_LIBPNG_VER_STRING, png, on_error, on_warning, NULL,
                                           allocate, release);
    png->info = png->write == NULL ? NULL : png_create_info_struct(png->write);
    if (png->info == NULL) {
        vox_png_free(png);
        return vox_fail(err, VOX_E_NOMEM, "out of memory for the picture");
    }
    if (!write_head(png, width, height)) {
        enum vox_code code = report(png, err);
        vox_png_free(png);
        return code;
    }
    *out = png;
    return VOX_OK;
}

enum vox_code vox_png_row(struct vox_png *png, const uint8_t *row, struct vox_err *err)
{
    if (setjmp(png_jmpbuf(png->write)) != 0) {
        return report(png, err);
    }
    png_write_row(png->write, row);
    return VOX_OK;
}

static bool write_tail(struct vox_png *png)
{
    if (setjmp(png_jmpbuf(png->write)) != 0) {
        return false;
    }
    png_write_end(png->write, NULL);
    return true;
}

enum vox_code vox_png_end(struct vox_png *png, struct vox_err *err)
{
    enum vox_code code = write_tail(png) ? VOX_OK : report(png, err);
    vox_png_free(png);
    return code;
}

void vox_png_free(struct vox_png *png)
{
    if (png != NULL) {
        png_destroy_write_struct(&png->write, &png->info);
        vox_free(png);
    }
}
