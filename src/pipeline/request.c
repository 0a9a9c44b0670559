#include "pipeline/request.h"

#include <math.h>
#include <string.h>

#include "util/memory.h"

static enum vox_code no_memory(struct vox_err *err)
{
    return vox_fail(err, VOX_E_NOMEM, "out of memory");
}

/* Arrays of n elements have room for the next power of two, which need not be kept. */
static size_t room_for(size_t n)
{
    size_t room = n > 0 ? 1 : 0;
    while (room < n) {
        room *= 2;
    }
    return room;
}

/* Makes *items, an array of n elements of `size` bytes, one of at least `wanted` elements. */
static bool reserve(void **items, size_t n, size_t wanted, size_t size)
{
    size_t room = room_for(n);
    if (wanted <= room) {
        return true;
    }
    size_t bytes;
    if (wanted > SIZE_MAX / 2 || !vox_mul(room_for(wanted), size, &bytes)) {
        return false;
    }
    void *grown = vox_realloc(*items, n * size, bytes);
    if (grown == NULL) {
        return false;
    }
    *items = grown;
    return true;
}

static bool reserve_clicks(struct vox_click **clicks, size_t n, size_t wanted)
{
    void *items = *clicks;
    bool reserved = reserve(&items, n, wanted, sizeof(**clicks));
    *clicks = items;
    return reserved;
}

/* A copy of n elements in *out; NULL for none. */
static bool duplicate(const void *items, size_t n, size_t size, void **out)
{
    *out = NULL;
    if (!reserve(out, 0, n, size)) {
        return false;
    }
    if (n > 0) {
        memcpy(*out, items, n * size);
    }
    return true;
}

static bool duplicate_clicks(struct vox_click **clicks, size_t n)
{
    void *copy;
    bool done = duplicate(*clicks, n, sizeof(**clicks), &copy);
    *clicks = copy;
    return done;
}

enum vox_code vox_request_new(const struct vox_labels *labels, struct vox_request **out,
                              struct vox_err *err)
{
    struct vox_request *request = vox_calloc(1, sizeof(*request));
    if (request == NULL) {
        return no_memory(err);
    }
    enum vox_code code = vox_labels_copy(&request->labels, labels, err);
    if (code == VOX_OK) {
        request->objects = vox_calloc((size_t)labels->n, sizeof(*request->objects));
        code = request->objects == NULL ? no_memory(err) : VOX_OK;
    }
    if (code != VOX_OK) {
        vox_request_free(request);
        return code;
    }
    request->max_points = VOX_POINTS_MAX_DEFAULT;
    request->window.automatic = true;
    request->min_box = 6.0;
    request->largest_cc = true;
    request->keep_uncertain = true;
    *out = request;
    return VOX_OK;
}

static bool copy_mask(struct vox_mask_ask *mask)
{
    size_t size = (size_t)(mask->n * mask->height * mask->width);
    uint8_t *copy = size > 0 ? vox_alloc(size) : NULL;
    if (copy != NULL) {
        memcpy(copy, mask->voxels, size);
    }
    mask->voxels = copy;
    return copy != NULL || size == 0;
}

/* Replaces borrowed arrays by copies; on failure those that are not copied yet are NULL. */
static bool copy_object(const struct vox_object_ask *from, struct vox_object_ask *out)
{
    struct vox_object_ask copy = *from;
    bool done = duplicate_clicks(&copy.clicks, copy.n_clicks);
    void *boxes = NULL;
    done = done && duplicate(from->boxes, from->n_boxes, sizeof(*from->boxes), &boxes);
    copy.boxes = boxes;
    if (!done || !copy_mask(&copy.mask)) {
        copy.mask.voxels = NULL;
        done = false;
    }
    *out = copy;
    return done;
}

static bool copy_corrections(const struct vox_request *from, struct vox_request *out)
{
    void *items;
    if (!duplicate(from->corrections, from->n_corrections, sizeof(*from->corrections), &items)) {
        return false;
    }
    out->corrections = items;
    for (size_t i = 0; i < from->n_corrections; i++) {
        if (!duplicate_clicks(&out->corrections[i].clicks, out->corrections[i].n_clicks)) {
            return false;
        }
        out->n_corrections = i + 1;
    }
    return true;
}

static bool copy_lists(const struct vox_request *from, struct vox_request *out)
{
    for (int i = 0; i < from->labels.n; i++) {
        if (!copy_object(&from->objects[i], &out->objects[i])) {
            return false;
        }
    }
    void *background, *slices;
    if (!duplicate(from->background, from->n_background, sizeof(*from->background), &background)) {
        return false;
    }
    out->background = background;
    if (!duplicate(from->mask_slices, from->n_mask_slices, sizeof(*from->mask_slices), &slices)) {
        return false;
    }
    out->mask_slices = slices;
    return copy_corrections(from, out);
}

