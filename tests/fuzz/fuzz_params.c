/* Parameters as clients send them: what is accepted can be copied, and both make the same plan. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/params_read.h"
#include "pipeline/prompt_plan.h"
#include "util/json_writer.h"
#include "util/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool good)
{
    if (!good) {
        abort();
    }
}

static struct vox_request *new_request(void)
{
    static const char *const names[] = {"liver", "tumour"};
    struct vox_labels labels = {0};
    struct vox_request *request = NULL;
    need(vox_labels_init(&labels, names, 2, NULL) == VOX_OK);
    need(vox_request_new(&labels, &request, NULL) == VOX_OK);
    vox_labels_fini(&labels);
    return request;
}

/* The label "tumour" has voxels in three slices, so that masks play a part. */
static void add_mask(struct vox_request *request, const struct vox_plan_image *image)
{
    size_t plane = (size_t)(image->size[0] * image->size[1]);
    uint8_t *voxels = calloc(plane * 3, 1);
    need(voxels != NULL);
    voxels[plane / 2] = voxels[plane + 3] = voxels[plane + 4] = voxels[plane * 3 - 1] = 1;
    need(vox_request_set_mask(request, 1, image->size[0], image->size[1], 1, 3, voxels, NULL) ==
         VOX_OK);
    free(voxels);
}

/* The plan's JSON, NULL where it is refused. */
static struct vox_json_writer *plan_text(const struct vox_request *request,
                                         const struct vox_plan_image *image, double zoom)
{
    const struct vox_plan_defaults defaults = {.zoom = zoom};
    struct vox_plan *plan = NULL;
    struct vox_err err = {0};
    enum vox_code code = vox_plan_new(request, image, &defaults, &plan, &err);
    need((code == VOX_OK) == (err.msg[0] == '\0'));
    if (code != VOX_OK) {
        return NULL;
    }
    struct vox_json_writer *json = vox_json_writer_new();
    char *words = NULL;
    need(json != NULL);
    vox_json_begin_object(json, NULL);
    vox_plan_write_json(plan, &request->labels, json, "plan");
    vox_json_end(json);
    need(vox_plan_text(plan, &request->labels, &words, &err) == VOX_OK);
    vox_free(words);
    for (int i = 0; i < plan->n_objects; i++) {
        need(plan->objects[i].n_prompts > 0 && plan->objects[i].first >= 0 &&
             plan->objects[i].last < image->size[2]);
    }
    vox_plan_free(plan);
    return json;
}

static void compare_plans(const struct vox_request *a, const struct vox_request *b,
                          const struct vox_plan_image *image, double zoom)
{
    struct vox_json_writer *writers[2] = {plan_text(a, image, zoom), plan_text(b, image, zoom)};
    need((writers[0] == NULL) == (writers[1] == NULL));
    if (writers[0] != NULL) {
        const char *texts[2];
        size_t sizes[2];
        for (int i = 0; i < 2; i++) {
            need(vox_json_writer_text(writers[i], &texts[i], &sizes[i], NULL) == VOX_OK);
        }
        need(sizes[0] == sizes[1] && memcmp(texts[0], texts[1], sizes[0]) == 0);
    }
    vox_json_writer_free(writers[0]);
    vox_json_writer_free(writers[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct vox_plan_image images[] = {
        {{32, 24, 10}, {0.75, 0.75, 5.0}}, {{1, 700, 2}, {0.01, 3.0, 1.0}}, {{9, 5, 4}, {1, 1, 1}}};
    double affine[3][4] = {{-0.75, 0, 0, 12}, {0, -0.75, 0, 9}, {0, 0, 5, -20}};
    struct vox_request *request = new_request();
    struct vox_request *copy = NULL;
    struct vox_err err = {0};
    enum vox_code code = vox_params_read(request, (const char *)data, size, &err);
    need((code == VOX_OK) == (err.msg[0] == '\0'));
    need(code == VOX_OK || request->n_points == 0);
    if (code == VOX_OK) {
        need(vox_request_copy(request, &copy, NULL) == VOX_OK);
        for (size_t i = 0; i < sizeof(images) / sizeof(images[0]); i++) {
            compare_plans(request, copy, &images[i], 0.0);
        }
        add_mask(request, &images[2]);
        add_mask(copy, &images[2]);
        compare_plans(request, copy, &images[2], 2.5);
        need(vox_request_from_ras(request, affine, NULL) ==
             vox_request_from_ras(copy, affine, NULL));
        compare_plans(request, copy, &images[2], 2.5);
    }
    vox_request_free(copy);
    vox_request_free(request);
    return 0;
}
