/* Which route answers an address. */
#include "server/router.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void handler(struct vox_exchange *x, struct vox_app *app)
{
    (void)x;
    (void)app;
}

#define ROUTE(method, pattern, flags)                                                              \
    {                                                                                              \
        method, pattern, handler, VOX_ROLE_OPEN, VOX_BODY_NONE, flags                              \
    }

static const struct vox_route table[] = {
    ROUTE("GET", "/info", 0),
    ROUTE("GET", "/train/", 0),
    ROUTE("POST", "/train/{model}", 0),
    ROUTE("GET", "/model/{model}", 0),
    ROUTE("PUT", "/model/{model}", 0),
    ROUTE("GET", "/model/info/{model}", 0),
    ROUTE("GET", "/logs/gpu", 0),
    ROUTE("GET", "/logs/{name}", 0),
    ROUTE("GET", "/store/image", 0),
    ROUTE("HEAD", "/store/image", 0),
    ROUTE("DELETE", "/store/image", 0),
    ROUTE("GET", "/ohif/{path*}", 0),
    ROUTE("GET", "/a/{b}/c/{d}", 0),
    ROUTE("GET", "/", VOX_ROUTE_OUTSIDE),
    ROUTE("GET", "/health", VOX_ROUTE_OUTSIDE),
    {.pattern = NULL},
};
static const struct vox_route *const families[] = {table, NULL};

static struct vox_router *make(const char *prefix)
{
    struct vox_router *router = NULL;
    struct vox_err err = {0};
    assert_int_equal(vox_router_new(families, prefix, &router, &err), VOX_OK);
    return router;
}

static struct vox_route_match find(const struct vox_router *router, const char *method,
                                   const char *path)
{
    struct vox_route_match match;
    vox_router_find(router, method, path, strlen(path), &match);
    return match;
}

static void expect(const struct vox_router *router, const char *method, const char *path,
                   const char *pattern, const char *variable)
{
    const struct vox_route_match match = find(router, method, path);
    assert_non_null(match.route);
    assert_string_equal(match.route->pattern, pattern);
    assert_ptr_equal(vox_router_at(router, match.index), match.route);
    if (variable != NULL) {
        assert_true(match.variables >= 1);
        assert_int_equal(match.variable[0].size, strlen(variable));
        assert_memory_equal(match.variable[0].text, variable, strlen(variable));
    } else {
        assert_int_equal(match.variables, 0);
    }
}

static void both_slash_forms(void **state)
{
    struct vox_router *router = make("");
    (void)state;
    expect(router, "GET", "/info", "/info", NULL);
    expect(router, "GET", "/info/", "/info", NULL);
    expect(router, "GET", "/train", "/train/", NULL);
    expect(router, "GET", "/train/", "/train/", NULL);
    expect(router, "POST", "/train/m/", "/train/{model}", "m");
    expect(router, "GET", "/", "/", NULL);
    assert_null(find(router, "GET", "/info//").route);
    assert_null(find(router, "GET", "//info").route);
    assert_null(find(router, "GET", "/INFO").route);
    assert_null(find(router, "GET", "/inf").route);
    assert_null(find(router, "GET", "/infos").route);
    vox_router_free(router);
}

static void words_win_over_variables(void **state)
{
    struct vox_router *router = make("");
    (void)state;
    expect(router, "GET", "/model/info", "/model/{model}", "info");
    expect(router, "GET", "/model/info/x", "/model/info/{model}", "x");
    expect(router, "GET", "/logs/gpu", "/logs/gpu", NULL);
    expect(router, "GET", "/logs/other", "/logs/{name}", "other");
    assert_false(find(router, "GET", "/model/x/y").known);
    vox_router_free(router);
}

static void variables(void **state)
{
    struct vox_router *router = make("");
    (void)state;
    const struct vox_route_match two = find(router, "GET", "/a/x%2Fy/c/%41/");
    assert_int_equal(two.variables, 2);
    assert_memory_equal(two.variable[0].text, "x%2Fy", 5);
    assert_int_equal(two.variable[0].size, 5);
    assert_memory_equal(two.variable[1].text, "%41", 3);
    assert_int_equal(two.variable[1].size, 3);
    const struct vox_span name = vox_route_variable(two.route, 1);
    assert_int_equal(name.size, 1);
    assert_memory_equal(name.text, "d", 1);
    assert_int_equal(vox_route_variable(two.route, 2).size, 0);
    assert_null(find(router, "GET", "/a//c/d").route);
    expect(router, "GET", "/ohif", "/ohif/{path*}", "");
    expect(router, "GET", "/ohif/", "/ohif/{path*}", "");
    expect(router, "GET", "/ohif/a/b/../c/1/2/3/4/5/6/7/8/9/0/1/2/3/4", "/ohif/{path*}",
           "a/b/../c/1/2/3/4/5/6/7/8/9/0/1/2/3/4");
    vox_router_free(router);
}

