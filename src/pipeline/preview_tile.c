#include "pipeline/preview_tile.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "pipeline/preview_glyphs.h"
#include "pipeline/slice_resize.h"
#include "util/memory.h"

enum {
    LEAST_SIDE = 8,      /* pixels, of a tile */
    LABELS = 1 << 16,    /* values */
    CROSS_ARM = 7,       /* pixels from the middle of a click */
    PIXELS_PER_DOT = 130 /* of a tile's shorter side, for one dot of a letter */
};
static const float outline_half = 0.9F; /* pixels: half the width of an outline */

static const uint8_t black[3] = {0, 0, 0};
static const uint8_t white[3] = {255, 255, 255};
static const uint8_t silver[3] = {190, 190, 190};
static const uint8_t box_colour[3] = {255, 225, 0};
static const uint8_t positive_colour[3] = {40, 255, 40};
static const uint8_t negative_colour[3] = {255, 40, 40};

/* Where a pixel lies between the voxels of the shown part, along one axis of the screen. */
struct spot {
    int32_t low, high;   /* voxels on both sides */
    float part;          /* of the way from low to high */
    int32_t first, last; /* voxels that the pixel covers */
};

struct vox_tile {
    const struct vox_preview *preview;
    int64_t columns, rows; /* voxels of the shown part */
    int64_t width, height; /* pixels */
    bool enlarged;         /* no voxel is smaller than a pixel */
    struct vox_slice_resize *resize;
    struct spot *across, *down; /* width, height */
    /* The part as it is on the screen, mirrored where that is wished. */
    uint8_t *grey;
    uint16_t *labels;
    uint8_t *scaled; /* grey, width * height */
    float *field;    /* how much a pixel belongs to a label, width * height */
    bool *seen;      /* by label value */
};

/* ---- making ---- */

static struct spot *find_spots(int64_t voxels, int64_t pixels)
{
    struct spot *spots = vox_calloc((size_t)pixels, sizeof(*spots));
    const double step = (double)voxels / (double)pixels;
    const double last = (double)(voxels - 1);
    for (int64_t p = 0; p < pixels && spots != NULL; p++) {
        double at = ((double)p + 0.5) * step - 0.5;
        at = at < 0 ? 0 : at > last ? last : at;
        double low = floor(at);
        spots[p].low = (int32_t)low;
        spots[p].high = (int32_t)(low < last ? low + 1 : low);
        spots[p].part = (float)(at - low);
        spots[p].first = (int32_t)(p * voxels / pixels);
        spots[p].last = (int32_t)(((p + 1) * voxels + pixels - 1) / pixels - 1);
    }
    return spots;
}

static void find_size(const struct vox_preview *preview, int side, struct vox_tile *tile)
{
    const struct vox_preview_view *view = &preview->view;
    tile->columns = view->i1 - view->i0 + 1;
    tile->rows = view->j1 - view->j0 + 1;
    double width = (double)tile->columns * preview->spacing[0];
    double height = (double)tile->rows * preview->spacing[1];
    double scale = (double)side / (width > height ? width : height);
    tile->width = (int64_t)floor(width * scale + 0.5);
    tile->height = (int64_t)floor(height * scale + 0.5);
    tile->width = tile->width < LEAST_SIDE ? LEAST_SIDE : tile->width;
    tile->height = tile->height < LEAST_SIDE ? LEAST_SIDE : tile->height;
    tile->enlarged = tile->width >= tile->columns && tile->height >= tile->rows;
}

enum vox_code vox_tile_new(const struct vox_preview *preview, int side, struct vox_tile **out,
                           struct vox_err *err)
{
    struct vox_tile *tile = vox_calloc(1, sizeof(*tile));
    if (tile == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory for the preview");
    }
    tile->preview = preview;
    find_size(preview, side, tile);
    const size_t voxels = (size_t)tile->columns * (size_t)tile->rows;
    const size_t pixels = (size_t)tile->width * (size_t)tile->height;
    tile->across = find_spots(tile->columns, tile->width);
    tile->down = find_spots(tile->rows, tile->height);
    tile->grey = vox_alloc(voxels);
    tile->labels = vox_calloc(voxels, sizeof(*tile->labels));
    tile->scaled = vox_alloc(pixels);
    tile->field = vox_calloc(pixels, sizeof(*tile->field));
    tile->seen = vox_calloc(LABELS, sizeof(*tile->seen));
    enum vox_code code = VOX_OK;
    if (tile->across == NULL || tile->down == NULL || tile->grey == NULL || tile->labels == NULL ||
        tile->scaled == NULL || tile->field == NULL || tile->seen == NULL) {
        code = vox_fail(err, VOX_E_NOMEM, "out of memory for the preview");
    } else {
        code = vox_slice_resize_new(tile->columns, tile->rows, tile->width, tile->height,
                                    &tile->resize, err);
    }
    if (code != VOX_OK) {
        vox_tile_free(tile);
        return code;
    }
    *out = tile;
    return VOX_OK;
}

