/* What a MONAI Label server reads of its environment and what becomes of it here. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "app/arguments.h"
#include "app/environment.h"
#include "app/message.h"
#include "app/settings_parts.h"
#include "util/json.h"
#include "util/memory.h"

enum their_kind {
    KIND_TAKEN,   /* as the setting `flag` */
    KIND_CONF,    /* pairs as those of --conf */
    KIND_REFUSED, /* unless it is empty or `standard`: the start stops */
    KIND_IDLE     /* has no effect here, which is said */
};

struct their_variable {
    const char *name; /* "MONAI_LABEL_STUDIES" */
    enum their_kind kind;
    const char *flag;     /* "--studies"; NULL unless taken */
    const char *standard; /* the value that MONAI Label has without it */
    const char *reason;   /* half a sentence; where it is refused or idle */
};

#define TAKEN(name, flag)                                                                          \
    {                                                                                              \
        "MONAI_LABEL_" name, KIND_TAKEN, flag, "", NULL                                            \
    }
#define REFUSED(name, standard, reason)                                                            \
    {                                                                                              \
        name, KIND_REFUSED, NULL, standard, reason                                                 \
    }
#define IDLE(name, reason)                                                                         \
    {                                                                                              \
        name, KIND_IDLE, NULL, "", reason                                                          \
    }

static const char no_keys[] = "the server knows no users yet";
static const char no_remote[] = "studies are kept in a folder of this machine";
static const char no_dicom[] = "the server does not speak DICOMweb yet";
static const char no_training[] = "nothing is trained here";
static const char file_ext[] = "[\"*.nii.gz\",\"*.nii\",\"*.nrrd\",\"*.jpg\",\"*.png\",\"*.tif\","
                               "\"*.svs\",\"*.xml\"]";

/* Of several with one setting the first that is set counts. */
static const struct their_variable variables[] = {
    TAKEN("DATASTORE", "--studies"),
    TAKEN("STUDIES", "--studies"),
    TAKEN("SERVER_PORT", "--port"),
    TAKEN("API_STR", "--api-prefix"),
    TAKEN("PROJECT_NAME", "--app-name"),
    TAKEN("CORS_ORIGINS", "--cors-origins"),
    TAKEN("TASKS_STRATEGY", "--strategies"),
    TAKEN("TASKS_BATCH_INFER", "--batch"),
    TAKEN("DATASTORE_AUTO_RELOAD", "--watch"),
    TAKEN("DATASTORE_READ_ONLY", "--read-only"),
    TAKEN("SESSIONS", "--sessions"),
    TAKEN("SESSION_PATH", "--session-dir"),
    TAKEN("SESSION_EXPIRY", "--session-expiry"),
    TAKEN("INFER_TIMEOUT", "--infer-timeout"),
    TAKEN("INFER_CONCURRENCY", "--clicks-running"),
    REFUSED("MONAI_LABEL_AUTH_ENABLE", "false", no_keys),
    REFUSED("MONAI_LABEL_AUTH_REALM_URI", "http://localhost:8080/realms/monailabel", no_keys),
    REFUSED("MONAI_LABEL_DATASTORE_URL", "", no_remote),
    REFUSED("MONAI_LABEL_DATASTORE_USERNAME", "", no_remote),
    REFUSED("MONAI_LABEL_DATASTORE_PASSWORD", "", no_remote),
    REFUSED("MONAI_LABEL_DATASTORE_API_KEY", "", no_remote),
    REFUSED("MONAI_LABEL_DATASTORE_PROJECT", "", no_remote),
    REFUSED("MONAI_LABEL_DATASTORE_ASSET_PATH", "", no_remote),
    REFUSED("MONAI_LABEL_DATASTORE_DSA_ANNOTATION_GROUPS", "", no_remote),
    REFUSED("MONAI_LABEL_DATASTORE_FILE_EXT", file_ext,
            "images are the files that can be decoded: .nii.gz, .nii, .nrrd, .mha"),
    REFUSED("MONAI_LABEL_DICOMWEB_USERNAME", "", no_dicom),
    REFUSED("MONAI_LABEL_DICOMWEB_PASSWORD", "", no_dicom),
    REFUSED("MONAI_LABEL_QIDO_PREFIX", "null", no_dicom),
    REFUSED("MONAI_LABEL_WADO_PREFIX", "null", no_dicom),
    REFUSED("MONAI_LABEL_STOW_PREFIX", "null", no_dicom),
    REFUSED("MONAI_LABEL_TRACKING_URI", "", no_training),
    REFUSED("MONAI_SAM_MODEL_PT", "", "name the checkpoint with --model or VOXLABEL_MODEL"),
    REFUSED("MONAI_SAM_MODEL_CFG", "",
            "name the YAML with --model-config or VOXLABEL_MODEL_CONFIG"),
    {"MONAI_LABEL_APP_CONF", KIND_CONF, NULL, "", NULL},
    IDLE("MONAI_LABEL_APP_DIR", "the app is the program itself"),
    IDLE("MONAI_LABEL_AUTH_TIMEOUT", no_keys),
    IDLE("MONAI_LABEL_AUTH_TOKEN_USERNAME", no_keys),
    IDLE("MONAI_LABEL_AUTH_TOKEN_EMAIL", no_keys),
    IDLE("MONAI_LABEL_AUTH_TOKEN_NAME", no_keys),
    IDLE("MONAI_LABEL_AUTH_TOKEN_ROLES", no_keys),
    IDLE("MONAI_LABEL_AUTH_CLIENT_ID", no_keys),
    IDLE("MONAI_LABEL_AUTH_ROLE_ADMIN", no_keys),
    IDLE("MONAI_LABEL_AUTH_ROLE_REVIEWER", no_keys),
    IDLE("MONAI_LABEL_AUTH_ROLE_ANNOTATOR", no_keys),
    IDLE("MONAI_LABEL_AUTH_ROLE_USER", no_keys),
    IDLE("MONAI_LABEL_TASKS_TRAIN", no_training),
    IDLE("MONAI_LABEL_TASKS_SCORING", no_training),
    IDLE("MONAI_LABEL_AUTO_UPDATE_SCORING", no_training),
    IDLE("MONAI_LABEL_TRACKING_ENABLED", no_training),
    IDLE("MONAI_LABEL_DATASTORE_CACHE_PATH", no_remote),
    IDLE("MONAI_LABEL_DICOMWEB_CACHE_PATH", no_dicom),
    IDLE("MONAI_LABEL_DICOMWEB_FETCH_BY_FRAME", no_dicom),
    IDLE("MONAI_LABEL_DICOMWEB_CONVERT_TO_NIFTI", no_dicom),
    IDLE("MONAI_LABEL_DICOMWEB_SEARCH_FILTER", no_dicom),
    IDLE("MONAI_LABEL_DICOMWEB_CACHE_EXPIRY", no_dicom),
    IDLE("MONAI_LABEL_DICOMWEB_PROXY_TIMEOUT", no_dicom),
    IDLE("MONAI_LABEL_DICOMWEB_READ_TIMEOUT", no_dicom),
    IDLE("MONAI_LABEL_USE_ITK_FOR_DICOM_SEG", no_dicom),
    IDLE("MONAI_ZOO_SOURCE", "models are named with --model"),
    IDLE("MONAI_ZOO_REPO", "models are named with --model"),
    IDLE("MONAI_ZOO_AUTH_TOKEN", "models are named with --model"),
};

