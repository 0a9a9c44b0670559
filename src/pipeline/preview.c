#include "pipeline/preview.h"

#include <math.h>
#include <string.h>

#include "pipeline/preview_tile.h"
#include "util/file.h"
#include "util/memory.h"
#include "util/png.h"

enum { GAP = 4 };                          /* pixels around and between tiles */
static const double good_aspect = 1.6;     /* of a picture that is looked at on a screen */
static const uint8_t background_grey = 28; /* not black, so that tiles have edges */

struct sheet {
    const struct vox_preview *preview;
    struct vox_tile *tile;
    int64_t tile_width, tile_height;
    int columns, rows;
    int64_t width;    /* pixels of the picture */
    uint8_t *strip;   /* one row of tiles: 3 * width * tile_height */
    uint8_t *grey;    /* a slice */
    uint16_t *labels; /* a slice */
};

/* Few slices are shown larger. */
static int tile_side(int slices)
{
    if (slices <= 2) {
        return 2 * VOX_PREVIEW_TILE_PIXELS;
    }
    return slices <= 6 ? 3 * VOX_PREVIEW_TILE_PIXELS / 2 : VOX_PREVIEW_TILE_PIXELS;
}

/* As many columns as give a good aspect and few empty places. */
static int choose_columns(int slices, int64_t tile_width, int64_t tile_height)
{
    int best = 1;
    double least = HUGE_VAL;
    for (int columns = 1; columns <= slices; columns++) {
        int rows = (slices + columns - 1) / columns;
        double aspect = (double)(columns * tile_width) / (double)(rows * tile_height) / good_aspect;
        double empty = (double)(columns * rows - slices) / (double)slices;
        double cost = fabs(log(aspect)) + 2 * empty;
        if (cost < least) {
            least = cost;
            best = columns;
        }
    }
    return best;
}

static bool view_is_good(const struct vox_preview *preview)
{
    const struct vox_preview_view *view = &preview->view;
    return view->i0 >= 0 && view->j0 >= 0 && view->i1 >= view->i0 && view->j1 >= view->j0 &&
           view->i1 < preview->width && view->j1 < preview->height;
}

static bool prompts_are_finite(const struct vox_preview *preview)
{
    bool finite = true;
    for (int n = 0; n < preview->n_boxes; n++) {
        const struct vox_preview_box *box = &preview->boxes[n];
        finite = finite && isfinite(box->i0) && isfinite(box->i1) && isfinite(box->j0) &&
                 isfinite(box->j1);
    }
    for (int n = 0; n < preview->n_clicks; n++) {
        finite = finite && isfinite(preview->clicks[n].i) && isfinite(preview->clicks[n].j);
    }
    return finite;
}

static enum vox_code check(const struct vox_preview *preview, struct vox_err *err)
{
    if (preview->width < 1 || preview->height < 1 || preview->n_slices < 1 ||
        preview->n_slices > VOX_PREVIEW_SLICES_MAX || !view_is_good(preview)) {
        return vox_fail(err, VOX_E_ARG, "a preview needs a part of an image and 1 to %d slices",
                        VOX_PREVIEW_SLICES_MAX);
    }
    if (preview->width > VOX_PREVIEW_SIDE_MAX || preview->height > VOX_PREVIEW_SIDE_MAX) {
        return vox_fail(err, VOX_E_LIMIT, "previews are made of slices with sides up to %d",
                        VOX_PREVIEW_SIDE_MAX);
    }
    if (!(preview->spacing[0] > 0 && isfinite(preview->spacing[0]) && preview->spacing[1] > 0 &&
          isfinite(preview->spacing[1]) && prompts_are_finite(preview))) {
        return vox_fail(err, VOX_E_ARG, "spacing and prompts of a preview must be finite numbers");
    }
    return VOX_OK;
}

static void end_sheet(struct sheet *sheet)
{
    vox_tile_free(sheet->tile);
    vox_free(sheet->strip);
    vox_free(sheet->grey);
    vox_free(sheet->labels);
}

