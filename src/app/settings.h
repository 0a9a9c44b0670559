/* The settings of a server, from flags, variables and a file.
 *
 * A setting has one name in three spellings: --studies DIR, VOXLABEL_STUDIES, and 'studies:' in a
 * YAML file. The first of these that is given counts: the flag; the variable; the variable that a
 * MONAI Label server reads for the same (app/settings_theirs.c); the file; the default. An empty
 * variable counts as none.
 *
 * The file is that of --config, else of VOXLABEL_CONFIG, else voxlabel/voxlabel.yaml of
 * XDG_CONFIG_HOME (or ~/.config), else /etc/voxlabel/voxlabel.yaml. */
#ifndef VOX_APP_SETTINGS_H
#define VOX_APP_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "app/command_line.h"
#include "app/setting_list.h"
#include "server/server_settings.h"

struct vox_serve_values {
    struct vox_server_settings server;
    const char *model;  /* as the user names it; empty: none */
    const char *models; /* folder of models with names; empty: the user's */
};

enum vox_setting_kind {
    VOX_SETTING_TEXT,
    VOX_SETTING_LIST,   /* texts divided by commas */
    VOX_SETTING_FILE,   /* that must be there */
    VOX_SETTING_FOLDER, /* the same */
    VOX_SETTING_SWITCH, /* off without its flag */
    VOX_SETTING_ONOFF,
    VOX_SETTING_NUMBER,
    VOX_SETTING_REAL,
    VOX_SETTING_SIZE,
    VOX_SETTING_CHOICE,
    VOX_SETTING_LIMIT /* of server/limits.h */
};

struct vox_setting {
    enum vox_setting_kind kind;
    size_t offset; /* in struct vox_serve_values */
    const char *flag;
    const char *value;
    const char *choices;
    const char *standard;
    double least, most; /* most 0: no bound */
    const char *help;
};

/* The i-th setting, NULL beyond the last; the index of a flag's, or -1. */
const struct vox_setting *vox_setting_at(int i);
int vox_setting_find(const char *flag);
int vox_setting_count(void);

/* "VOXLABEL_MAX_BODY" and "max_body" of "--max-body". */
enum { VOX_SETTING_NAME_BYTES = 64 };
void vox_setting_variable(const struct vox_setting *setting, char name[VOX_SETTING_NAME_BYTES]);
void vox_setting_key(const struct vox_setting *setting, char name[VOX_SETTING_NAME_BYTES]);

/* Rows of a command's options. */
#define VOX_OPTION_KIND_TEXT VOX_OPTION_ONCE
#define VOX_OPTION_KIND_LIST VOX_OPTION_ONCE
#define VOX_OPTION_KIND_FILE VOX_OPTION_ONCE
#define VOX_OPTION_KIND_FOLDER VOX_OPTION_ONCE
#define VOX_OPTION_KIND_SWITCH VOX_OPTION_SWITCH
#define VOX_OPTION_KIND_ONOFF VOX_OPTION_ONCE
#define VOX_OPTION_KIND_NUMBER VOX_OPTION_ONCE
#define VOX_OPTION_KIND_REAL VOX_OPTION_ONCE
#define VOX_OPTION_KIND_SIZE VOX_OPTION_ONCE
#define VOX_OPTION_KIND_CHOICE VOX_OPTION_ONCE
#define VOX_OPTION_KIND_LIMIT VOX_OPTION_ONCE
#define VOX_SETTING_OPTION(kind, member, flag, value, choices, standard, least, most, help)        \
    {flag, VOX_OPTION_KIND_##kind, value, choices, help},

/* What a command line gives besides the flags that are settings' own: another spelling of one. */
struct vox_setting_given {
    const char *flag; /* the setting's */
    const char *text;
    const char *source; /* what the user wrote, for messages: "--ssl_keyfile" */
};

struct vox_settings_input {
    const struct vox_arguments *arguments; /* their table has all settings' flags and --config */
    const struct vox_setting_given *given; /* beside them */
    int n_given;
};

struct vox_settings; /* immutable */

/* Reads and checks all of them. Notes about what has no effect are printed. Returns 0, or the exit
 * status after it said what is wrong, with the name under which it was given. The caller ends *out
 * with vox_settings_free. */
int vox_settings_open(const struct vox_settings_input *input, struct vox_settings **out);
void vox_settings_free(struct vox_settings *settings); /* NULL is allowed */

const struct vox_serve_values *vox_settings_values(const struct vox_settings *settings);

/* Under which name a setting was given: "--studies", "MONAI_LABEL_DATASTORE", "studies in
 * /etc/voxlabel/voxlabel.yaml"; NULL for a default. */
const char *vox_settings_source(const struct vox_settings *settings, const char *flag);

/* Prints all settings as a configuration file, with a comment of where each comes from; never the
 * key's password. Returns the exit status. */
int vox_settings_print(const struct vox_settings *settings);

#endif
