/* GET /metrics: counters in Prometheus' text format, version 0.0.4. Routes appear as their
 * patterns, never as what a client asked for. */
#include <dirent.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "pipeline/job_queue.h"
#include "server/app_instance.h"
#include "server/http.h"
#include "server/text_builder.h"

static void put_head(struct vox_text *text, const char *name, const char *kind, const char *what)
{
    vox_text_format(text, "# HELP voxlabel_%s %s\n# TYPE voxlabel_%s %s\n", name, what, name, kind);
}

static void put_one(struct vox_text *text, const char *name, const char *kind, const char *what,
                    uint64_t value)
{
    put_head(text, name, kind, what);
    vox_text_format(text, "voxlabel_%s %" PRIu64 "\n", name, value);
}

/* To the microsecond, and no locale has a say in how it looks. */
static void put_seconds(struct vox_text *text, double seconds)
{
    const double all = seconds > 0 && seconds < 1e12 ? seconds * 1e6 + 0.5 : 0;
    const uint64_t us = (uint64_t)all;
    vox_text_format(text, "%" PRIu64 ".%06" PRIu64, us / 1000000, us % 1000000);
}

/* ---- requests ---- */

static void put_labels(struct vox_text *text, const struct vox_route *route)
{
    const bool ours = route->pattern[0] != '\0';
    vox_text_format(text, "{method=\"%s\",route=\"%s\"", ours ? route->method : "other",
                    ours ? route->pattern : "other");
}

static void put_totals(struct vox_text *text, struct vox_http *http)
{
    struct vox_route_stats stats;
    struct vox_status_stats statuses[VOX_HTTP_STATUSES];
    const struct vox_route *route = NULL;
    put_head(text, "http_requests_total", "counter",
             "Requests by route and status; 0: the client left.");
    for (size_t i = 0; (route = vox_http_route_stats(http, i, &stats, statuses)) != NULL; i++) {
        for (size_t k = 0; k < VOX_HTTP_STATUSES && statuses[k].count > 0; k++) {
            vox_text_put(text, "voxlabel_http_requests_total");
            put_labels(text, route);
            vox_text_format(text, ",status=\"%d\"} %" PRIu64 "\n", statuses[k].status,
                            statuses[k].count);
        }
    }
}

static void put_histogram(struct vox_text *text, const struct vox_route *route,
                          const struct vox_route_stats *stats)
{
    static const char name[] = "voxlabel_http_request_duration_seconds";
    uint64_t below = 0;
    for (size_t i = 0; i < VOX_HTTP_BUCKETS; i++) {
        below += stats->bucket[i];
        vox_text_format(text, "%s_bucket", name);
        put_labels(text, route);
        vox_text_put(text, ",le=\"");
        if (i + 1 < VOX_HTTP_BUCKETS) {
            put_seconds(text, vox_http_bucket_ends[i]);
        } else {
            vox_text_put(text, "+Inf");
        }
        vox_text_format(text, "\"} %" PRIu64 "\n", below);
    }
    vox_text_format(text, "%s_sum", name);
    put_labels(text, route);
    vox_text_put(text, "} ");
    put_seconds(text, stats->seconds);
    vox_text_format(text, "\n%s_count", name);
    put_labels(text, route);
    vox_text_format(text, "} %" PRIu64 "\n", stats->count);
}

static void put_requests(struct vox_text *text, struct vox_http *http)
{
    struct vox_route_stats stats;
    struct vox_status_stats statuses[VOX_HTTP_STATUSES];
    const struct vox_route *route = NULL;
    put_totals(text, http);
    put_head(text, "http_request_duration_seconds", "histogram",
             "From the request line to the end of the answer.");
    for (size_t i = 0; (route = vox_http_route_stats(http, i, &stats, statuses)) != NULL; i++) {
        if (stats.count > 0) {
            put_histogram(text, route, &stats);
        }
    }
}

static void put_connections(struct vox_text *text, struct vox_http *http)
{
    struct vox_http_stats stats;
    vox_http_stats(http, &stats);
    put_one(text, "http_connections", "gauge", "Open connections.", stats.connections);
    put_one(text, "http_connections_accepted_total", "counter", "Connections since the start.",
            stats.accepted);
    put_one(text, "http_requests_in_flight", "gauge", "Requests without a complete answer.",
            stats.in_flight);
    put_one(text, "http_received_bytes_total", "counter", "Bytes of bodies of requests.",
            stats.received);
    put_one(text, "http_sent_bytes_total", "counter", "Bytes of bodies of answers.", stats.sent);
    put_one(text, "http_timeouts_total", "counter",
            "Connections closed because a request did not arrive in time.", stats.timed_out);
    put_one(text, "http_hangups_total", "counter", "Clients that left while they waited.",
            stats.hung_up);
}

