/* A server with routes that show what the HTTP layer makes of a request.
 *
 * http_tool [NAME VALUE]...: `host`, `port`, `prefix`, `cert`, `key`, `ca`, `uploads`, `origins`
 * (divided by commas), `threads`, `workers`, `drain` (seconds), `deny` (1: the hook refuses routes
 * of administrators), or a limit's configuration name. Prints its address, then one line per
 * request that has ended; stops when its input ends. */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "server/http.h"
#include "util/json_writer.h"
#include "util/memory.h"

struct vox_app {
    atomic_int gone;    /* clients that left while they waited */
    atomic_int waiting; /* requests that are suspended */
    atomic_int feeds;   /* that are open */
    atomic_int held;    /* threads that /hold has */
    atomic_int frees;   /* times that /free was asked */
    char file[4096];    /* to download */
};

static struct vox_app tool;

/* ---- what came ---- */

static void put_uploads(struct vox_json_writer *json, struct vox_exchange *x)
{
    vox_json_begin_array(json, "files");
    const struct vox_upload *upload = NULL;
    for (size_t i = 0; (upload = vox_exchange_upload(x, NULL, i)) != NULL; i++) {
        unsigned long sum = 0;
        uint64_t size = 0;
        int c = 0;
        FILE *file = fopen(upload->path, "rb");
        while (file != NULL && (c = fgetc(file)) != EOF) {
            sum = (sum * 31 + (unsigned long)c) % 1000000007UL;
            size++;
        }
        if (file != NULL) {
            (void)fclose(file);
        }
        const char *dot = strrchr(upload->path, '/');
        vox_json_begin_object(json, NULL);
        vox_json_put_text(json, "field", upload->field);
        vox_json_put_text(json, "name", upload->name);
        vox_json_put_text(json, "type", upload->type);
        vox_json_put_text(json, "own_name", dot != NULL ? dot + 1 : "");
        vox_json_put_text(json, "path", upload->path);
        vox_json_put_int(json, "size", (int64_t)upload->size);
        vox_json_put_int(json, "on_disk", (int64_t)size);
        vox_json_put_int(json, "sum", (int64_t)sum);
        vox_json_end(json);
    }
    vox_json_end(json);
}

static void echo(struct vox_exchange *x, struct vox_app *app)
{
    static const char *const names[] = {"a", "b", "image", "tag", "params"};
    struct vox_json_writer *json = vox_json_writer_new();
    size_t size = 0;
    (void)app;
    vox_json_begin_object(json, NULL);
    vox_json_put_text(json, "method", vox_exchange_method(x));
    vox_json_put_text(json, "name", vox_exchange_param(x, "name"));
    vox_json_put_text(json, "spaced", vox_exchange_param_spaced(x, "name"));
    vox_json_put_text(json, "path", vox_exchange_param(x, "path"));
    vox_json_put_text(json, "peer", vox_exchange_peer(x));
    vox_json_put_text(json, "user_agent", vox_exchange_header(x, "user-agent"));
    vox_json_begin_object(json, "query");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (vox_exchange_query(x, names[i]) != NULL) {
            vox_json_put_text(json, names[i], vox_exchange_query(x, names[i]));
        }
    }
    vox_json_end(json);
    vox_json_begin_object(json, "fields");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (vox_exchange_field(x, names[i]) != NULL) {
            vox_json_put_text(json, names[i], vox_exchange_field(x, names[i]));
        }
    }
    vox_json_end(json);
    put_uploads(json, x);
    (void)vox_exchange_body(x, &size);
    vox_json_put_int(json, "body", (int64_t)size);
    vox_json_end(json);
    vox_answer_writer(x, 200, json);
    vox_json_writer_free(json);
}

/* The object in the body, or in the field "params", as it was understood. */
static void object(struct vox_exchange *x, struct vox_app *app)
{
    const struct vox_json *json = NULL;
    char *text = NULL;
    const bool form = *vox_exchange_param(x, "name") == '\0';
    (void)app;
    if (!(form ? vox_exchange_field_json(x, "params", &json) : vox_exchange_json(x, &json))) {
        return;
    }
    if (json == NULL) {
        vox_answer_json(x, 200, "null");
    } else if (vox_json_format(json, &text, NULL) == VOX_OK) {
        vox_answer_json(x, 200, text);
    }
    vox_free(text);
}

