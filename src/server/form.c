#include "server/form.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "server/multipart.h"
#include "util/memory.h"

struct file {
    struct vox_upload shown;
    char *field, *name, *type, *path;
    bool taken;
    struct file *next;
};

/* Bytes that grow up to a bound. */
struct bytes {
    char *data;
    size_t size, room;
};

enum form_kind { DROP, BYTES, URLENCODED, MULTIPART };

struct vox_form {
    enum form_kind kind;
    const struct vox_http_limits *limits;
    struct vox_spool *spool;
    struct vox_multipart *parser;
    struct bytes bytes; /* a whole body, a field, or what waits to be written to a file */
    size_t text;        /* bytes of all fields */
    struct vox_pairs fields;
    char *field;        /* the text field that arrives now */
    struct file *files; /* the last one first */
    int fd;             /* of the first of them while it arrives, else -1 */
};

static enum vox_code append(struct bytes *bytes, const char *data, size_t size, uint64_t most,
                            struct vox_err *err)
{
    size_t total = 0;
    if (!vox_add(bytes->size, size, &total) || total > most) {
        return vox_fail(err, VOX_E_LIMIT, "the text in the request has more than %llu bytes",
                        (unsigned long long)most);
    }
    if (total >= bytes->room) {
        size_t room = bytes->room == 0 ? 1024 : bytes->room;
        while (room <= total) {
            room *= 2;
        }
        char *grown = vox_realloc(bytes->data, bytes->size, room);
        if (grown == NULL) {
            return vox_fail(err, VOX_E_NOMEM, "there is no memory for the request");
        }
        bytes->data = grown;
        bytes->room = room;
    }
    if (size > 0) {
        memcpy(bytes->data + bytes->size, data, size);
    }
    bytes->size = total;
    bytes->data[total] = '\0';
    return VOX_OK;
}

static enum vox_code write_out(int fd, const char *data, size_t size, struct vox_err *err)
{
    while (size > 0) {
        const ssize_t n = write(fd, data, size);
        if (n < 0 && errno != EINTR) {
            const int sys = errno;
            return vox_fail_sys(err, VOX_E_IO, sys, "an upload cannot be stored: %s",
                                strerrordesc_np(sys));
        }
        data += n > 0 ? n : 0;
        size -= n > 0 ? (size_t)n : 0;
    }
    return VOX_OK;
}

/* ---- parts of a multipart body ---- */

static void free_file(struct file *file)
{
    if (file->path != NULL && !file->taken) {
        (void)unlink(file->path);
    }
    vox_free(file->field);
    vox_free(file->name);
    vox_free(file->type);
    vox_free(file->path);
    vox_free(file);
}

static const char *base_name(const char *name)
{
    for (const char *at = name; *at != '\0'; at++) {
        if (*at == '/' || *at == '\\') {
            name = at + 1;
        }
    }
    return name;
}

static enum vox_code begin_file(struct vox_form *form, const struct vox_part *part,
                                struct vox_err *err)
{
    struct file *file = vox_calloc(1, sizeof(*file));
    const char *name = base_name(part->filename);
    if (file != NULL) {
        file->field = vox_strdup(part->name);
        file->name = vox_strdup(name);
        file->type = vox_strdup(part->type);
    }
    if (file == NULL || file->field == NULL || file->name == NULL || file->type == NULL) {
        if (file != NULL) {
            free_file(file);
        }
        return vox_fail(err, VOX_E_NOMEM, "there is no memory for an upload");
    }
    const enum vox_code code = vox_spool_create(form->spool, name, &file->path, &form->fd, err);
    if (code != VOX_OK) {
        free_file(file);
        return code;
    }
    file->shown = (struct vox_upload){file->field, file->name, file->type, file->path, 0};
    file->next = form->files;
    form->files = file;
    return VOX_OK;
}

static enum vox_code begin_part(void *context, const struct vox_part *part, struct vox_err *err)
{
    struct vox_form *form = context;
    form->bytes.size = 0;
    if (part->filename != NULL) {
        return begin_file(form, part, err);
    }
    form->field = vox_strdup(part->name);
    return form->field != NULL ? VOX_OK
                               : vox_fail(err, VOX_E_NOMEM, "there is no memory for a field");
}

static enum vox_code flush_file(struct vox_form *form, struct vox_err *err)
{
    const enum vox_code code = write_out(form->fd, form->bytes.data, form->bytes.size, err);
    form->bytes.size = 0;
    return code;
}

static enum vox_code part_data(void *context, const char *data, size_t size, struct vox_err *err)
{
    struct vox_form *form = context;
    if (form->fd < 0) {
        return append(&form->bytes, data, size, form->limits->text - form->text, err);
    }
    const uint64_t hold = form->limits->upload_memory;
    enum vox_code code = VOX_OK;
    form->files->shown.size += size;
    if (form->bytes.size + size > hold) {
        code = flush_file(form, err);
    }
    if (code != VOX_OK) {
        return code;
    }
    return size > hold ? write_out(form->fd, data, size, err)
                       : append(&form->bytes, data, size, hold, err);
}

/* A form of a browser names a file that nobody chose by an empty name. */
static bool is_unchosen(const struct file *file)
{
    return file->shown.size == 0 && *file->name == '\0';
}

