#include "pipeline/object_account.h"

#include <math.h>
#include <string.h>

#include "util/json_writer.h"
#include "util/memory.h"

static bool copy_scores(const struct vox_object_outcome *outcome,
                        struct vox_object_account *account)
{
    for (int p = 0; p < outcome->n_passes; p++) {
        const struct vox_pass *pass = &outcome->passes[p];
        float *scores = vox_calloc((size_t)account->n, sizeof(*scores));
        if (scores == NULL) {
            return false;
        }
        for (int64_t s = 0; s < account->n; s++) {
            int64_t at = account->first + s - pass->first;
            bool seen = at >= 0 && at < pass->n && pass->visited[at];
            scores[s] = seen ? pass->scores[at] : NAN;
        }
        account->scores[p] = scores;
        account->reverse[p] = pass->reverse;
        account->n_passes = p + 1;
    }
    return true;
}

static bool copy_retracked(const struct vox_object_run *run, struct vox_object_account *account)
{
    int64_t n;
    const struct vox_retracked *from = vox_object_run_retracked(run, &n);
    account->retracked = vox_calloc((size_t)n, sizeof(*account->retracked));
    for (int64_t c = 0; account->retracked != NULL && c < n; c++) {
        struct vox_retracked *copy = &account->retracked[c];
        *copy = from[c];
        copy->slices = vox_calloc((size_t)copy->n, sizeof(*copy->slices));
        if (copy->slices == NULL) {
            return false;
        }
        account->n_retracked = c + 1;
        memcpy(copy->slices, from[c].slices, (size_t)copy->n * sizeof(*copy->slices));
    }
    return account->retracked != NULL;
}

enum vox_code vox_object_account_init(const struct vox_object_run *run,
                                      struct vox_object_account *out, struct vox_err *err)
{
    const struct vox_object_outcome outcome = vox_object_run_outcome(run);
    bool any = outcome.first <= outcome.last;
    struct vox_object_account account = {.first = any ? outcome.first : 0,
                                         .n = any ? outcome.last - outcome.first + 1 : 0,
                                         .window = outcome.window};
    if (!copy_scores(&outcome, &account) || !copy_retracked(run, &account)) {
        vox_object_account_fini(&account);
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    *out = account;
    return VOX_OK;
}

void vox_object_account_fini(struct vox_object_account *account)
{
    for (int p = 0; p < account->n_passes; p++) {
        vox_free(account->scores[p]);
    }
    for (int64_t c = 0; c < account->n_retracked; c++) {
        vox_free(account->retracked[c].slices);
    }
    vox_free(account->retracked);
    *account = (struct vox_object_account){0};
}

void vox_object_account_put_scores(const struct vox_object_account *account,
                                   struct vox_json_writer *json)
{
    vox_zoom_put(&account->window, json, "zoom_window");
    vox_json_begin_array(json, "object_score");
    for (int64_t s = 0; s < account->n; s++) {
        vox_json_begin_object(json, NULL);
        vox_json_put_int(json, "k", account->first + s);
        for (int p = 0; p < account->n_passes; p++) {
            vox_json_put_real(json, account->reverse[p] ? "backward" : "forward",
                              (double)account->scores[p][s]);
        }
        vox_json_end(json);
    }
    vox_json_end(json);
}

void vox_object_account_put_corrections(const struct vox_object_account *account, const char *label,
                                        struct vox_json_writer *json)
{
    for (int64_t c = 0; c < account->n_retracked; c++) {
        const struct vox_retracked *retracked = &account->retracked[c];
        vox_json_begin_object(json, NULL);
        vox_json_put_text(json, "label", label);
        vox_json_put_int(json, "k", retracked->k);
        vox_json_begin_array(json, "propagated");
        for (int64_t s = 0; s < retracked->n; s++) {
            vox_json_put_int(json, NULL, retracked->slices[s]);
        }
        vox_json_end(json);
        vox_json_end(json);
    }
}
