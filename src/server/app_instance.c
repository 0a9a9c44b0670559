#include "server/app_instance.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "pipeline/infer_task.h"
#include "pipeline/job_queue.h"
#include "pipeline/labels.h"
#include "server/batch.h"
#include "server/event_log.h"
#include "server/sessions.h"
#include "store/datastore.h"
#include "store/strategy.h"
#include "util/memory.h"
#include "voxlabel/voxlabel.h"

enum { PATH_BYTES = 4096 };

struct vox_app {
    _Atomic(const struct vox_server_settings *) settings;
    struct vox_event_log *log;
    struct vox_labels labels;
    struct vox_served_model served;
    struct vox_datastore *store;
    struct vox_strategies *strategies;
    struct vox_sessions *sessions;
    struct vox_job_queue *queue;
    struct vox_batch *batch;
    int64_t started;
    struct timespec opened;

    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t loaded;
    enum vox_model_state state;
    struct vox_model *engine; /* set once, while the state becomes READY */
    struct vox_err failure;   /* where the state is FAILED */
    bool closing;
};

/* ---- the model ---- */

static enum vox_code load(const struct vox_server_settings *settings, struct vox_model **out,
                          struct vox_err *err)
{
    const struct vox_model_options options = {
        .config = settings->model_config[0] != '\0' ? settings->model_config : NULL,
        .backend = settings->backend[0] != '\0' ? settings->backend : NULL,
        .threads = (int)settings->threads,
        .cache_memory = settings->cache_memory > 0 ? settings->cache_memory : 1,
        .cache_dir = settings->cache_dir[0] != '\0' ? settings->cache_dir : NULL,
        .cache_disk = settings->cache_size,
        .max_memory = settings->max_memory,
    };
    if (settings->checkpoint[0] != '\0') {
        return vox_model_open(settings->checkpoint, &options, out, err);
    }
    if (settings->weights != NULL) {
        const struct vox_model_bytes bytes = {
            .weights = settings->weights,
            .size = settings->weights_size,
            .name = settings->model_label,
        };
        return vox_model_open_bytes(&bytes, &options, out, err);
    }
    return vox_fail(err, VOX_E_NOT_FOUND, "the server was started without a model");
}

/* Gives the queue its model, on a thread of the queue. */
static enum vox_code open_model(void *context, struct vox_model **out, struct vox_err *err)
{
    struct vox_app *app = context;
    struct vox_model *engine = NULL;
    struct vox_err why = {0};
    struct vox_model_facts facts;
    enum vox_code code = load(vox_app_settings(app), &engine, &why);
    pthread_mutex_lock(&app->lock);
    if (code == VOX_OK) {
        app->engine = engine;
        app->state = VOX_MODEL_READY;
    } else {
        app->failure = why;
        app->state = VOX_MODEL_FAILED;
    }
    pthread_cond_broadcast(&app->loaded);
    pthread_mutex_unlock(&app->lock);
    if (code != VOX_OK) {
        vox_event(app->log, VOX_EVENT_ERROR, "model", "the model could not be loaded: %s", why.msg);
        if (err != NULL) {
            *err = why;
        }
        return code;
    }
    vox_model_describe(engine, &facts);
    vox_event(app->log, VOX_EVENT_INFO, "model", "%s is ready after %.2f s: %s, %d threads",
              facts.name, vox_app_uptime(app), facts.backend, facts.threads);
    *out = engine;
    return VOX_OK;
}

static enum vox_model_state state_locked(struct vox_app *app, struct vox_model **out,
                                         struct vox_err *err)
{
    if (out != NULL) {
        *out = app->engine;
    }
    if (app->state == VOX_MODEL_FAILED && err != NULL) {
        *err = app->failure;
    }
    return app->state;
}

enum vox_model_state vox_app_model_state(struct vox_app *app, const struct vox_served_model *model,
                                         struct vox_model **out, struct vox_err *err)
{
    (void)model; /* there is one */
    pthread_mutex_lock(&app->lock);
    enum vox_model_state state = state_locked(app, out, err);
    pthread_mutex_unlock(&app->lock);
    return state;
}

enum vox_model_state vox_app_model_wait(struct vox_app *app, const struct vox_served_model *model,
                                        double seconds, struct vox_model **out, struct vox_err *err)
{
    (void)model;
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    seconds = seconds > 0.0 && seconds < 1e6 ? seconds : 0.0;
    int64_t ns = (int64_t)(seconds * 1e9) + end.tv_nsec;
    end.tv_sec += ns / 1000000000;
    end.tv_nsec = ns % 1000000000;
    pthread_mutex_lock(&app->lock);
    while (app->state == VOX_MODEL_LOADING && !app->closing &&
           pthread_cond_timedwait(&app->loaded, &app->lock, &end) == 0) {
    }
    enum vox_model_state state = state_locked(app, out, err);
    pthread_mutex_unlock(&app->lock);
    return state;
}

