/* GET /openapi.json, and GET /docs: the same as a page that is complete in itself. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "server/http.h"
#include "server/openapi.h"
#include "server/text_builder.h"
#include "util/json.h"
#include "util/json_writer.h"
#include "util/memory.h"

static const char policy[] = "default-src 'none'; style-src 'unsafe-inline'";

/* false: answered. The caller frees *out. */
static bool parse(struct vox_exchange *x, struct vox_json **out)
{
    const struct vox_json_limits limits = {vox_openapi_size, 64, 100000};
    struct vox_err err = {0};
    if (vox_json_parse(vox_openapi_text, vox_openapi_size, &limits, out, &err) != VOX_OK) {
        vox_exchange_fail_err(x, &err);
        return false;
    }
    return true;
}

/* The addresses are below a prefix: all members but `servers` as they are. */
static void answer_prefixed(struct vox_exchange *x, const struct vox_json *json, const char *prefix)
{
    struct vox_json_writer *out = vox_json_writer_new();
    const struct vox_json *value = NULL;
    const char *key = NULL;
    void *cursor = NULL;
    bool whole = out != NULL;
    if (out != NULL) {
        vox_json_begin_object(out, NULL);
    }
    while (whole && vox_json_next(json, &cursor, &key, &value)) {
        char *text = NULL;
        if (strcmp(key, "servers") == 0) {
            vox_json_begin_array(out, key);
            vox_json_begin_object(out, NULL);
            vox_json_put_text(out, "url", prefix);
            vox_json_end(out);
            vox_json_end(out);
        } else if (vox_json_format(value, &text, NULL) == VOX_OK) {
            vox_json_put_raw(out, key, text);
        } else {
            whole = false;
        }
        vox_free(text);
    }
    if (out != NULL) {
        vox_json_end(out);
    }
    vox_answer_writer(x, 200, whole ? out : NULL);
    vox_json_writer_free(out);
}

static void get_openapi(struct vox_exchange *x, struct vox_app *app)
{
    const char *prefix = vox_http_prefix(vox_exchange_server(x));
    struct vox_json *json = NULL;
    (void)app;
    if (*prefix == '\0') {
        vox_answer_static(x, 200, "application/json", vox_openapi_text, vox_openapi_size);
    } else if (parse(x, &json)) {
        answer_prefixed(x, json, prefix);
    }
    vox_json_free(json);
}

/* ---- the page ---- */

static void put_member(struct vox_text *page, const struct vox_json *json, const char *key)
{
    const char *text = vox_json_text(vox_json_get(json, key));
    vox_text_html(page, text != NULL ? text : "");
}

/* "string", "integer", "string: a, b" */
static void put_schema(struct vox_text *page, const struct vox_json *schema)
{
    const struct vox_json *words = vox_json_get(schema, "enum");
    put_member(page, schema, "type");
    for (size_t i = 0; i < vox_json_count(words); i++) {
        const char *word = vox_json_text(vox_json_at(words, i));
        vox_text_put(page, i == 0 ? ": " : ", ");
        vox_text_html(page, word != NULL ? word : "");
    }
}

static void put_row(struct vox_text *page, const char *name, const char *where,
                    const struct vox_json *schema, const char *what)
{
    vox_text_put(page, "<tr><td><code>");
    vox_text_html(page, name != NULL ? name : "");
    vox_text_put(page, "</code></td><td>");
    vox_text_html(page, where != NULL ? where : "");
    vox_text_put(page, "</td><td>");
    put_schema(page, schema);
    vox_text_put(page, "</td><td>");
    vox_text_html(page, what != NULL ? what : "");
    vox_text_put(page, "</td></tr>\n");
}

static void put_fields(struct vox_text *page, const struct vox_json *operation)
{
    const struct vox_json *content =
        vox_json_get(vox_json_get(operation, "requestBody"), "content");
    const struct vox_json *form =
        vox_json_get(vox_json_get(content, "multipart/form-data"), "schema");
    const struct vox_json *fields = vox_json_get(form, "properties");
    const struct vox_json *field = NULL;
    const char *name = NULL;
    void *cursor = NULL;
    while (fields != NULL && vox_json_next(fields, &cursor, &name, &field)) {
        put_row(page, name, "form", field, vox_json_text(vox_json_get(field, "description")));
    }
    if (vox_json_get(content, "application/json") != NULL) {
        put_row(page, "", "body", vox_json_get(vox_json_get(content, "application/json"), "schema"),
                "JSON");
    }
}

static void put_parameters(struct vox_text *page, const struct vox_json *operation)
{
    const struct vox_json *list = vox_json_get(operation, "parameters");
    vox_text_put(page, "<table>\n");
    for (size_t i = 0; i < vox_json_count(list); i++) {
        const struct vox_json *one = vox_json_at(list, i);
        put_row(page, vox_json_text(vox_json_get(one, "name")),
                vox_json_text(vox_json_get(one, "in")), vox_json_get(one, "schema"),
                vox_json_text(vox_json_get(one, "description")));
    }
    put_fields(page, operation);
    vox_text_put(page, "</table>\n");
}

