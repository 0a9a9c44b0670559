/* From what was written for a setting to its value. */
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/arguments.h"
#include "app/message.h"
#include "app/settings_parts.h"
#include "app/sizes.h"

bool vox_read_bool(const char *text, bool *out)
{
    static const char *const yes[] = {"on", "true", "1", "yes", "y", "t"};
    static const char *const no[] = {"off", "false", "0", "no", "n", "f"};
    for (int i = 0; i < 6; i++) {
        bool is_yes = strcasecmp(text, yes[i]) == 0;
        if (is_yes || strcasecmp(text, no[i]) == 0) {
            *out = is_yes;
            return true;
        }
    }
    return false;
}

static int say_wrong(const struct vox_setting_text *given, const char *what)
{
    vox_say("%s: '%s' %s", given->source, given->text, what);
    return VOX_EXIT_USAGE;
}

/* Whether a number lies in the setting's bounds. */
static bool fits(const struct vox_setting *setting, double value)
{
    return value >= setting->least && (setting->most == 0.0 || value <= setting->most);
}

static int say_bounds(const struct vox_setting *setting, const struct vox_setting_text *given)
{
    vox_say("%s: '%s' is no number from %g to %.15g", given->source, given->text, setting->least,
            setting->most);
    return VOX_EXIT_USAGE;
}

static int read_number(const struct vox_setting *setting, const struct vox_setting_text *given,
                       int64_t *out)
{
    const char *at = given->text;
    int64_t value;
    if (!vox_read_int(&at, &value) || *at != '\0' || !fits(setting, (double)value)) {
        return say_bounds(setting, given);
    }
    *out = value;
    return 0;
}

static int read_real(const struct vox_setting *setting, const struct vox_setting_text *given,
                     double *out)
{
    const char *at = given->text;
    double value;
    if (!vox_read_real(&at, &value) || *at != '\0' || !fits(setting, value)) {
        return say_bounds(setting, given);
    }
    *out = value;
    return 0;
}

static int read_size(const struct vox_setting *setting, const struct vox_setting_text *given,
                     uint64_t *out)
{
    uint64_t value;
    if (!vox_read_bytes(given->text, &value)) {
        return say_wrong(given, "is no size; write 512M or 2G");
    }
    if (!fits(setting, (double)value)) {
        return say_wrong(given, "is too small");
    }
    *out = value;
    return 0;
}

static int read_limit(const struct vox_setting *setting, const struct vox_setting_text *given,
                      struct vox_http_limits *limits)
{
    struct vox_err err = {0};
    uint64_t value;
    if (!vox_read_bytes(given->text, &value)) {
        return say_wrong(given, "is no number; write 100, 512M or 2G");
    }
    if (vox_http_limits_set(limits, setting->flag + 2, value, &err) != VOX_OK) {
        return vox_say_wrong(given->source, &err);
    }
    return 0;
}

/* The place of the text among the words of the setting's choices. */
static int read_choice(const struct vox_setting *setting, const struct vox_setting_text *given,
                       int *out)
{
    size_t length = strlen(given->text);
    int place = 0;
    for (const char *word = setting->choices; *word != '\0'; place++) {
        size_t n = strcspn(word, " ");
        if (n == length && strncasecmp(word, given->text, n) == 0) {
            *out = place;
            return 0;
        }
        word += n + (word[n] == ' ');
    }
    vox_say("%s: '%s' is none of: %s", given->source, given->text, setting->choices);
    return VOX_EXIT_USAGE;
}

static int check_path(const struct vox_setting *setting, const struct vox_setting_text *given)
{
    bool folder = setting->kind == VOX_SETTING_FOLDER;
    struct stat st;
    if (strncmp(given->text, "http://", 7) == 0 || strncmp(given->text, "https://", 8) == 0) {
        return say_wrong(given, "is an address; this server keeps studies in a folder and does not "
                                "speak DICOMweb yet");
    }
    if (stat(given->text, &st) != 0) {
        return say_wrong(given, errno != ENOENT && errno != ENOTDIR ? "cannot be looked at"
                                : folder ? "is a folder that is not there; make it, or name another"
                                         : "is a file that is not there");
    }
    if (S_ISDIR(st.st_mode) != folder) {
        return say_wrong(given, folder ? "is no folder" : "is a folder, a file is needed");
    }
    if (access(given->text, folder ? R_OK | X_OK : R_OK) != 0) {
        return say_wrong(given, "may not be read by this user");
    }
    return 0;
}

static int read_switch(const struct vox_setting_text *given, bool *out)
{
    return vox_read_bool(given->text, out) ? 0 : say_wrong(given, "is neither on nor off");
}

static int read_text(const struct vox_setting_text *given, const char **out)
{
    *out = given->text;
    return 0;
}

/* Without text checks: a path that must be there is looked at, unless it is empty. */
static int read_path(const struct vox_setting *setting, const struct vox_setting_text *given,
                     const char **out)
{
    int status = given->text[0] == '\0' ? 0 : check_path(setting, given);
    return status == 0 ? read_text(given, out) : status;
}

int vox_setting_read(const struct vox_setting *setting, const struct vox_setting_text *given,
                     struct vox_serve_values *values)
{
    void *member = (char *)values + setting->offset;
    switch (setting->kind) {
    case VOX_SETTING_TEXT:
    case VOX_SETTING_LIST:
        return read_text(given, member);
    case VOX_SETTING_FILE:
    case VOX_SETTING_FOLDER:
        return read_path(setting, given, member);
    case VOX_SETTING_SWITCH:
    case VOX_SETTING_ONOFF:
        return read_switch(given, member);
    case VOX_SETTING_NUMBER:
        return read_number(setting, given, member);
    case VOX_SETTING_REAL:
        return read_real(setting, given, member);
    case VOX_SETTING_SIZE:
        return read_size(setting, given, member);
    case VOX_SETTING_CHOICE:
        return read_choice(setting, given, member);
    case VOX_SETTING_LIMIT:
        return read_limit(setting, given, &values->server.limits);
    }
    VOX_ASSERT(false);
}
