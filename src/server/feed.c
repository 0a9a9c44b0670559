#include "server/feed.h"

#include <pthread.h>
#include <string.h>

#include "server/answer.h"
#include "server/exchange_parts.h"
#include "server/limits.h"
#include "server/text_builder.h"
#include "util/memory.h"

struct vox_feed {
    pthread_mutex_t lock;
    unsigned holders;
    size_t most;
    struct vox_text waiting;
    size_t taken;                /* bytes of it that were read */
    bool ended;                  /* the producer has said all */
    bool cut;                    /* nobody reads */
    void (*wake)(void *context); /* the reader sleeps */
    void *context;
};

enum vox_code vox_feed_new(size_t most, struct vox_feed **out, struct vox_err *err)
{
    struct vox_feed *feed = vox_calloc(1, sizeof(*feed));
    if (feed == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "there is no memory for a stream of events");
    }
    (void)pthread_mutex_init(&feed->lock, NULL);
    feed->holders = 1;
    feed->most = most;
    *out = feed;
    return VOX_OK;
}

struct vox_feed *vox_feed_hold(struct vox_feed *feed)
{
    (void)pthread_mutex_lock(&feed->lock);
    feed->holders++;
    (void)pthread_mutex_unlock(&feed->lock);
    return feed;
}

void vox_feed_drop(struct vox_feed *feed)
{
    (void)pthread_mutex_lock(&feed->lock);
    const unsigned left = --feed->holders;
    (void)pthread_mutex_unlock(&feed->lock);
    if (left == 0) {
        vox_text_clear(&feed->waiting);
        (void)pthread_mutex_destroy(&feed->lock);
        vox_free(feed);
    }
}

/* Wakes the reader if it sleeps; with the lock. */
static void wake(struct vox_feed *feed)
{
    if (feed->wake != NULL) {
        void (*call)(void *context) = feed->wake;
        feed->wake = NULL;
        call(feed->context);
    }
}

void vox_feed_cut(struct vox_feed *feed)
{
    (void)pthread_mutex_lock(&feed->lock);
    feed->cut = true;
    wake(feed);
    (void)pthread_mutex_unlock(&feed->lock);
}

void vox_feed_ping(struct vox_feed *feed)
{
    (void)pthread_mutex_lock(&feed->lock);
    if (!feed->cut && !feed->ended && feed->waiting.size == 0) {
        vox_text_put(&feed->waiting, ":\n\n");
        wake(feed);
    }
    (void)pthread_mutex_unlock(&feed->lock);
}

static void add_event(struct vox_text *text, const char *event, const char *data)
{
    if (event != NULL && *event != '\0') {
        vox_text_put(text, "event: ");
        vox_text_put(text, event);
        vox_text_put(text, "\n");
    }
    for (;;) {
        const size_t line = strcspn(data, "\r\n");
        const bool last = data[line] == '\0' || data[line + strspn(data + line, "\r\n")] == '\0';
        vox_text_put(text, "data: ");
        vox_text_add(text, data, line);
        vox_text_put(text, "\n");
        if (last) {
            break;
        }
        data += line + (data[line] == '\r' && data[line + 1] == '\n' ? 2 : 1);
    }
    vox_text_put(text, "\n");
}

/* What was read makes room: a reader that is always a little behind never empties the queue. */
static void forget_taken(struct vox_feed *feed)
{
    struct vox_text *waiting = &feed->waiting;
    if (feed->taken > 0 && feed->taken >= waiting->size - feed->taken) {
        waiting->size -= feed->taken;
        memmove(waiting->data, waiting->data + feed->taken, waiting->size);
        feed->taken = 0;
    }
}

bool vox_feed_send(struct vox_feed *feed, const char *event, const char *data)
{
    (void)pthread_mutex_lock(&feed->lock);
    if (!feed->cut) {
        forget_taken(feed);
        add_event(&feed->waiting, event, data);
        feed->cut = feed->waiting.lost || feed->waiting.size - feed->taken > feed->most;
        wake(feed);
    }
    const bool read = !feed->cut;
    (void)pthread_mutex_unlock(&feed->lock);
    return read;
}

void vox_feed_end(struct vox_feed *feed)
{
    if (feed != NULL) {
        (void)pthread_mutex_lock(&feed->lock);
        feed->ended = true;
        wake(feed);
        (void)pthread_mutex_unlock(&feed->lock);
        vox_feed_drop(feed);
    }
}

ssize_t vox_feed_read(struct vox_feed *feed, char *out, size_t room, void (*sleep)(void *context),
                      void (*wake_up)(void *context), void *context)
{
    ssize_t n = VOX_FEED_WAIT;
    (void)pthread_mutex_lock(&feed->lock);
    const size_t left = feed->waiting.size - feed->taken;
    if (feed->cut) {
        n = VOX_FEED_CUT;
    } else if (left > 0) {
        const size_t size = left < room ? left : room;
        memcpy(out, feed->waiting.data + feed->taken, size);
        feed->taken += size;
        if (feed->taken == feed->waiting.size) {
            feed->taken = 0;
            feed->waiting.size = 0;
        }
        n = (ssize_t)size;
    } else if (feed->ended) {
        n = VOX_FEED_END;
    } else {
        feed->wake = wake_up;
        feed->context = context;
        sleep(context);
    }
    (void)pthread_mutex_unlock(&feed->lock);
    return n;
}

enum vox_code vox_answer_feed(struct vox_exchange *x, struct vox_feed **out, struct vox_err *err)
{
    struct vox_feed *feed = NULL;
    const enum vox_code code = vox_feed_new((size_t)x->limits->feed, &feed, err);
    if (code != VOX_OK) {
        return code;
    }
    vox_answer_begin(x, 200)->feed = vox_feed_hold(feed);
    vox_answer_own_header(x, "Content-Type", "text/event-stream; charset=utf-8");
    vox_answer_own_header(x, "Cache-Control", "no-store");
    vox_answer_own_header(x, "X-Accel-Buffering", "no");
    *out = feed;
    return VOX_OK;
}
