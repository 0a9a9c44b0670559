/* How settings are gathered and read; for app/settings*.c alone. */
#ifndef VOX_APP_SETTINGS_PARTS_H
#define VOX_APP_SETTINGS_PARTS_H

#include "app/settings.h"

/* What was given for a setting, as it was written; NULL: nothing. */
struct vox_setting_text {
    char *text;
    char *source; /* the name under which it was given */
};

struct vox_settings {
    struct vox_serve_values values; /* texts point into `texts`, `checkpoint` and `yaml` */
    struct vox_setting_text *texts; /* one for each setting */
    char *file;                     /* the configuration file; NULL: none */
    char *checkpoint, *yaml;        /* of a model that was found by name */
    char *origins, *prefix;         /* without slashes at their ends */
    char *work_dir, *session_dir, *upload_dir; /* where they are not given */
};

/* All functions return 0, or the exit status after they said what is wrong. */

/* Keeps a text for a setting that has none yet; the first who gives one counts. */
int vox_settings_take(struct vox_setting_text *texts, int setting, const char *text,
                      const char *source);

/* What a configuration file says; keys that are no settings are refused. */
int vox_settings_take_file(struct vox_setting_text *texts, const char *path);

/* What variables of MONAI Label say. */
int vox_settings_take_theirs(struct vox_setting_text *texts);

/* One pair of MONAI Label's --conf KEY VALUE; `source` is what the user wrote before the key. */
int vox_settings_take_conf(struct vox_setting_text *texts, const char *key, const char *value,
                           const char *source);

/* Reads the text into its member. */
int vox_setting_read(const struct vox_setting *setting, const struct vox_setting_text *text,
                     struct vox_serve_values *values);

/* "on", "true", "1", "yes", "y", "t" and their opposites, in any case. */
bool vox_read_bool(const char *text, bool *out);

#endif