static enum vox_code end_file(struct vox_form *form, struct vox_err *err)
{
    const enum vox_code code = flush_file(form, err);
    const int closed = close(form->fd);
    const int sys = errno;
    form->fd = -1;
    if (code == VOX_OK && closed != 0) {
        return vox_fail_sys(err, VOX_E_IO, sys, "an upload cannot be stored: %s",
                            strerrordesc_np(sys));
    }
    if (code == VOX_OK && is_unchosen(form->files)) {
        struct file *file = form->files;
        form->files = file->next;
        free_file(file);
    }
    return code;
}

static enum vox_code end_part(void *context, struct vox_err *err)
{
    struct vox_form *form = context;
    if (form->fd >= 0) {
        return end_file(form, err);
    }
    if (!vox_is_clean_text(form->bytes.size > 0 ? form->bytes.data : "", form->bytes.size)) {
        return vox_fail(err, VOX_E_FORMAT, "a field of the form is not valid UTF-8");
    }
    form->text += form->bytes.size;
    char *value = vox_strdup(form->bytes.size > 0 ? form->bytes.data : "");
    char *name = form->field;
    form->field = NULL;
    if (value == NULL) {
        vox_free(name);
        return vox_fail(err, VOX_E_NOMEM, "there is no memory for a field");
    }
    return vox_pairs_add(&form->fields, form->limits->parts, name, value, err);
}

/* ---- whole bodies ---- */

static bool is_type(const char *content_type, const char *type)
{
    const size_t size = strlen(type);
    return content_type != NULL && strncasecmp(content_type, type, size) == 0 &&
           strchr("; \t", content_type[size]) != NULL;
}

static enum form_kind choose(enum vox_body_kind kind, const char *content_type)
{
    if (kind == VOX_BODY_JSON) {
        return BYTES;
    }
    if (kind == VOX_BODY_FORM && is_type(content_type, "multipart/form-data")) {
        return MULTIPART;
    }
    if (kind == VOX_BODY_FORM && is_type(content_type, "application/x-www-form-urlencoded")) {
        return URLENCODED;
    }
    return DROP;
}

enum vox_code vox_form_new(enum vox_body_kind kind, const char *content_type,
                           const struct vox_http_limits *limits, struct vox_spool *spool,
                           struct vox_form **out, struct vox_err *err)
{
    struct vox_form *form = vox_calloc(1, sizeof(*form));
    if (form == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "there is no memory for the request");
    }
    form->kind = choose(kind, content_type);
    form->limits = limits;
    form->spool = spool;
    form->fd = -1;
    if (form->kind == MULTIPART) {
        const struct vox_multipart_sink sink = {begin_part, part_data, end_part, form};
        char boundary[VOX_BOUNDARY_BYTES + 1];
        enum vox_code code = vox_multipart_boundary(content_type, boundary, err);
        if (code == VOX_OK) {
            code = vox_multipart_new(boundary, limits->parts, &sink, &form->parser, err);
        }
        if (code != VOX_OK) {
            vox_form_free(form);
            return code;
        }
    }
    *out = form;
    return VOX_OK;
}

void vox_form_free(struct vox_form *form)
{
    if (form == NULL) {
        return;
    }
    if (form->fd >= 0) {
        (void)close(form->fd);
    }
    while (form->files != NULL) {
        struct file *file = form->files;
        form->files = file->next;
        free_file(file);
    }
    vox_multipart_free(form->parser);
    vox_pairs_clear(&form->fields);
    vox_free(form->field);
    vox_free(form->bytes.data);
    vox_free(form);
}

enum vox_code vox_form_feed(struct vox_form *form, const char *data, size_t size,
                            struct vox_err *err)
{
    switch (form->kind) {
    case MULTIPART:
        return vox_multipart_feed(form->parser, data, size, err);
    case BYTES:
    case URLENCODED:
        return append(&form->bytes, data, size, form->limits->text, err);
    case DROP:
        break;
    }
    return VOX_OK;
}

enum vox_code vox_form_finish(struct vox_form *form, struct vox_err *err)
{
    if (form->kind == MULTIPART) {
        return vox_multipart_finish(form->parser, err);
    }
    if (form->kind == URLENCODED && form->bytes.size > 0) {
        return vox_query_parse(form->bytes.data, form->bytes.size, form->limits->fields,
                               &form->fields, err);
    }
    return VOX_OK;
}

const struct vox_pairs *vox_form_fields(const struct vox_form *form)
{
    return &form->fields;
}

const struct vox_upload *vox_form_upload(const struct vox_form *form, const char *name, size_t i)
{
    const struct vox_upload *found = NULL;
    size_t fit = 0;
    for (const struct file *file = form->files; file != NULL; file = file->next) {
        fit += name == NULL || strcmp(file->field, name) == 0 ? 1 : 0;
    }
    /* The last one is the first in the list. */
    for (const struct file *file = form->files; file != NULL && found == NULL; file = file->next) {
        if (name == NULL || strcmp(file->field, name) == 0) {
            fit--;
            found = fit == i ? &file->shown : NULL;
        }
    }
    return found;
}

void vox_form_take(struct vox_form *form, const struct vox_upload *upload)
{
    for (struct file *file = form->files; file != NULL; file = file->next) {
        if (&file->shown == upload) {
            file->taken = true;
        }
    }
}

const char *vox_form_bytes(const struct vox_form *form, size_t *size)
{
    *size = form->kind == BYTES ? form->bytes.size : 0;
    return *size > 0 ? form->bytes.data : "";
}