enum vox_code vox_request_copy(const struct vox_request *from, struct vox_request **out,
                               struct vox_err *err)
{
    struct vox_request *copy = NULL;
    enum vox_code code = vox_request_new(&from->labels, &copy, err);
    if (code != VOX_OK) {
        return code;
    }
    struct vox_labels labels = copy->labels;
    struct vox_object_ask *objects = copy->objects;
    *copy = *from;
    copy->labels = labels;
    copy->objects = objects;
    copy->background = NULL;
    copy->mask_slices = NULL;
    copy->corrections = NULL;
    copy->n_corrections = 0;
    if (!copy_lists(from, copy)) {
        vox_request_free(copy);
        return no_memory(err);
    }
    *out = copy;
    return VOX_OK;
}

void vox_request_free(struct vox_request *request)
{
    if (request == NULL) {
        return;
    }
    for (int i = 0; request->objects != NULL && i < request->labels.n; i++) {
        vox_free(request->objects[i].clicks);
        vox_free(request->objects[i].boxes);
        vox_free(request->objects[i].mask.voxels);
    }
    for (size_t i = 0; i < request->n_corrections; i++) {
        vox_free(request->corrections[i].clicks);
    }
    vox_free(request->objects);
    vox_free(request->background);
    vox_free(request->corrections);
    vox_free(request->mask_slices);
    vox_labels_fini(&request->labels);
    vox_free(request);
}

static bool are_finite(const double *numbers, int n)
{
    for (int i = 0; i < n; i++) {
        if (!isfinite(numbers[i])) {
            return false;
        }
    }
    return true;
}

static enum vox_code check_label(const struct vox_request *request, int label, struct vox_err *err)
{
    if (label < 0 || label >= request->labels.n) {
        return vox_fail(err, VOX_E_ARG, "there is no label number %d", label);
    }
    return VOX_OK;
}

/* Whether n more points are allowed. */
static enum vox_code check_room(const struct vox_request *request, size_t n, struct vox_err *err)
{
    if (request->n_points > request->max_points || n > request->max_points - request->n_points) {
        return vox_fail(err, VOX_E_LIMIT, "more than %zu points; give fewer", request->max_points);
    }
    return VOX_OK;
}

static enum vox_code check_points(const struct vox_click *clicks, size_t n, int numbers,
                                  struct vox_err *err)
{
    for (size_t i = 0; i < n; i++) {
        if (!are_finite(clicks[i].at, numbers)) {
            return vox_fail(err, VOX_E_ARG, "a point's numbers must be finite");
        }
    }
    return VOX_OK;
}

static enum vox_code add_click(struct vox_click **clicks, size_t *n, size_t *n_points,
                               const struct vox_click *click, struct vox_err *err)
{
    if (!reserve_clicks(clicks, *n, *n + 1)) {
        return no_memory(err);
    }
    (*clicks)[*n] = *click;
    ++*n;
    ++*n_points;
    return VOX_OK;
}

enum vox_code vox_request_add_click(struct vox_request *request, int label,
                                    const struct vox_click *click, struct vox_err *err)
{
    enum vox_code code = check_label(request, label, err);
    if (code == VOX_OK) {
        code = check_points(click, 1, 3, err);
    }
    if (code == VOX_OK) {
        code = check_room(request, 1, err);
    }
    if (code != VOX_OK) {
        return code;
    }
    struct vox_object_ask *object = &request->objects[label];
    return add_click(&object->clicks, &object->n_clicks, &request->n_points, click, err);
}

enum vox_code vox_request_add_background(struct vox_request *request, const double at[3],
                                         struct vox_err *err)
{
    const struct vox_click click = {.at = {at[0], at[1], at[2]}};
    enum vox_code code = check_points(&click, 1, 3, err);
    if (code == VOX_OK) {
        code = check_room(request, 1, err);
    }
    if (code != VOX_OK) {
        return code;
    }
    return add_click(&request->background, &request->n_background, &request->n_points, &click, err);
}

static size_t count_boxes(const struct vox_request *request)
{
    size_t n = 0;
    for (int i = 0; i < request->labels.n; i++) {
        n += request->objects[i].n_boxes;
    }
    return n;
}

static bool holds_key(const struct vox_box_ask *box)
{
    double first = floor(fmin(box->first, box->last) + 0.5);
    double last = floor(fmax(box->first, box->last) + 0.5);
    double key = floor(box->key + 0.5);
    return box->roi || (first <= key && key <= last);
}

