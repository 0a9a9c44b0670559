/* GET /logs/: what the server said last, as text or as a page that looks again by itself. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "server/app_instance.h"
#include "server/event_log.h"
#include "server/http.h"
#include "util/memory.h"

/* Complete in itself: nothing is fetched but the lines. What the server said goes in as text. */
static const char page[] =
    "<!doctype html>\n"
    "<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Log</title>\n"
    "<style>\n"
    ":root { color-scheme: light dark; }\n"
    "body { font: 14px/1.4 ui-monospace, monospace; margin: 0; }\n"
    "header { position: sticky; top: 0; padding: .5em 1em; border-bottom: 1px solid #8888;\n"
    "  background: Canvas; font-family: system-ui, sans-serif; }\n"
    "pre { margin: 0; padding: .5em 1em; white-space: pre-wrap; overflow-wrap: anywhere; }\n"
    ".WARNING { color: #b36b00; } .ERROR { color: #c00; font-weight: bold; }\n"
    "</style></head><body>\n"
    "<header><label>Lines with <input id=\"word\" placeholder=\"anything\"></label>\n"
    "<label><input id=\"follow\" type=\"checkbox\"> follow</label> <span id=\"state\"></span>"
    "</header>\n"
    "<pre id=\"lines\"></pre>\n"
    "<noscript><p><a href=\"?text=true\">The lines as text</a></p></noscript>\n"
    "<script>\n"
    "const ask = new URLSearchParams(location.search);\n"
    "const every = Math.max(Number(ask.get('refresh')) || 0, 0);\n"
    "const word = document.getElementById('word'), follow = document.getElementById('follow');\n"
    "const box = document.getElementById('lines'), state = document.getElementById('state');\n"
    "let text = '';\n"
    "follow.checked = every > 0;\n"
    "function show() {\n"
    "  box.replaceChildren(...text.split('\\n').filter(l => l && l.includes(word.value)).map(l => "
    "{\n"
    "    const line = document.createElement('div');\n"
    "    line.textContent = l;\n"
    "    line.className = (l.split(' ')[2] || '').replace(/[^A-Z]/g, '');\n"
    "    return line;\n"
    "  }));\n"
    "}\n"
    "async function look() {\n"
    "  try {\n"
    "    const url = new URL(location.href);\n"
    "    url.searchParams.set('text', 'true');\n"
    "    const answer = await fetch(url);\n"
    "    text = await answer.text();\n"
    "    state.textContent = answer.ok ? '' : 'the server refused: ' + answer.status;\n"
    "    show();\n"
    "    if (follow.checked) window.scrollTo(0, document.body.scrollHeight);\n"
    "  } catch (error) { state.textContent = 'the server does not answer'; }\n"
    "}\n"
    "word.oninput = show;\n"
    "setInterval(() => { if (follow.checked) look(); }, 1000 * Math.max(every, 3));\n"
    "look();\n"
    "</script></body></html>\n";

static void get_logs(struct vox_exchange *x, struct vox_app *app)
{
    struct vox_err err = {0};
    int64_t lines, refresh;
    bool html, plain;
    size_t size;
    char *text;
    if (!vox_exchange_query_int(x, "lines", 300, INT32_MIN, INT32_MAX, &lines) ||
        !vox_exchange_query_int(x, "refresh", 0, 0, 86400, &refresh) ||
        !vox_exchange_query_bool(x, "html", true, &html) ||
        !vox_exchange_query_bool(x, "text", false, &plain)) {
        return;
    }
    if (lines > 0 && html && !plain) {
        vox_answer_static(x, 200, "text/html; charset=utf-8", page, sizeof(page) - 1);
        return;
    }
    if (vox_app_log(app) == NULL) {
        vox_exchange_fail(x, 404, "this server keeps no log");
        return;
    }
    if (vox_event_log_text(vox_app_log(app), lines > 0 ? lines : 0, &text, &size, &err) != VOX_OK) {
        vox_exchange_fail_err(x, &err);
        return;
    }
    vox_answer_bytes(x, 200, "text/plain; charset=utf-8", text, size);
    vox_free(text);
}

static void get_gpu(struct vox_exchange *x, struct vox_app *app)
{
    (void)app;
    vox_exchange_fail(x, 404, "the server computes on the CPU: there is no GPU to report");
}

const struct vox_route vox_routes_logs[] = {
    {"GET", "/logs", get_logs, VOX_ROLE_ADMIN, VOX_BODY_NONE, 0},
    {"GET", "/logs/gpu", get_gpu, VOX_ROLE_ADMIN, VOX_BODY_NONE, VOX_ROUTE_QUICK},
    {NULL, NULL, NULL, VOX_ROLE_OPEN, VOX_BODY_NONE, 0},
};