static void values(struct vox_exchange *x, struct vox_app *app)
{
    bool flag = false;
    int64_t number = 0;
    const char *needed = NULL;
    char text[128];
    (void)app;
    if (vox_exchange_query_bool(x, "flag", true, &flag) &&
        vox_exchange_query_int(x, "number", 7, -5, 100, &number) &&
        vox_exchange_query_needed(x, "needed", &needed)) {
        (void)snprintf(text, sizeof(text), "{\"flag\":%s,\"number\":%" PRId64 "}",
                       flag ? "true" : "false", number);
        vox_answer_json(x, 200, text);
        vox_answer_header(x, "X-Needed", needed);
        vox_answer_timing(x, "work", 0.25);
    }
}

static void take(struct vox_exchange *x, struct vox_app *app)
{
    const struct vox_upload *upload = vox_exchange_upload(x, "file", 0);
    char moved[4200];
    (void)app;
    if (upload == NULL) {
        vox_exchange_missing(x, "body", "file");
        return;
    }
    vox_exchange_take_upload(x, upload);
    (void)snprintf(moved, sizeof(moved), "%s.taken", tool.file);
    vox_exchange_fail(x, rename(upload->path, moved) == 0 ? 200 : 500, "%s", moved);
}

static void silent(struct vox_exchange *x, struct vox_app *app)
{
    (void)x;
    (void)app;
}

static void error(struct vox_exchange *x, struct vox_app *app)
{
    struct vox_err err = {0};
    (void)app;
    const long code = strtol(vox_exchange_param(x, "code"), NULL, 10);
    if (code > 0 && code <= VOX_E_INTERNAL) {
        (void)vox_fail(&err, (enum vox_code)code, "say \"what\" \\ to do");
        vox_exchange_fail_err(x, &err);
    }
}

/* ---- files ---- */

static void file(struct vox_exchange *x, struct vox_app *app)
{
    struct vox_err err = {0};
    if (vox_answer_file(x, app->file, vox_exchange_param(x, "name"), &err) != VOX_OK) {
        vox_exchange_fail_err(x, &err);
    }
}

static void mask(struct vox_exchange *x, struct vox_app *app)
{
    struct vox_err err = {0};
    static const char params[] = "{\"label_names\": {\"spleen\": 1}, \"latencies\": {}}";
    const bool memory = vox_exchange_query(x, "memory") != NULL;
    if (!memory) {
        if (vox_answer_multipart_file(x, params, "mask.nrrd", app->file, &err) != VOX_OK) {
            vox_exchange_fail_err(x, &err);
        }
        return;
    }
    char *bytes = vox_alloc(300000);
    memset(bytes, 7, 300000);
    if (vox_exchange_query(x, "image") != NULL) {
        vox_answer_download(x, "mask.nrrd", bytes, 300000);
    } else {
        vox_answer_multipart(x, params, "mask.nrrd", bytes, 300000);
    }
}

/* ---- later ---- */

struct wait {
    struct vox_exchange *x;
    pthread_mutex_t lock;
    pthread_cond_t left;
    bool gone;
    double seconds;
};

static void note_gone(void *context)
{
    struct wait *wait = context;
    (void)atomic_fetch_add(&tool.gone, 1);
    (void)pthread_mutex_lock(&wait->lock);
    wait->gone = true;
    (void)pthread_cond_signal(&wait->left);
    (void)pthread_mutex_unlock(&wait->lock);
}

