#include "server/infer_answer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "server/answer.h"
#include "server/exchange.h"
#include "store/datastore.h"
#include "util/json_writer.h"

bool vox_infer_output_read(struct vox_exchange *x, enum vox_infer_output *out)
{
    const char *text = vox_exchange_query(x, "output");
    if (text == NULL || text[0] == '\0' || strcmp(text, "all") == 0) {
        *out = VOX_OUTPUT_ALL;
    } else if (strcmp(text, "image") == 0) {
        *out = VOX_OUTPUT_IMAGE;
    } else if (strcmp(text, "json") == 0) {
        *out = VOX_OUTPUT_JSON;
    } else if (strcmp(text, "dicom_seg") == 0) {
        vox_exchange_fail(x, 501, "DICOM SEG format is not supported in a non-DICOM datastore");
        return false;
    } else {
        vox_exchange_invalid(x, "query", "output", "enum", text,
                             "Input should be 'image', 'json', 'all' or 'dicom_seg'");
        return false;
    }
    return true;
}

/* ---- refusals ---- */

static int status_of(const struct vox_err *err)
{
    switch (err->code) {
    case VOX_E_ARG:
        return 400;
    case VOX_E_NOT_FOUND:
        return 404;
    case VOX_E_LIMIT:
        return 413;
    case VOX_E_FORMAT:
    case VOX_E_UNSUPPORTED:
        return 415;
    case VOX_E_CANCELLED:
        return 499;
    case VOX_E_BUSY:
    case VOX_E_NOMEM:
        return 503;
    case VOX_E_IO:
        return err->sys == ENOSPC || err->sys == EDQUOT ? 507 : 500;
    case VOX_OK:
    case VOX_E_BACKEND:
    case VOX_E_INTERNAL:
        break;
    }
    return 500;
}

static void fail(struct vox_exchange *x, int status, const char *text)
{
    vox_exchange_fail(x, status, "%s", text);
    if (status == 503) {
        vox_answer_header(x, "Retry-After", "2");
    }
}

void vox_infer_fail(struct vox_exchange *x, const struct vox_err *err)
{
    fail(x, status_of(err), err->msg);
}

void vox_infer_fail_submit(struct vox_exchange *x, const struct vox_err *err)
{
    fail(x, err->code == VOX_E_LIMIT ? 409 : status_of(err), err->msg);
}

/* ---- results ---- */

static void name_file(const struct vox_job_facts *facts, char *name, size_t size)
{
    snprintf(name, size, "mask_%s%s", facts->id, facts->extension);
}

static void answer_done(struct vox_exchange *x, const struct vox_job_facts *facts,
                        enum vox_infer_output output)
{
    char name[VOX_JOB_ID_BYTES + 32];
    struct vox_err err = {0};
    enum vox_code code = VOX_OK;
    name_file(facts, name, sizeof(name));
    if (output == VOX_OUTPUT_JSON) {
        vox_answer_json(x, 200, facts->json);
    } else if (output == VOX_OUTPUT_IMAGE) {
        code = vox_answer_file(x, facts->file, name, &err);
    } else {
        code = vox_answer_multipart_file(x, facts->json, name, facts->file, &err);
    }
    if (code != VOX_OK) {
        vox_exchange_fail(x, 500, "the result cannot be read any more");
    }
}

void vox_infer_answer(struct vox_exchange *x, struct vox_job *job, enum vox_infer_output output)
{
    struct vox_job_facts facts;
    vox_job_describe(job, &facts);
    if (facts.state == VOX_JOB_DONE) {
        answer_done(x, &facts, output);
    } else if (facts.state < VOX_JOB_DONE) {
        vox_exchange_fail(x, 409, "the job is not done yet");
    } else {
        struct vox_err err = {.code = facts.code, .sys = facts.sys};
        snprintf(err.msg, sizeof(err.msg), "%s", facts.message);
        vox_infer_fail(x, &err);
    }
    vox_answer_timing(x, "queue", facts.waited);
    vox_answer_timing(x, "infer", facts.seconds);
}

/* ---- states ---- */

void vox_infer_put_state(struct vox_json_writer *json, struct vox_job *job)
{
    struct vox_job_facts facts;
    vox_job_describe(job, &facts);
    bool ended = facts.state >= VOX_JOB_DONE, failed = facts.state > VOX_JOB_DONE;
    vox_json_begin_object(json, NULL);
    vox_json_put_text(json, "id", facts.id);
    vox_json_put_text(json, "state", vox_job_state_name(facts.state));
    vox_json_put_text(json, "class", vox_job_class_name(facts.class));
    vox_json_put_int(json, "position", facts.position);
    vox_json_put_int(json, "done", facts.done);
    vox_json_put_int(json, "total", facts.total);
    vox_json_put_real(json, "waited", facts.waited);
    vox_json_put_real(json, "seconds", facts.seconds);
    vox_json_put_real(json, "created", facts.created);
    if (failed) {
        vox_json_put_text(json, "detail", facts.message);
    }
    if (ended && !failed) {
        vox_json_put_bool(json, "valid", facts.valid);
    }
    vox_json_end(json);
}

void vox_infer_answer_state(struct vox_exchange *x, struct vox_job *job)
{
    struct vox_json_writer *json = vox_json_writer_new();
    if (json != NULL) {
        vox_infer_put_state(json, job);
    }
    vox_answer_writer(x, 200, json);
    vox_json_writer_free(json);
}

/* ---- storing ---- */

enum vox_code vox_infer_save(struct vox_datastore *store, const char *model, struct vox_job *job,
                             const char *id, const char *tag, struct vox_err *err)
{
    struct vox_job_facts facts;
    const char *text;
    size_t size;
    vox_job_describe(job, &facts);
    if (facts.state != VOX_JOB_DONE) {
        return vox_fail(err, VOX_E_ARG, "there is no result to store");
    }
    struct vox_json_writer *info = vox_json_writer_new();
    if (info == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    vox_json_begin_object(info, NULL);
    vox_json_put_text(info, "model", model);
    vox_json_put_raw(info, "params", facts.json);
    vox_json_end(info);
    enum vox_code code = vox_json_writer_text(info, &text, &size, err);
    if (code == VOX_OK) {
        const struct vox_incoming upload = {
            .path = facts.file, .ext = facts.extension, .info = text, .user = NULL};
        code = vox_datastore_save_label(store, id, tag, &upload, err);
    }
    vox_json_writer_free(info);
    return code;
}
