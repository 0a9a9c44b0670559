/* The description of all addresses and the tables of routes say the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

#include "server/app_instance.h"
#include "server/openapi.h"
#include "server/router.h"
#include "util/json.h"

enum { PATH = 256 };

static struct vox_json *document;

static int open_document(void **state)
{
    const struct vox_json_limits limits = {vox_openapi_size, 64, 100000};
    (void)state;
    return vox_json_parse(vox_openapi_text, vox_openapi_size, &limits, &document, NULL) == VOX_OK
               ? 0
               : -1;
}

static int close_document(void **state)
{
    (void)state;
    vox_json_free(document);
    return 0;
}

/* "/ohif/{path*}" and "/ohif/{path}", "/info" and "/info/" are the same here. */
static void normalise(const char *pattern, char out[PATH])
{
    size_t n = 0;
    for (const char *at = pattern; *at != '\0' && n + 1 < PATH; at++) {
        if (*at != '*') {
            out[n++] = *at;
        }
    }
    if (n > 1 && out[n - 1] == '/') {
        n--;
    }
    out[n] = '\0';
}

static bool same(const char *a, const char *b)
{
    char one[PATH];
    char two[PATH];
    normalise(a, one);
    normalise(b, two);
    return strcmp(one, two) == 0;
}

static const struct vox_json *find_operation(const struct vox_route *route, bool *outside)
{
    const struct vox_json *item = NULL;
    const char *path = NULL;
    void *cursor = NULL;
    while (vox_json_next(vox_json_get(document, "paths"), &cursor, &path, &item)) {
        char method[16] = {0};
        for (size_t i = 0; i + 1 < sizeof(method) && route->method[i] != '\0'; i++) {
            method[i] = (char)(route->method[i] | 0x20);
        }
        if (same(path, route->pattern) && vox_json_get(item, method) != NULL) {
            *outside = vox_json_get(item, "servers") != NULL;
            return vox_json_get(item, method);
        }
    }
    return NULL;
}

static void every_route_is_described(void **state)
{
    (void)state;
    int missing = 0;
    for (size_t f = 0; vox_app_routes[f] != NULL; f++) {
        for (const struct vox_route *route = vox_app_routes[f]; route->pattern != NULL; route++) {
            bool outside = false;
            const struct vox_json *operation = find_operation(route, &outside);
            if (operation == NULL) {
                print_error("%s %s is not described\n", route->method, route->pattern);
                missing++;
                continue;
            }
            if (outside != ((route->flags & VOX_ROUTE_OUTSIDE) != 0)) {
                print_error("%s: inside or outside of the prefix?\n", route->pattern);
                missing++;
            }
            const bool form =
                vox_json_get(vox_json_get(vox_json_get(operation, "requestBody"), "content"),
                             "multipart/form-data") != NULL;
            if (form != (route->body == VOX_BODY_FORM)) {
                print_error("%s %s: a form or none?\n", route->method, route->pattern);
                missing++;
            }
        }
    }
    assert_int_equal(missing, 0);
}

static bool has_route(const char *method, const char *path)
{
    for (size_t f = 0; vox_app_routes[f] != NULL; f++) {
        for (const struct vox_route *route = vox_app_routes[f]; route->pattern != NULL; route++) {
            if (strcasecmp(route->method, method) == 0 && same(route->pattern, path)) {
                return true;
            }
        }
    }
    return false;
}

static void every_description_has_a_route(void **state)
{
    static const char *const methods[] = {"get", "head", "put", "post", "delete", "patch"};
    const struct vox_json *item = NULL;
    const char *path = NULL;
    void *cursor = NULL;
    int missing = 0;
    (void)state;
    while (vox_json_next(vox_json_get(document, "paths"), &cursor, &path, &item)) {
        for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
            if (vox_json_get(item, methods[i]) != NULL && !has_route(methods[i], path)) {
                print_error("%s %s has no route\n", methods[i], path);
                missing++;
            }
        }
    }
    assert_int_equal(missing, 0);
}

/* Every variable of a path is a parameter and the other way round; references lead somewhere. */
static void operations_are_whole(void **state)
{
    const struct vox_json *item = NULL;
    const struct vox_json *operation = NULL;
    const char *path = NULL;
    const char *method = NULL;
    void *paths = NULL;
    (void)state;
    while (vox_json_next(vox_json_get(document, "paths"), &paths, &path, &item)) {
        void *methods = NULL;
        size_t wanted = 0;
        for (const char *at = path; *at != '\0'; at++) {
            wanted += *at == '{' ? 1 : 0;
        }
        while (vox_json_next(item, &methods, &method, &operation)) {
            if (strcmp(method, "servers") == 0) {
                continue;
            }
            const struct vox_json *list = vox_json_get(operation, "parameters");
            size_t have = 0;
            for (size_t i = 0; i < vox_json_count(list); i++) {
                const struct vox_json *one = vox_json_at(list, i);
                char variable[80];
                if (strcmp(vox_json_text(vox_json_get(one, "in")), "path") == 0) {
                    (void)snprintf(variable, sizeof(variable), "{%s}",
                                   vox_json_text(vox_json_get(one, "name")));
                    assert_non_null(strstr(path, variable));
                    have++;
                }
            }
            assert_int_equal(have, wanted);
            const struct vox_json *answer = NULL;
            const char *status = NULL;
            void *answers = NULL;
            while (
                vox_json_next(vox_json_get(operation, "responses"), &answers, &status, &answer)) {
                const char *reference = vox_json_text(vox_json_get(answer, "$ref"));
                if (reference != NULL) {
                    assert_non_null(vox_json_get(
                        vox_json_get(vox_json_get(document, "components"), "responses"),
                        strrchr(reference, '/') + 1));
                }
            }
        }
    }
}

static void routes_fit_together(void **state)
{
    struct vox_router *router = NULL;
    struct vox_err err = {0};
    (void)state;
    const enum vox_code code = vox_router_new(vox_app_routes, "/x", &router, &err);
    if (code != VOX_OK) {
        print_error("%s\n", err.msg);
    }
    assert_int_equal(code, VOX_OK);
    vox_router_free(router);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_route_is_described),
        cmocka_unit_test(every_description_has_a_route),
        cmocka_unit_test(operations_are_whole),
        cmocka_unit_test(routes_fit_together),
    };
    return cmocka_run_group_tests(tests, open_document, close_document);
}