static void *answer_later(void *context)
{
    struct wait *wait = context;
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    const double end = (double)until.tv_sec + (double)until.tv_nsec * 1e-9 + wait->seconds;
    until.tv_sec = (time_t)end;
    until.tv_nsec = (long)((end - (double)until.tv_sec) * 1e9);
    (void)pthread_mutex_lock(&wait->lock);
    while (!wait->gone && pthread_cond_timedwait(&wait->left, &wait->lock, &until) == 0) {
    }
    const bool gone = wait->gone;
    (void)pthread_mutex_unlock(&wait->lock);
    if (gone) {
        vox_exchange_fail(wait->x, 503, "gone");
    } else {
        vox_answer_json(wait->x, 200, "{\"waited\":true}");
    }
    (void)atomic_fetch_sub(&tool.waiting, 1);
    vox_exchange_resume(wait->x);
    (void)pthread_mutex_destroy(&wait->lock);
    (void)pthread_cond_destroy(&wait->left);
    vox_free(wait);
    return NULL;
}

static void later(struct vox_exchange *x, struct vox_app *app)
{
    struct wait *wait = vox_calloc(1, sizeof(*wait));
    pthread_t thread;
    const char *seconds = vox_exchange_query(x, "seconds");
    wait->x = x;
    wait->seconds = seconds != NULL ? strtod(seconds, NULL) : 0;
    (void)pthread_mutex_init(&wait->lock, NULL);
    (void)pthread_cond_init(&wait->left, NULL);
    (void)atomic_fetch_add(&app->waiting, 1);
    vox_exchange_suspend(x, note_gone, wait);
    if (pthread_create(&thread, NULL, answer_later, wait) != 0) {
        abort();
    }
    (void)pthread_detach(thread);
}

static void block(struct vox_exchange *x, struct vox_app *app)
{
    const char *seconds = vox_exchange_query(x, "seconds");
    const double all = seconds != NULL ? strtod(seconds, NULL) : 0;
    const struct timespec time = {(time_t)all, (long)((all - (double)(time_t)all) * 1e9)};
    (void)app;
    (void)nanosleep(&time, NULL);
    vox_answer_json(x, 200, "{}");
}

/* Keeps its thread until /free is asked, or for the time that a client has patience. */
static void hold(struct vox_exchange *x, struct vox_app *app)
{
    const struct timespec step = {0, 5000000};
    const int before = atomic_load(&app->frees);
    (void)atomic_fetch_add(&app->held, 1);
    for (int i = 0; i < 60000 && atomic_load(&app->frees) == before; i++) {
        (void)nanosleep(&step, NULL);
    }
    (void)atomic_fetch_sub(&app->held, 1);
    vox_answer_json(x, 200, "{}");
}

static void free_held(struct vox_exchange *x, struct vox_app *app)
{
    (void)atomic_fetch_add(&app->frees, 1);
    vox_answer_json(x, 200, "{}");
}

struct show {
    struct vox_feed *feed;
    long events, size;
    double pause;
};

static void *produce(void *context)
{
    struct show *show = context;
    char *data = vox_alloc((size_t)show->size + 64);
    const struct timespec pause = {(time_t)show->pause,
                                   (long)((show->pause - (double)(time_t)show->pause) * 1e9)};
    for (long i = 0; show->events < 0 || i < show->events; i++) {
        const int n = snprintf(data, 64, "{\"i\":%ld}\nline two ", i);
        memset(data + n, 'x', (size_t)show->size);
        data[n + show->size] = '\0';
        if (!vox_feed_send(show->feed, "slice", data)) {
            (void)atomic_fetch_add(&tool.gone, 1);
            break;
        }
        (void)nanosleep(&pause, NULL);
    }
    vox_feed_end(show->feed);
    vox_free(data);
    vox_free(show);
    (void)atomic_fetch_sub(&tool.feeds, 1);
    return NULL;
}

static void events(struct vox_exchange *x, struct vox_app *app)
{
    struct vox_err err = {0};
    struct show *show = vox_calloc(1, sizeof(*show));
    pthread_t thread;
    int64_t count = 0;
    int64_t size = 0;
    int64_t ms = 0;
    if (!vox_exchange_query_int(x, "count", 3, -1, 1000000, &count) ||
        !vox_exchange_query_int(x, "size", 0, 0, 1000000, &size) ||
        !vox_exchange_query_int(x, "ms", 0, 0, 100000, &ms) ||
        vox_answer_feed(x, &show->feed, &err) != VOX_OK) {
        vox_free(show);
        return;
    }
    show->events = (long)count;
    show->size = (long)size;
    show->pause = (double)ms * 1e-3;
    (void)atomic_fetch_add(&app->feeds, 1);
    if (pthread_create(&thread, NULL, produce, show) != 0) {
        abort();
    }
    (void)pthread_detach(thread);
}

