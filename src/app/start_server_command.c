#include "app/start_server_command.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "app/message.h"
#include "app/serve_run.h"
#include "app/settings.h"
#include "util/memory.h"

static const char command[] = "start_server";

static const struct vox_option_row options[] = {
    VOX_ONE("--app", "DIR", "MONAI Label's app: not needed, the app is the program itself"),
    VOX_MANY(
        "--conf", "KEY VALUE",
        "a setting of the app: models, skip_strategies, or any of the settings below; as often "
        "as one likes"),
    VOX_ONE("--verbose", "LEVEL", "as --log-level"),
    VOX_ONE("--log_level", "LEVEL", "as --log-level"),
    VOX_ONE("--ssl_keyfile", "FILE", "as --tls-key"),
    VOX_ONE("--ssl_certfile", "FILE", "as --tls-certificate"),
    VOX_ONE("--ssl_keyfile_password", "TEXT", "as --tls-key-password"),
    VOX_ONE("--ssl_ca_certs", "FILE", "as --tls-ca"),
    VOX_ONE("--limit_concurrency", "N", "as --max-connections"),
    VOX_ONE("--workers", "N", "no effect: one process serves all"),
    VOX_FLAG("--access_log", "no effect: the log has a line for each request"),
    VOX_ONE("--root_path", "PATH", "no effect: a proxy may add any path"),
    VOX_FLAG("--dryrun", "print all settings and do nothing"),
    VOX_SETTINGS(VOX_SETTING_OPTION)
        VOX_ONE("--config", "FILE", "settings as YAML, as for 'voxlabel serve'"),
};

const struct vox_command vox_start_server_command = {
    .name = "start_server",
    .summary = "serve, with the arguments of 'monailabel start_server'",
    .usage = "",
    .text =
        "Takes the arguments of 'monailabel start_server' and does what 'voxlabel serve' does. "
        "--app is ignored, an option that cannot be honoured is refused by name. The short "
        "forms -a, -s, -i, -p, -v and -c are taken too.\n\n"
        "Unlike there the default address is 127.0.0.1, and one that other machines reach needs "
        "--insecure. Variables and files are read as by 'voxlabel serve'.",
    .options = options,
    .n_options = (int)(sizeof(options) / sizeof(options[0])),
    .examples =
        "  voxlabel start_server --app apps/radiology --studies ~/studies --conf models all\n",
    .run = vox_app_start_server,
};

/* ---- their spelling ---- */

static const char *long_form(const char *argument)
{
    static const char *const pairs[][2] = {
        {"-a", "--app"},  {"-s", "--studies"}, {"-i", "--host"},
        {"-p", "--port"}, {"-v", "--verbose"}, {"-c", "--conf"},
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        if (strcmp(argument, pairs[i][0]) == 0) {
            return pairs[i][1];
        }
    }
    return argument;
}

/* The arguments with the long forms of options, and the two words behind --conf as one with a
 * newline between them. */
struct spelled {
    int n;
    char **argv;  /* n + 1 of them */
    char **words; /* those that were made, to be freed; as many as argv */
};

static void free_spelled(struct spelled *spelled, int argc)
{
    for (int i = 0; spelled->words != NULL && i < argc; i++) {
        vox_free(spelled->words[i]);
    }
    vox_free(spelled->words);
    vox_free(spelled->argv);
}

static char *pair(const char *key, const char *value)
{
    size_t size = strlen(key) + strlen(value) + 2;
    char *text = vox_alloc(size);
    if (text != NULL) {
        snprintf(text, size, "%s\n%s", key, value);
    }
    return text;
}

static int spell(int argc, char **argv, struct spelled *out)
{
    *out = (struct spelled){.argv = vox_calloc((size_t)argc + 1, sizeof(char *)),
                            .words = vox_calloc((size_t)argc + 1, sizeof(char *))};
    if (out->argv == NULL || out->words == NULL) {
        return vox_say_no_memory();
    }
    for (int i = 0; i < argc; i++) {
        const char *text = i == 0 ? argv[0] : long_form(argv[i]);
        char *copy = vox_strdup(text);
        if (copy == NULL) {
            return vox_say_no_memory();
        }
        out->words[out->n] = copy;
        out->argv[out->n++] = copy;
        if (i == 0 || strcmp(text, "--conf") != 0) {
            continue;
        }
        if (i + 2 >= argc) {
            return vox_say_usage(command, "--conf needs a key and a value");
        }
        copy = pair(argv[i + 1], argv[i + 2]);
        if (copy == NULL) {
            return vox_say_no_memory();
        }
        out->words[out->n] = copy;
        out->argv[out->n++] = copy;
        i += 2;
    }
    return 0;
}

