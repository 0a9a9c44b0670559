#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "server/answer.h"
#include "server/exchange_parts.h"
#include "server/http_date.h"
#include "server/text_builder.h"
#include "util/memory.h"
#include "util/number_text.h"

enum { TAG_BYTES = 64, RANGE_BYTES = 96 };

const char *vox_mime_type(const char *name)
{
    static const struct {
        const char *end, *type;
    } types[] = {
        {".json", "application/json"}, {".dcm", "application/dicom"},
        {".png", "image/png"},         {".jpg", "image/jpeg"},
        {".jpeg", "image/jpeg"},       {".tif", "image/tiff"},
        {".tiff", "image/tiff"},       {".xml", "application/xml"},
        {".zip", "application/zip"},   {".txt", "text/plain; charset=utf-8"},
    };
    const size_t size = strlen(name);
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        const size_t end = strlen(types[i].end);
        if (size >= end && strcasecmp(name + size - end, types[i].end) == 0) {
            return types[i].type;
        }
    }
    return "application/octet-stream";
}

static bool is_plain_name(const char *name)
{
    for (; *name != '\0'; name++) {
        if (*name < ' ' || *name > '~' || strchr("\"\\%;", *name) != NULL) {
            return false;
        }
    }
    return true;
}

/* Type and Content-Disposition. */
static void add_name(struct vox_exchange *x, const char *name)
{
    struct vox_text text = {0};
    if (is_plain_name(name)) {
        vox_text_format(&text, "attachment; filename=\"%s\"", name);
    } else {
        vox_text_put(&text, "attachment; filename*=utf-8''");
        vox_text_percent(&text, name);
    }
    vox_answer_own_header(x, "Content-Type", vox_mime_type(name));
    vox_answer_own_header(x, "Content-Disposition", text.data != NULL ? text.data : "attachment");
    vox_text_clear(&text);
}

static enum vox_code open_file(const char *path, struct stat *facts, int *out, struct vox_err *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        const int sys = errno;
        return vox_fail_sys(err, sys == ENOENT || sys == ENOTDIR ? VOX_E_NOT_FOUND : VOX_E_IO, sys,
                            "the file cannot be opened: %s", strerrordesc_np(sys));
    }
    if (fstat(fd, facts) != 0 || !S_ISREG(facts->st_mode)) {
        (void)close(fd);
        return vox_fail(err, VOX_E_NOT_FOUND, "there is no such file");
    }
    *out = fd;
    return VOX_OK;
}

/* ---- ranges (RFC 9110, section 14) ---- */

enum range_kind { WHOLE, PART, OUTSIDE };

/* The one range of "bytes=a-b", "bytes=a-", "bytes=-n"; lists of ranges and what cannot be read are
 * answered with the whole file, as the RFC allows. */
static enum range_kind read_range(const char *text, uint64_t size, uint64_t *first, uint64_t *count)
{
    if (text == NULL || strncasecmp(text, "bytes=", 6) != 0 || strchr(text, ',') != NULL) {
        return WHOLE;
    }
    const char *from = text + 6;
    const char *dash = strchr(from, '-');
    int64_t a = 0;
    int64_t b = 0;
    if (dash == NULL) {
        return WHOLE;
    }
    const bool has_a = dash > from;
    const bool has_b = dash[1] != '\0';
    if ((!has_a && !has_b) || (has_a && !vox_text_to_int(from, (size_t)(dash - from), &a)) ||
        (has_b && !vox_text_to_int(dash + 1, strlen(dash + 1), &b)) || a < 0 || b < 0) {
        return WHOLE;
    }
    if (!has_a) {
        const uint64_t last = (uint64_t)b < size ? (uint64_t)b : size;
        *first = size - last;
        *count = last;
        return last > 0 ? PART : OUTSIDE;
    }
    if (has_b && b < a) {
        return WHOLE;
    }
    if ((uint64_t)a >= size) {
        return OUTSIDE;
    }
    const uint64_t end = has_b && (uint64_t)b < size - 1 ? (uint64_t)b : size - 1;
    *first = (uint64_t)a;
    *count = end - (uint64_t)a + 1;
    return PART;
}

static bool has_tag(const char *list, const char *tag)
{
    return list != NULL && (strcmp(list, "*") == 0 || strstr(list, tag) != NULL);
}

/* Whether a range may be answered: the client's copy, if it names one, is this one. */
static bool same_version(const struct vox_exchange *x, const char *tag, const char *date)
{
    const char *condition = vox_exchange_header(x, "If-Range");
    return condition == NULL || strcmp(condition, tag) == 0 || strcmp(condition, date) == 0;
}

static void answer_stretch(struct vox_exchange *x, int fd, uint64_t size, const char *tag,
                           const char *date)
{
    char text[RANGE_BYTES];
    uint64_t first = 0;
    uint64_t count = size;
    const char *wanted = vox_exchange_header(x, "Range");
    const enum range_kind kind =
        same_version(x, tag, date) ? read_range(wanted, size, &first, &count) : WHOLE;
    if (kind == OUTSIDE) {
        (void)close(fd);
        vox_exchange_fail(x, 416, "The file has %" PRIu64 " bytes", size);
        (void)snprintf(text, sizeof(text), "bytes */%" PRIu64, size);
        vox_answer_own_header(x, "Content-Range", text);
        return;
    }
    (void)vox_answer_begin(x, kind == PART ? 206 : 200);
    const struct vox_piece piece = {.fd = fd, .offset = first, .size = count};
    vox_answer_piece(x, &piece);
    if (kind == PART) {
        (void)snprintf(text, sizeof(text), "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, first,
                       first + count - 1, size);
        vox_answer_own_header(x, "Content-Range", text);
    }
}