enum {
    VARIABLES = (int)(sizeof(variables) / sizeof(variables[0])),
    TEXT_BYTES = 8192,
    SHORTEST_EXPIRY = 60,
    USUAL_EXPIRY = 3600
};

/* ---- values that are written otherwise ---- */

static int say_wrong(const struct their_variable *variable, const char *value, const char *what)
{
    vox_say("%s: '%s' %s", variable->name, value, what);
    return VOX_EXIT_USAGE;
}

static int parse(const char *name, const char *text, struct vox_json **out)
{
    static const struct vox_json_limits limits = {65536, 8, 4096};
    struct vox_err err = {0};
    return vox_json_parse(text, strlen(text), &limits, out, &err) == VOX_OK
               ? 0
               : vox_say_wrong(name, &err);
}

/* ["a", "b"] as a,b */
static int convert_list(const struct their_variable *variable, const char *value,
                        char text[TEXT_BYTES])
{
    struct vox_json *json;
    size_t used = 0;
    int status = parse(variable->name, value, &json);
    if (status != 0) {
        return status;
    }
    bool good = vox_json_kind(json) == VOX_JSON_ARRAY;
    text[0] = '\0';
    for (size_t i = 0; good && i < vox_json_count(json); i++) {
        const char *item = vox_json_text(vox_json_at(json, i));
        int n = item == NULL
                    ? -1
                    : snprintf(text + used, TEXT_BYTES - used, "%s%s", i > 0 ? "," : "", item);
        good = n >= 0 && (size_t)n < TEXT_BYTES - used;
        used += good ? (size_t)n : 0;
    }
    vox_json_free(json);
    return good ? 0 : say_wrong(variable, value, "is no JSON list of texts");
}