/* ---- what it comes to ---- */

enum { GIVEN_MAX = 512, KEY_BYTES = 256 };

struct given {
    struct vox_setting_given at[GIVEN_MAX];
    int n;
    char keys[GIVEN_MAX][KEY_BYTES]; /* of --conf */
};

/* uvicorn's words for what the log has other names for. */
static const char *level_of(const char *text)
{
    return strcasecmp(text, "critical") == 0 ? "error"
           : strcasecmp(text, "trace") == 0  ? "debug"
                                             : text;
}

static void take_their_options(const struct vox_arguments *arguments, struct given *given)
{
    static const char *const pairs[][2] = {
        {"--verbose", "--log-level"},
        {"--log_level", "--log-level"},
        {"--ssl_keyfile", "--tls-key"},
        {"--ssl_certfile", "--tls-certificate"},
        {"--ssl_keyfile_password", "--tls-key-password"},
        {"--ssl_ca_certs", "--tls-ca"},
        {"--limit_concurrency", "--max-connections"},
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        const char *text = vox_argument(arguments, pairs[i][0], 0);
        if (text != NULL) {
            given->at[given->n++] = (struct vox_setting_given){
                pairs[i][1], strcmp(pairs[i][1], "--log-level") == 0 ? level_of(text) : text,
                pairs[i][0]};
        }
    }
}

static int take_conf(const struct vox_arguments *arguments, struct given *given)
{
    const char *text;
    for (int i = 0; (text = vox_argument(arguments, "--conf", i)) != NULL; i++) {
        const char *newline = strchr(text, '\n');
        size_t length = newline != NULL ? (size_t)(newline - text) : 0;
        if (length == 0 || length >= KEY_BYTES) {
            return vox_say_usage(command, "--conf needs a key and a value");
        }
        if (given->n == GIVEN_MAX) {
            return vox_say_usage(command, "--conf is given too often");
        }
        char *key = given->keys[given->n];
        memcpy(key, text, length);
        key[length] = '\0';
        given->at[given->n++] = (struct vox_setting_given){NULL, newline + 1, key};
    }
    return 0;
}

static void say_idle(const struct vox_arguments *arguments)
{
    static const char *const idle[][2] = {
        {"--app", "the app is the program itself"},
        {"--workers", "one process serves all"},
        {"--access_log", "the log has a line for each request"},
        {"--root_path", "a proxy may add any path"},
    };
    for (size_t i = 0; i < sizeof(idle) / sizeof(idle[0]); i++) {
        if (vox_argument_given(arguments, idle[i][0])) {
            vox_say("%s has no effect: %s", idle[i][0], idle[i][1]);
        }
    }
}

static int run(const struct vox_arguments *arguments, struct given *given)
{
    struct vox_settings *settings;
    if (vox_positional_count(arguments) > 0) {
        return vox_say_usage(command, "there is no option %s", vox_positional(arguments, 0));
    }
    say_idle(arguments);
    take_their_options(arguments, given);
    int status = take_conf(arguments, given);
    if (status != 0) {
        return status;
    }
    const struct vox_settings_input input = {
        .arguments = arguments, .given = given->at, .n_given = given->n};
    status = vox_settings_open(&input, &settings);
    if (status != 0) {
        return status;
    }
    if (vox_argument_given(arguments, "--dryrun")) {
        status = vox_settings_print(settings);
        vox_settings_free(settings);
        return status;
    }
    return vox_serve_run(&input, settings);
}

int vox_app_start_server(int argc, char **argv)
{
    struct spelled spelled;
    struct vox_arguments *arguments = NULL;
    int status = spell(argc, argv, &spelled);
    if (status == 0) {
        status = vox_arguments_open(&vox_start_server_command, spelled.n, spelled.argv, &arguments);
    }
    if (status == 0 && arguments != NULL) {
        struct given *given = vox_calloc(1, sizeof(*given));
        status = given == NULL ? vox_say_no_memory() : run(arguments, given);
        vox_free(given);
    }
    vox_arguments_free(arguments);
    free_spelled(&spelled, argc);
    return status;
}
