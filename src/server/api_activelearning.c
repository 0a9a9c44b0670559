/* POST /activelearning/{strategy}: the next image to work on. */
#include <stddef.h>
#include <string.h>

#include "pipeline/job_queue.h"
#include "server/app_instance.h"
#include "server/http.h"
#include "server/user_name.h"
#include "store/strategy.h"

/* A strategy's name in an address: as it stands, else with every "+" as a space. */
static enum vox_code next_sample(struct vox_app *app, const char *name, const char *spaced,
                                 const char *client, struct vox_sample *out, struct vox_err *err)
{
    enum vox_code code = vox_strategies_next(vox_app_strategies(app), name, client, out, err);
    if (code == VOX_E_NOT_FOUND && spaced != NULL) {
        struct vox_err other = {0};
        if (vox_strategies_next(vox_app_strategies(app), spaced, client, out, &other) == VOX_OK) {
            return VOX_OK;
        }
    }
    return code;
}

static void post_activelearning(struct vox_exchange *x, struct vox_app *app)
{
    const struct vox_server_settings *settings = vox_app_settings(app);
    const char *name = vox_exchange_param(x, "strategy");
    const char *spaced = vox_exchange_param_spaced(x, "strategy");
    const struct vox_json *body;
    struct vox_sample sample = {0};
    struct vox_err err = {0};
    if (!vox_exchange_json(x, &body)) {
        return;
    }
    if (!settings->offer_strategies) {
        vox_exchange_fail(x, 404, "this server offers no strategies");
        return;
    }
    const char *in_body = vox_json_text(vox_json_get(body, "strategy"));
    const char *client = vox_json_text(vox_json_get(body, "client_id"));
    if (in_body != NULL && in_body[0] != '\0') {
        name = in_body;
        spaced = NULL;
    }
    if (client == NULL || client[0] == '\0') {
        client = VOX_USER_NAME;
    }
    if (next_sample(app, name, spaced, client, &sample, &err) != VOX_OK) {
        vox_exchange_fail_err(x, &err);
        return;
    }
    if (sample.path != NULL && settings->prefetch) {
        vox_job_prefetch(vox_app_queue(app), sample.path);
    }
    vox_answer_json(x, 200, sample.json);
    vox_sample_free(&sample);
}

const struct vox_route vox_routes_activelearning[] = {
    {"POST", "/activelearning/{strategy}", post_activelearning, VOX_ROLE_USER, VOX_BODY_JSON, 0},
    {NULL, NULL, NULL, VOX_ROLE_OPEN, VOX_BODY_NONE, 0},
};
