/* MONAI Label's --conf KEY VALUE: what its apps are configured with. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "app/message.h"
#include "app/settings_parts.h"

enum { NAME_BYTES = 128 };

static int say_refused(const char *source, const char *key, const char *value, const char *why)
{
    vox_say("%s %s %s cannot be honoured: %s", source, key, value, why);
    return VOX_EXIT_USAGE;
}

/* Which models an app offers: the one that there is. */
static bool names_ours(const char *value)
{
    static const char *const names[] = {"all", "SAM", "sam2", "medsam2", "sam_2d", "sam_3d"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcasecmp(value, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* A key that is a setting's own, with underscores or hyphens. */
static int find_setting(const char *key)
{
    char flag[NAME_BYTES];
    int n = snprintf(flag, sizeof(flag), "--%s", key);
    if (n < 0 || (size_t)n >= sizeof(flag)) {
        return -1;
    }
    for (char *c = flag; *c != '\0'; c++) {
        if (*c == '_') {
            *c = '-';
        }
    }
    return vox_setting_find(flag);
}

int vox_settings_take_conf(struct vox_setting_text *texts, const char *key, const char *value,
                           const char *source)
{
    static const char *const parts[] = {"bundles", "scribbles", "epistemic_model", "tta_enabled"};
    bool on = false;
    bool is_bool = vox_read_bool(value, &on);
    char name[NAME_BYTES];
    snprintf(name, sizeof(name), "%s %s", source, key);
    if (strcmp(key, "models") == 0) {
        return names_ours(value) ? 0
                                 : say_refused(source, key, value,
                                               "the model here is SAM, by the checkpoint of "
                                               "--model");
    }
    if (strcmp(key, "skip_strategies") == 0) {
        return vox_settings_take(texts, vox_setting_find("--strategies"),
                                 is_bool && on ? "off" : "on", name);
    }
    if (strcmp(key, "skip_trainers") == 0 || strcmp(key, "skip_scoring") == 0 ||
        strcmp(key, "preload") == 0 || strcmp(key, "sam2") == 0) {
        return 0; /* nothing is trained or scored, the model is always loaded at the start */
    }
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (strcmp(key, parts[i]) == 0) {
            return value[0] == '\0' || (is_bool && !on)
                       ? 0
                       : say_refused(source, key, value, "the server has no such models");
        }
    }
    int setting = find_setting(key);
    if (setting < 0) {
        return say_refused(source, key, value, "there is no such setting");
    }
    return vox_settings_take(texts, setting, value, name);
}
