#include "server/exchange.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "server/answer.h"
#include "server/exchange_parts.h"
#include "util/memory.h"
#include "util/number_text.h"

enum vox_code vox_exchange_set_target(struct vox_exchange *x, const char *target,
                                      struct vox_err *err)
{
    x->target = vox_strdup(target != NULL ? target : "/");
    if (x->target == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "there is no memory for a request");
    }
    const char *path = x->target;
    if (strncasecmp(path, "http://", 7) == 0 || strncasecmp(path, "https://", 8) == 0) {
        path = strstr(path, "://") + 3;
        path += strcspn(path, "/?#");
    }
    const size_t size = strcspn(path, "?#");
    x->path = size > 0 ? (struct vox_span){path, size} : (struct vox_span){"/", 1};
    const char *query = path[size] == '?' ? path + size + 1 : "";
    x->query_text = (struct vox_span){query, strcspn(query, "#")};
    return VOX_OK;
}

static enum vox_code decode_variable(struct vox_exchange *x, size_t i, struct vox_err *err)
{
    const struct vox_span raw = x->match.variable[i];
    enum vox_code code = vox_percent_decode(raw.text, raw.size, false, &x->param[i], err);
    if (code == VOX_OK && raw.size > 0 && memchr(raw.text, '+', raw.size) != NULL) {
        code = vox_percent_decode(raw.text, raw.size, true, &x->spaced[i], err);
    }
    return code;
}

enum vox_code vox_exchange_decode(struct vox_exchange *x, struct vox_err *err)
{
    enum vox_code code = VOX_OK;
    for (size_t i = 0; code == VOX_OK && i < x->match.variables; i++) {
        code = decode_variable(x, i, err);
    }
    if (code == VOX_OK) {
        code = vox_query_parse(x->query_text.text, x->query_text.size, x->limits->fields, &x->query,
                               err);
    }
    return code;
}

void vox_exchange_clear(struct vox_exchange *x)
{
    for (size_t i = 0; i < VOX_ROUTE_SEGMENTS; i++) {
        vox_free(x->param[i]);
        vox_free(x->spaced[i]);
    }
    while (x->json != NULL) {
        struct vox_json_node *node = x->json;
        x->json = node->next;
        vox_json_free(node->json);
        vox_free(node);
    }
    vox_pairs_clear(&x->query);
    vox_pairs_clear(&x->headers);
    vox_form_free(x->form);
    vox_answer_clear(&x->answer);
    vox_free(x->target);
}

/* ---- what handlers read ---- */

const char *vox_exchange_method(const struct vox_exchange *x)
{
    return x->method;
}

/* The place of a variable in the pattern; VOX_ROUTE_SEGMENTS if there is none of that name. */
static size_t find_variable(const struct vox_exchange *x, const char *name)
{
    const size_t size = strlen(name);
    for (size_t i = 0; i < x->match.variables; i++) {
        const struct vox_span have = vox_route_variable(x->match.route, i);
        if (have.size == size && memcmp(have.text, name, size) == 0) {
            return i;
        }
    }
    return VOX_ROUTE_SEGMENTS;
}

const char *vox_exchange_param(const struct vox_exchange *x, const char *name)
{
    const size_t i = find_variable(x, name);
    return i < VOX_ROUTE_SEGMENTS && x->param[i] != NULL ? x->param[i] : "";
}

const char *vox_exchange_param_spaced(const struct vox_exchange *x, const char *name)
{
    const size_t i = find_variable(x, name);
    return i < VOX_ROUTE_SEGMENTS ? x->spaced[i] : NULL;
}

const char *vox_exchange_query(const struct vox_exchange *x, const char *name)
{
    return vox_pairs_get(&x->query, name);
}

bool vox_exchange_query_bool(struct vox_exchange *x, const char *name, bool fallback, bool *out)
{
    static const char *const words[][2] = {{"false", "true"}, {"0", "1"}, {"off", "on"},
                                           {"f", "t"},        {"n", "y"}, {"no", "yes"}};
    const char *value = vox_exchange_query(x, name);
    if (value == NULL || *value == '\0') {
        *out = fallback;
        return true;
    }
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        for (int k = 0; k < 2; k++) {
            if (strcasecmp(value, words[i][k]) == 0) {
                *out = k == 1;
                return true;
            }
        }
    }
    vox_exchange_invalid(x, "query", name, "bool_parsing", value,
                         "Input should be a valid boolean, unable to interpret input");
    return false;
}

