/* Multipart bodies: the first bytes say how the rest is cut into pieces, then comes the content
 * type, a line, then the body. What the parser hands on is what a second parse in one piece does.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/multipart.h"
#include "util/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sum {
    uint64_t hash;
    size_t parts, bytes;
    int open;
};

static void add(struct sum *sum, const char *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        sum->hash = (sum->hash ^ (unsigned char)data[i]) * UINT64_C(1099511628211);
    }
}

static void check(int good)
{
    if (!good) {
        abort();
    }
}

static enum vox_code begin(void *context, const struct vox_part *part, struct vox_err *err)
{
    struct sum *sum = context;
    (void)err;
    check(!sum->open);
    sum->open = 1;
    sum->parts++;
    add(sum, part->name, strlen(part->name) + 1);
    add(sum, part->type, strlen(part->type) + 1);
    if (part->filename != NULL) {
        add(sum, part->filename, strlen(part->filename) + 1);
    }
    return VOX_OK;
}

static enum vox_code take(void *context, const char *data, size_t size, struct vox_err *err)
{
    struct sum *sum = context;
    (void)err;
    check(sum->open && size > 0);
    sum->bytes += size;
    add(sum, data, size);
    return VOX_OK;
}

static enum vox_code end(void *context, struct vox_err *err)
{
    struct sum *sum = context;
    (void)err;
    check(sum->open);
    sum->open = 0;
    return VOX_OK;
}

static enum vox_code parse(const char *boundary, const uint8_t *data, size_t size, size_t piece,
                           struct sum *sum)
{
    const struct vox_multipart_sink sink = {begin, take, end, sum};
    struct vox_multipart *form = NULL;
    struct vox_err err = {0};
    *sum = (struct sum){.hash = UINT64_C(14695981039346656037)};
    if (vox_multipart_new(boundary, 16, &sink, &form, &err) != VOX_OK) {
        return VOX_E_NOMEM;
    }
    enum vox_code code = VOX_OK;
    for (size_t i = 0; code == VOX_OK && i < size; i += piece) {
        /* A copy, so that reading beyond the piece is seen. */
        const size_t n = size - i < piece ? size - i : piece;
        char *copy = vox_alloc(n);
        memcpy(copy, data + i, n);
        code = vox_multipart_feed(form, copy, n, &err);
        vox_free(copy);
    }
    code = code == VOX_OK ? vox_multipart_finish(form, &err) : code;
    vox_multipart_free(form);
    check(code != VOX_OK || !sum->open);
    return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char type[256];
    char boundary[VOX_BOUNDARY_BYTES + 1];
    struct vox_err err = {0};
    struct sum cut;
    struct sum whole;
    if (size < 2) {
        return 0;
    }
    const size_t piece = (size_t)data[0] + 1;
    const uint8_t *line = memchr(data + 1, '\n', size - 1);
    const size_t length = line != NULL ? (size_t)(line - data) - 1 : size - 1;
    if (length >= sizeof(type)) {
        return 0;
    }
    memcpy(type, data + 1, length);
    type[length] = '\0';
    if (line == NULL || vox_multipart_boundary(type, boundary, &err) != VOX_OK) {
        return 0;
    }
    const uint8_t *body = line + 1;
    const size_t left = size - (size_t)(body - data);
    const enum vox_code one = parse(boundary, body, left, piece, &cut);
    const enum vox_code two = parse(boundary, body, left, left + 1, &whole);
    check(one == two && cut.hash == whole.hash && cut.bytes == whole.bytes);
    return 0;
}
