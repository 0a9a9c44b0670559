#include "pipeline/preview.h"

#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/failing_alloc.h"
#include "util/file.h"
#include "volume/orientation.h"

/* ---- choosing ---- */

static void chosen_are(int64_t first, int64_t last, const int64_t *prompted, int n, int most,
                       const int64_t *wanted, int n_wanted)
{
    int64_t got[VOX_PREVIEW_SLICES_MAX];
    assert_int_equal(n_wanted, vox_preview_choose(first, last, prompted, n, most, got));
    assert_memory_equal(wanted, got, (size_t)n_wanted * sizeof(*wanted));
}

#define CHOSEN(first, last, most, prompted, ...)                                                   \
    do {                                                                                           \
        const int64_t p[] = {__VA_ARGS__};                                                         \
        chosen_are(first, last, p, prompted, most, p + (prompted),                                 \
                   (int)(sizeof(p) / sizeof(p[0])) - (prompted));                                  \
    } while (0)

static void slices_are_chosen(void **state)
{
    (void)state;
    /* The first numbers are prompted, the others wanted. */
    CHOSEN(3, 7, 24, 0, /**/ 3, 4, 5, 6, 7);
    CHOSEN(0, 100, 5, 0, /**/ 0, 25, 50, 75, 100);
    CHOSEN(0, 100, 5, 1, 50, /**/ 0, 25, 50, 75, 100);
    CHOSEN(0, 100, 4, 1, 10, /**/ 0, 10, 55, 100);
    CHOSEN(10, 12, 24, 3, 40, 11, 2, /**/ 2, 10, 11, 12, 40); /* nothing between 12 and 40 */
    CHOSEN(0, 100, 3, 4, 7, 7, 5, 7, /**/ 0, 5, 7);           /* as many as there is room for */
    CHOSEN(0, 100, 2, 4, 7, 9, 5, 7, /**/ 5, 9);              /* evenly, of too many prompted */
    CHOSEN(0, 100, 3, 6, 1, 2, 3, 4, 5, 90, /**/ 1, 3, 90);
    CHOSEN(0, 100, 1, 2, 8, 3, /**/ 3);
    CHOSEN(0, 100, 1, 0, /**/ 0);
    CHOSEN(5, 4, 24, 1, 9, /**/ 9);
    int64_t none[1];
    assert_int_equal(0, vox_preview_choose(5, 4, NULL, 0, 24, none));
}

/* Whatever is asked: ascending, no more than wanted, all prompted ones, no large holes. */
static void choices_keep_their_promises(void **state)
{
    (void)state;
    uint32_t seed = 3;
    for (int round = 0; round < 3000; round++) {
        int64_t prompted[8], got[VOX_PREVIEW_SLICES_MAX];
        seed = seed * 1664525U + 1013904223U;
        int64_t first = seed >> 8 & 63, last = first + (seed >> 14 & 127);
        int n = (int)(seed >> 21 & 7), most = 8 + (int)(seed >> 24 & 31);
        for (int p = 0; p < n; p++) {
            seed = seed * 1664525U + 1013904223U;
            prompted[p] = first + (int64_t)(seed >> 8) % (last - first + 1);
        }
        int chosen = vox_preview_choose(first, last, prompted, n, most, got);
        int64_t all = last - first + 1;
        assert_int_equal(all < most ? all : most, chosen);
        for (int c = 0; c + 1 < chosen; c++) {
            assert_true(got[c] < got[c + 1]);
            /* A step is at most twice the even one, and one for rounding. */
            assert_true(n > 3 ||
                        (got[c + 1] - got[c]) * (chosen - 1 - n) <= 2 * (last - first) + chosen);
        }
        for (int p = 0; p < n; p++) {
            bool found = false;
            for (int c = 0; c < chosen; c++) {
                found = found || got[c] == prompted[p];
            }
            assert_true(found);
        }
    }
}

