#include "app/settings.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/environment.h"
#include "app/message.h"
#include "app/model_lookup.h"
#include "app/report_output.h"
#include "app/settings_parts.h"
#include "util/memory.h"

static const char config_flag[] = "--config";

enum { PATH_BYTES = 4096, SOURCE_BYTES = 128 };

int vox_settings_take(struct vox_setting_text *texts, int setting, const char *text,
                      const char *source)
{
    VOX_ASSERT(setting >= 0 && setting < vox_setting_count());
    struct vox_setting_text *row = &texts[setting];
    if (row->text != NULL) {
        return 0;
    }
    char *copy = vox_strdup(text), *name = vox_strdup(source);
    if (copy == NULL || name == NULL) {
        vox_free(copy);
        vox_free(name);
        return vox_say_no_memory();
    }
    *row = (struct vox_setting_text){copy, name};
    return 0;
}

/* ---- where they come from ---- */

static int take_flags(const struct vox_settings_input *input, struct vox_setting_text *texts)
{
    int status = 0;
    for (int i = 0; i < vox_setting_count() && status == 0; i++) {
        const struct vox_setting *setting = vox_setting_at(i);
        if (!vox_argument_given(input->arguments, setting->flag)) {
            continue;
        }
        const char *text = vox_argument(input->arguments, setting->flag, 0);
        status = vox_settings_take(texts, i, text != NULL ? text : "on", setting->flag);
    }
    for (int i = 0; i < input->n_given && status == 0; i++) {
        const struct vox_setting_given *given = &input->given[i];
        status = given->flag != NULL
                     ? vox_settings_take(texts, vox_setting_find(given->flag), given->text,
                                         given->source)
                     : vox_settings_take_conf(texts, given->source, given->text, "--conf");
    }
    return status;
}

static int take_variables(struct vox_setting_text *texts)
{
    char name[VOX_SETTING_NAME_BYTES];
    int status = 0;
    for (int i = 0; i < vox_setting_count() && status == 0; i++) {
        vox_setting_variable(vox_setting_at(i), name);
        const char *text = vox_environment(name);
        if (text != NULL) {
            status = vox_settings_take(texts, i, text, name);
        }
    }
    return status;
}

/* A file that need not be there. */
static bool find_usual_file(char path[PATH_BYTES])
{
    const char *config = vox_environment("XDG_CONFIG_HOME"), *home = vox_environment("HOME");
    int n = 0;
    if (config != NULL && config[0] == '/') {
        n = snprintf(path, PATH_BYTES, "%s/voxlabel/voxlabel.yaml", config);
    } else if (home != NULL) {
        n = snprintf(path, PATH_BYTES, "%s/.config/voxlabel/voxlabel.yaml", home);
    }
    if (n > 0 && n < PATH_BYTES && access(path, F_OK) == 0) {
        return true;
    }
    snprintf(path, PATH_BYTES, "/etc/voxlabel/voxlabel.yaml");
    return access(path, F_OK) == 0;
}

static int take_file(const struct vox_settings_input *input, struct vox_settings *settings)
{
    char usual[PATH_BYTES];
    const char *path = vox_argument(input->arguments, config_flag, 0);
    if (path == NULL) {
        path = vox_environment("VOXLABEL_CONFIG");
    }
    if (path == NULL && find_usual_file(usual)) {
        path = usual;
    }
    if (path == NULL) {
        return 0;
    }
    settings->file = vox_strdup(path);
    return settings->file == NULL ? vox_say_no_memory()
                                  : vox_settings_take_file(settings->texts, path);
}

/* ---- what they come to ---- */

static int read_all(struct vox_settings *settings)
{
    vox_http_limits_default(&settings->values.server.limits);
    for (int i = 0; i < vox_setting_count(); i++) {
        const struct vox_setting *setting = vox_setting_at(i);
        struct vox_setting_text *text = &settings->texts[i];
        char *standard = NULL;
        if (text->text == NULL && setting->kind != VOX_SETTING_LIMIT) {
            standard = vox_strdup(setting->standard);
            if (standard == NULL) {
                return vox_say_no_memory();
            }
            text->text = standard;
        }
        int status = text->text == NULL ? 0 : vox_setting_read(setting, text, &settings->values);
        if (status != 0) {
            return status;
        }
    }
    return 0;
}

/* Without slashes at its end and with one at its front. */
static int read_prefix(struct vox_settings *settings)
{
    const char *prefix = settings->values.server.api_prefix;
    size_t skip = strspn(prefix, "/"), length = strlen(prefix);
    while (length > skip && prefix[length - 1] == '/') {
        length--;
    }
    if (length == skip) {
        settings->values.server.api_prefix = "";
        return 0;
    }
    length -= skip;
    settings->prefix = vox_alloc(length + 2);
    if (settings->prefix == NULL) {
        return vox_say_no_memory();
    }
    settings->prefix[0] = '/';
    memcpy(settings->prefix + 1, prefix + skip, length);
    settings->prefix[length + 1] = '\0';
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  "._~-/";
    if (strspn(settings->prefix, allowed) != length + 1 || strstr(settings->prefix, "//") != NULL) {
        vox_say("%s: '%s' is no path of letters, digits, '.', '_', '~', '-' and '/'",
                vox_settings_source(settings, "--api-prefix"), prefix);
        return VOX_EXIT_USAGE;
    }
    settings->values.server.api_prefix = settings->prefix;
    return 0;
}

