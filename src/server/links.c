#include "server/links.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "util/memory.h"

enum { EVENTS = 64, LOOK_MS = 500 };
static const double tick_seconds = 15;

struct vox_link {
    struct vox_links *links;
    int fd;
    double deadline; /* 0: none */
    bool dropped;
    bool watched;
    bool in_epoll;
    bool due;     /* is to be told without an event */
    bool told;    /* gone was called */
    bool running; /* a call is */
    double next_tick;
    struct vox_link_watch watch;
    struct vox_link *next, *before;
};

struct vox_links {
    pthread_mutex_t lock;
    pthread_cond_t idle; /* a call has ended */
    pthread_t thread;
    int epoll;
    int wake;
    bool stop;
    struct vox_link *first;
    struct vox_link *grave; /* dropped; freed when no event can name them any more */
    struct vox_links_counts counts;
};

static double now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Calls one of the functions without the lock; the link cannot be freed meanwhile, because only
 * this thread frees. */
static void call(struct vox_link *link, void (*function)(void *context))
{
    struct vox_links *links = link->links;
    void *context = link->watch.context;
    link->running = true;
    (void)pthread_mutex_unlock(&links->lock);
    function(context);
    (void)pthread_mutex_lock(&links->lock);
    link->running = false;
    (void)pthread_cond_broadcast(&links->idle);
}

static void tell(struct vox_link *link)
{
    if (link->watched && !link->told) {
        link->told = true;
        call(link, link->watch.gone);
    }
}

static void look_at_clocks(struct vox_links *links)
{
    const double t = now();
    struct vox_link *link = links->first;
    while (link != NULL) {
        if (link->deadline > 0 && t > link->deadline) {
            link->deadline = 0;
            links->counts.timed_out++;
            (void)shutdown(link->fd, SHUT_RDWR);
        }
        if (link->watched && !link->told && link->watch.tick != NULL && t > link->next_tick) {
            link->next_tick = t + tick_seconds;
            call(link, link->watch.tick);
        }
        if (!link->dropped && link->due) {
            link->due = false;
            tell(link);
        }
        /* One that was dropped during the call keeps its place in the list it was in. */
        link = link->dropped ? links->first : link->next;
    }
}

static void bury(struct vox_links *links)
{
    while (links->grave != NULL) {
        struct vox_link *link = links->grave;
        links->grave = link->next;
        vox_free(link);
    }
}

static void take_event(struct vox_links *links, struct vox_link *link)
{
    uint64_t count = 0;
    if (link == NULL) {
        (void)!read(links->wake, &count, sizeof(count));
    } else if (link->watched && !link->told) {
        links->counts.hung_up++;
        tell(link);
    }
}

static void wake(struct vox_links *links)
{
    const uint64_t one = 1;
    (void)!write(links->wake, &one, sizeof(one));
}

static void *look(void *context)
{
    struct vox_links *links = context;
    struct epoll_event events[EVENTS];
    (void)pthread_mutex_lock(&links->lock);
    while (!links->stop) {
        bury(links);
        (void)pthread_mutex_unlock(&links->lock);
        const int n = epoll_wait(links->epoll, events, EVENTS, LOOK_MS);
        (void)pthread_mutex_lock(&links->lock);
        for (int i = 0; i < n; i++) {
            take_event(links, events[i].data.ptr);
        }
        look_at_clocks(links);
    }
    bury(links);
    (void)pthread_mutex_unlock(&links->lock);
    return NULL;
}

static void close_all(struct vox_links *links)
{
    if (links->epoll >= 0) {
        (void)close(links->epoll);
    }
    if (links->wake >= 0) {
        (void)close(links->wake);
    }
    (void)pthread_mutex_destroy(&links->lock);
    (void)pthread_cond_destroy(&links->idle);
    vox_free(links);
}