static void frames_leave_room(void **state)
{
    (void)state;
    struct vox_preview_view view;
    const double spacing[2] = {0.5, 1}, low[2] = {100, 60}, high[2] = {199, 79};
    /* 50 x 20 mm: 37.5 mm more to the left and right, so 125 mm, 250 x 125 voxels. */
    vox_preview_frame(1000, 1000, spacing, low, high, &view);
    assert_int_equal(25, view.i0);
    assert_int_equal(274, view.i1);
    assert_int_equal(8, view.j0);
    assert_int_equal(132, view.j1);
    /* At the edge of the image the part moves and does not shrink; then it ends there. */
    vox_preview_frame(250, 100, spacing, low, high, &view);
    assert_int_equal(0, view.i0);
    assert_int_equal(249, view.i1);
    assert_int_equal(0, view.j0);
    assert_int_equal(99, view.j1);
    /* 20 mm around a single voxel: 41 x 41 mm. */
    vox_preview_frame(512, 512, (const double[2]){1, 1}, low, low, &view);
    assert_int_equal(80, view.i0);
    assert_int_equal(120, view.i1);
    assert_int_equal(40, view.j0);
    assert_int_equal(80, view.j1);
    vox_preview_frame(30, 20, spacing, high, low, &view);
    assert_int_equal(29, view.i1);
    assert_int_equal(19, view.j1);
}

/* Mirrors and letters for an affine whose columns have these letters. */
static void oriented(const char *letters, bool mirror_i, bool mirror_j, const char *edges)
{
    double affine[3][4] = {{0}};
    static const char plus[] = "RAS", minus[] = "LPI";
    for (int axis = 0; axis < 3; axis++) {
        for (int d = 0; d < 3; d++) {
            affine[d][axis] = letters[axis] == plus[d] ? 2 : letters[axis] == minus[d] ? -2 : 0.1;
        }
    }
    struct vox_preview preview = {.width = 1};
    char got[4];
    vox_orientation_letters(affine, got);
    assert_string_equal(letters, got);
    vox_preview_orient(affine, &preview);
    assert_int_equal(mirror_i, preview.mirror_i);
    assert_int_equal(mirror_j, preview.mirror_j);
    assert_memory_equal(edges, preview.edges, 4);
}

static void pictures_are_turned_as_usual(void **state)
{
    (void)state;
    oriented("LPS", false, false, "RLAP"); /* axial, as DICOM stores it */
    oriented("RAS", true, true, "RLAP");
    oriented("LAS", false, true, "RLAP");
    oriented("PIR", false, false, "APSI"); /* sagittal */
    oriented("ASR", true, true, "APSI");
    oriented("LIP", false, false, "RLSI"); /* coronal */
    oriented("PLS", false, false, "APRL"); /* rows along the body's depth: not exchanged */
}

static void colours_differ(void **state)
{
    (void)state;
    uint8_t a[3], b[3];
    for (uint16_t label = 1; label < 40; label++) {
        vox_preview_colour(label, a);
        vox_preview_colour((uint16_t)(label + 1), b);
        assert_memory_not_equal(a, b, 3);
    }
}

/* ---- drawing ---- */

static enum vox_code give(void *context, int64_t k, uint8_t *grey, uint16_t *labels,
                          struct vox_err *err)
{
    const int *fail_at = context;
    if (k == *fail_at) {
        return vox_fail(err, VOX_E_FORMAT, "this slice is damaged");
    }
    for (int n = 0; n < 20 * 15; n++) {
        grey[n] = (uint8_t)(n + k);
        labels[n] = (uint16_t)(n % 20 > 5 && n % 20 < 12 ? n / 100 : 0);
    }
    return VOX_OK;
}

static const int64_t some[3] = {4, 5, 9};
static int no_slice = -1;

static struct vox_preview example(void)
{
    static const struct vox_preview_click click = {5, 3, 4, true};
    static const struct vox_preview_box box = {4, 2, 3, 12, 11};
    return (struct vox_preview){
        .width = 20,
        .height = 15,
        .spacing = {1, 1},
        .slice = give,
        .context = &no_slice,
        .slices = some,
        .n_slices = 3,
        .boxes = &box,
        .n_boxes = 1,
        .clicks = &click,
        .n_clicks = 1,
        .edges = {'R', 'L', 'A', 'P'},
    };
}

static int files_here(void)
{
    int n = 0;
    DIR *folder = opendir(".");
    assert_non_null(folder);
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    }
    closedir(folder);
    return n;
}

/* Draws, drops the file, and looks that nothing is left. */
static enum vox_code draw(const struct vox_preview *preview)
{
    struct vox_file_writer *file = NULL;
    struct vox_err err = {0};
    enum vox_code code = vox_preview_prepare("picture.png", preview, &file, &err);
    assert_int_equal(code == VOX_OK, file != NULL);
    assert_int_equal(code, err.code);
    vox_file_abandon(file);
    assert_int_equal(0, files_here());
    return code;
}

