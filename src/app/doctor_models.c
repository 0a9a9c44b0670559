#include "app/doctor_checks.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "app/doctor_trial.h"
#include "app/model_check.h"
#include "app/model_folder.h"
#include "model/embedded_model.h"
#include "util/memory.h"

static const double least_dice = 0.5; /* of the trial; a network that works finds most of it */

/* ---- inside the program ---- */

static enum vox_code try_embedded(const struct vox_embedded_model *embedded, double *dice,
                                  struct vox_err *err)
{
    const struct vox_model_bytes bytes = {.weights = embedded->weights, .size = embedded->size};
    struct vox_model *model;
    enum vox_code code = vox_model_open_bytes(&bytes, NULL, &model, err);
    if (code == VOX_OK) {
        code = vox_trial_run(model, dice, err);
        vox_model_close(model);
    }
    return code;
}

static void check_embedded(struct vox_doctor *doctor, const struct vox_embedded_model *embedded)
{
    static const char what[] = "model", anew[] = "install the program anew, or report it";
    struct vox_model_finding finding = vox_embedded_model_examine(embedded);
    double dice = 0.0;
    enum vox_code code = finding.verdict == VOX_VERDICT_OK
                             ? try_embedded(embedded, &dice, &finding.why)
                             : finding.why.code;
    if (code != VOX_OK) {
        vox_doctor_add(doctor, VOX_VERDICT_FAIL, what, code == VOX_E_NOMEM ? "free memory" : anew,
                       "%s: %s", embedded->name, finding.why.msg);
    } else if (!(dice >= least_dice)) {
        vox_doctor_add(doctor, VOX_VERDICT_FAIL, what, anew,
                       "%s: finds the ball of a test image with a Dice of %.2f", embedded->name,
                       dice);
    } else {
        vox_doctor_add(doctor, VOX_VERDICT_OK, what, NULL,
                       "%s: inside the program, SHA-256 as it should be, finds the ball of a test "
                       "image with a Dice of %.2f",
                       embedded->name, dice);
    }
}

/* ---- files ---- */

static void add_finding(struct vox_doctor *doctor, const struct vox_model_entry *entry)
{
    struct vox_model_finding finding = vox_model_examine(entry);
    if (finding.verdict == VOX_VERDICT_OK) {
        vox_doctor_add(doctor, finding.verdict, "model", NULL, "%s: %s, SHA-256 as it should be",
                       entry->name, finding.config);
    } else {
        vox_doctor_add(doctor, finding.verdict, "model", NULL, "%s: %s", entry->name,
                       finding.why.msg);
    }
}

/* The model that is named and is none of the folder. */
static void check_file(struct vox_doctor *doctor, const char *path, const char *yaml)
{
    char config[64], sha256[65];
    size_t size;
    struct vox_err err = {0};
    enum vox_code code = vox_model_file_hash(path, sha256, &size, &err);
    if (code == VOX_E_NOT_FOUND) {
        vox_doctor_add(doctor, VOX_VERDICT_FAIL, "model", "'voxlabel model list' shows the models",
                       "%s: there is neither a model nor a file of this name", path);
        return;
    }
    if (code == VOX_OK) {
        code = vox_model_file_check(path, yaml, config, &err);
    }
    if (code == VOX_OK) {
        vox_doctor_add(doctor, VOX_VERDICT_OK, "model", NULL, "%s: %s, SHA-256 %.16s...", path,
                       config, sha256);
    } else {
        vox_doctor_add(doctor, VOX_VERDICT_FAIL, "model", "name another one", "%s: %s", path,
                       err.msg);
    }
}

void vox_doctor_models(struct vox_doctor *doctor, const struct vox_doctor_ask *ask)
{
    struct vox_model_entries entries = {0};
    struct vox_err err = {0};
    char *folder;
    const struct vox_embedded_model *embedded;
    bool named = ask->model == NULL || vox_embedded_model_find(ask->model) != NULL;
    for (int i = 0; (embedded = vox_embedded_model_at(i)) != NULL; i++) {
        check_embedded(doctor, embedded);
    }
    if (vox_model_folder_find(ask->models, &folder) != 0) {
        return;
    }
    if (vox_model_entries_list(folder, &entries, &err) != VOX_OK) {
        vox_doctor_add(doctor, VOX_VERDICT_FAIL, "model", "name another folder with --models",
                       "%s: %s", folder, err.msg);
    }
    for (int i = 0; i < entries.n; i++) {
        add_finding(doctor, &entries.at[i]);
        named = named || strcmp(entries.at[i].name, ask->model) == 0;
    }
    if (!named) {
        check_file(doctor, ask->model, ask->config);
    } else if (entries.n == 0 && vox_embedded_model_at(0) == NULL && err.msg[0] == '\0') {
        vox_doctor_add(doctor, VOX_VERDICT_WARN, "model", "'voxlabel model pull medsam2'",
                       "none is here");
    }
    vox_model_entries_free(&entries);
    vox_free(folder);
}
