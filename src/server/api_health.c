/* What operators look at: whether the server lives, whether it takes work, and its first page. */
#include <stddef.h>

#include "server/app_instance.h"
#include "server/http.h"
#include "server/text_builder.h"

/* Any page of the server: nothing in it is fetched from elsewhere or runs. */
static const char policy[] = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'";

static const char icon[] = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 16 16\">"
                           "<rect width=\"16\" height=\"16\" rx=\"3\" fill=\"#23395d\"/>"
                           "<path d=\"M3 4h3l2 6 2-6h3l-4 9H7z\" fill=\"#fff\"/></svg>";

static void get_icon(struct vox_exchange *x, struct vox_app *app)
{
    (void)app;
    vox_answer_static(x, 200, "image/svg+xml", icon, sizeof(icon) - 1);
    vox_answer_header(x, "Cache-Control", "max-age=86400");
}

static void put_link(struct vox_text *page, const char *prefix, const char *path, const char *what)
{
    vox_text_put(page, "<li><a href=\"");
    vox_text_html(page, prefix);
    vox_text_put(page, path);
    vox_text_put(page, "\"><code>");
    vox_text_html(page, prefix);
    vox_text_put(page, path);
    vox_text_format(page, "</code></a> %s</li>\n", what);
}

static void get_page(struct vox_exchange *x, struct vox_app *app)
{
    const char *url = vox_http_url(vox_exchange_server(x));
    const char *prefix = vox_http_prefix(vox_exchange_server(x));
    struct vox_text page = {0};
    (void)app;
    vox_text_put(&page, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                        "<title>Voxlabel</title>\n<style>:root{color-scheme:light dark}"
                        "body{font:16px/1.5 system-ui,sans-serif;max-width:44em;margin:2em auto;"
                        "padding:0 1em}</style></head><body>\n<h1>Voxlabel</h1>\n"
                        "<p>This server segments medical volumes. In 3D Slicer's module MONAILabel "
                        "give its address, <code>");
    vox_text_html(&page, url);
    vox_text_html(&page, prefix);
    vox_text_put(&page, "</code>.</p>\n<ul>\n");
    put_link(&page, prefix, "/info/", "what it offers");
    put_link(&page, prefix, "/datastore/", "how many images and labels there are");
    put_link(&page, prefix, "/logs/", "what it said last");
    put_link(&page, "", "/docs", "every address");
    put_link(&page, "", "/openapi.json", "the same for programs");
    put_link(&page, "", "/metrics", "counters for Prometheus");
    put_link(&page, "", "/ready", "whether it takes work");
    vox_text_put(&page, "</ul>\n</body></html>\n");
    if (page.lost) {
        vox_exchange_fail(x, 503, "There is no memory for the page");
    } else {
        vox_answer_bytes(x, 200, "text/html; charset=utf-8", page.data, page.size);
        vox_answer_header(x, "Content-Security-Policy", policy);
    }
    vox_text_clear(&page);
}

static void get_health(struct vox_exchange *x, struct vox_app *app)
{
    (void)app;
    vox_answer_json(x, 200, "{\"status\":\"ok\"}");
}

static void get_ready(struct vox_exchange *x, struct vox_app *app)
{
    struct vox_err err = {0};
    if (vox_http_draining(vox_exchange_server(x))) {
        vox_answer_json(x, 503, "{\"status\":\"stopping\"}");
        return;
    }
    switch (vox_app_model_state(app, vox_app_model_at(app, 0), NULL, &err)) {
    case VOX_MODEL_READY:
        vox_answer_json(x, 200, "{\"status\":\"ready\"}");
        return;
    case VOX_MODEL_LOADING:
        vox_answer_json(x, 503, "{\"status\":\"loading\"}");
        vox_answer_header(x, "Retry-After", "1");
        return;
    case VOX_MODEL_FAILED:
        break;
    }
    struct vox_text text = {0};
    vox_text_put(&text, "{\"status\":\"failed\",\"detail\":");
    vox_text_json(&text, err.msg);
    vox_text_put(&text, "}");
    vox_answer_bytes(x, 503, "application/json", text.data, text.data != NULL ? text.size : 0);
    vox_text_clear(&text);
}

const struct vox_route vox_routes_health[] = {
    {"GET", "/", get_page, VOX_ROLE_OPEN, VOX_BODY_NONE, VOX_ROUTE_QUICK | VOX_ROUTE_OUTSIDE},
    {"GET", "/favicon.ico", get_icon, VOX_ROLE_OPEN, VOX_BODY_NONE,
     VOX_ROUTE_QUICK | VOX_ROUTE_OUTSIDE},
    {"GET", "/health", get_health, VOX_ROLE_OPEN, VOX_BODY_NONE,
     VOX_ROUTE_QUICK | VOX_ROUTE_OUTSIDE},
    {"GET", "/ready", get_ready, VOX_ROLE_OPEN, VOX_BODY_NONE, VOX_ROUTE_QUICK | VOX_ROUTE_OUTSIDE},
    {.pattern = NULL},
};
