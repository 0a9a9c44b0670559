#include "store/info_text.h"

#include <stdbool.h>
#include <string.h>

#include "util/json_writer.h"
#include "util/memory.h"

static enum vox_code parse(const char *text, const struct vox_json_limits *limits,
                           struct vox_json **out, struct vox_err *err)
{
    struct vox_json *json;
    enum vox_code code = vox_json_parse(text, strlen(text), limits, &json, err);
    if (code != VOX_OK) {
        return code;
    }
    if (vox_json_kind(json) != VOX_JSON_OBJECT) {
        vox_json_free(json);
        return vox_fail(err, VOX_E_FORMAT, "info is not a JSON object");
    }
    *out = json;
    return VOX_OK;
}

enum vox_code vox_info_parse(const char *text, struct vox_json **out, struct vox_err *err)
{
    /* What the whole file may hold, so that nothing of it is refused here. */
    static const struct vox_json_limits limits = {(size_t)512 << 20, 80, (size_t)64 << 20};
    return parse(text, &limits, out, err);
}

enum vox_code vox_info_check(const char *text, struct vox_err *err)
{
    /* With what lies around it the file stays within its own limits. */
    static const struct vox_json_limits limits = {4 << 20, 48, 1 << 18};
    struct vox_json *json;
    if (text == NULL) {
        return VOX_OK;
    }
    enum vox_code code = parse(text, &limits, &json, err);
    if (code == VOX_OK) {
        vox_json_free(json);
    }
    return code == VOX_E_FORMAT ? vox_err_prefix(err, VOX_E_ARG, "info or params") : code;
}

static enum vox_code put_value(struct vox_json_writer *writer, const char *key,
                               const struct vox_json *value, struct vox_err *err)
{
    char *text;
    enum vox_code code = vox_json_format(value, &text, err);
    if (code == VOX_OK) {
        vox_json_put_raw(writer, key, text);
        vox_free(text);
    }
    return code;
}

/* What was written, without white space. Frees the writer. */
static enum vox_code finish(struct vox_json_writer *writer, enum vox_code code, char **out,
                            struct vox_err *err)
{
    const char *text;
    size_t size;
    struct vox_json *json = NULL;
    char *compact = NULL;
    if (code == VOX_OK) {
        vox_json_end(writer);
        code = vox_json_writer_text(writer, &text, &size, err);
    }
    if (code == VOX_OK) {
        code = vox_info_parse(text, &json, err);
    }
    if (code == VOX_OK) {
        code = vox_json_format(json, &compact, err);
    }
    if (json != NULL) {
        vox_json_free(json);
    }
    vox_json_writer_free(writer);
    if (code == VOX_OK) {
        *out = compact;
    }
    return code;
}

static struct vox_json_writer *begin(void)
{
    struct vox_json_writer *writer = vox_json_writer_new();
    if (writer != NULL) {
        vox_json_begin_object(writer, NULL);
    }
    return writer;
}

static bool is_among(const char *key, const char *const *known)
{
    while (*known != NULL && strcmp(key, *known) != 0) {
        known++;
    }
    return *known != NULL;
}

