/* Addresses of MONAI Label that stand for what this server does not do. Clients ask them all the
 * time, and their panels stay quiet when the answers are the ones of a server with nothing to train
 * and nothing to score. */
#include <stddef.h>

#include "server/http.h"

static void answer_nothing(struct vox_exchange *x, struct vox_app *app)
{
    (void)app;
    vox_answer_json(x, 200, "null");
}

static void answer_empty(struct vox_exchange *x, struct vox_app *app)
{
    (void)app;
    vox_answer_json(x, 200, "{}");
}

/* Slicer takes 200 for "running", so idle is 404. */
static void answer_tasks(struct vox_exchange *x, const char *kind)
{
    bool all = false;
    bool running = false;
    if (!vox_exchange_query_bool(x, "all", false, &all) ||
        !vox_exchange_query_bool(x, "check_if_running", false, &running)) {
        return;
    }
    vox_exchange_fail(x, 404, running ? "No %s Tasks are currently Running" : "No %s Tasks Found",
                      kind);
}

static void get_train(struct vox_exchange *x, struct vox_app *app)
{
    (void)app;
    answer_tasks(x, "Train");
}

static void get_scoring(struct vox_exchange *x, struct vox_app *app)
{
    (void)app;
    answer_tasks(x, "Scoring");
}

static void post_train_model(struct vox_exchange *x, struct vox_app *app)
{
    (void)app;
    vox_exchange_fail(x, 404, "This server does not train models");
}

static void post_scoring_method(struct vox_exchange *x, struct vox_app *app)
{
    (void)app;
    vox_exchange_fail(x, 404, "This server has no scoring methods");
}

static void get_auth(struct vox_exchange *x, struct vox_app *app)
{
    (void)app;
    vox_answer_json(x, 200, "{\"enabled\":false}");
}

static void get_ohif(struct vox_exchange *x, struct vox_app *app)
{
    (void)app;
    vox_exchange_fail(x, 404, "Resource NOT Found: this server has no viewer built in");
}

static void refuse_dicom(struct vox_exchange *x, struct vox_app *app)
{
    (void)app;
    vox_exchange_fail(x, 404, "This server has no DICOMweb store behind it");
}

const struct vox_route vox_routes_quiet[] = {
    {"GET", "/auth", get_auth, VOX_ROLE_OPEN, VOX_BODY_NONE, VOX_ROUTE_QUICK},
    {"GET", "/train", get_train, VOX_ROLE_USER, VOX_BODY_NONE, VOX_ROUTE_QUICK},
    {"POST", "/train", answer_empty, VOX_ROLE_ADMIN, VOX_BODY_NONE, VOX_ROUTE_QUICK},
    {"DELETE", "/train", answer_nothing, VOX_ROLE_ADMIN, VOX_BODY_NONE, VOX_ROUTE_QUICK},
    {"POST", "/train/{model}", post_train_model, VOX_ROLE_ADMIN, VOX_BODY_NONE, VOX_ROUTE_QUICK},
    {"GET", "/scoring", get_scoring, VOX_ROLE_USER, VOX_BODY_NONE, VOX_ROUTE_QUICK},
    {"POST", "/scoring", answer_empty, VOX_ROLE_ANNOTATOR, VOX_BODY_NONE, VOX_ROUTE_QUICK},
    {"DELETE", "/scoring", answer_nothing, VOX_ROLE_ANNOTATOR, VOX_BODY_NONE, VOX_ROUTE_QUICK},
    {"POST", "/scoring/{method}", post_scoring_method, VOX_ROLE_ANNOTATOR, VOX_BODY_NONE,
     VOX_ROUTE_QUICK},
    {"GET", "/ohif/{path*}", get_ohif, VOX_ROLE_USER, VOX_BODY_NONE, VOX_ROUTE_QUICK},
    {"GET", "/proxy/dicom/{path*}", refuse_dicom, VOX_ROLE_USER, VOX_BODY_NONE, VOX_ROUTE_QUICK},
    {"POST", "/proxy/dicom/{path*}", refuse_dicom, VOX_ROLE_USER, VOX_BODY_NONE, VOX_ROUTE_QUICK},
    {"POST", "/reload", answer_empty, VOX_ROLE_ADMIN, VOX_BODY_NONE,
     VOX_ROUTE_QUICK | VOX_ROUTE_OUTSIDE},
    {.pattern = NULL},
};
