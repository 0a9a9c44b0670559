#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "pipeline/prompt_plan.h"
#include "util/memory.h"

enum { FIRST_ROOM = 1024, LISTED_CLICKS = 8 };

struct text {
    char *bytes;
    size_t size, room;
    bool lost; /* memory ran out; nothing is added any more */
};

static void add(struct text *text, const char *format, ...) VOX_PRINTF(2, 3);

static bool make_room(struct text *text, size_t more)
{
    size_t needed, room;
    if (text->lost || !vox_add(text->size, more, &needed) || !vox_mul(needed, 2, &room)) {
        text->lost = true;
        return false;
    }
    if (needed <= text->room) {
        return true;
    }
    room = room < FIRST_ROOM ? FIRST_ROOM : room;
    char *bytes = vox_realloc(text->bytes, text->room, room);
    text->lost = bytes == NULL;
    if (bytes != NULL) {
        text->bytes = bytes;
        text->room = room;
    }
    return bytes != NULL;
}

static void add(struct text *text, const char *format, ...)
{
    char line[512];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    size_t size = n < 0 ? 0 : (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1;
    if (make_room(text, size + 1)) {
        memcpy(text->bytes + text->size, line, size);
        text->size += size;
        text->bytes[text->size] = '\0';
    }
}

static void add_slices(struct text *text, int64_t first, int64_t last)
{
    if (first == last) {
        add(text, "slice %lld", (long long)first);
    } else {
        add(text, "slices %lld to %lld", (long long)first, (long long)last);
    }
}

static void add_rect(struct text *text, const struct vox_rect *rect)
{
    add(text, "i %.7g to %.7g, j %.7g to %.7g", rect->i0, rect->i1, rect->j0, rect->j1);
}

static void add_clicks(struct text *text, const struct vox_plan_click *clicks, int64_t n)
{
    for (int64_t c = 0; c < n && c < LISTED_CLICKS; c++) {
        add(text, "%s (%.7g, %.7g)%s", clicks[c].positive ? "inside" : "outside", clicks[c].i,
            clicks[c].j, c + 1 < n ? ", " : "");
    }
    if (n > LISTED_CLICKS) {
        add(text, "%lld more", (long long)(n - LISTED_CLICKS));
    }
}

static void add_borders(struct text *text, const struct vox_plan_object *object, const char *name)
{
    add(text, "%s: ", name);
    add_slices(text, object->first, object->last);
    add(text, "%s\n",
        object->free ? "; followed both ways until it is absent on 3 slices in a row"
                     : "; the mask is empty beyond");
}

static void add_pieces(struct text *text, const struct vox_plan_object *object)
{
    for (int64_t m = 0; m < object->n_pieces; m++) {
        const struct vox_plan_piece *piece = &object->pieces[m];
        add(text, "  %s %lld: ", piece->roi ? "roi" : "piece", (long long)m + 1);
        add_slices(text, piece->first, piece->last);
        add(text, ", key slice %lld, ", (long long)piece->key);
        add_rect(text, &piece->rect);
        add(text, "%s\n", piece->boxed ? "" : "; too small for a box, its points are clicks");
    }
}

/* How many prompts from `n` on are the same box on slices in a row. */
static int64_t equal_prompts(const struct vox_plan_object *object, int64_t n)
{
    const struct vox_plan_prompt *first = &object->prompts[n];
    int64_t count = 1;
    for (; n + count < object->n_prompts; count++) {
        const struct vox_plan_prompt *next = &first[count];
        bool plain = !next->masked && !first->masked && next->boxed && first->boxed &&
                     next->n_clicks == 0 && first->n_clicks == 0;
        if (!plain || next->k != first->k + count || next->box.i0 != first->box.i0 ||
            next->box.j0 != first->box.j0 || next->box.i1 != first->box.i1 ||
            next->box.j1 != first->box.j1) {
            break;
        }
    }
    return count;
}

static void add_prompts(struct text *text, const struct vox_plan_object *object)
{
    for (int64_t n = 0; n < object->n_prompts;) {
        const struct vox_plan_prompt *prompt = &object->prompts[n];
        int64_t count = equal_prompts(object, n);
        add(text, "  prompt: ");
        add_slices(text, prompt->k, prompt->k + count - 1);
        add(text, "%s", prompt->masked ? ", the mask" : "");
        if (prompt->boxed) {
            add(text, ", box ");
            add_rect(text, &prompt->box);
        }
        add(text, "%s", prompt->n_clicks > 0 ? ", clicks " : "");
        add_clicks(text, prompt->clicks, prompt->n_clicks);
        add(text, "\n");
        n += count;
    }
}

static void add_corrections(struct text *text, const struct vox_plan_object *object)
{
    for (int64_t n = 0; n < object->n_corrections; n++) {
        const struct vox_plan_correction *correction = &object->corrections[n];
        add(text, "  correction %lld: slice %lld%s, clicks ", (long long)n + 1,
            (long long)correction->k, correction->on_prompt ? " (prompted)" : "");
        add_clicks(text, correction->clicks, correction->n_clicks);
        add(text, "\n");
    }
}

static void add_cuts(struct text *text, const struct vox_plan_object *object)
{
    bool any = false;
    for (int64_t k = object->first; k <= object->last;) {
        const struct vox_plan_cut *cut = &object->cuts[k - object->first];
        int64_t end = vox_plan_cut_run(object, k);
        if (cut->cut) {
            add(text, "  cut (%s): ", vox_clip_name(object->clip));
            add_slices(text, k, end - 1);
            add(text, " to i %lld to %lld, j %lld to %lld\n", (long long)cut->lo[0],
                (long long)cut->hi[0], (long long)cut->lo[1], (long long)cut->hi[1]);
            any = true;
        }
        k = end;
    }
    if (!any) {
        add(text, "  cut: none\n");
    }
}

static void add_zoom(struct text *text, const struct vox_plan_object *object)
{
    const struct vox_zoom_window *window = &object->window;
    if (window->whole) {
        add(text, "  zoom: off, the network sees whole slices\n");
        return;
    }
    add(text, "  zoom: %lld x %lld voxels from i %lld, j %lld on (%.7g mm)%s\n",
        (long long)window->size[0], (long long)window->size[1], (long long)window->origin[0],
        (long long)window->origin[1], object->length,
        object->grows ? ", doubled while the object touches its rim" : "");
}

static void add_passes(struct text *text, const struct vox_plan_object *object)
{
    const char *meaning = "";
    switch (object->passes) {
    case VOX_PASSES_DEFAULT:
    case VOX_PASSES_INTERSECTION:
        meaning = "both ways; what one way alone finds is uncertain";
        break;
    case VOX_PASSES_UNION:
        meaning = "both ways; what either finds";
        break;
    case VOX_PASSES_FORWARD:
        meaning = "upwards alone";
        break;
    case VOX_PASSES_BACKWARD:
        meaning = "downwards alone";
        break;
    case VOX_PASSES_FROM_KEY:
        meaning = "from the prompts to the last slice, then to the first; what either finds";
        break;
    }
    add(text, "  passes: %s (%s)\n", vox_passes_name(object->passes), meaning);
}

enum vox_code vox_plan_text(const struct vox_plan *plan, const struct vox_labels *labels,
                            char **out, struct vox_err *err)
{
    struct text text = {.bytes = NULL};
    if (!plan->valid) {
        add(&text, "nothing to segment: %s\n", plan->reason);
    }
    for (int n = 0; n < plan->n_objects; n++) {
        const struct vox_plan_object *object = &plan->objects[n];
        add_borders(&text, object, labels->names[object->label]);
        add_pieces(&text, object);
        add_prompts(&text, object);
        add_corrections(&text, object);
        add_cuts(&text, object);
        add_zoom(&text, object);
        add_passes(&text, object);
    }
    for (int n = 0; n < plan->warnings.n; n++) {
        add(&text, "warning: %s\n", plan->warnings.text[n]);
    }
    if (text.lost) {
        vox_free(text.bytes);
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    *out = text.bytes;
    return VOX_OK;
}