void vox_tile_free(struct vox_tile *tile)
{
    if (tile != NULL) {
        vox_slice_resize_free(tile->resize);
        vox_free(tile->across);
        vox_free(tile->down);
        vox_free(tile->grey);
        vox_free(tile->labels);
        vox_free(tile->scaled);
        vox_free(tile->field);
        vox_free(tile->seen);
        vox_free(tile);
    }
}

int64_t vox_tile_width(const struct vox_tile *tile)
{
    return tile->width;
}

int64_t vox_tile_height(const struct vox_tile *tile)
{
    return tile->height;
}

/* ---- pixels ---- */

struct canvas {
    uint8_t *pixels;
    size_t stride;
    int64_t width, height;
};

static void blend(uint8_t *pixel, const uint8_t colour[3], float part)
{
    for (int c = 0; c < 3; c++) {
        float value = (float)pixel[c] + part * ((float)colour[c] - (float)pixel[c]);
        pixel[c] = (uint8_t)(value + 0.5F);
    }
}

/* Pixels x0 ... x1, y0 ... y1, as far as they are on the canvas. */
static void fill(const struct canvas *canvas, int64_t x0, int64_t y0, int64_t x1, int64_t y1,
                 const uint8_t colour[3])
{
    x0 = x0 < 0 ? 0 : x0;
    y0 = y0 < 0 ? 0 : y0;
    x1 = x1 >= canvas->width ? canvas->width - 1 : x1;
    y1 = y1 >= canvas->height ? canvas->height - 1 : y1;
    for (int64_t y = y0; y <= y1; y++) {
        for (int64_t x = x0; x <= x1; x++) {
            memcpy(canvas->pixels + (size_t)y * canvas->stride + 3 * (size_t)x, colour, 3);
        }
    }
}

/* ---- grey values and outlines ---- */

/* Cuts the shown part out of a slice, as it is to be on the screen. */
static void cut(struct vox_tile *tile, const uint8_t *grey, const uint16_t *labels)
{
    const struct vox_preview *preview = tile->preview;
    const struct vox_preview_view *view = &preview->view;
    for (int64_t row = 0; row < tile->rows; row++) {
        int64_t j = preview->mirror_j ? view->j1 - row : view->j0 + row;
        for (int64_t column = 0; column < tile->columns; column++) {
            int64_t i = preview->mirror_i ? view->i1 - column : view->i0 + column;
            tile->grey[row * tile->columns + column] = grey[j * preview->width + i];
            tile->labels[row * tile->columns + column] = labels[j * preview->width + i];
        }
    }
}

static void paint_grey(struct vox_tile *tile, const struct canvas *canvas)
{
    vox_slice_resize_run(tile->resize, tile->grey, tile->scaled);
    for (int64_t y = 0; y < tile->height; y++) {
        const uint8_t *from = tile->scaled + y * tile->width;
        uint8_t *to = canvas->pixels + (size_t)y * canvas->stride;
        for (int64_t x = 0; x < tile->width; x++) {
            memset(to + 3 * x, from[x], 3);
        }
    }
}

static float is(const struct vox_tile *tile, int32_t column, int32_t row, uint16_t label)
{
    return tile->labels[(int64_t)row * tile->columns + column] == label ? 1.0F : 0.0F;
}

/* Between voxels the share goes evenly from 1 inside to 0 outside. */
static float share_between(const struct vox_tile *tile, const struct spot *x, const struct spot *y,
                           uint16_t label)
{
    float upper = is(tile, x->low, y->low, label) * (1 - x->part) +
                  is(tile, x->high, y->low, label) * x->part;
    float lower = is(tile, x->low, y->high, label) * (1 - x->part) +
                  is(tile, x->high, y->high, label) * x->part;
    return upper * (1 - y->part) + lower * y->part;
}

/* Where a pixel covers several voxels one is enough, so that nothing small is lost. */
static float share_of_any(const struct vox_tile *tile, const struct spot *x, const struct spot *y,
                          uint16_t label)
{
    for (int32_t row = y->first; row <= y->last; row++) {
        for (int32_t column = x->first; column <= x->last; column++) {
            if (is(tile, column, row, label) > 0) {
                return 1;
            }
        }
    }
    return 0;
}