static enum vox_code begin_sheet(const struct vox_preview *preview, struct sheet *sheet,
                                 struct vox_err *err)
{
    *sheet = (struct sheet){.preview = preview};
    enum vox_code code = vox_tile_new(preview, tile_side(preview->n_slices), &sheet->tile, err);
    if (code != VOX_OK) {
        return code;
    }
    sheet->tile_width = vox_tile_width(sheet->tile);
    sheet->tile_height = vox_tile_height(sheet->tile);
    sheet->columns = choose_columns(preview->n_slices, sheet->tile_width, sheet->tile_height);
    sheet->rows = (preview->n_slices + sheet->columns - 1) / sheet->columns;
    sheet->width = sheet->columns * (sheet->tile_width + GAP) + GAP;
    const size_t voxels = (size_t)preview->width * (size_t)preview->height;
    sheet->strip = vox_calloc(3 * (size_t)sheet->width, (size_t)sheet->tile_height);
    sheet->grey = vox_alloc(voxels);
    sheet->labels = vox_calloc(voxels, sizeof(*sheet->labels));
    if (sheet->strip == NULL || sheet->grey == NULL || sheet->labels == NULL) {
        end_sheet(sheet);
        return vox_fail(err, VOX_E_NOMEM, "out of memory for the preview");
    }
    return VOX_OK;
}

/* Rows of the background, then those of the strip. */
static enum vox_code write_rows(const struct sheet *sheet, struct vox_png *png, bool tiles,
                                struct vox_err *err)
{
    const size_t stride = 3 * (size_t)sheet->width;
    enum vox_code code = VOX_OK;
    for (int64_t y = 0; y < (tiles ? sheet->tile_height : GAP) && code == VOX_OK; y++) {
        code = vox_png_row(png, sheet->strip + (size_t)y * stride, err);
    }
    return code;
}

static void clear_strip(const struct sheet *sheet)
{
    memset(sheet->strip, background_grey, 3 * (size_t)sheet->width * (size_t)sheet->tile_height);
}

static enum vox_code draw_row(const struct sheet *sheet, int row, struct vox_err *err)
{
    const struct vox_preview *preview = sheet->preview;
    for (int column = 0; column < sheet->columns; column++) {
        int n = row * sheet->columns + column;
        if (n >= preview->n_slices) {
            break;
        }
        int64_t k = preview->slices[n];
        enum vox_code code = preview->slice(preview->context, k, sheet->grey, sheet->labels, err);
        if (code != VOX_OK) {
            return code;
        }
        int64_t left = GAP + column * (sheet->tile_width + GAP);
        vox_tile_draw(sheet->tile, k, sheet->grey, sheet->labels, sheet->strip + 3 * left,
                      3 * (size_t)sheet->width);
    }
    return VOX_OK;
}

static enum vox_code draw(const struct sheet *sheet, struct vox_file_writer *file,
                          struct vox_err *err)
{
    struct vox_png *png;
    const int64_t height = sheet->rows * (sheet->tile_height + GAP) + GAP;
    enum vox_code code = vox_png_begin(file, sheet->width, height, &png, err);
    if (code != VOX_OK) {
        return code;
    }
    clear_strip(sheet);
    code = write_rows(sheet, png, false, err);
    for (int row = 0; row < sheet->rows && code == VOX_OK; row++) {
        code = draw_row(sheet, row, err);
        if (code == VOX_OK) {
            code = write_rows(sheet, png, true, err);
        }
        clear_strip(sheet);
        if (code == VOX_OK) {
            code = write_rows(sheet, png, false, err);
        }
    }
    if (code != VOX_OK) {
        vox_png_free(png);
        return code;
    }
    return vox_png_end(png, err);
}

enum vox_code vox_preview_prepare(const char *path, const struct vox_preview *preview,
                                  struct vox_file_writer **out, struct vox_err *err)
{
    struct vox_preview whole = *preview;
    const struct vox_preview_view none = {0, 0, 0, 0};
    if (memcmp(&whole.view, &none, sizeof(none)) == 0) {
        whole.view = (struct vox_preview_view){0, 0, whole.width - 1, whole.height - 1};
    }
    enum vox_code code = check(&whole, err);
    if (code != VOX_OK) {
        return code;
    }
    struct sheet sheet;
    code = begin_sheet(&whole, &sheet, err);
    if (code != VOX_OK) {
        return code;
    }
    struct vox_file_writer *file;
    code = vox_file_create(path, &file, err);
    if (code == VOX_OK) {
        code = draw(&sheet, file, err);
        if (code == VOX_OK) {
            *out = file;
        } else {
            vox_file_abandon(file);
        }
    }
    end_sheet(&sheet);
    return code;
}