static int convert_studies(const struct their_variable *variable, const char *value)
{
    static const char *const kinds[] = {"xnat", "dsa", "dicomweb"};
    for (int i = 0; i < 3; i++) {
        if (strcasecmp(value, kinds[i]) == 0) {
            return say_wrong(variable, value,
                             "is a kind of archive that this server cannot use; it keeps studies "
                             "in a folder");
        }
    }
    return 0;
}

/* The text that the setting takes: `value` itself, or one in `room`. */
static int convert(const struct their_variable *variable, const char *value, char room[TEXT_BYTES],
                   const char **out)
{
    const char *at = value;
    int64_t number;
    bool on;
    *out = value;
    if (strcmp(variable->flag, "--studies") == 0) {
        return convert_studies(variable, value);
    }
    if (strcmp(variable->flag, "--cors-origins") == 0) {
        *out = room;
        return convert_list(variable, value, room);
    }
    if (strcmp(variable->flag, "--watch") == 0) {
        if (!vox_read_bool(value, &on)) {
            return say_wrong(variable, value, "is neither true nor false");
        }
        *out = on ? "auto" : "off";
    } else if (strcmp(variable->flag, "--session-expiry") == 0) {
        /* As MONAI Label does: a life of a minute at most counts as none given. */
        if (vox_read_int(&at, &number) && *at == '\0' && number <= SHORTEST_EXPIRY) {
            snprintf(room, TEXT_BYTES, "%d", USUAL_EXPIRY);
            *out = room;
        }
    } else if (strcmp(variable->flag, "--clicks-running") == 0) {
        if (vox_read_int(&at, &number) && *at == '\0' && number < 1) {
            *out = NULL; /* one after the other, as they come: the default does more */
        }
    }
    return 0;
}

/* ---- all of them ---- */

/* Whether two texts are the same but for blanks and case. */
static bool is_same(const char *a, const char *b)
{
    for (;;) {
        a += strspn(a, " ");
        b += strspn(b, " ");
        if (strncasecmp(a, b, 1) != 0) {
            return false;
        }
        if (*a == '\0') {
            return true;
        }
        a++;
        b++;
    }
}

static int take_conf_object(struct vox_setting_text *texts, const char *name, const char *value)
{
    struct vox_json *json;
    void *cursor = NULL;
    const char *key;
    const struct vox_json *member;
    int status = parse(name, value, &json);
    if (status != 0) {
        return status;
    }
    if (vox_json_kind(json) != VOX_JSON_OBJECT) {
        vox_say("%s: a JSON object is needed here", name);
        status = VOX_EXIT_USAGE;
    }
    while (status == 0 && vox_json_next(json, &cursor, &key, &member)) {
        struct vox_err err = {0};
        const char *text = vox_json_text(member);
        char *other = NULL;
        if (text == NULL && vox_json_format(member, &other, &err) != VOX_OK) {
            status = vox_say_error(name, &err);
            break;
        }
        status = vox_settings_take_conf(texts, key, text != NULL ? text : other, name);
        vox_free(other);
    }
    vox_json_free(json);
    return status;
}

static int take_one(struct vox_setting_text *texts, const struct their_variable *variable,
                    const char *value)
{
    char room[TEXT_BYTES];
    const char *text;
    if (variable->kind == KIND_REFUSED) {
        if (is_same(value, variable->standard)) {
            return 0;
        }
        vox_say("%s cannot be honoured: %s; take it away to start", variable->name,
                variable->reason);
        return VOX_EXIT_USAGE;
    }
    if (variable->kind == KIND_CONF) {
        return take_conf_object(texts, variable->name, value);
    }
    if (variable->kind == KIND_IDLE) {
        vox_say("%s has no effect: %s", variable->name, variable->reason);
        return 0;
    }
    int status = convert(variable, value, room, &text);
    if (status != 0 || text == NULL) {
        return status;
    }
    return vox_settings_take(texts, vox_setting_find(variable->flag), text, variable->name);
}

static bool is_known(const char *name, size_t length)
{
    for (int i = 0; i < VARIABLES; i++) {
        if (strncmp(variables[i].name, name, length) == 0 && variables[i].name[length] == '\0') {
            return true;
        }
    }
    return false;
}

int vox_settings_take_theirs(struct vox_setting_text *texts)
{
    for (int i = 0; i < VARIABLES; i++) {
        const char *value = vox_environment(variables[i].name);
        int status = value == NULL ? 0 : take_one(texts, &variables[i], value);
        if (status != 0) {
            return status;
        }
    }
    for (char **at = environ; *at != NULL; at++) {
        size_t length = strcspn(*at, "=");
        if (strncmp(*at, "MONAI_LABEL_", 12) == 0 && !is_known(*at, length)) {
            vox_say("%.*s has no effect: the server does not know it", (int)length, *at);
        }
    }
    return 0;
}