static void find_field(struct vox_tile *tile, uint16_t label)
{
    for (int64_t y = 0; y < tile->height; y++) {
        for (int64_t x = 0; x < tile->width; x++) {
            tile->field[y * tile->width + x] =
                tile->enlarged ? share_between(tile, &tile->across[x], &tile->down[y], label)
                               : share_of_any(tile, &tile->across[x], &tile->down[y], label);
        }
    }
}

static float larger(float a, float b)
{
    return a > b ? a : b;
}

/* How much of the outline's colour the pixel at (x, y) gets: all near the line on which the field
 * is a half. Its distance is guessed from the steepest way to a neighbour along each axis. */
static float outline_part(const struct vox_tile *tile, int64_t x, int64_t y)
{
    const float *at = tile->field + y * tile->width + x;
    float left = x > 0 ? fabsf(at[0] - at[-1]) : 0;
    float right = x + 1 < tile->width ? fabsf(at[0] - at[1]) : 0;
    float above = y > 0 ? fabsf(at[0] - at[-tile->width]) : 0;
    float below = y + 1 < tile->height ? fabsf(at[0] - at[tile->width]) : 0;
    float slope = hypotf(larger(left, right), larger(above, below));
    if (!(slope > 0)) {
        return 0;
    }
    if (!tile->enlarged) {
        return at[0]; /* the pixels inside that have a neighbour outside */
    }
    float part = outline_half + 0.5F - fabsf(at[0] - 0.5F) / slope;
    return part < 0 ? 0 : part > 1 ? 1 : part;
}

static void paint_outline(struct vox_tile *tile, const struct canvas *canvas, uint16_t label)
{
    uint8_t colour[3];
    vox_preview_colour(label, colour);
    find_field(tile, label);
    for (int64_t y = 0; y < tile->height; y++) {
        for (int64_t x = 0; x < tile->width; x++) {
            float part = outline_part(tile, x, y);
            if (part > 0) {
                blend(canvas->pixels + (size_t)y * canvas->stride + 3 * (size_t)x, colour, part);
            }
        }
    }
}

static void paint_outlines(struct vox_tile *tile, const struct canvas *canvas)
{
    memset(tile->seen, 0, LABELS * sizeof(*tile->seen));
    for (int64_t n = 0; n < tile->columns * tile->rows; n++) {
        tile->seen[tile->labels[n]] = true;
    }
    for (int label = 1; label < LABELS; label++) {
        if (tile->seen[label]) {
            paint_outline(tile, canvas, (uint16_t)label);
        }
    }
}

/* ---- prompts ---- */

/* The pixel coordinate on the screen of a place between voxels, cut to what a canvas may need. */
static int64_t place(double voxel, int64_t first, int64_t last, int64_t pixels, bool mirror)
{
    double away = mirror ? (double)last + 0.5 - voxel : voxel - ((double)first - 0.5);
    double at = away * (double)pixels / (double)(last - first + 1);
    double most = 2.0 * (double)pixels;
    at = at < -most ? -most : at > most ? most : at;
    return (int64_t)floor(at);
}

static int64_t place_i(const struct vox_tile *tile, double i)
{
    const struct vox_preview *preview = tile->preview;
    return place(i, preview->view.i0, preview->view.i1, tile->width, preview->mirror_i);
}

static int64_t place_j(const struct vox_tile *tile, double j)
{
    const struct vox_preview *preview = tile->preview;
    return place(j, preview->view.j0, preview->view.j1, tile->height, preview->mirror_j);
}

static void order(int64_t *a, int64_t *b)
{
    if (*a > *b) {
        int64_t kept = *a;
        *a = *b;
        *b = kept;
    }
}

/* The frame, two pixels wide, lies on the outer edges of the box's outermost voxels. */
static void paint_box(const struct vox_tile *tile, const struct canvas *canvas,
                      const struct vox_preview_box *box)
{
    double low_i = box->i0 < box->i1 ? box->i0 : box->i1;
    double low_j = box->j0 < box->j1 ? box->j0 : box->j1;
    int64_t x0 = place_i(tile, low_i - 0.5);
    int64_t x1 = place_i(tile, box->i0 + box->i1 - low_i + 0.5);
    int64_t y0 = place_j(tile, low_j - 0.5);
    int64_t y1 = place_j(tile, box->j0 + box->j1 - low_j + 0.5);
    order(&x0, &x1);
    order(&y0, &y1);
    fill(canvas, x0 - 1, y0 - 1, x1, y0, box_colour);
    fill(canvas, x0 - 1, y1 - 1, x1, y1, box_colour);
    fill(canvas, x0 - 1, y0 - 1, x0, y1, box_colour);
    fill(canvas, x1 - 1, y0 - 1, x1, y1, box_colour);
}

