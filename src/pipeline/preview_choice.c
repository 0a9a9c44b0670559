/* What a preview shows: slices, a part of them, directions, colours. */
#include "pipeline/preview.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "volume/orientation.h"

/* Around what is shown, on each side: of its extent, and in mm. */
static const double margin_share = 0.75;
static const double least_margin = 20.0;

void vox_preview_colour(uint16_t label, uint8_t out[3])
{
    static const uint8_t colours[][3] = {
        {0, 200, 255},   {255, 140, 0}, {255, 90, 205},  {130, 150, 255},
        {200, 120, 255}, {0, 205, 180}, {255, 175, 150}, {150, 205, 255},
    };
    enum { N = (int)(sizeof(colours) / sizeof(colours[0])) };
    memcpy(out, colours[label == 0 ? 0 : (label - 1) % N], 3);
}

/* Puts a slice into the ascending list, unless it is there. */
static int insert(int64_t *list, int n, int64_t k)
{
    int at = n;
    while (at > 0 && list[at - 1] >= k) {
        at--;
    }
    if (at < n && list[at] == k) {
        return n;
    }
    memmove(&list[at + 1], &list[at], (size_t)(n - at) * sizeof(*list));
    list[at] = k;
    return n + 1;
}

/* The smallest of the slices that lies behind `after`; false if there is none. */
static bool next_prompted(const int64_t *prompted, int n, int64_t after, bool begun, int64_t *out)
{
    bool found = false;
    for (int p = 0; p < n; p++) {
        if ((!begun || prompted[p] > after) && (!found || prompted[p] < *out)) {
            *out = prompted[p];
            found = true;
        }
    }
    return found;
}

static int count_different(const int64_t *prompted, int n)
{
    int count = 0;
    int64_t at = 0;
    while (next_prompted(prompted, n, at, count > 0, &at)) {
        count++;
    }
    return count;
}

/* Of `different` slices, more than `most`, evenly so many. */
static int choose_prompted(const int64_t *prompted, int n, int different, int most, int64_t *out)
{
    int chosen = 0;
    int64_t at = 0;
    for (int r = 0; r < different && chosen < most; r++) {
        (void)next_prompted(prompted, n, at, r > 0, &at);
        int64_t wanted = most == 1 ? 0 : (int64_t)chosen * (different - 1) / (most - 1);
        if (r == wanted) {
            out[chosen++] = at;
        }
    }
    return chosen;
}

/* Puts slices between those of the ascending list, within first ... last, always where the steps
 * are largest, until there are `most`. */
static int fill_gaps(int64_t first, int64_t last, int n, int most, int64_t *out)
{
    int64_t ends[VOX_PREVIEW_SLICES_MAX], parts[VOX_PREVIEW_SLICES_MAX];
    memcpy(ends, out, (size_t)n * sizeof(*ends));
    for (int g = 0; g < n; g++) {
        parts[g] = 1;
    }
    for (int added = n; added < most; added++) {
        int best = -1;
        for (int g = 0; g + 1 < n; g++) {
            int64_t length = ends[g + 1] - ends[g];
            if (ends[g] < first || ends[g + 1] > last || parts[g] >= length) {
                continue;
            }
            if (best < 0 || (double)length / (double)parts[g] >
                                (double)(ends[best + 1] - ends[best]) / (double)parts[best]) {
                best = g;
            }
        }
        if (best < 0) {
            break;
        }
        parts[best]++;
    }
    int m = 0;
    for (int g = 0; g + 1 < n; g++) {
        int64_t length = ends[g + 1] - ends[g];
        for (int64_t t = 0; t < parts[g]; t++) {
            out[m++] = ends[g] + (length * t + parts[g] / 2) / parts[g];
        }
    }
    if (n > 0) {
        out[m++] = ends[n - 1];
    }
    return m;
}

int vox_preview_choose(int64_t first, int64_t last, const int64_t *prompted, int n, int most,
                       int64_t *out)
{
    most = most > VOX_PREVIEW_SLICES_MAX ? VOX_PREVIEW_SLICES_MAX : most;
    int different = count_different(prompted, n);
    if (different > most) {
        return choose_prompted(prompted, n, different, most, out);
    }
    int chosen = 0;
    for (int p = 0; p < n; p++) {
        chosen = insert(out, chosen, prompted[p]);
    }
    if (first <= last && chosen < most) {
        chosen = insert(out, chosen, first);
    }
    if (first <= last && chosen < most) {
        chosen = insert(out, chosen, last);
    }
    return fill_gaps(first, last, chosen, most, out);
}

/* `span` voxels of 0 ... size - 1 around a place. */
static void frame_axis(int64_t size, double centre, double span, int64_t *first, int64_t *last)
{
    int64_t n = span < (double)size ? (int64_t)ceil(span) : size;
    n = n < 1 ? 1 : n;
    double begin = floor(centre - (double)(n - 1) / 2 + 0.5);
    double most = (double)(size - n);
    *first = (int64_t)(begin < 0 ? 0 : begin > most ? most : begin);
    *last = *first + n - 1;
}

void vox_preview_frame(int64_t width, int64_t height, const double spacing[2], const double low[2],
                       const double high[2], struct vox_preview_view *out)
{
    *out = (struct vox_preview_view){0, 0, width - 1, height - 1};
    if (!(low[0] <= high[0] && low[1] <= high[1])) {
        return;
    }
    double side = 0;
    for (int axis = 0; axis < 2; axis++) {
        double extent = (high[axis] - low[axis] + 1) * spacing[axis];
        double margin = margin_share * extent;
        margin = margin > least_margin ? margin : least_margin;
        side = extent + 2 * margin > side ? extent + 2 * margin : side;
    }
    frame_axis(width, (low[0] + high[0]) / 2, side / spacing[0], &out->i0, &out->i1);
    frame_axis(height, (low[1] + high[1]) / 2, side / spacing[1], &out->j0, &out->j1);
}

/* Letters that belong on the right or below. */
static bool belongs_behind(char letter)
{
    return letter == 'L' || letter == 'P' || letter == 'I';
}

void vox_preview_orient(double affine[3][4], struct vox_preview *preview)
{
    char letters[4];
    vox_orientation_letters(affine, letters);
    preview->mirror_i = !belongs_behind(letters[0]);
    preview->mirror_j = !belongs_behind(letters[1]);
    for (size_t axis = 0; axis < 2; axis++) {
        char grows_to = letters[axis];
        char behind = belongs_behind(grows_to) ? grows_to : vox_orientation_opposite(grows_to);
        preview->edges[2 * axis] = vox_orientation_opposite(behind);
        preview->edges[2 * axis + 1] = behind;
    }
}
