#include "server/study_answer.h"

#include <stddef.h>
#include <string.h>

#include "server/app_instance.h"
#include "server/http.h"

bool vox_study_may_write(struct vox_exchange *x, struct vox_app *app)
{
    if (!vox_datastore_read_only(vox_app_datastore(app))) {
        return true;
    }
    vox_exchange_fail(x, 403, "the studies are read-only here: nothing can be saved");
    return false;
}

bool vox_study_info(struct vox_exchange *x, const char *field, const char **out)
{
    const struct vox_json *json;
    if (!vox_exchange_field_json(x, field, &json)) {
        return false;
    }
    *out = json != NULL ? vox_exchange_field(x, field) : NULL;
    return true;
}

bool vox_study_incoming(struct vox_exchange *x, struct vox_app *app,
                        const struct vox_upload *upload, const char *field,
                        char ext[VOX_EXT_MAX + 1], struct vox_incoming *out)
{
    const char *info;
    if (upload == NULL) {
        vox_exchange_missing(x, "body", field);
        return false;
    }
    if (!vox_study_info(x, "params", &info) || !vox_study_may_write(x, app)) {
        return false;
    }
    vox_file_ext(upload->name, ext);
    *out = (struct vox_incoming){.path = upload->path, .ext = ext, .info = info};
    return true;
}

void vox_study_answer_names(struct vox_exchange *x, const char *image, const char *label)
{
    struct vox_json_writer *json = vox_json_writer_new();
    if (json != NULL) {
        vox_json_begin_object(json, NULL);
        vox_json_put_text(json, "image", image);
        if (label != NULL) {
            vox_json_put_text(json, "label", label);
        }
        vox_json_end(json);
    }
    vox_answer_writer(x, 200, json);
    vox_json_writer_free(json);
}

void vox_study_answer_unknown(struct vox_exchange *x, const struct vox_err *err)
{
    if (err->code == VOX_E_NOT_FOUND || err->code == VOX_E_ARG) {
        vox_answer_json(x, 200, "{}");
    } else {
        vox_exchange_fail_err(x, err);
    }
}