static void put_answers(struct vox_text *page, const struct vox_json *json,
                        const struct vox_json *operation)
{
    const struct vox_json *shared = vox_json_get(vox_json_get(json, "components"), "responses");
    const struct vox_json *answer = NULL;
    const char *status = NULL;
    void *cursor = NULL;
    vox_text_put(page, "<p class=\"answers\">");
    while (vox_json_next(vox_json_get(operation, "responses"), &cursor, &status, &answer)) {
        const char *reference = vox_json_text(vox_json_get(answer, "$ref"));
        const char *name = reference != NULL ? strrchr(reference, '/') : NULL;
        vox_text_format(page, "<b>%s</b> ", status);
        put_member(page, name != NULL ? vox_json_get(shared, name + 1) : answer, "description");
        vox_text_put(page, " ");
    }
    vox_text_put(page, "</p>\n");
}

static void put_operation(struct vox_text *page, const struct vox_json *json, const char *prefix,
                          const char *path, const char *method, const struct vox_json *operation)
{
    bool old = false;
    const bool is_old = vox_json_bool(vox_json_get(operation, "deprecated"), &old) && old;
    vox_text_format(page, "<details%s><summary><b>%s</b> <code>", is_old ? " class=\"old\"" : "",
                    method);
    vox_text_html(page, prefix);
    vox_text_html(page, path);
    vox_text_put(page, "</code> ");
    put_member(page, operation, "summary");
    vox_text_put(page, "</summary>\n");
    put_parameters(page, operation);
    put_answers(page, json, operation);
    vox_text_put(page, "</details>\n");
}

static bool has_tag(const struct vox_json *operation, const char *tag)
{
    const char *have = vox_json_text(vox_json_at(vox_json_get(operation, "tags"), 0));
    return have != NULL && strcmp(have, tag) == 0;
}

/* All operations with a tag, in the order of the document. */
static void put_group(struct vox_text *page, const struct vox_json *json, const char *prefix,
                      const char *tag)
{
    static const char *const methods[][2] = {
        {"get", "GET"}, {"head", "HEAD"}, {"post", "POST"}, {"put", "PUT"}, {"delete", "DELETE"}};
    const struct vox_json *item = NULL;
    const char *path = NULL;
    void *cursor = NULL;
    while (vox_json_next(vox_json_get(json, "paths"), &cursor, &path, &item)) {
        const bool outside = vox_json_get(item, "servers") != NULL;
        for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
            const struct vox_json *operation = vox_json_get(item, methods[i][0]);
            if (operation != NULL && has_tag(operation, tag)) {
                put_operation(page, json, outside ? "" : prefix, path, methods[i][1], operation);
            }
        }
    }
}

static void put_page(struct vox_text *page, const struct vox_json *json, const char *prefix)
{
    const struct vox_json *tags = vox_json_get(json, "tags");
    vox_text_put(page, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                       "<title>Voxlabel: addresses</title>\n<style>:root{color-scheme:light dark}"
                       "body{font:16px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;"
                       "padding:0 1em}summary{cursor:pointer;padding:.2em 0}details{border-bottom:"
                       "1px solid #8884}table{border-spacing:1em .2em;font-size:.9em}"
                       "td{vertical-align:top}.answers{font-size:.9em}.old summary{opacity:.6}"
                       "</style></head><body>\n<h1>Voxlabel</h1>\n<p>");
    put_member(page, vox_json_get(json, "info"), "description");
    vox_text_put(page, " <a href=\"/openapi.json\">The same for programs</a></p>\n");
    for (size_t i = 0; i < vox_json_count(tags); i++) {
        const char *tag = vox_json_text(vox_json_get(vox_json_at(tags, i), "name"));
        vox_text_put(page, "<h2>");
        put_member(page, vox_json_at(tags, i), "description");
        vox_text_put(page, "</h2>\n");
        put_group(page, json, prefix, tag != NULL ? tag : "");
    }
    vox_text_put(page, "</body></html>\n");
}

static void get_docs(struct vox_exchange *x, struct vox_app *app)
{
    struct vox_text page = {0};
    struct vox_json *json = NULL;
    (void)app;
    if (!parse(x, &json)) {
        return;
    }
    put_page(&page, json, vox_http_prefix(vox_exchange_server(x)));
    if (page.lost) {
        vox_exchange_fail(x, 503, "There is no memory for the page");
    } else {
        vox_answer_bytes(x, 200, "text/html; charset=utf-8", page.data, page.size);
        vox_answer_header(x, "Content-Security-Policy", policy);
    }
    vox_text_clear(&page);
    vox_json_free(json);
}

const struct vox_route vox_routes_docs[] = {
    {"GET", "/docs", get_docs, VOX_ROLE_OPEN, VOX_BODY_NONE, VOX_ROUTE_OUTSIDE},
    {"GET", "/openapi.json", get_openapi, VOX_ROLE_OPEN, VOX_BODY_NONE, VOX_ROUTE_OUTSIDE},
    {.pattern = NULL},
};
