#include "app/model_actions.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "app/message.h"
#include "app/model_check.h"
#include "app/model_folder.h"
#include "app/report_output.h"
#include "model/embedded_model.h"
#include "util/json_writer.h"
#include "util/memory.h"

static void report(struct vox_json_writer *json, const char *name,
                   const struct vox_model_finding *finding)
{
    const char *why = finding->verdict == VOX_VERDICT_OK ? NULL : finding->why.msg;
    if (json != NULL) {
        vox_json_begin_object(json, NULL);
        vox_json_put_text(json, "name", name);
        vox_json_put_text(json, "verdict", vox_verdict_name(finding->verdict));
        vox_json_put_text(json, "sha256", finding->sha256[0] != '\0' ? finding->sha256 : NULL);
        vox_json_put_text(json, "config", finding->config[0] != '\0' ? finding->config : NULL);
        vox_json_put_text(json, "why", why);
        vox_json_end(json);
    } else if (why != NULL) {
        printf("%-4s  %s: %s\n", vox_verdict_name(finding->verdict), name, why);
    } else {
        printf("%-4s  %s: %s, SHA-256 %s\n", vox_verdict_name(finding->verdict), name,
               finding->config, finding->sha256);
    }
}

/* Whether a model inside the program is among those that the arguments name, or they name none. */
static bool is_asked_for(const struct vox_arguments *arguments,
                         const struct vox_embedded_model *model)
{
    int named = vox_positional_count(arguments) - 1;
    bool found = named == 0;
    for (int i = 0; i < named && !found; i++) {
        found = vox_embedded_model_find(vox_positional(arguments, i + 1)) == model;
    }
    return found;
}

/* The models of the folder that the arguments name, or all. */
static int find_entries(const struct vox_arguments *arguments, const char *folder,
                        struct vox_model_entries *out)
{
    struct vox_err err = {0};
    int named = vox_positional_count(arguments) - 1;
    if (named == 0) {
        return vox_model_entries_list(folder, out, &err) == VOX_OK ? 0
                                                                   : vox_say_error(folder, &err);
    }
    *out = (struct vox_model_entries){.at = vox_calloc((size_t)named, sizeof(*out->at))};
    if (out->at == NULL) {
        return vox_say_no_memory();
    }
    for (int i = 0; i < named; i++) {
        const char *name = vox_positional(arguments, i + 1);
        if (vox_embedded_model_find(name) != NULL) {
            continue;
        }
        if (vox_model_entry_find(folder, name, &out->at[out->n], &err) != VOX_OK) {
            vox_model_entries_free(out);
            return vox_say_error(name, &err);
        }
        out->n++;
    }
    return 0;
}

static int verify(const struct vox_arguments *arguments, const struct vox_model_entries *entries)
{
    const struct vox_embedded_model *embedded;
    bool as_json = vox_argument_given(arguments, "--json");
    struct vox_json_writer *json = as_json ? vox_json_writer_new() : NULL;
    int status = 0;
    if (as_json && json == NULL) {
        return vox_say_no_memory();
    }
    if (as_json) {
        vox_json_begin_object(json, NULL);
        vox_json_put_text(json, "version", VOX_VERSION);
        vox_json_begin_array(json, "models");
    }
    for (int i = 0; (embedded = vox_embedded_model_at(i)) != NULL; i++) {
        if (is_asked_for(arguments, embedded)) {
            struct vox_model_finding finding = vox_embedded_model_examine(embedded);
            report(json, embedded->name, &finding);
            status = finding.verdict == VOX_VERDICT_FAIL ? VOX_EXIT_FAILURE : status;
        }
    }
    for (int i = 0; i < entries->n; i++) {
        struct vox_model_finding finding = vox_model_examine(&entries->at[i]);
        report(json, entries->at[i].name, &finding);
        if (finding.verdict == VOX_VERDICT_FAIL) {
            status = VOX_EXIT_FAILURE;
        }
    }
    if (as_json) {
        vox_json_end(json);
        vox_json_end(json);
        int written = vox_report_write(json, "-");
        status = written != 0 ? written : status;
    }
    return vox_stdout_finish(status);
}

int vox_model_verify(const struct vox_arguments *arguments)
{
    struct vox_model_entries entries = {0};
    char *folder;
    int status = vox_model_folder_find(vox_argument(arguments, "--models", 0), &folder);
    if (status != 0) {
        return status;
    }
    status = find_entries(arguments, folder, &entries);
    if (status == 0) {
        status = verify(arguments, &entries);
        vox_model_entries_free(&entries);
    }
    vox_free(folder);
    return status;
}
