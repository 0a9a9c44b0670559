#include "server/multipart.h"

#include <stdbool.h>
#include <string.h>

#include "server/part_header.h"
#include "util/memory.h"

enum state {
    PREAMBLE, /* before the first boundary */
    AFTER,    /* behind a boundary: the end of its line, or "--" */
    HEADERS,
    BODY,
    EPILOGUE,
    FAILED
};

struct vox_multipart {
    struct vox_multipart_sink sink;
    enum state state;
    size_t left;                            /* parts that may still come */
    char delimiter[VOX_BOUNDARY_BYTES + 5]; /* CR LF -- boundary */
    size_t delimiter_size;
    size_t matched; /* bytes of it that the input ended with */
    char last;      /* in AFTER: '-' or CR seen, else 0 */
    bool any;       /* a byte has come */
    size_t header_size;
    char header[VOX_PART_HEADER_BYTES];
    struct vox_part_header part;
};

enum vox_code vox_multipart_boundary(const char *content_type, char out[VOX_BOUNDARY_BYTES + 1],
                                     struct vox_err *err)
{
    const size_t size = vox_header_parameter(content_type, "boundary", out, VOX_BOUNDARY_BYTES + 1);
    if (size == (size_t)-1 || size == 0) {
        return vox_fail(err, VOX_E_FORMAT,
                        "the content type of the form names no boundary of 1 to "
                        "%d characters",
                        VOX_BOUNDARY_BYTES);
    }
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)out[i] < ' ' || (unsigned char)out[i] > '~') {
            return vox_fail(err, VOX_E_FORMAT, "the boundary of the form is not printable");
        }
    }
    return VOX_OK;
}

enum vox_code vox_multipart_new(const char *boundary, size_t parts,
                                const struct vox_multipart_sink *sink, struct vox_multipart **out,
                                struct vox_err *err)
{
    struct vox_multipart *form = vox_calloc(1, sizeof(*form));
    const size_t size = strlen(boundary);
    if (form == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "there is no memory for a form");
    }
    VOX_ASSERT(size > 0 && size <= VOX_BOUNDARY_BYTES);
    form->sink = *sink;
    form->left = parts;
    memcpy(form->delimiter, "\r\n--", 4);
    memcpy(form->delimiter + 4, boundary, size);
    form->delimiter_size = size + 4;
    form->matched = 2; /* the first boundary needs no line before it */
    *out = form;
    return VOX_OK;
}

void vox_multipart_free(struct vox_multipart *form)
{
    vox_free(form);
}

static enum vox_code give(struct vox_multipart *form, const char *data, size_t size,
                          struct vox_err *err)
{
    if (form->state == PREAMBLE || size == 0) {
        return VOX_OK;
    }
    return form->sink.data(form->sink.context, data, size, err);
}

/* Hands on what is no boundary; *used becomes what was taken, up to the end of a boundary. CR is
 * only at a delimiter's start, so a match that fails can begin anew at the byte that broke it. */
static enum vox_code take_body(struct vox_multipart *form, const char *data, size_t size,
                               size_t *used, struct vox_err *err)
{
    size_t i = 0;
    if (form->matched > 0) {
        while (i < size && form->matched < form->delimiter_size &&
               data[i] == form->delimiter[form->matched]) {
            form->matched++;
            i++;
        }
        if (form->matched < form->delimiter_size && i < size) {
            const size_t held = form->matched;
            form->matched = 0;
            *used = i;
            return give(form, form->delimiter, held, err);
        }
        if (form->matched == form->delimiter_size) {
            form->matched = 0;
            form->last = '\0';
            const bool inside = form->state == BODY;
            form->state = AFTER;
            *used = i;
            return inside ? form->sink.end(form->sink.context, err) : VOX_OK;
        }
        *used = i;
        return VOX_OK;
    }
    const char *start = memchr(data, '\r', size);
    const size_t plain = start != NULL ? (size_t)(start - data) : size;
    form->matched = start != NULL ? 1 : 0;
    *used = plain + (start != NULL ? 1 : 0);
    return give(form, data, plain, err);
}

static enum vox_code take_after(struct vox_multipart *form, char c, struct vox_err *err)
{
    if (form->last == '\0' && (c == ' ' || c == '\t')) {
        return VOX_OK;
    }
    if (form->last == '\0' && (c == '-' || c == '\r')) {
        form->last = c;
        return VOX_OK;
    }
    if (form->last == '-' && c == '-') {
        form->state = EPILOGUE;
        return VOX_OK;
    }
    if (form->last == '\r' && c == '\n') {
        if (form->left == 0) {
            return vox_fail(err, VOX_E_LIMIT, "the form has more parts than are allowed");
        }
        form->left--;
        form->header_size = 0;
        form->state = HEADERS;
        return VOX_OK;
    }
    return vox_fail(err, VOX_E_FORMAT, "a boundary of the form does not end its line");
}

static enum vox_code begin_part(struct vox_multipart *form, struct vox_err *err)
{
    struct vox_part_header *part = &form->part;
    const enum vox_code code = vox_part_header_read(form->header, form->header_size - 2, part, err);
    if (code != VOX_OK) {
        return code;
    }
    const struct vox_part shown = {part->name, part->is_file ? part->filename : NULL, part->type};
    form->state = BODY;
    form->matched = 0;
    return form->sink.begin(form->sink.context, &shown, err);
}

static enum vox_code take_header(struct vox_multipart *form, char c, struct vox_err *err)
{
    if (form->header_size == sizeof(form->header)) {
        return vox_fail(err, VOX_E_LIMIT, "a part of the form has headers of more than %d bytes",
                        VOX_PART_HEADER_BYTES);
    }
    form->header[form->header_size++] = c;
    const char *end = form->header + form->header_size;
    const bool only = form->header_size == 2 && memcmp(form->header, "\r\n", 2) == 0;
    if (only || (form->header_size >= 4 && memcmp(end - 4, "\r\n\r\n", 4) == 0)) {
        return begin_part(form, err);
    }
    return VOX_OK;
}

enum vox_code vox_multipart_feed(struct vox_multipart *form, const char *data, size_t size,
                                 struct vox_err *err)
{
    size_t i = 0;
    enum vox_code code = VOX_OK;
    form->any = form->any || size > 0;
    while (i < size && code == VOX_OK) {
        size_t used = 1;
        switch (form->state) {
        case PREAMBLE:
        case BODY:
            code = take_body(form, data + i, size - i, &used, err);
            break;
        case AFTER:
            code = take_after(form, data[i], err);
            break;
        case HEADERS:
            code = take_header(form, data[i], err);
            break;
        case EPILOGUE:
            return VOX_OK;
        case FAILED:
            return vox_fail(err, VOX_E_FORMAT, "the form is broken");
        }
        i += used;
    }
    if (code != VOX_OK) {
        form->state = FAILED;
    }
    return code;
}

enum vox_code vox_multipart_finish(struct vox_multipart *form, struct vox_err *err)
{
    if (form->state == EPILOGUE || (form->state == PREAMBLE && !form->any)) {
        return VOX_OK;
    }
    form->state = FAILED;
    return vox_fail(err, VOX_E_FORMAT, "the form ends before its last boundary");
}
