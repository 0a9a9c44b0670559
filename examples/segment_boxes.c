/* Two threads segment two boxes of one image with one model.
 *
 *     cc segment_boxes.c $(pkg-config --cflags --libs voxlabel) -o segment_boxes
 *     ./segment_boxes MODEL CONFIG IMAGE K I0 J0 I1 J1 [K I0 J0 I1 J1] */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <voxlabel/voxlabel.h>

struct work {
    struct vox_model *model;
    const char *path;
    double key, corners[4];
    char mask[32];
    int failed;
};

static void show(void *context, const struct vox_progress *progress)
{
    const struct work *work = context;
    fprintf(stderr, "%s: %d of %d slices\n", work->mask, (int)progress->done, (int)progress->total);
}

static void *segment(void *context)
{
    struct work *work = context;
    struct vox_image *image = NULL;
    struct vox_request *request = NULL;
    struct vox_result *result = NULL;
    struct vox_err err = {0};
    const struct vox_callbacks callbacks = {.progress = show, .context = work};
    const struct vox_files files = {.mask = work->mask};
    work->failed =
        vox_image_open(work->model, work->path, &image, &err) != VOX_OK ||
        vox_request_open(NULL, 0, &request, &err) != VOX_OK ||
        vox_request_box(request, NULL, work->key, work->corners, NULL, &err) != VOX_OK ||
        vox_segment(work->model, image, request, &callbacks, &result, &err) != VOX_OK ||
        vox_result_save(result, &files, NULL, NULL, &err) != VOX_OK;
    if (work->failed) {
        fprintf(stderr, "%s: %s\n", work->mask, err.msg);
    }
    vox_result_close(result);
    vox_request_close(request);
    vox_image_close(image);
    return NULL;
}

int main(int argc, char **argv)
{
    const struct vox_model_options options = {.config = argc > 2 ? argv[2] : NULL, .threads = 2};
    struct vox_err err = {0};
    struct vox_model *model;
    struct work works[2] = {0};
    pthread_t threads[2];
    int n = (argc - 4) / 5, failed = 0;
    if (argc < 9 || n > 2 || vox_model_open(argv[1], &options, &model, &err) != VOX_OK) {
        fprintf(stderr, "%s\n", err.msg[0] != '\0' ? err.msg : "see the comment in the source");
        return 1;
    }
    for (int i = 0; i < n; i++) {
        works[i] = (struct work){.model = model, .path = argv[3], .key = atof(argv[4 + 5 * i])};
        for (int c = 0; c < 4; c++) {
            works[i].corners[c] = atof(argv[5 + 5 * i + c]);
        }
        snprintf(works[i].mask, sizeof(works[i].mask), "mask%d.nii.gz", i);
        pthread_create(&threads[i], NULL, segment, &works[i]);
    }
    for (int i = 0; i < n; i++) {
        pthread_join(threads[i], NULL);
        failed |= works[i].failed;
    }
    vox_model_close(model);
    return failed;
}