enum vox_code vox_links_new(struct vox_links **out, struct vox_err *err)
{
    struct vox_links *links = vox_calloc(1, sizeof(*links));
    if (links == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "there is no memory for connections");
    }
    (void)pthread_mutex_init(&links->lock, NULL);
    (void)pthread_cond_init(&links->idle, NULL);
    links->epoll = epoll_create1(EPOLL_CLOEXEC);
    links->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = NULL}};
    if (links->epoll < 0 || links->wake < 0 ||
        epoll_ctl(links->epoll, EPOLL_CTL_ADD, links->wake, &event) != 0 ||
        pthread_create(&links->thread, NULL, look, links) != 0) {
        close_all(links);
        return vox_fail(err, VOX_E_IO, "connections cannot be watched: no thread or descriptor");
    }
    *out = links;
    return VOX_OK;
}

void vox_links_free(struct vox_links *links)
{
    if (links == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&links->lock);
    links->stop = true;
    (void)pthread_mutex_unlock(&links->lock);
    wake(links);
    (void)pthread_join(links->thread, NULL);
    bury(links);
    close_all(links);
}

struct vox_link *vox_link_new(struct vox_links *links, int fd)
{
    struct vox_link *link = vox_calloc(1, sizeof(*link));
    if (link != NULL) {
        link->links = links;
        link->fd = fd;
        (void)pthread_mutex_lock(&links->lock);
        link->next = links->first;
        if (links->first != NULL) {
            links->first->before = link;
        }
        links->first = link;
        links->counts.open++;
        links->counts.accepted++;
        (void)pthread_mutex_unlock(&links->lock);
    }
    return link;
}

static void unwatch(struct vox_link *link)
{
    struct vox_links *links = link->links;
    if (link->in_epoll) {
        (void)epoll_ctl(links->epoll, EPOLL_CTL_DEL, link->fd, NULL);
        link->in_epoll = false;
    }
    link->watched = false;
    link->due = false;
    while (link->running) {
        (void)pthread_cond_wait(&links->idle, &links->lock);
    }
}

void vox_link_drop(struct vox_link *link)
{
    struct vox_links *links = link->links;
    (void)pthread_mutex_lock(&links->lock);
    unwatch(link);
    if (link->before != NULL) {
        link->before->next = link->next;
    } else {
        links->first = link->next;
    }
    if (link->next != NULL) {
        link->next->before = link->before;
    }
    link->dropped = true;
    link->next = links->grave;
    links->grave = link;
    links->counts.open--;
    (void)pthread_mutex_unlock(&links->lock);
}

void vox_link_expect(struct vox_link *link, double until)
{
    (void)pthread_mutex_lock(&link->links->lock);
    link->deadline = until;
    (void)pthread_mutex_unlock(&link->links->lock);
}

void vox_link_watch(struct vox_link *link, const struct vox_link_watch *watch)
{
    struct vox_links *links = link->links;
    struct epoll_event event = {.events = EPOLLRDHUP | EPOLLONESHOT, .data = {.ptr = link}};
    (void)pthread_mutex_lock(&links->lock);
    link->watch = *watch;
    link->watched = true;
    link->told = false;
    link->next_tick = now() + tick_seconds;
    if (!link->in_epoll && epoll_ctl(links->epoll, EPOLL_CTL_ADD, link->fd, &event) == 0) {
        link->in_epoll = true;
    }
    (void)pthread_mutex_unlock(&links->lock);
}

void vox_link_unwatch(struct vox_link *link)
{
    (void)pthread_mutex_lock(&link->links->lock);
    unwatch(link);
    (void)pthread_mutex_unlock(&link->links->lock);
}

void vox_links_tell_all(struct vox_links *links)
{
    (void)pthread_mutex_lock(&links->lock);
    for (struct vox_link *link = links->first; link != NULL; link = link->next) {
        link->due = link->watched && !link->told;
    }
    (void)pthread_mutex_unlock(&links->lock);
    wake(links);
}

void vox_links_counts(struct vox_links *links, struct vox_links_counts *out)
{
    (void)pthread_mutex_lock(&links->lock);
    *out = links->counts;
    (void)pthread_mutex_unlock(&links->lock);
}
