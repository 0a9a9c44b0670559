#include "job_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "library_rig.h"
#include "pipeline/engine.h"
#include "util/file.h"
#include "util/json.h"
#include "util/memory.h"
#include "volume/geometry.h"
#include "volume/volume.h"

/* ---- the queue ---- */

static enum vox_code give_model(void *context, struct vox_model **out, struct vox_err *err)
{
    struct job_rig *rig = context;
    pthread_mutex_lock(&rig->lock);
    while (rig->held == 1) {
        pthread_cond_wait(&rig->changed, &rig->lock);
    }
    bool given = rig->held == 0;
    pthread_mutex_unlock(&rig->lock);
    if (!given) {
        return vox_fail(err, VOX_E_NOT_FOUND, "no such model");
    }
    *out = rig->model;
    return VOX_OK;
}

static void set_held(struct job_rig *rig, int held)
{
    pthread_mutex_lock(&rig->lock);
    rig->held = held;
    pthread_cond_broadcast(&rig->changed);
    pthread_mutex_unlock(&rig->lock);
}

void rig_open_queue(struct job_rig *rig, const struct vox_job_queue_setup *limits, bool held)
{
    struct vox_job_queue_setup setup = {0};
    struct vox_err err = {0};
    *rig = (struct job_rig){.model = rig_model(0), .held = held};
    if (limits != NULL) {
        setup = *limits;
    }
    setup.model = give_model;
    setup.context = rig;
    setup.folder = "private";
    assert_int_equal(0, pthread_mutex_init(&rig->lock, NULL));
    assert_int_equal(0, pthread_cond_init(&rig->changed, NULL));
    if (vox_job_queue_open(&setup, &rig->queue, &err) != VOX_OK) {
        fail_msg("%s", err.msg);
    }
}

void rig_close_queue(struct job_rig *rig)
{
    vox_job_queue_close(rig->queue);
    vox_model_close(rig->model);
    pthread_cond_destroy(&rig->changed);
    pthread_mutex_destroy(&rig->lock);
}

void rig_free_model(struct job_rig *rig)
{
    set_held(rig, 0);
}

void rig_fail_model(struct job_rig *rig)
{
    set_held(rig, 2);
}

struct vox_job_setup rig_setup(const char *image, const char *params, const char *client,
                               const char *id)
{
    return (struct vox_job_setup){.class = VOX_JOB_CLICK,
                                  .id = id,
                                  .client = client,
                                  .request = rig_request(NULL, 0, params),
                                  .image = image,
                                  .masks = true};
}

struct vox_job *rig_submit(struct job_rig *rig, const char *image, const char *params,
                           const char *client, const char *id)
{
    const struct vox_job_setup setup = rig_setup(image, params, client, id);
    struct vox_job *job = NULL;
    struct vox_err err = {0};
    if (vox_job_submit(rig->queue, &setup, &job, &err) != VOX_OK) {
        fail_msg("%s", err.msg);
    }
    return job;
}

/* ---- files ---- */

static void map(const char *path, struct vox_mapping *out)
{
    struct vox_err err = {0};
    if (vox_file_map(path, out, &err) != VOX_OK) {
        fail_msg("%s: %s", path, err.msg);
    }
}

void rig_expect_mask(const char *file, struct vox_model *model, const char *path,
                     const char *params)
{
    struct vox_image *image;
    struct vox_err err = {0};
    char wanted[64];
    assert_int_equal(VOX_OK, vox_image_open(model, path, &image, &err));
    struct vox_result *result = rig_segment(model, image, params);
    snprintf(wanted, sizeof(wanted), "wanted%s", vox_result_extension(result));
    const struct vox_files files = {.mask = wanted};
    assert_int_equal(VOX_OK, vox_result_save(result, &files, NULL, NULL, &err));
    vox_result_close(result);
    vox_image_close(image);
    struct vox_mapping a, b;
    map(file, &a);
    map(wanted, &b);
    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.data, b.data, a.size);
    vox_file_unmap(&a);
    vox_file_unmap(&b);
}

void rig_write_long(const char *path, int64_t slices)
{
    static const double affine[3][4] = {{-0.7, 0, 0, 5}, {0, 0.9, 0, 3}, {0, 0, 2.5, -40}};
    const int64_t size[3] = {RIG_W, RIG_H, slices};
    struct vox_geometry geometry = {.source = VOX_FORMAT_NIFTI1};
    size_t n = (size_t)RIG_SLICE * (size_t)slices;
    int16_t *voxels = vox_calloc(n, sizeof(*voxels));
    double copy[3][4];
    assert_non_null(voxels);
    for (size_t i = 0; i < n; i++) {
        voxels[i] = (int16_t)((37 * (i % RIG_W) + 23 * (i / RIG_W) + ((i * 7) >> 3)) % 900) - 600;
    }
    memcpy(copy, affine, sizeof(copy));
    vox_nifti_from_affine(copy, size, false, &geometry.nifti);
    assert_int_equal(VOX_OK, vox_geometry_from_nifti(&geometry, NULL));
    assert_int_equal(VOX_OK, vox_volume_write(path, &geometry, size, VOX_VOXEL_I16, voxels, NULL));
    vox_free(voxels);
}

void rig_copy(const char *from, const char *to)
{
    struct vox_mapping file;
    struct vox_file_writer *copy;
    map(from, &file);
    assert_int_equal(VOX_OK, vox_file_create(to, &copy, NULL));
    assert_int_equal(VOX_OK, vox_file_write(copy, file.data, file.size, NULL));
    assert_int_equal(VOX_OK, vox_file_commit(copy, NULL));
    vox_file_unmap(&file);
}

int64_t rig_files_read(const struct job_rig *rig)
{
    return vox_volume_cache_counts(rig->model->volumes).opened;
}

/* ---- events ---- */

void rig_begin_events(struct rig_events *events)
{
    *events = (struct rig_events){0};
}

static bool is_object(const char *json, struct vox_json **out)
{
    const struct vox_json_limits limits = {.bytes = 1 << 20, .depth = 16, .values = 10000};
    return strchr(json, '\n') == NULL &&
           vox_json_parse(json, strlen(json), &limits, out, NULL) == VOX_OK;
}

/* Whether the runs stay inside the slice. */
static bool are_runs(const struct vox_json *runs)
{
    int64_t sum = 0;
    for (size_t i = 0; i < vox_json_count(runs); i++) {
        int64_t n;
        if (!vox_json_int(vox_json_at(runs, i), &n) || n < 0 || (i > 0 && n == 0)) {
            return false;
        }
        sum += n;
    }
    return vox_json_count(runs) % 2 == 0 && sum <= RIG_SLICE;
}

/* No cmocka here: it is not for threads. */
bool rig_take_event(void *context, int64_t number, const char *kind, const char *json)
{
    struct rig_events *events = context;
    struct vox_json *object;
    events->wrong += number <= events->last;
    events->last = number;
    if (events->n < RIG_EVENTS) {
        snprintf(events->kinds[events->n++], sizeof(events->kinds[0]), "%s", kind);
    }
    if (!is_object(json, &object)) {
        events->wrong++;
        return true;
    }
    if (strcmp(kind, "slice") == 0) {
        const struct vox_json *runs = vox_json_get(object, "runs");
        events->slices++;
        events->masked += vox_json_count(runs) > 0;
        events->wrong += !are_runs(runs);
    }
    vox_json_free(object);
    return events->n != events->most;
}