static void methods(void **state)
{
    struct vox_router *router = make("");
    (void)state;
    struct vox_route_match match = find(router, "POST", "/info");
    assert_null(match.route);
    assert_true(match.known);
    assert_string_equal(match.allow, "GET, HEAD");
    match = find(router, "PATCH", "/store/image/");
    assert_string_equal(match.allow, "GET, HEAD, DELETE");
    match = find(router, "HEAD", "/store/image");
    assert_string_equal(match.route->method, "HEAD");
    match = find(router, "HEAD", "/info");
    assert_string_equal(match.route->method, "GET");
    match = find(router, "HEAD", "/train/m");
    assert_null(match.route);
    assert_string_equal(match.allow, "POST");
    match = find(router, "GET", "/nothing");
    assert_false(match.known);
    assert_string_equal(match.allow, "");
    vox_router_free(router);
}

static void prefixes(void **state)
{
    struct vox_router *router = make("/api/v2");
    (void)state;
    expect(router, "GET", "/api/v2/info/", "/info", NULL);
    expect(router, "GET", "/api/v2/model/x", "/model/{model}", "x");
    expect(router, "GET", "/api/v2/ohif/a/b", "/ohif/{path*}", "a/b");
    expect(router, "GET", "/health", "/health", NULL);
    expect(router, "GET", "/", "/", NULL);
    assert_false(find(router, "GET", "/info").known);
    assert_false(find(router, "GET", "/api/v2/health").known);
    assert_false(find(router, "GET", "/api/v2").known);
    assert_false(find(router, "GET", "/api").known);
    vox_router_free(router);
}

static void odd_paths(void **state)
{
    struct vox_router *router = make("");
    struct vox_route_match match;
    char deep[4000];
    (void)state;
    memset(deep, '/', sizeof(deep));
    vox_router_find(router, "GET", deep, sizeof(deep), &match);
    assert_false(match.known);
    vox_router_find(router, "GET", "", 0, &match);
    assert_false(match.known);
    vox_router_find(router, "GET", "*", 1, &match);
    assert_false(match.known);
    vox_router_find(router, "", "/info", 5, &match);
    assert_null(match.route);
    vox_router_free(router);
}

static void refuses(const struct vox_route *rows, const char *prefix)
{
    const struct vox_route *const one[] = {rows, NULL};
    struct vox_router *router = NULL;
    struct vox_err err = {0};
    assert_int_equal(vox_router_new(one, prefix, &router, &err), VOX_E_ARG);
    assert_null(router);
    assert_true(err.msg[0] != '\0');
}

static void bad_tables(void **state)
{
    static const struct vox_route twice[] = {
        ROUTE("GET", "/a/{b}", 0), ROUTE("GET", "/a/{c}/", 0), {.pattern = NULL}};
    static const struct vox_route no_slash[] = {ROUTE("GET", "a", 0), {.pattern = NULL}};
    static const struct vox_route no_name[] = {ROUTE("GET", "/{}", 0), {.pattern = NULL}};
    static const struct vox_route rest_first[] = {ROUTE("GET", "/{a*}/b", 0), {.pattern = NULL}};
    static const struct vox_route half[] = {ROUTE("GET", "/a{b}", 0), {.pattern = NULL}};
    static const struct vox_route deep[] = {ROUTE("GET", "/1/2/3/4/5/6/7/8/9", 0),
                                            {.pattern = NULL}};
    static const struct vox_route none[] = {{"GET", "/a", NULL, VOX_ROLE_OPEN, VOX_BODY_NONE, 0},
                                            {.pattern = NULL}};
    (void)state;
    refuses(twice, "");
    refuses(no_slash, "");
    refuses(no_name, "");
    refuses(rest_first, "");
    refuses(half, "");
    refuses(deep, "");
    refuses(none, "");
    refuses(table, "api");
    vox_router_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_slash_forms), cmocka_unit_test(words_win_over_variables),
        cmocka_unit_test(variables),        cmocka_unit_test(methods),
        cmocka_unit_test(prefixes),         cmocka_unit_test(odd_paths),
        cmocka_unit_test(bad_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
