#include "server/workers.h"

#include <pthread.h>
#include <stdbool.h>

#include "server/exchange_parts.h"
#include "util/memory.h"

struct vox_workers {
    pthread_mutex_t lock;
    pthread_cond_t work;
    bool stop;
    struct vox_exchange *first, *last;
    void (*run)(struct vox_exchange *x);
    unsigned count;
    pthread_t threads[];
};

static void *work(void *context)
{
    struct vox_workers *workers = context;
    (void)pthread_mutex_lock(&workers->lock);
    for (;;) {
        struct vox_exchange *x = workers->first;
        if (x == NULL && workers->stop) {
            break;
        }
        if (x == NULL) {
            (void)pthread_cond_wait(&workers->work, &workers->lock);
            continue;
        }
        workers->first = x->next;
        if (x->next == NULL) {
            workers->last = NULL;
        }
        (void)pthread_mutex_unlock(&workers->lock);
        workers->run(x);
        (void)pthread_mutex_lock(&workers->lock);
    }
    (void)pthread_mutex_unlock(&workers->lock);
    return NULL;
}

enum vox_code vox_workers_new(unsigned threads, void (*run)(struct vox_exchange *x),
                              struct vox_workers **out, struct vox_err *err)
{
    struct vox_workers *workers =
        vox_calloc(1, sizeof(*workers) + threads * sizeof(workers->threads[0]));
    if (workers == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "there is no memory for threads");
    }
    (void)pthread_mutex_init(&workers->lock, NULL);
    (void)pthread_cond_init(&workers->work, NULL);
    workers->run = run;
    while (workers->count < threads &&
           pthread_create(&workers->threads[workers->count], NULL, work, workers) == 0) {
        workers->count++;
    }
    if (workers->count == 0) {
        vox_workers_free(workers);
        return vox_fail(err, VOX_E_IO, "the system gives no thread");
    }
    *out = workers;
    return VOX_OK;
}

void vox_workers_free(struct vox_workers *workers)
{
    if (workers == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&workers->lock);
    workers->stop = true;
    (void)pthread_cond_broadcast(&workers->work);
    (void)pthread_mutex_unlock(&workers->lock);
    for (unsigned i = 0; i < workers->count; i++) {
        (void)pthread_join(workers->threads[i], NULL);
    }
    (void)pthread_mutex_destroy(&workers->lock);
    (void)pthread_cond_destroy(&workers->work);
    vox_free(workers);
}

void vox_workers_add(struct vox_workers *workers, struct vox_exchange *x)
{
    x->next = NULL;
    (void)pthread_mutex_lock(&workers->lock);
    if (workers->last != NULL) {
        workers->last->next = x;
    } else {
        workers->first = x;
    }
    workers->last = x;
    (void)pthread_cond_signal(&workers->work);
    (void)pthread_mutex_unlock(&workers->lock);
}