enum vox_code vox_answer_file(struct vox_exchange *x, const char *path, const char *name,
                              struct vox_err *err)
{
    struct stat facts;
    char tag[TAG_BYTES];
    char date[VOX_HTTP_DATE_BYTES];
    int fd = -1;
    const enum vox_code code = open_file(path, &facts, &fd, err);
    if (code != VOX_OK) {
        return code;
    }
    (void)snprintf(tag, sizeof(tag), "\"%llx-%llx-%llx%08lx\"", (unsigned long long)facts.st_ino,
                   (unsigned long long)facts.st_size, (unsigned long long)facts.st_mtim.tv_sec,
                   (unsigned long)facts.st_mtim.tv_nsec);
    vox_http_date(facts.st_mtim.tv_sec, date);
    if (has_tag(vox_exchange_header(x, "If-None-Match"), tag)) {
        (void)close(fd);
        (void)vox_answer_begin(x, 304);
    } else {
        answer_stretch(x, fd, (uint64_t)facts.st_size, tag, date);
    }
    if (x->answer.status == 200 || x->answer.status == 206) {
        add_name(x, name);
    }
    vox_answer_own_header(x, "Cache-Control", "no-cache");
    vox_answer_own_header(x, "Accept-Ranges", "bytes");
    vox_answer_own_header(x, "ETag", tag);
    vox_answer_own_header(x, "Last-Modified", date);
    return VOX_OK;
}

void vox_answer_download(struct vox_exchange *x, const char *name, void *data, size_t size)
{
    char date[VOX_HTTP_DATE_BYTES];
    vox_http_date(time(NULL), date);
    (void)vox_answer_begin(x, 200);
    vox_answer_owned(x, data, size);
    if (x->answer.status == 200) {
        add_name(x, name);
        vox_answer_own_header(x, "Last-Modified", date);
    }
}

/* ---- the answer of an inference ---- */

/* 32 hexadecimal digits that no mask and no JSON holds but by a chance of 2^-128. */
static void make_boundary(char out[33])
{
    uint8_t bytes[16] = {0};
    if (getrandom(bytes, sizeof(bytes), GRND_NONBLOCK) != (ssize_t)sizeof(bytes)) {
        struct timespec now;
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        memcpy(bytes, &now, sizeof(bytes) < sizeof(now) ? sizeof(bytes) : sizeof(now));
    }
    for (size_t i = 0; i < sizeof(bytes); i++) {
        (void)snprintf(out + 2 * i, 3, "%02x", bytes[i]);
    }
}

/* A line has no place in a header's value. */
static void put_file_name(struct vox_text *text, const char *name)
{
    for (; *name != '\0'; name++) {
        const bool plain = (unsigned char)*name >= ' ' && *name != '"' && *name != 0x7f;
        vox_text_add(text, plain ? name : "_", 1);
    }
}

/* The three stretches around `piece`, which is taken. */
static void answer_parts(struct vox_exchange *x, const char *params, const char *name,
                         const struct vox_piece *piece)
{
    char boundary[33];
    char type[96];
    struct vox_text head = {0};
    struct vox_text tail = {0};
    struct vox_piece file = *piece;
    make_boundary(boundary);
    vox_text_format(&head,
                    "--%s\r\nContent-Disposition: form-data; name=\"params\"\r\n"
                    "Content-Type: application/json\r\n\r\n",
                    boundary);
    vox_text_put(&head, params);
    vox_text_format(
        &head, "\r\n--%s\r\nContent-Disposition: form-data; name=\"image\"; filename=\"", boundary);
    put_file_name(&head, name);
    vox_text_format(&head, "\"\r\nContent-Type: %s\r\n\r\n", vox_mime_type(name));
    vox_text_format(&tail, "\r\n--%s--\r\n", boundary);
    if (head.lost || tail.lost) {
        vox_text_clear(&head);
        vox_text_clear(&tail);
        vox_piece_clear(&file);
        (void)vox_answer_begin(x, 200);
        vox_answer_owned(x, NULL, 0);
        return;
    }
    (void)vox_answer_begin(x, 200);
    vox_answer_owned(x, head.data, head.size);
    vox_answer_piece(x, &file);
    vox_answer_owned(x, tail.data, tail.size);
    (void)snprintf(type, sizeof(type), "multipart/form-data; boundary=%s", boundary);
    vox_answer_own_header(x, "Content-Type", type);
}

void vox_answer_multipart(struct vox_exchange *x, const char *params, const char *name, void *data,
                          size_t size)
{
    const struct vox_piece piece = {.data = data, .owned = data, .fd = -1, .size = size};
    answer_parts(x, params, name, &piece);
}

enum vox_code vox_answer_multipart_file(struct vox_exchange *x, const char *params,
                                        const char *name, const char *path, struct vox_err *err)
{
    struct stat facts;
    int fd = -1;
    const enum vox_code code = open_file(path, &facts, &fd, err);
    if (code == VOX_OK) {
        const struct vox_piece piece = {.fd = fd, .size = (uint64_t)facts.st_size};
        answer_parts(x, params, name, &piece);
    }
    return code;
}