enum vox_code vox_info_others(const struct vox_json *json, const char *const *known, char **out,
                              struct vox_err *err)
{
    void *cursor = NULL;
    const char *key;
    const struct vox_json *value;
    struct vox_json_writer *writer = NULL;
    enum vox_code code = VOX_OK;
    while (code == VOX_OK && json != NULL && vox_json_next(json, &cursor, &key, &value)) {
        if (is_among(key, known)) {
            continue;
        }
        writer = writer == NULL ? begin() : writer;
        code = writer == NULL ? vox_fail(err, VOX_E_NOMEM, "out of memory")
                              : put_value(writer, key, value, err);
    }
    if (writer != NULL) {
        return finish(writer, code, out, err);
    }
    char *empty = code == VOX_OK ? vox_strdup("{}") : NULL;
    if (empty == NULL) {
        return code != VOX_OK ? code : vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    *out = empty;
    return VOX_OK;
}

/* --- merging --- */

struct merge {
    const struct vox_json *base, *patch;
    const struct vox_info_member *members;
    size_t n;
    struct vox_json_writer *writer;
};

static const struct vox_info_member *find_member(const struct merge *m, const char *key)
{
    for (size_t i = 0; i < m->n; i++) {
        if (strcmp(m->members[i].key, key) == 0) {
            return &m->members[i];
        }
    }
    return NULL;
}

static void put_member(struct vox_json_writer *writer, const struct vox_info_member *member)
{
    if (member->text != NULL) {
        vox_json_put_text(writer, member->key, member->text);
    } else if (member->raw != NULL) {
        vox_json_put_raw(writer, member->key, member->raw);
    } else {
        vox_json_put_int(writer, member->key, member->integer);
    }
}

static enum vox_code put_key(const struct merge *m, const char *key, const struct vox_json *value,
                             struct vox_err *err)
{
    const struct vox_info_member *member = find_member(m, key);
    if (member != NULL) {
        put_member(m->writer, member);
        return VOX_OK;
    }
    const struct vox_json *patched = vox_json_get(m->patch, key);
    return put_value(m->writer, key, patched != NULL ? patched : value, err);
}

static enum vox_code put_merged(const struct merge *m, struct vox_err *err)
{
    void *cursor = NULL;
    const char *key;
    const struct vox_json *value;
    enum vox_code code = VOX_OK;
    while (code == VOX_OK && vox_json_next(m->base, &cursor, &key, &value)) {
        code = put_key(m, key, value, err);
    }
    cursor = NULL;
    while (code == VOX_OK && m->patch != NULL && vox_json_next(m->patch, &cursor, &key, &value)) {
        if (vox_json_get(m->base, key) == NULL) {
            code = put_key(m, key, value, err);
        }
    }
    for (size_t i = 0; code == VOX_OK && i < m->n; i++) {
        key = m->members[i].key;
        if (vox_json_get(m->base, key) == NULL && vox_json_get(m->patch, key) == NULL) {
            put_member(m->writer, &m->members[i]);
        }
    }
    return code;
}

enum vox_code vox_info_merge(const char *info, const char *patch,
                             const struct vox_info_member *members, size_t n, char **out,
                             struct vox_err *err)
{
    struct vox_json *base, *more = NULL;
    enum vox_code code = vox_info_parse(info, &base, err);
    if (code != VOX_OK) {
        return code;
    }
    if (patch != NULL) {
        code = vox_info_parse(patch, &more, err);
    }
    if (code == VOX_OK) {
        struct merge m = {base, more, members, n, begin()};
        code = m.writer == NULL ? vox_fail(err, VOX_E_NOMEM, "out of memory")
                                : finish(m.writer, put_merged(&m, err), out, err);
    }
    vox_json_free(base);
    if (more != NULL) {
        vox_json_free(more);
    }
    return code;
}

/* --- strategies --- */

static void put_served(struct vox_json_writer *writer, const char *strategy, int64_t ts,
                       const char *client)
{
    vox_json_begin_object(writer, strategy);
    vox_json_put_int(writer, "ts", ts);
    vox_json_put_text(writer, "client_id", client);
    vox_json_end(writer);
}

/* The object info.strategy with the new member. */
static enum vox_code served_text(const struct vox_json *old, const char *strategy,
                                 const char *numbered, int64_t ts, const char *client, char **out,
                                 struct vox_err *err)
{
    void *cursor = NULL;
    const char *key;
    const struct vox_json *value;
    size_t prefix = numbered == NULL ? 0 : strlen(numbered);
    struct vox_json_writer *writer = begin();
    if (writer == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    enum vox_code code = VOX_OK;
    while (code == VOX_OK && old != NULL && vox_json_next(old, &cursor, &key, &value)) {
        if (strcmp(key, strategy) != 0 && (prefix == 0 || strncmp(key, numbered, prefix) != 0)) {
            code = put_value(writer, key, value, err);
        }
    }
    put_served(writer, strategy, ts, client);
    return finish(writer, code, out, err);
}

enum vox_code vox_info_note_strategy(const char *info, const char *strategy, const char *numbered,
                                     int64_t ts, const char *client, char **out,
                                     struct vox_err *err)
{
    struct vox_json *json;
    enum vox_code code = vox_info_parse(info, &json, err);
    if (code != VOX_OK) {
        return code;
    }
    const struct vox_json *old = vox_json_get(json, "strategy");
    if (old != NULL && vox_json_kind(old) != VOX_JSON_OBJECT) {
        old = NULL;
    }
    char *served = NULL;
    code = served_text(old, strategy, numbered, ts, client, &served, err);
    vox_json_free(json);
    if (code == VOX_OK) {
        const struct vox_info_member member = {.key = "strategy", .raw = served};
        code = vox_info_merge(info, NULL, &member, 1, out, err);
    }
    vox_free(served);
    return code;
}

int64_t vox_info_served(const char *info, const char *strategy)
{
    struct vox_json *json;
    int64_t ts = 0;
    /* Most infos have none; those need not be taken apart. */
    if (strstr(info, "\"strategy\"") == NULL || vox_info_parse(info, &json, NULL) != VOX_OK) {
        return 0;
    }
    const struct vox_json *served = vox_json_get(vox_json_get(json, "strategy"), strategy);
    if (!vox_json_int(vox_json_get(served, "ts"), &ts)) {
        ts = 0;
    }
    vox_json_free(json);
    return ts;
}