static void paint_click(const struct vox_tile *tile, const struct canvas *canvas,
                        const struct vox_preview_click *click)
{
    const uint8_t *colour = click->positive ? positive_colour : negative_colour;
    int64_t x = place_i(tile, click->i);
    int64_t y = place_j(tile, click->j);
    fill(canvas, x - CROSS_ARM - 1, y - 2, x + CROSS_ARM, y + 1, black);
    fill(canvas, x - 2, y - CROSS_ARM - 1, x + 1, y + CROSS_ARM, black);
    fill(canvas, x - CROSS_ARM, y - 1, x + CROSS_ARM - 1, y, colour);
    fill(canvas, x - 1, y - CROSS_ARM, x, y + CROSS_ARM - 1, colour);
}

static bool paint_prompts(const struct vox_tile *tile, const struct canvas *canvas, int64_t k)
{
    const struct vox_preview *preview = tile->preview;
    bool any = false;
    for (int n = 0; n < preview->n_boxes; n++) {
        if (preview->boxes[n].k == k) {
            paint_box(tile, canvas, &preview->boxes[n]);
            any = true;
        }
    }
    for (int n = 0; n < preview->n_clicks; n++) {
        if (preview->clicks[n].k == k) {
            paint_click(tile, canvas, &preview->clicks[n]);
            any = true;
        }
    }
    return any;
}

/* ---- letters ---- */

static void paint_glyph(const struct canvas *canvas, char character, int64_t x, int64_t y,
                        int64_t dot, int64_t rim, const uint8_t colour[3])
{
    const uint8_t *rows = vox_preview_glyph(character);
    for (int row = 0; rows != NULL && row < VOX_GLYPH_HEIGHT; row++) {
        for (int column = 0; column < VOX_GLYPH_WIDTH; column++) {
            if ((rows[row] >> (VOX_GLYPH_WIDTH - 1 - column) & 1) != 0) {
                int64_t left = x + column * dot, top = y + row * dot;
                fill(canvas, left - rim, top - rim, left + dot - 1 + rim, top + dot - 1 + rim,
                     colour);
            }
        }
    }
}

/* With a black rim, so that it shows on white too. */
static void paint_text(const struct canvas *canvas, const char *text, int64_t x, int64_t y,
                       int64_t dot, const uint8_t colour[3])
{
    const int64_t advance = (VOX_GLYPH_WIDTH + 1) * dot;
    for (int64_t n = 0; text[n] != '\0'; n++) {
        paint_glyph(canvas, text[n], x + n * advance, y, dot, 1, black);
    }
    for (int64_t n = 0; text[n] != '\0'; n++) {
        paint_glyph(canvas, text[n], x + n * advance, y, dot, 0, colour);
    }
}

static void paint_letters(const struct vox_tile *tile, const struct canvas *canvas, int64_t k,
                          bool prompted)
{
    const char *edges = tile->preview->edges;
    int64_t shorter = tile->width < tile->height ? tile->width : tile->height;
    int64_t dot = shorter / PIXELS_PER_DOT < 1 ? 1 : shorter / PIXELS_PER_DOT;
    const int64_t wide = VOX_GLYPH_WIDTH * dot, high = VOX_GLYPH_HEIGHT * dot, margin = 2 * dot;
    char number[24];
    snprintf(number, sizeof(number), "%lld", (long long)k);
    paint_text(canvas, number, margin, margin, dot, prompted ? box_colour : white);
    const int64_t x[4] = {margin, tile->width - margin - wide, (tile->width - wide) / 2,
                          (tile->width - wide) / 2};
    const int64_t y[4] = {(tile->height - high) / 2, (tile->height - high) / 2, margin,
                          tile->height - margin - high};
    for (int e = 0; e < 4; e++) {
        const char letter[2] = {edges[e], '\0'};
        paint_text(canvas, letter, x[e], y[e], dot, silver);
    }
}

void vox_tile_draw(struct vox_tile *tile, int64_t k, const uint8_t *grey, const uint16_t *labels,
                   uint8_t *out, size_t stride)
{
    const struct canvas canvas = {out, stride, tile->width, tile->height};
    cut(tile, grey, labels);
    paint_grey(tile, &canvas);
    paint_outlines(tile, &canvas);
    bool prompted = paint_prompts(tile, &canvas, k);
    paint_letters(tile, &canvas, k, prompted);
}
