/* A queue over the small model of library_rig.h, whose opening can be held back. Functions end the
 * test where they fail. */
#ifndef VOX_TESTS_JOB_RIG_H
#define VOX_TESTS_JOB_RIG_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "pipeline/job_queue.h"

struct job_rig {
    struct vox_model *model;
    struct vox_job_queue *queue;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int held; /* 1: the queue waits for the model; 2: it gets none */
};

/* `limits` are those of a setup (NULL: the defaults); its folder is "private". With `held` the
 * queue waits for its model until it is freed or fails. */
void rig_open_queue(struct job_rig *rig, const struct vox_job_queue_setup *limits, bool held);
void rig_close_queue(struct job_rig *rig);

void rig_free_model(struct job_rig *rig);
void rig_fail_model(struct job_rig *rig);

/* A click with masks in its events. */
struct vox_job_setup rig_setup(const char *image, const char *params, const char *client,
                               const char *id);
struct vox_job *rig_submit(struct job_rig *rig, const char *image, const char *params,
                           const char *client, const char *id);

/* The file holds what vox_segment makes of the same. */
void rig_expect_mask(const char *file, struct vox_model *model, const char *image,
                     const char *params);

/* The scan with that many slices. */
void rig_write_long(const char *path, int64_t slices);
void rig_copy(const char *from, const char *to);

/* Files that the model's cache has read. */
int64_t rig_files_read(const struct job_rig *rig);

enum { RIG_EVENTS = 64 };

struct rig_events {
    int n;
    char kinds[RIG_EVENTS][16];
    int64_t last;
    int most; /* events that it wants; 0: all */
    int slices, masked, wrong;
};
void rig_begin_events(struct rig_events *events);
bool rig_take_event(void *events, int64_t number, const char *kind, const char *json);

#endif
