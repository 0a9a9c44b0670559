#include "app/serve_run.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "app/message.h"
#include "app/serve_reload.h"
#include "pipeline/job_queue.h"
#include "server/app_instance.h"
#include "server/event_log.h"
#include "server/http.h"
#include "store/datastore.h"
#include "util/memory.h"

enum { ORIGINS_MAX = 256 };

struct server {
    struct vox_serve_history *history;
    struct vox_event_log *log;
    struct vox_app *app;
    struct vox_http *http;
};

static void print_line(void *context, const char *line)
{
    (void)context;
    fprintf(stderr, "%s\n", line);
}

static void log_request(void *context, const struct vox_http_record *record)
{
    const struct server *server = context;
    enum vox_event_level level = record->status >= 500 ? VOX_EVENT_WARNING : VOX_EVENT_INFO;
    vox_event(server->log, level, "http", "%s %s %d %llu bytes %.3f s", record->method,
              record->route[0] != '\0' ? record->route : "(none of ours)", record->status,
              (unsigned long long)record->sent, record->seconds);
}

/* ---- start ---- */

/* The origins of a text "a,b,c", cut apart in place. */
static size_t split(char *text, const char *origins[ORIGINS_MAX])
{
    size_t n = 0;
    for (char *at = text, *next; at != NULL && *at != '\0' && n < ORIGINS_MAX; at = next) {
        next = strchr(at, ',');
        if (next != NULL) {
            *next++ = '\0';
        }
        origins[n++] = at;
    }
    return n;
}

static const char *or_null(const char *text)
{
    return text[0] != '\0' ? text : NULL;
}

static enum vox_code start_http(struct server *server, struct vox_err *err)
{
    const struct vox_server_settings *settings = vox_serve_history_now(server->history);
    const char *origins[ORIGINS_MAX];
    struct vox_http_options options;
    char *text = vox_strdup(settings->cors_origins);
    if (text == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    vox_http_options_default(&options);
    options.host = settings->host;
    options.port = (uint16_t)settings->port;
    options.tls_certificate = or_null(settings->tls_certificate);
    options.tls_key = or_null(settings->tls_key);
    options.tls_key_password = or_null(settings->tls_key_password);
    options.tls_ca = or_null(settings->tls_ca);
    options.prefix = settings->api_prefix;
    options.cors_count = split(text, origins);
    options.cors_origins = options.cors_count > 0 ? origins : NULL;
    options.upload_dir = settings->upload_dir;
    options.threads = (unsigned)settings->http_threads;
    options.workers = (unsigned)settings->http_workers;
    options.limits = settings->limits;
    options.families = vox_app_routes;
    options.app = server->app;
    options.done = log_request;
    options.context = server;
    enum vox_code code = vox_http_start(&options, &server->http, err);
    vox_free(text);
    return code;
}

static int start(struct server *server)
{
    const struct vox_server_settings *now = vox_serve_history_now(server->history);
    struct vox_err err = {0};
    char address[128];
    enum vox_code code = vox_event_log_new(now->log_lines, (enum vox_event_level)now->log_level,
                                           print_line, NULL, &server->log, &err);
    if (code != VOX_OK) {
        return vox_say_error(NULL, &err);
    }
    const struct vox_app_options options = {.settings = now, .log = server->log};
    code = vox_app_open(&options, &server->app, &err);
    if (code != VOX_OK) {
        return vox_say_error(NULL, &err);
    }
    code = start_http(server, &err);
    if (code != VOX_OK) {
        snprintf(address, sizeof(address), "%s, port %lld", now->host, (long long)now->port);
        return vox_say_error(address, &err);
    }
    return 0;
}

/* The one line of the standard output: whoever started the program reads the address from it. */
static void print_address(const struct server *server)
{
    printf("Voxlabel " VOX_VERSION " serves at %s%s/\n", vox_http_url(server->http),
           vox_http_prefix(server->http));
    fflush(stdout);
}

/* ---- while it runs ---- */

static void reload(struct server *server, const struct vox_settings_input *input)
{
    struct vox_settings *settings;
    struct vox_err err = {0};
    if (vox_settings_open(input, &settings) != 0) {
        vox_say("the settings stay as they are");
        return;
    }
    if (!vox_serve_history_add(server->history, settings)) {
        vox_say_no_memory();
        return;
    }
    const struct vox_server_settings *now = vox_serve_history_now(server->history);
    vox_app_set_settings(server->app, now);
    vox_event_log_set_level(server->log, (enum vox_event_level)now->log_level);
    if (vox_datastore_refresh(vox_app_datastore(server->app), &err) != VOX_OK) {
        vox_say_error("studies", &err);
    }
    vox_event(server->log, VOX_EVENT_INFO, "server", "settings read anew");
}

static double now_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* What runs may end, up to the deadline; the rest is cancelled. */
static void stop(struct server *server)
{
    double end = now_seconds() + (double)vox_serve_history_now(server->history)->drain_timeout;
    if (server->http != NULL) {
        vox_event(server->log, VOX_EVENT_INFO, "server", "stopping");
        vox_http_drain(server->http);
        (void)vox_job_queue_drain(vox_app_queue(server->app), end - now_seconds());
        double left = end - now_seconds();
        vox_http_stop(server->http, left > 0.0 ? left : 0.0);
    }
    vox_app_close(server->app);
    vox_event_log_free(server->log);
    vox_serve_history_free(server->history);
}

/* Whether the caller of the program wants the signal to be ignored, as shells do for programs in
 * the background. */
static bool is_ignored(int number)
{
    struct sigaction action;
    return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

static void set_action(int number, void (*handler)(int))
{
    struct sigaction action;
    memset(&action, 0, sizeof(action));
    action.sa_handler = handler;
    sigemptyset(&action.sa_mask);
    sigaction(number, &action, NULL);
}

/* Signals come to the main thread alone, which waits for them. */
static void hold_signals(sigset_t *ours)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    set_action(SIGPIPE, SIG_IGN);
    set_action(SIGXFSZ, SIG_IGN);
    sigemptyset(ours);
    for (int i = 0; i < 3; i++) {
        if (!is_ignored(numbers[i])) {
            sigaddset(ours, numbers[i]);
        }
    }
    pthread_sigmask(SIG_BLOCK, ours, NULL);
}

/* From now on the next one ends the process, as it does without the program's doing. */
static void free_signals(const sigset_t *ours)
{
    sigset_t ending = *ours;
    sigdelset(&ending, SIGHUP);
    pthread_sigmask(SIG_UNBLOCK, &ending, NULL);
}

int vox_serve_run(const struct vox_settings_input *input, struct vox_settings *settings)
{
    sigset_t ours;
    struct server server = {.history = vox_serve_history_new(settings)};
    if (server.history == NULL) {
        return vox_say_no_memory();
    }
    hold_signals(&ours);
    int status = start(&server);
    if (status == 0) {
        print_address(&server);
        int number = 0;
        do {
            if (sigwait(&ours, &number) == 0 && number == SIGHUP) {
                reload(&server, input);
            }
        } while (number != SIGINT && number != SIGTERM);
    }
    free_signals(&ours);
    stop(&server);
    return status;
}
