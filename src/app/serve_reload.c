#include "app/serve_reload.h"

#include <string.h>

#include "app/message.h"
#include "util/memory.h"

/* One reading of the settings; old ones stay, because answers under way may look at them. */
struct reading {
    struct vox_settings *settings; /* owns the texts */
    struct vox_serve_values values;
    struct reading *before;
};

struct vox_serve_history {
    struct reading *now;
};

/* What is looked at when it is needed, and not once at the start. */
static const char *const changeable[] = {
    "--infer-timeout", "--prefetch",  "--batch",           "--strategies",    "--sessions",
    "--app-name",      "--log-level", "--app-description", "--drain-timeout",
};

static bool may_change(const char *flag)
{
    for (size_t i = 0; i < sizeof(changeable) / sizeof(changeable[0]); i++) {
        if (strcmp(changeable[i], flag) == 0) {
            return true;
        }
    }
    return false;
}

static size_t size_of(enum vox_setting_kind kind)
{
    switch (kind) {
    case VOX_SETTING_TEXT:
    case VOX_SETTING_LIST:
    case VOX_SETTING_FILE:
    case VOX_SETTING_FOLDER:
        return sizeof(const char *);
    case VOX_SETTING_SWITCH:
    case VOX_SETTING_ONOFF:
        return sizeof(bool);
    case VOX_SETTING_NUMBER:
        return sizeof(int64_t);
    case VOX_SETTING_REAL:
        return sizeof(double);
    case VOX_SETTING_CHOICE:
        return sizeof(int);
    case VOX_SETTING_SIZE:
    case VOX_SETTING_LIMIT:
        return sizeof(uint64_t);
    }
    VOX_ASSERT(false);
}

static bool is_text(enum vox_setting_kind kind)
{
    return kind == VOX_SETTING_TEXT || kind == VOX_SETTING_LIST || kind == VOX_SETTING_FILE ||
           kind == VOX_SETTING_FOLDER;
}

static bool differs(const struct vox_setting *setting, const void *a, const void *b)
{
    if (is_text(setting->kind)) {
        const char *one, *other;
        memcpy(&one, a, sizeof(one));
        memcpy(&other, b, sizeof(other));
        return strcmp(one, other) != 0;
    }
    return memcmp(a, b, size_of(setting->kind)) != 0;
}

struct vox_serve_history *vox_serve_history_new(struct vox_settings *settings)
{
    struct vox_serve_history *history = vox_calloc(1, sizeof(*history));
    struct reading *first = vox_calloc(1, sizeof(*first));
    if (history == NULL || first == NULL) {
        vox_free(history);
        vox_free(first);
        vox_settings_free(settings);
        return NULL;
    }
    first->settings = settings;
    first->values = *vox_settings_values(settings);
    history->now = first;
    return history;
}

void vox_serve_history_free(struct vox_serve_history *history)
{
    if (history == NULL) {
        return;
    }
    while (history->now != NULL) {
        struct reading *before = history->now->before;
        vox_settings_free(history->now->settings);
        vox_free(history->now);
        history->now = before;
    }
    vox_free(history);
}

const struct vox_server_settings *vox_serve_history_now(const struct vox_serve_history *history)
{
    return &history->now->values.server;
}

bool vox_serve_history_add(struct vox_serve_history *history, struct vox_settings *settings)
{
    struct reading *next = vox_calloc(1, sizeof(*next));
    if (next == NULL) {
        vox_settings_free(settings);
        return false;
    }
    next->settings = settings;
    next->values = history->now->values;
    next->before = history->now;
    for (int i = 0; i < vox_setting_count(); i++) {
        const struct vox_setting *setting = vox_setting_at(i);
        const char *from = (const char *)vox_settings_values(settings) + setting->offset;
        char *to = (char *)&next->values + setting->offset;
        if (!differs(setting, from, to)) {
            continue;
        }
        if (may_change(setting->flag)) {
            memcpy(to, from, size_of(setting->kind));
            vox_say("%s has another value from now on", setting->flag + 2);
        } else {
            vox_say("%s has another value, which counts when the server is started again",
                    setting->flag + 2);
        }
    }
    history->now = next;
    return true;
}
