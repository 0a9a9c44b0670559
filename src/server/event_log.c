#include "server/event_log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "util/memory.h"

struct vox_event_log {
    pthread_mutex_t lock;
    atomic_int level;
    vox_event_sink *sink;
    void *context;
    char (*lines)[VOX_EVENT_BYTES];
    size_t room, n, next; /* the oldest is next - n, around the end */
};

enum vox_code vox_event_log_new(int64_t lines, enum vox_event_level level, vox_event_sink *sink,
                                void *context, struct vox_event_log **out, struct vox_err *err)
{
    VOX_ASSERT(lines >= 1);
    struct vox_event_log *log = vox_calloc(1, sizeof(*log));
    if (log == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "no memory for the log");
    }
    log->lines = vox_calloc((size_t)lines, sizeof(*log->lines));
    if (log->lines == NULL || pthread_mutex_init(&log->lock, NULL) != 0) {
        vox_free(log->lines);
        vox_free(log);
        return vox_fail(err, VOX_E_NOMEM, "no memory for the log");
    }
    log->room = (size_t)lines;
    log->sink = sink;
    log->context = context;
    atomic_init(&log->level, (int)level);
    *out = log;
    return VOX_OK;
}

void vox_event_log_free(struct vox_event_log *log)
{
    if (log != NULL) {
        pthread_mutex_destroy(&log->lock);
        vox_free(log->lines);
        vox_free(log);
    }
}

void vox_event_log_set_level(struct vox_event_log *log, enum vox_event_level level)
{
    atomic_store(&log->level, (int)level);
}

/* "2026-11-24 16:00:00 INFO http: "; returns its length. */
static size_t begin_line(char line[VOX_EVENT_BYTES], enum vox_event_level level, const char *part)
{
    static const char *const names[] = {"DEBUG", "INFO", "WARNING", "ERROR"};
    char when[32] = "";
    struct tm parts;
    time_t now = time(NULL);
    if (localtime_r(&now, &parts) != NULL) {
        strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &parts);
    }
    int n = snprintf(line, VOX_EVENT_BYTES, "%s %s %s: ", when, names[level], part);
    return n < 0 ? 0 : n < VOX_EVENT_BYTES ? (size_t)n : VOX_EVENT_BYTES - 1;
}

void vox_event(struct vox_event_log *log, enum vox_event_level level, const char *part,
               const char *format, ...)
{
    if (log == NULL || (int)level < atomic_load(&log->level)) {
        return;
    }
    char line[VOX_EVENT_BYTES];
    size_t used = begin_line(line, level, part);
    va_list args;
    va_start(args, format);
    vsnprintf(line + used, sizeof(line) - used, format, args);
    va_end(args);
    for (char *c = line; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f) {
            *c = '?';
        }
    }
    pthread_mutex_lock(&log->lock);
    memcpy(log->lines[log->next], line, sizeof(line));
    log->next = (log->next + 1) % log->room;
    log->n += log->n < log->room;
    if (log->sink != NULL) {
        log->sink(log->context, line);
    }
    pthread_mutex_unlock(&log->lock);
}

enum vox_code vox_event_log_text(struct vox_event_log *log, int64_t lines, char **out, size_t *size,
                                 struct vox_err *err)
{
    pthread_mutex_lock(&log->lock);
    size_t n = lines > 0 && (uint64_t)lines < log->n ? (size_t)lines : log->n;
    size_t bytes = 1;
    for (size_t i = 0; i < n; i++) {
        bytes += strlen(log->lines[(log->next + log->room - n + i) % log->room]) + 1;
    }
    char *text = vox_alloc(bytes);
    if (text == NULL) {
        pthread_mutex_unlock(&log->lock);
        return vox_fail(err, VOX_E_NOMEM, "no memory for the lines of the log");
    }
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        const char *line = log->lines[(log->next + log->room - n + i) % log->room];
        size_t length = strlen(line);
        memcpy(text + at, line, length);
        at += length;
        text[at++] = '\n';
    }
    pthread_mutex_unlock(&log->lock);
    text[at] = '\0';
    *out = text;
    *size = at;
    return VOX_OK;
}
