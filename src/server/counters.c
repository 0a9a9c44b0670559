#include <pthread.h>
#include <string.h>

#include "server/http.h"
#include "server/http_parts.h"
#include "util/memory.h"

const double vox_http_bucket_ends[VOX_HTTP_BUCKETS - 1] = {0.001, 0.005, 0.02, 0.05, 0.1, 0.25,
                                                           0.5,   1,     2.5,  10,   60};

struct row {
    struct vox_route_stats stats;
    struct vox_status_stats statuses[VOX_HTTP_STATUSES];
};

struct vox_counters {
    pthread_mutex_t lock;
    uint64_t received, sent;
    size_t count;
    struct row rows[]; /* one per route, and one for addresses that are none of ours */
};

enum vox_code vox_counters_new(size_t routes, struct vox_counters **out, struct vox_err *err)
{
    struct vox_counters *counters =
        vox_calloc(1, sizeof(*counters) + (routes + 1) * sizeof(counters->rows[0]));
    if (counters == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "there is no memory for counters");
    }
    (void)pthread_mutex_init(&counters->lock, NULL);
    counters->count = routes + 1;
    *out = counters;
    return VOX_OK;
}

void vox_counters_free(struct vox_counters *counters)
{
    if (counters != NULL) {
        (void)pthread_mutex_destroy(&counters->lock);
        vox_free(counters);
    }
}

/* The last row takes what finds no place. */
static void count_status(struct vox_status_stats statuses[VOX_HTTP_STATUSES], int status)
{
    size_t i = 0;
    while (i + 1 < VOX_HTTP_STATUSES && statuses[i].count > 0 && statuses[i].status != status) {
        i++;
    }
    statuses[i].status = status;
    statuses[i].count++;
}

void vox_counters_add(struct vox_counters *counters, size_t route,
                      const struct vox_http_record *record)
{
    size_t bucket = 0;
    while (bucket < VOX_HTTP_BUCKETS - 1 && record->seconds > vox_http_bucket_ends[bucket]) {
        bucket++;
    }
    (void)pthread_mutex_lock(&counters->lock);
    struct row *row = &counters->rows[route < counters->count ? route : counters->count - 1];
    row->stats.bucket[bucket]++;
    row->stats.seconds += record->seconds;
    row->stats.count++;
    count_status(row->statuses, record->status);
    counters->received += record->received;
    counters->sent += record->sent;
    (void)pthread_mutex_unlock(&counters->lock);
}

void vox_http_stats(struct vox_http *http, struct vox_http_stats *out)
{
    struct vox_links_counts links;
    struct vox_counters *counters = http->counters;
    vox_links_counts(http->links, &links);
    *out = (struct vox_http_stats){
        .connections = links.open,
        .accepted = links.accepted,
        .timed_out = links.timed_out,
        .hung_up = links.hung_up,
        .in_flight = atomic_load(&http->in_flight),
        .suspended = atomic_load(&http->suspended),
    };
    (void)pthread_mutex_lock(&counters->lock);
    out->received = counters->received;
    out->sent = counters->sent;
    (void)pthread_mutex_unlock(&counters->lock);
}

const struct vox_route *vox_http_route_stats(struct vox_http *http, size_t i,
                                             struct vox_route_stats *out,
                                             struct vox_status_stats statuses[VOX_HTTP_STATUSES])
{
    static const struct vox_route other = {.method = "", .pattern = ""};
    struct vox_counters *counters = http->counters;
    if (i >= counters->count) {
        return NULL;
    }
    (void)pthread_mutex_lock(&counters->lock);
    *out = counters->rows[i].stats;
    memcpy(statuses, counters->rows[i].statuses, sizeof(counters->rows[i].statuses));
    (void)pthread_mutex_unlock(&counters->lock);
    return i + 1 == counters->count ? &other : vox_router_at(http->router, i);
}