bool vox_exchange_query_int(struct vox_exchange *x, const char *name, int64_t fallback,
                            int64_t least, int64_t most, int64_t *out)
{
    const char *value = vox_exchange_query(x, name);
    int64_t number = 0;
    if (value == NULL || *value == '\0') {
        *out = fallback;
        return true;
    }
    if (!vox_text_to_int(value, strlen(value), &number)) {
        vox_exchange_invalid(
            x, "query", name, "int_parsing", value,
            "Input should be a valid integer, unable to parse string as an integer");
        return false;
    }
    if (number < least || number > most) {
        vox_exchange_invalid(x, "query", name, "out_of_range", value,
                             "Input should be from %" PRId64 " to %" PRId64, least, most);
        return false;
    }
    *out = number;
    return true;
}

bool vox_exchange_query_needed(struct vox_exchange *x, const char *name, const char **out)
{
    const char *value = vox_exchange_query(x, name);
    if (value == NULL) {
        vox_exchange_missing(x, "query", name);
        return false;
    }
    *out = value;
    return true;
}

const char *vox_exchange_header(const struct vox_exchange *x, const char *name)
{
    return vox_connection_header(x->connection, name);
}

const char *vox_exchange_peer(const struct vox_exchange *x)
{
    return x->peer;
}

const struct vox_http_limits *vox_exchange_limits(const struct vox_exchange *x)
{
    return x->limits;
}

struct vox_http *vox_exchange_server(const struct vox_exchange *x)
{
    return x->http;
}

const char *vox_exchange_spool(const struct vox_exchange *x)
{
    return vox_spool_path(x->spool);
}

/* ---- bodies ---- */

const char *vox_exchange_body(const struct vox_exchange *x, size_t *size)
{
    *size = 0;
    return x->form != NULL ? vox_form_bytes(x->form, size) : "";
}

/* Parses an object and keeps it. false: answered. */
static bool parse(struct vox_exchange *x, const char *where, const char *name, const char *text,
                  size_t size, const struct vox_json **out)
{
    const struct vox_json_limits limits = {(size_t)x->limits->text, (size_t)x->limits->json_depth,
                                           (size_t)x->limits->json_values};
    struct vox_err err = {0};
    struct vox_json *json = NULL;
    struct vox_json_node *node = NULL;
    const enum vox_code code = vox_json_parse(text, size, &limits, &json, &err);
    if (code == VOX_E_FORMAT) {
        vox_exchange_invalid(x, where, name, "json_invalid", NULL, "%s", err.msg);
        return false;
    }
    if (code != VOX_OK) {
        vox_exchange_fail_err(x, &err);
        return false;
    }
    if (vox_json_kind(json) == VOX_JSON_NULL) {
        vox_json_free(json);
        *out = NULL;
        return true;
    }
    if (vox_json_kind(json) != VOX_JSON_OBJECT) {
        vox_json_free(json);
        vox_exchange_invalid(x, where, name, "dict_type", NULL,
                             "Input should be a valid dictionary");
        return false;
    }
    node = vox_calloc(1, sizeof(*node));
    if (node == NULL) {
        vox_json_free(json);
        vox_exchange_fail(x, 503, "there is no memory for the request");
        return false;
    }
    *node = (struct vox_json_node){json, x->json};
    x->json = node;
    *out = json;
    return true;
}

bool vox_exchange_json(struct vox_exchange *x, const struct vox_json **out)
{
    size_t size = 0;
    const char *text = vox_exchange_body(x, &size);
    *out = NULL;
    return size == 0 || parse(x, "body", NULL, text, size, out);
}

const char *vox_exchange_field(const struct vox_exchange *x, const char *name)
{
    return x->form != NULL ? vox_pairs_get(vox_form_fields(x->form), name) : NULL;
}

bool vox_exchange_field_json(struct vox_exchange *x, const char *name, const struct vox_json **out)
{
    const char *text = vox_exchange_field(x, name);
    *out = NULL;
    return text == NULL || *text == '\0' || parse(x, "body", name, text, strlen(text), out);
}

const struct vox_upload *vox_exchange_upload(const struct vox_exchange *x, const char *name,
                                             size_t i)
{
    return x->form != NULL ? vox_form_upload(x->form, name, i) : NULL;
}

void vox_exchange_take_upload(struct vox_exchange *x, const struct vox_upload *upload)
{
    vox_form_take(x->form, upload);
}

/* ---- later ---- */

void vox_exchange_suspend(struct vox_exchange *x, void (*gone)(void *context), void *context)
{
    VOX_ASSERT(x->parked != NULL && !*x->parked);
    *x->parked = true;
    x->parked = NULL;
    vox_connection_suspend(x);
    if (gone != NULL) {
        const struct vox_link_watch watch = {gone, NULL, context};
        vox_link_watch(x->link, &watch);
    }
}

void vox_exchange_resume(struct vox_exchange *x)
{
    vox_link_unwatch(x->link);
    vox_connection_resume(x);
}