static void state(struct vox_exchange *x, struct vox_app *app)
{
    struct vox_http_stats stats;
    struct vox_json_writer *json = vox_json_writer_new();
    vox_http_stats(vox_exchange_server(x), &stats);
    vox_json_begin_object(json, NULL);
    vox_json_put_int(json, "gone", atomic_load(&app->gone));
    vox_json_put_int(json, "waiting", atomic_load(&app->waiting));
    vox_json_put_int(json, "feeds", atomic_load(&app->feeds));
    vox_json_put_int(json, "held", atomic_load(&app->held));
    vox_json_put_int(json, "connections", (int64_t)stats.connections);
    vox_json_put_int(json, "in_flight", (int64_t)stats.in_flight);
    vox_json_put_int(json, "suspended", (int64_t)stats.suspended);
    vox_json_put_int(json, "timed_out", (int64_t)stats.timed_out);
    vox_json_put_int(json, "hung_up", (int64_t)stats.hung_up);
    vox_json_put_text(json, "spool", vox_exchange_spool(x));
    vox_json_end(json);
    vox_answer_writer(x, 200, json);
    vox_json_writer_free(json);
}

static const struct vox_route routes[] = {
    {"GET", "/echo", echo, VOX_ROLE_OPEN, VOX_BODY_NONE, 0},
    {"DELETE", "/echo", echo, VOX_ROLE_OPEN, VOX_BODY_NONE, VOX_ROUTE_QUICK},
    {"POST", "/echo", echo, VOX_ROLE_OPEN, VOX_BODY_FORM, 0},
    {"PUT", "/echo", echo, VOX_ROLE_OPEN, VOX_BODY_FORM, VOX_ROUTE_QUICK},
    {"GET", "/echo/{name}", echo, VOX_ROLE_OPEN, VOX_BODY_NONE, VOX_ROUTE_QUICK},
    {"GET", "/echo/fixed", values, VOX_ROLE_OPEN, VOX_BODY_NONE, VOX_ROUTE_QUICK},
    {"GET", "/deep/{path*}", echo, VOX_ROLE_OPEN, VOX_BODY_NONE, VOX_ROUTE_QUICK},
    {"POST", "/json/{name}", object, VOX_ROLE_OPEN, VOX_BODY_JSON, 0},
    {"POST", "/json/form", object, VOX_ROLE_OPEN, VOX_BODY_FORM, 0},
    {"POST", "/take", take, VOX_ROLE_OPEN, VOX_BODY_FORM, 0},
    {"GET", "/silent", silent, VOX_ROLE_OPEN, VOX_BODY_NONE, VOX_ROUTE_QUICK},
    {"GET", "/error/{code}", error, VOX_ROLE_OPEN, VOX_BODY_NONE, VOX_ROUTE_QUICK},
    {"GET", "/file/{name}", file, VOX_ROLE_OPEN, VOX_BODY_NONE, 0},
    {"POST", "/mask", mask, VOX_ROLE_OPEN, VOX_BODY_FORM, 0},
    {"GET", "/later", later, VOX_ROLE_OPEN, VOX_BODY_NONE, 0},
    {"GET", "/quick/later", later, VOX_ROLE_OPEN, VOX_BODY_NONE, VOX_ROUTE_QUICK},
    {"POST", "/later", later, VOX_ROLE_OPEN, VOX_BODY_FORM, 0},
    {"GET", "/block", block, VOX_ROLE_OPEN, VOX_BODY_NONE, 0},
    {"GET", "/hold", hold, VOX_ROLE_OPEN, VOX_BODY_NONE, 0},
    {"GET", "/free", free_held, VOX_ROLE_OPEN, VOX_BODY_NONE, VOX_ROUTE_QUICK},
    {"GET", "/events", events, VOX_ROLE_OPEN, VOX_BODY_NONE, 0},
    {"GET", "/admin", echo, VOX_ROLE_ADMIN, VOX_BODY_NONE, VOX_ROUTE_QUICK},
    {"GET", "/state", state, VOX_ROLE_OPEN, VOX_BODY_NONE, VOX_ROUTE_QUICK},
    {"GET", "/", values, VOX_ROLE_OPEN, VOX_BODY_NONE, VOX_ROUTE_QUICK | VOX_ROUTE_OUTSIDE},
    {.pattern = NULL},
};