static void bad_requests(void **state)
{
    (void)state;
    struct vox_preview preview = example();
    assert_int_equal(VOX_OK, draw(&preview));
#define REFUSED(code, change)                                                                      \
    do {                                                                                           \
        preview = example();                                                                       \
        change;                                                                                    \
        assert_int_equal(code, draw(&preview));                                                    \
    } while (0)
    REFUSED(VOX_E_ARG, preview.width = 0);
    REFUSED(VOX_E_ARG, preview.height = -3);
    REFUSED(VOX_E_ARG, preview.n_slices = 0);
    REFUSED(VOX_E_ARG, preview.n_slices = VOX_PREVIEW_SLICES_MAX + 1);
    REFUSED(VOX_E_ARG, preview.view = ((struct vox_preview_view){3, 3, 20, 10}));
    REFUSED(VOX_E_ARG, preview.view = ((struct vox_preview_view){3, 3, 2, 10}));
    REFUSED(VOX_E_ARG, preview.view = ((struct vox_preview_view){-1, 3, 2, 10}));
    REFUSED(VOX_E_ARG, preview.spacing[0] = 0);
    REFUSED(VOX_E_ARG, preview.spacing[1] = (double)NAN);
    REFUSED(VOX_E_ARG, preview.spacing[1] = (double)INFINITY);
    REFUSED(VOX_E_LIMIT, preview.width = VOX_PREVIEW_SIDE_MAX + 1);
    const struct vox_preview_click nowhere = {5, (double)NAN, 4, true};
    REFUSED(VOX_E_ARG, preview.clicks = &nowhere);
    const struct vox_preview_box endless = {5, 1, 1, (double)INFINITY, 4};
    REFUSED(VOX_E_ARG, preview.boxes = &endless);
#undef REFUSED
    /* What a slice says is what the caller gets. */
    int fail_at = 5;
    preview = example();
    preview.context = &fail_at;
    assert_int_equal(VOX_E_FORMAT, draw(&preview));
}

/* Sizes that leave nothing to divide by, and prompts far outside, are drawn all the same. */
static void odd_requests(void **state)
{
    (void)state;
    struct vox_preview preview = example();
    preview.view = (struct vox_preview_view){7, 0, 7, 14};
    assert_int_equal(VOX_OK, draw(&preview));
    preview.spacing[0] = 1e-6;
    preview.spacing[1] = 1e6;
    assert_int_equal(VOX_OK, draw(&preview));
    preview = example();
    const struct vox_preview_click far_away[2] = {{5, 1e300, -1e300, true}, {4, -50, 7, false}};
    const struct vox_preview_box large = {4, -1e200, -1e18, 1e250, 1e9};
    preview.clicks = far_away;
    preview.n_clicks = 2;
    preview.boxes = &large;
    assert_int_equal(VOX_OK, draw(&preview));
    preview.edges[0] = '?';
    preview.n_slices = 1;
    assert_int_equal(VOX_OK, draw(&preview));
}

static void failing_allocations(void **state)
{
    (void)state;
    const struct vox_preview preview = example();
    long k = 1;
    for (;; k++) {
        vox_fail_allocation(k);
        enum vox_code code = draw(&preview);
        if (!vox_allocation_failed()) {
            assert_int_equal(VOX_OK, code);
            break;
        }
        assert_int_equal(VOX_E_NOMEM, code);
    }
    vox_fail_allocation(0);
    assert_true(k > 12);
}

static int enter_folder(void **state)
{
    char *folder = strdup("/tmp/test_preview.XXXXXX");
    if (folder == NULL || mkdtemp(folder) == NULL || chdir(folder) != 0) {
        free(folder);
        return -1;
    }
    *state = folder;
    return 0;
}

static int leave_folder(void **state)
{
    char *folder = *state;
    int bad = chdir("/") != 0 || rmdir(folder) != 0;
    free(folder);
    return bad;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_are_chosen), cmocka_unit_test(choices_keep_their_promises),
        cmocka_unit_test(frames_leave_room), cmocka_unit_test(pictures_are_turned_as_usual),
        cmocka_unit_test(colours_differ),    cmocka_unit_test(bad_requests),
        cmocka_unit_test(odd_requests),      cmocka_unit_test(failing_allocations),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
