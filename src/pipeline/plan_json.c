#include "pipeline/prompt_plan.h"
#include "util/json_writer.h"

static void put_slices(struct vox_json_writer *json, const char *key, int64_t first, int64_t last)
{
    vox_json_begin_array(json, key);
    vox_json_put_int(json, NULL, first);
    vox_json_put_int(json, NULL, last);
    vox_json_end(json);
}

static void put_rect(struct vox_json_writer *json, const char *key, const struct vox_rect *rect)
{
    vox_json_begin_array(json, key);
    vox_json_put_real(json, NULL, rect->i0);
    vox_json_put_real(json, NULL, rect->j0);
    vox_json_put_real(json, NULL, rect->i1);
    vox_json_put_real(json, NULL, rect->j1);
    vox_json_end(json);
}

static void put_pieces(struct vox_json_writer *json, const struct vox_plan_object *object)
{
    vox_json_begin_array(json, "pieces");
    for (int64_t m = 0; m < object->n_pieces; m++) {
        const struct vox_plan_piece *piece = &object->pieces[m];
        vox_json_begin_object(json, NULL);
        put_slices(json, "z", piece->first, piece->last);
        vox_json_put_int(json, "key", piece->key);
        put_rect(json, "rect", &piece->rect);
        vox_json_put_bool(json, "boxed", piece->boxed);
        vox_json_put_bool(json, "roi", piece->roi);
        vox_json_end(json);
    }
    vox_json_end(json);
}

static void put_clicks(struct vox_json_writer *json, const struct vox_plan_click *clicks, int64_t n)
{
    vox_json_begin_array(json, "points");
    for (int64_t c = 0; c < n; c++) {
        vox_json_begin_array(json, NULL);
        vox_json_put_real(json, NULL, clicks[c].i);
        vox_json_put_real(json, NULL, clicks[c].j);
        vox_json_end(json);
    }
    vox_json_end(json);
    vox_json_begin_array(json, "labels");
    for (int64_t c = 0; c < n; c++) {
        vox_json_put_int(json, NULL, clicks[c].positive);
    }
    vox_json_end(json);
}

static void put_prompts(struct vox_json_writer *json, const struct vox_plan_object *object)
{
    vox_json_begin_array(json, "prompts");
    for (int64_t n = 0; n < object->n_prompts; n++) {
        const struct vox_plan_prompt *prompt = &object->prompts[n];
        vox_json_begin_object(json, NULL);
        vox_json_put_int(json, "k", prompt->k);
        vox_json_put_bool(json, "mask", prompt->masked);
        if (prompt->boxed) {
            put_rect(json, "box", &prompt->box);
        } else {
            vox_json_put_null(json, "box");
        }
        put_clicks(json, prompt->clicks, prompt->n_clicks);
        vox_json_end(json);
    }
    vox_json_end(json);
}

static void put_corrections(struct vox_json_writer *json, const struct vox_plan_object *object)
{
    vox_json_begin_array(json, "corrections");
    for (int64_t n = 0; n < object->n_corrections; n++) {
        const struct vox_plan_correction *correction = &object->corrections[n];
        vox_json_begin_object(json, NULL);
        vox_json_put_int(json, "k", correction->k);
        put_clicks(json, correction->clicks, correction->n_clicks);
        vox_json_put_bool(json, "on_prompt", correction->on_prompt);
        vox_json_end(json);
    }
    vox_json_end(json);
}

static void put_cuts(struct vox_json_writer *json, const struct vox_plan_object *object)
{
    vox_json_begin_array(json, "cuts");
    for (int64_t k = object->first; k <= object->last;) {
        const struct vox_plan_cut *cut = &object->cuts[k - object->first];
        int64_t end = vox_plan_cut_run(object, k);
        if (cut->cut) {
            vox_json_begin_object(json, NULL);
            put_slices(json, "z", k, end - 1);
            put_slices(json, "i", cut->lo[0], cut->hi[0]);
            put_slices(json, "j", cut->lo[1], cut->hi[1]);
            vox_json_end(json);
        }
        k = end;
    }
    vox_json_end(json);
}

static void put_zoom(struct vox_json_writer *json, const struct vox_plan_object *object)
{
    const struct vox_zoom_window *window = &object->window;
    vox_json_begin_object(json, "zoom");
    vox_zoom_put(window, json, "window");
    if (window->whole) {
        vox_json_put_null(json, "length");
    } else {
        vox_json_put_real(json, "length", object->length);
    }
    vox_json_put_bool(json, "grows", object->grows);
    vox_json_end(json);
}

void vox_plan_write_json(const struct vox_plan *plan, const struct vox_labels *labels,
                         struct vox_json_writer *json, const char *key)
{
    vox_json_begin_object(json, key);
    vox_json_put_bool(json, "valid", plan->valid);
    vox_json_put_text(json, "reason", plan->valid ? NULL : plan->reason);
    vox_json_begin_array(json, "objects");
    for (int n = 0; n < plan->n_objects; n++) {
        const struct vox_plan_object *object = &plan->objects[n];
        vox_json_begin_object(json, NULL);
        vox_json_put_text(json, "label", labels->names[object->label]);
        put_slices(json, "z", object->first, object->last);
        vox_json_put_text(json, "extent",
                          vox_extent_name(object->free ? VOX_EXTENT_FREE : VOX_EXTENT_STRICT));
        vox_json_put_text(json, "passes", vox_passes_name(object->passes));
        vox_json_put_text(json, "clip", vox_clip_name(object->clip));
        put_pieces(json, object);
        put_prompts(json, object);
        put_corrections(json, object);
        put_cuts(json, object);
        put_zoom(json, object);
        vox_json_end(json);
    }
    vox_json_end(json);
    vox_json_end(json);
}