static const struct vox_route *const families[] = {routes, NULL};

/* ---- the server ---- */

static bool deny(struct vox_exchange *x, struct vox_app *app, enum vox_role role)
{
    (void)app;
    if (role == VOX_ROLE_ADMIN) {
        vox_exchange_fail(x, 401, "Not authenticated");
    }
    return role != VOX_ROLE_ADMIN;
}

static void note(void *context, const struct vox_http_record *record)
{
    (void)context;
    printf("%s %s %d %" PRIu64 " %" PRIu64 " %s\n", record->method, record->route, record->status,
           record->received, record->sent, record->peer);
    (void)fflush(stdout);
}

static const char *origins[8];

static void set_origins(struct vox_http_options *options, char *list)
{
    options->cors_origins = origins;
    for (char *at = list, *next = NULL; at != NULL && options->cors_count < 8; at = next) {
        next = strchr(at, ',');
        if (next != NULL) {
            *next++ = '\0';
        }
        origins[options->cors_count++] = at;
    }
}

static bool set_text(struct vox_http_options *options, const char *name, char *value)
{
    const struct {
        const char *name;
        const char **place;
    } texts[] = {
        {"host", &options->host},
        {"prefix", &options->prefix},
        {"cert", &options->tls_certificate},
        {"key", &options->tls_key},
        {"ca", &options->tls_ca},
        {"uploads", &options->upload_dir},
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (strcmp(texts[i].name, name) == 0) {
            *texts[i].place = value;
            return true;
        }
    }
    return false;
}

static double drain = 10;

static int set(struct vox_http_options *options, const char *name, char *value)
{
    struct vox_err err = {0};
    const unsigned long long number = strtoull(value, NULL, 10);
    if (set_text(options, name, value)) {
        return 0;
    }
    if (strcmp(name, "origins") == 0) {
        set_origins(options, value);
    } else if (strcmp(name, "port") == 0) {
        options->port = (uint16_t)number;
    } else if (strcmp(name, "threads") == 0) {
        options->threads = (unsigned)number;
    } else if (strcmp(name, "workers") == 0) {
        options->workers = (unsigned)number;
    } else if (strcmp(name, "drain") == 0) {
        drain = strtod(value, NULL);
    } else if (strcmp(name, "deny") == 0) {
        options->allowed = deny;
    } else if (strcmp(name, "file") == 0) {
        (void)snprintf(tool.file, sizeof(tool.file), "%s", value);
    } else if (vox_http_limits_set(&options->limits, name, number, &err) != VOX_OK) {
        fprintf(stderr, "%s: %s\n", name, err.msg);
        return 2;
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct vox_http_options options;
    struct vox_http *http = NULL;
    struct vox_err err = {0};
    char byte = 0;
    vox_http_options_default(&options);
    options.port = 0;
    options.families = families;
    options.app = &tool;
    options.done = note;
    for (int i = 1; i + 1 < argc; i += 2) {
        const int status = set(&options, argv[i], argv[i + 1]);
        if (status != 0) {
            return status;
        }
    }
    if (vox_http_start(&options, &http, &err) != VOX_OK) {
        fprintf(stderr, "%s: %s\n", vox_code_name(err.code), err.msg);
        return 1;
    }
    printf("%s\n", vox_http_url(http));
    (void)fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0) {
        if (byte == 'd') {
            vox_http_drain(http);
        }
    }
    vox_http_stop(http, drain);
    while (atomic_load(&tool.feeds) > 0) {
        (void)usleep(1000);
    }
    printf("stopped\n");
    return 0;
}