const struct vox_served_model *vox_app_model_at(const struct vox_app *app, int i)
{
    return i == 0 ? &app->served : NULL;
}

const struct vox_served_model *vox_app_model_find(const struct vox_app *app, const char *name)
{
    return name[0] == '\0' || strcmp(name, app->served.name) == 0 ? &app->served : NULL;
}

/* ---- opening ---- */

/* The labels of a text "a,b,c". */
static enum vox_code read_labels(const char *text, struct vox_labels *out, struct vox_err *err)
{
    static const char blanks[] = " \t";
    const char *names[VOX_LABELS_MAX];
    int n = 0;
    char *copy = vox_strdup(text);
    if (copy == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "no memory for the labels");
    }
    for (char *at = copy, *next; at != NULL; at = next) {
        next = strchr(at, ',');
        if (next != NULL) {
            *next++ = '\0';
        }
        at += strspn(at, blanks);
        size_t length = strlen(at);
        while (length > 0 && strchr(blanks, at[length - 1]) != NULL) {
            at[--length] = '\0';
        }
        if (n == VOX_LABELS_MAX) {
            vox_free(copy);
            return vox_fail(err, VOX_E_LIMIT, "there may be %d labels", VOX_LABELS_MAX);
        }
        names[n++] = at;
    }
    enum vox_code code = vox_labels_init(out, names, n, err);
    vox_free(copy);
    return code;
}

/* Makes a folder and those above it; for this user alone where they are new. */
static enum vox_code make_folder(const char *path, struct vox_err *err)
{
    char text[PATH_BYTES];
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof(text)) {
        return vox_fail(err, VOX_E_ARG, "the name of a working folder is too long");
    }
    memcpy(text, path, length + 1);
    for (char *at = text + 1;; at++) {
        if (*at != '/' && *at != '\0') {
            continue;
        }
        char end = *at;
        *at = '\0';
        if (mkdir(text, 0700) != 0 && errno != EEXIST) {
            return vox_fail_sys(
                err, VOX_E_IO, errno,
                "a folder of work_dir, session_dir or upload_dir could not be made: %s",
                strerrordesc_np(errno));
        }
        if (end == '\0') {
            return VOX_OK;
        }
        *at = end;
    }
}

static void note(void *context, const char *text)
{
    const struct vox_app *app = context;
    vox_event(app->log, VOX_EVENT_WARNING, "studies", "%s", text);
}

static enum vox_code open_store(struct vox_app *app, struct vox_err *err)
{
    const struct vox_server_settings *settings = vox_app_settings(app);
    struct vox_datastore_options options = vox_datastore_options_default();
    options.read_only = settings->read_only;
    options.follow = (enum vox_follow)settings->watch;
    options.poll_seconds = settings->poll_interval;
    options.versions = (int)settings->label_versions;
    options.uncertain = (enum vox_uncertain)settings->uncertain_on_save;
    options.checkout_seconds = (double)settings->checkout_expiry;
    options.note = note;
    options.note_context = app;
    enum vox_code code = vox_datastore_open(settings->studies, &options, &app->store, err);
    if (code != VOX_OK) {
        return code;
    }
    const struct vox_strategies_options strategies = {.file_names = settings->strategy_names != 0};
    return vox_strategies_new(app->store, &strategies, &app->strategies, err);
}

static enum vox_code open_sessions(struct vox_app *app, struct vox_err *err)
{
    const struct vox_server_settings *settings = vox_app_settings(app);
    const struct vox_sessions_setup setup = {
        .folder = settings->session_dir,
        .expiry = settings->session_expiry,
        .count = settings->session_count,
        .bytes = settings->session_size,
    };
    enum vox_code code = make_folder(settings->session_dir, err);
    return code == VOX_OK ? vox_sessions_open(&setup, &app->sessions, err) : code;
}

static enum vox_code open_queue(struct vox_app *app, struct vox_err *err)
{
    const struct vox_server_settings *settings = vox_app_settings(app);
    char folder[PATH_BYTES];
    char *counts = NULL;
    int n = snprintf(folder, sizeof(folder), "%s/jobs", settings->work_dir);
    if (n < 0 || (size_t)n >= sizeof(folder)) {
        return vox_fail(err, VOX_E_ARG, "the name of the working folder is too long");
    }
    enum vox_code code = make_folder(settings->work_dir, err);
    if (code != VOX_OK) {
        return code;
    }
    if (vox_datastore_state_path(app->store, "opened.json", &counts, NULL) != VOX_OK) {
        counts = NULL; /* read-only studies: nothing is remembered of them */
    }
    const struct vox_job_queue_setup setup = {
        .model = open_model,
        .context = app,
        .folder = folder,
        .max_waiting = (int)settings->queue_length,
        .max_running = (int)settings->clicks_running,
        .keep_jobs = (int)settings->jobs_kept,
        .counts = counts,
        .warm_bytes = settings->prefetch ? settings->cache_memory / 2 : 0,
    };
    code = vox_job_queue_open(&setup, &app->queue, err);
    vox_free(counts);
    return code;
}