/* Origins as browsers send them: no slash behind, no blanks around, no empty ones. */
static int read_origins(struct vox_settings *settings)
{
    const char *at = settings->values.server.cors_origins;
    size_t used = 0;
    settings->origins = vox_alloc(strlen(at) + 1);
    if (settings->origins == NULL) {
        return vox_say_no_memory();
    }
    while (*at != '\0') {
        size_t whole = strcspn(at, ","), skip = strspn(at, " "), length = whole;
        while (length > skip && (at[length - 1] == '/' || at[length - 1] == ' ')) {
            length--;
        }
        bool any = length - skip == 1 && at[skip] == '*';
        if (any) {
            used = 0;
            break;
        }
        if (length > skip) {
            used += used > 0;
            memcpy(settings->origins + used, at + skip, length - skip);
            used += length - skip;
            settings->origins[used] = ',';
        }
        at += whole + (at[whole] == ',');
    }
    settings->origins[used] = '\0';
    settings->values.server.cors_origins = settings->origins;
    return 0;
}

static bool is_loopback(const char *host)
{
    struct in_addr four;
    struct in6_addr six;
    if (strcmp(host, "localhost") == 0) {
        return true;
    }
    if (inet_pton(AF_INET, host, &four) == 1) {
        return (ntohl(four.s_addr) >> 24) == 127;
    }
    return inet_pton(AF_INET6, host, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

static int check_address(const struct vox_settings *settings)
{
    const struct vox_server_settings *server = &settings->values.server;
    if (!is_loopback(server->host) && !server->insecure) {
        const char *source = vox_settings_source(settings, "--host");
        vox_say("%s: '%s' can be reached from other machines, and the server knows no users yet: "
                "everybody there could read and change all images; --insecure allows it",
                source != NULL ? source : "--host", server->host);
        return VOX_EXIT_USAGE;
    }
    if ((server->tls_certificate[0] == '\0') != (server->tls_key[0] == '\0')) {
        vox_say("HTTPS needs both --tls-certificate and --tls-key");
        return VOX_EXIT_USAGE;
    }
    if (server->tls_ca[0] != '\0' && server->tls_certificate[0] == '\0') {
        vox_say("%s: asking clients for certificates needs HTTPS; name --tls-certificate and "
                "--tls-key",
                vox_settings_source(settings, "--tls-ca"));
        return VOX_EXIT_USAGE;
    }
    return 0;
}

/* FOLDER + REST. */
static char *joined(const char *folder, const char *rest)
{
    size_t size = strlen(folder) + strlen(rest) + 1;
    char *path = vox_alloc(size);
    if (path != NULL) {
        snprintf(path, size, "%s%s", folder, rest);
    }
    return path;
}

static char *usual_work_dir(void)
{
    const char *cache = vox_environment("XDG_CACHE_HOME"), *home = vox_environment("HOME");
    char text[64];
    if (cache != NULL && cache[0] == '/') {
        return joined(cache, "/voxlabel/server");
    }
    if (home != NULL) {
        return joined(home, "/.cache/voxlabel/server");
    }
    snprintf(text, sizeof(text), "/tmp/voxlabel-%lu", (unsigned long)geteuid());
    return vox_strdup(text);
}

static int read_folders(struct vox_settings *settings)
{
    struct vox_server_settings *server = &settings->values.server;
    if (server->work_dir[0] == '\0') {
        settings->work_dir = usual_work_dir();
        server->work_dir = settings->work_dir;
    }
    if (server->work_dir != NULL && server->session_dir[0] == '\0') {
        settings->session_dir = joined(server->work_dir, "/sessions");
        server->session_dir = settings->session_dir;
    }
    if (server->work_dir != NULL && server->upload_dir[0] == '\0') {
        settings->upload_dir = joined(server->work_dir, "/uploads");
        server->upload_dir = settings->upload_dir;
    }
    return server->work_dir != NULL && server->session_dir != NULL && server->upload_dir != NULL
               ? 0
               : vox_say_no_memory();
}

/* The model inside the program where none is named. */
static int find_model(struct vox_settings *settings)
{
    struct vox_serve_values *values = &settings->values;
    const struct vox_embedded_model *inside = vox_embedded_model_at(0);
    struct vox_model_place place = {0};
    values->server.checkpoint = "";
    values->server.model_label = "";
    if (values->model[0] == '\0') {
        place.embedded = inside;
    } else {
        int status = vox_model_lookup(values->models[0] != '\0' ? values->models : NULL,
                                      values->model, &place);
        if (status != 0) {
            return status;
        }
    }
    settings->checkpoint = place.checkpoint;
    settings->yaml = place.yaml;
    if (place.embedded != NULL) {
        values->server.weights = place.embedded->weights;
        values->server.weights_size = place.embedded->size;
        values->server.model_label = place.embedded->name;
    } else if (place.checkpoint != NULL) {
        const char *slash = strrchr(values->model, '/');
        values->server.checkpoint = place.checkpoint;
        values->server.model_label = slash != NULL ? slash + 1 : values->model;
    }
    if (values->server.model_config[0] == '\0' && place.yaml != NULL) {
        values->server.model_config = place.yaml;
    }
    return 0;
}

static int check_studies(const struct vox_settings *settings)
{
    if (settings->values.server.studies[0] != '\0') {
        return 0;
    }
    vox_say("no folder of studies is named; give --studies DIR, or set VOXLABEL_STUDIES or "
            "MONAI_LABEL_DATASTORE");
    return VOX_EXIT_USAGE;
}

/* ---- all of it ---- */

static int gather(const struct vox_settings_input *input, struct vox_settings *settings)
{
    int status = take_flags(input, settings->texts);
    if (status == 0) {
        status = take_variables(settings->texts);
    }
    if (status == 0) {
        status = vox_settings_take_theirs(settings->texts);
    }
    if (status == 0) {
        status = take_file(input, settings);
    }
    return status;
}

static int read_and_check(struct vox_settings *settings)
{
    static int (*const steps[])(struct vox_settings *) = {read_all, read_prefix, read_origins,
                                                          read_folders, find_model};
    int status = 0;
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && status == 0; i++) {
        status = steps[i](settings);
    }
    if (status == 0) {
        status = check_studies(settings);
    }
    return status == 0 ? check_address(settings) : status;
}

int vox_settings_open(const struct vox_settings_input *input, struct vox_settings **out)
{
    struct vox_settings *settings = vox_calloc(1, sizeof(*settings));
    if (settings != NULL) {
        settings->texts = vox_calloc((size_t)vox_setting_count(), sizeof(*settings->texts));
    }
    if (settings == NULL || settings->texts == NULL) {
        vox_free(settings);
        return vox_say_no_memory();
    }
    int status = gather(input, settings);
    if (status == 0) {
        status = read_and_check(settings);
    }
    if (status != 0) {
        vox_settings_free(settings);
        return status;
    }
    *out = settings;
    return 0;
}

void vox_settings_free(struct vox_settings *settings)
{
    if (settings == NULL) {
        return;
    }
    for (int i = 0; i < vox_setting_count(); i++) {
        vox_free(settings->texts[i].text);
        vox_free(settings->texts[i].source);
    }
    struct vox_model_place place = {NULL, settings->checkpoint, settings->yaml};
    vox_model_place_free(&place);
    vox_free(settings->origins);
    vox_free(settings->work_dir);
    vox_free(settings->session_dir);
    vox_free(settings->upload_dir);
    vox_free(settings->prefix);
    vox_free(settings->file);
    vox_free(settings->texts);
    vox_free(settings);
}

const struct vox_serve_values *vox_settings_values(const struct vox_settings *settings)
{
    return &settings->values;
}

const char *vox_settings_source(const struct vox_settings *settings, const char *flag)
{
    int i = vox_setting_find(flag);
    VOX_ASSERT(i >= 0);
    return settings->texts[i].source;
}

/* A text as YAML in single quotes. */
static void print_quoted(const char *text)
{
    putchar('\'');
    for (; *text != '\0'; text++) {
        if (*text == '\'') {
            putchar('\'');
        }
        putchar(*text);
    }
    putchar('\'');
}

static bool is_text(enum vox_setting_kind kind)
{
    return kind == VOX_SETTING_TEXT || kind == VOX_SETTING_LIST || kind == VOX_SETTING_FILE ||
           kind == VOX_SETTING_FOLDER;
}

int vox_settings_print(const struct vox_settings *settings)
{
    char key[VOX_SETTING_NAME_BYTES];
    for (int i = 0; i < vox_setting_count(); i++) {
        const struct vox_setting *setting = vox_setting_at(i);
        const struct vox_setting_text *text = &settings->texts[i];
        vox_setting_key(setting, key);
        if (text->source != NULL) {
            printf("# %s\n", text->source);
        }
        if (text->source == NULL || strcmp(setting->flag, "--tls-key-password") == 0) {
            putchar('#');
        }
        printf("%s: ", key);
        if (strcmp(setting->flag, "--tls-key-password") == 0) {
            puts("(not shown)");
        } else if (text->text == NULL) {
            uint64_t value;
            memcpy(&value, (const char *)&settings->values + setting->offset, sizeof(value));
            printf("%llu\n", (unsigned long long)value);
        } else if (is_text(setting->kind)) {
            print_quoted(text->text);
            putchar('\n');
        } else {
            puts(text->text);
        }
    }
    return vox_stdout_finish(VOX_EXIT_OK);
}
