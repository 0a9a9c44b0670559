/* Requests of tests: two labels, made from JSON with ' for ", compared whole. */
#ifndef VOX_TESTS_REQUEST_FIXTURE_H
#define VOX_TESTS_REQUEST_FIXTURE_H

#include "pipeline/request.h"

/* A request for the labels "liver" and "tumour" without prompts; fails the test otherwise. */
struct vox_request *request_fixture_new(void);

/* The same with the parameters of a JSON text. */
struct vox_request *request_fixture_read(const char *json);

/* Adds parameters; their code. */
enum vox_code request_fixture_add(struct vox_request *request, const char *json,
                                  struct vox_err *err);

/* Fails the test where two requests differ in anything. */
void request_fixture_same(const struct vox_request *a, const struct vox_request *b);

/* Fails the test where a point is not (i, j, k), within `tolerance`. */
void request_fixture_at(const struct vox_click *click, double i, double j, double k,
                        double tolerance);

#endif