static enum vox_code open_batch(struct vox_app *app, struct vox_err *err)
{
    char *state = NULL;
    if (vox_datastore_state_path(app->store, "batch.json", &state, NULL) != VOX_OK) {
        state = NULL; /* read-only studies: no task is run on them */
    }
    const struct vox_batch_setup setup = {
        .store = app->store,
        .queue = app->queue,
        .labels = &app->labels,
        .model = app->served.name,
        .timeout = (double)vox_app_settings(app)->infer_timeout,
        .state = state,
    };
    enum vox_code code = vox_batch_open(&setup, &app->batch, err);
    vox_free(state);
    return code;
}

static enum vox_code open_parts(struct vox_app *app, struct vox_err *err)
{
    const struct vox_server_settings *settings = vox_app_settings(app);
    enum vox_code code = read_labels(settings->labels, &app->labels, err);
    if (code != VOX_OK) {
        return vox_err_prefix(err, code, "labels");
    }
    code = open_store(app, err);
    if (code != VOX_OK) {
        return vox_err_prefix(err, code, "studies");
    }
    code = make_folder(settings->upload_dir, err);
    if (code == VOX_OK) {
        code = open_sessions(app, err);
    }
    if (code == VOX_OK) {
        code = open_queue(app, err);
    }
    return code == VOX_OK ? open_batch(app, err) : code;
}

static bool init_lock(struct vox_app *app)
{
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes) != 0) {
        return false;
    }
    bool good = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
                pthread_cond_init(&app->loaded, &attributes) == 0;
    pthread_condattr_destroy(&attributes);
    if (good && pthread_mutex_init(&app->lock, NULL) != 0) {
        pthread_cond_destroy(&app->loaded);
        good = false;
    }
    return good;
}

enum vox_code vox_app_open(const struct vox_app_options *options, struct vox_app **out,
                           struct vox_err *err)
{
    struct vox_app *app = vox_calloc(1, sizeof(*app));
    if (app == NULL || !init_lock(app)) {
        vox_free(app);
        return vox_fail(err, VOX_E_NOMEM, "no memory for the server");
    }
    atomic_init(&app->settings, options->settings);
    app->log = options->log;
    app->started = (int64_t)time(NULL);
    clock_gettime(CLOCK_MONOTONIC, &app->opened);
    app->state = VOX_MODEL_LOADING;
    app->served = (struct vox_served_model){
        .name = vox_sam_task.name,
        .type = vox_sam_task.type,
        .description = "MedSAM2: segments a structure in 3D from clicks, boxes or masks",
        .dimension = vox_sam_task.dimension,
        .labels = &app->labels,
        .task = &vox_sam_task,
    };
    enum vox_code code = open_parts(app, err);
    if (code != VOX_OK) {
        vox_app_close(app);
        return code;
    }
    *out = app;
    return VOX_OK;
}

void vox_app_close(struct vox_app *app)
{
    if (app == NULL) {
        return;
    }
    pthread_mutex_lock(&app->lock);
    app->closing = true;
    pthread_cond_broadcast(&app->loaded);
    pthread_mutex_unlock(&app->lock);
    vox_batch_close(app->batch);
    vox_job_queue_close(app->queue);
    vox_sessions_close(app->sessions);
    vox_strategies_free(app->strategies);
    vox_datastore_close(app->store);
    vox_model_close(app->engine);
    vox_labels_fini(&app->labels);
    pthread_cond_destroy(&app->loaded);
    pthread_mutex_destroy(&app->lock);
    vox_free(app);
}

/* ---- what there is ---- */

const struct vox_server_settings *vox_app_settings(const struct vox_app *app)
{
    return atomic_load(&app->settings);
}

void vox_app_set_settings(struct vox_app *app, const struct vox_server_settings *settings)
{
    atomic_store(&app->settings, settings);
}

struct vox_datastore *vox_app_datastore(struct vox_app *app)
{
    return app->store;
}

struct vox_strategies *vox_app_strategies(struct vox_app *app)
{
    return app->strategies;
}

struct vox_job_queue *vox_app_queue(struct vox_app *app)
{
    return app->queue;
}

struct vox_batch *vox_app_batch(struct vox_app *app)
{
    return app->batch;
}

struct vox_sessions *vox_app_sessions(struct vox_app *app)
{
    return app->sessions;
}

struct vox_event_log *vox_app_log(struct vox_app *app)
{
    return app->log;
}

int64_t vox_app_started(const struct vox_app *app)
{
    return app->started;
}

double vox_app_uptime(const struct vox_app *app)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - app->opened.tv_sec) +
           1e-9 * (double)(now.tv_nsec - app->opened.tv_nsec);
}