enum vox_code vox_request_add_box(struct vox_request *request, int label,
                                  const struct vox_box_ask *box, struct vox_err *err)
{
    enum vox_code code = check_label(request, label, err);
    if (code != VOX_OK) {
        return code;
    }
    struct vox_box_ask added = *box;
    added.bounded = box->roi || box->bounded;
    added.key = box->roi ? 0.0 : box->key;
    added.first = added.bounded ? box->first : added.key;
    added.last = added.bounded ? box->last : added.key;
    const double slices[3] = {added.key, added.first, added.last};
    if (!are_finite(added.corners, 4) || !are_finite(slices, 3)) {
        return vox_fail(err, VOX_E_ARG, "a box's numbers must be finite");
    }
    if (!holds_key(&added)) {
        return vox_fail(err, VOX_E_ARG,
                        "the key slice of a box must lie between its first and last");
    }
    if (count_boxes(request) >= request->max_points) {
        return vox_fail(err, VOX_E_LIMIT, "more than %zu boxes; give fewer", request->max_points);
    }
    struct vox_object_ask *object = &request->objects[label];
    void *boxes = object->boxes;
    bool reserved = reserve(&boxes, object->n_boxes, object->n_boxes + 1, sizeof(added));
    object->boxes = boxes;
    if (!reserved) {
        return no_memory(err);
    }
    object->boxes[object->n_boxes++] = added;
    return VOX_OK;
}

enum vox_code vox_request_add_correction(struct vox_request *request, int label, double k,
                                         const struct vox_click *clicks, size_t n,
                                         struct vox_err *err)
{
    enum vox_code code = check_label(request, label, err);
    if (code == VOX_OK && !isfinite(k)) {
        code = vox_fail(err, VOX_E_ARG, "a correction's slice must be a finite number");
    }
    if (code == VOX_OK) {
        code = check_points(clicks, n, 2, err);
    }
    if (code == VOX_OK) {
        code = check_room(request, n, err);
    }
    if (code != VOX_OK || n == 0) {
        return code;
    }
    void *corrections = request->corrections;
    bool reserved = reserve(&corrections, request->n_corrections, request->n_corrections + 1,
                            sizeof(*request->corrections));
    request->corrections = corrections;
    void *copy = NULL;
    if (!reserved || !duplicate(clicks, n, sizeof(*clicks), &copy)) {
        return no_memory(err);
    }
    struct vox_correction_ask *added = &request->corrections[request->n_corrections++];
    *added = (struct vox_correction_ask){.label = label, .k = k, .clicks = copy, .n_clicks = n};
    for (size_t i = 0; i < n; i++) {
        added->clicks[i].at[2] = k;
    }
    request->n_points += n;
    return VOX_OK;
}

/* The first and last slice that hold a voxel; false where none does. */
static bool find_slices(const uint8_t *voxels, size_t pixels, int64_t n, int64_t *first,
                        int64_t *last)
{
    bool found = false;
    for (int64_t k = 0; k < n; k++) {
        const uint8_t *slice = voxels + (size_t)k * pixels;
        bool holds = false;
        for (size_t i = 0; i < pixels && !holds; i++) {
            holds = slice[i] != 0;
        }
        if (holds) {
            *first = found ? *first : k;
            *last = k;
            found = true;
        }
    }
    return found;
}

enum vox_code vox_request_set_mask(struct vox_request *request, int label, int64_t width,
                                   int64_t height, int64_t first, int64_t n, const uint8_t *voxels,
                                   struct vox_err *err)
{
    enum vox_code code = check_label(request, label, err);
    if (code != VOX_OK) {
        return code;
    }
    size_t pixels, size;
    if (width < 1 || height < 1 || n < 1 || first < 0 || first > INT64_MAX - n) {
        return vox_fail(err, VOX_E_ARG, "a mask must have voxels and begin on a slice from 0 on");
    }
    if (!vox_mul((size_t)width, (size_t)height, &pixels) || !vox_mul(pixels, (size_t)n, &size)) {
        return vox_fail(err, VOX_E_LIMIT, "the mask is too large");
    }
    struct vox_mask_ask mask = {0};
    int64_t low = 0, high = 0;
    if (find_slices(voxels, pixels, n, &low, &high)) {
        mask = (struct vox_mask_ask){
            .width = width, .height = height, .first = first + low, .n = high - low + 1};
        size = pixels * (size_t)mask.n;
        mask.voxels = vox_alloc(size);
        if (mask.voxels == NULL) {
            return no_memory(err);
        }
        const uint8_t *from = voxels + pixels * (size_t)low;
        for (size_t i = 0; i < size; i++) {
            mask.voxels[i] = from[i] != 0 ? 1 : 0;
        }
    }
    vox_free(request->objects[label].mask.voxels);
    request->objects[label].mask = mask;
    return VOX_OK;
}
