/* Two threads segment two boxes of one image with one model.
 *
 *     cc segment_boxes.c $(pkg-config --cflags --libs voxlabel) -o segment_boxes
 *     ./segment_boxes MODEL CONFIG IMAGE K I0 J0 I1 J1 K I0 J0 I1 J1 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <voxlabel/voxlabel.h>

struct work {
    struct vox_model *model;
    const char *path, *mask;
    double key, corners[4];
    int failed;
};

static void *segment(void *context)
{
    struct work *work = context;
    struct vox_image *image = NULL;
    struct vox_request *request = NULL;
    struct vox_result *result = NULL;
    struct vox_err err = {0};
    const struct vox_files files = {.mask = work->mask};
    work->failed = vox_image_open(work->model, work->path, &image, &err) != VOX_OK ||
                   vox_request_open(NULL, 0, &request, &err) != VOX_OK ||
                   vox_request_box(request, NULL, work->key, work->corners, NULL, &err) != VOX_OK ||
                   vox_segment(work->model, image, request, NULL, &result, &err) != VOX_OK ||
                   vox_result_save(result, &files, NULL, NULL, &err) != VOX_OK;
    fprintf(stderr, "%s: %s\n", work->mask, work->failed ? err.msg : "done");
    vox_result_close(result);
    vox_request_close(request);
    vox_image_close(image);
    return NULL;
}

int main(int argc, char **argv)
{
    static const char *const masks[2] = {"mask0.nii.gz", "mask1.nii.gz"};
    struct vox_err err = {.msg = "usage: segment_boxes MODEL CONFIG IMAGE K I0 J0 I1 J1 (twice)"};
    const struct vox_model_options options = {.config = argc > 2 ? argv[2] : NULL, .threads = 2};
    struct vox_model *model;
    struct work works[2] = {0};
    pthread_t threads[2];
    int started = 0, failed = 0;
    if (argc != 14 || vox_model_open(argv[1], &options, &model, &err) != VOX_OK) {
        fprintf(stderr, "%s\n", err.msg);
        return 1;
    }
    for (int i = 0; i < 2; i++) {
        works[i] = (struct work){.model = model, .path = argv[3], .mask = masks[i]};
        works[i].key = atof(argv[4 + 5 * i]);
        for (int c = 0; c < 4; c++) {
            works[i].corners[c] = atof(argv[5 + 5 * i + c]);
        }
        if (pthread_create(&threads[started], NULL, segment, &works[i]) != 0) {
            fprintf(stderr, "%s: no thread\n", works[i].mask);
            failed = 1;
            continue;
        }
        started++;
    }
    for (int i = 0; i < started; i++) {
        pthread_join(threads[i], NULL);
    }
    vox_model_close(model);
    return failed || works[0].failed || works[1].failed;
}