/* ---- jobs ---- */

static uint64_t count(int64_t value)
{
    return value > 0 ? (uint64_t)value : 0;
}

static void put_job_states(struct vox_text *text, const struct vox_job_queue_counts *counts)
{
    static const char *const names[VOX_JOB_CLASSES] = {
        [VOX_JOB_CLICK] = "click", [VOX_JOB_BATCH] = "batch", [VOX_JOB_PREFETCH] = "prefetch"};
    put_head(text, "jobs", "gauge", "Jobs that wait or run.");
    for (int i = 0; i < VOX_JOB_CLASSES; i++) {
        vox_text_format(text,
                        "voxlabel_jobs{class=\"%s\",state=\"waiting\"} %d\n"
                        "voxlabel_jobs{class=\"%s\",state=\"running\"} %d\n",
                        names[i], counts->waiting[i], names[i], counts->running[i]);
    }
    put_head(text, "jobs_ended_total", "counter", "Jobs by what became of them.");
    vox_text_format(text,
                    "voxlabel_jobs_ended_total{state=\"done\"} %" PRIu64 "\n"
                    "voxlabel_jobs_ended_total{state=\"failed\"} %" PRIu64 "\n"
                    "voxlabel_jobs_ended_total{state=\"cancelled\"} %" PRIu64 "\n"
                    "voxlabel_jobs_ended_total{state=\"refused\"} %" PRIu64 "\n",
                    count(counts->done), count(counts->failed), count(counts->cancelled),
                    count(counts->refused));
}

static void put_jobs(struct vox_text *text, struct vox_job_queue *queue)
{
    const struct vox_job_queue_counts counts = vox_job_queue_counts(queue);
    put_job_states(text, &counts);
    put_one(text, "jobs_submitted_total", "counter", "Jobs since the start.",
            count(counts.submitted));
    put_head(text, "jobs_busy_seconds_total", "counter", "Time during which a job was computed.");
    vox_text_put(text, "voxlabel_jobs_busy_seconds_total ");
    put_seconds(text, counts.busy_seconds);
    vox_text_put(text, "\n");
    put_one(text, "slices_encoded_total", "counter", "Slices encoded for inferences.",
            count(counts.encoded_slices));
    put_one(text, "slices_cached_total", "counter", "Slices that a cache gave instead.",
            count(counts.cached_slices));
}

/* ---- the process ---- */

static uint64_t resident_bytes(void)
{
    unsigned long total = 0;
    unsigned long resident = 0;
    char line[128];
    FILE *file = fopen("/proc/self/statm", "re");
    if (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        char *end = NULL;
        total = strtoul(line, &end, 10);
        resident = total > 0 ? strtoul(end, NULL, 10) : 0;
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    const long page = sysconf(_SC_PAGESIZE);
    return page > 0 ? (uint64_t)resident * (uint64_t)page : 0;
}

static uint64_t open_files(void)
{
    uint64_t n = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (folder != NULL && readdir(folder) != NULL) {
        n++;
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
    return n > 3 ? n - 3 : 0; /* ".", ".." and the folder itself */
}

static void get_metrics(struct vox_exchange *x, struct vox_app *app)
{
    struct vox_text text = {0};
    put_requests(&text, vox_exchange_server(x));
    put_connections(&text, vox_exchange_server(x));
    put_jobs(&text, vox_app_queue(app));
    put_one(&text, "resident_memory_bytes", "gauge", "Memory of the process.", resident_bytes());
    put_one(&text, "open_files", "gauge", "Descriptors of the process.", open_files());
    put_head(&text, "uptime_seconds", "gauge", "Since the server was started.");
    vox_text_put(&text, "voxlabel_uptime_seconds ");
    put_seconds(&text, vox_app_uptime(app));
    vox_text_put(&text, "\n");
    if (text.lost) {
        vox_exchange_fail(x, 503, "There is no memory for the counters");
    } else {
        vox_answer_bytes(x, 200, "text/plain; version=0.0.4; charset=utf-8", text.data, text.size);
    }
    vox_text_clear(&text);
}

const struct vox_route vox_routes_metrics[] = {
    {"GET", "/metrics", get_metrics, VOX_ROLE_OPEN, VOX_BODY_NONE, VOX_ROUTE_OUTSIDE},
    {.pattern = NULL},
};
