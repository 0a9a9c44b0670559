#include "util/fetch.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <curl/curl.h>

#include "util/fetch_part.h"
#include "util/memory.h"

enum {
    POLL_MS = 100, /* between two looks at the cancel flag */
    CONNECT_SECONDS = 30,
    STALL_SECONDS = 60, /* without a byte */
    REDIRECTS = 8,
    FRUITLESS = 4, /* attempts in a row that bring nothing, once something has come */
    FIRST_WAIT_MS = 500,
    HEADER_BYTES = 1024,
    SKIPPED_BYTES = 1 << 20 /* of a page that is not the file */
};

/* What one response said. */
struct answer {
    bool begun; /* its first byte was looked at */
    char etag[VOX_FETCH_VALIDATOR_BYTES];
    char modified[VOX_FETCH_VALIDATOR_BYTES];
    uint64_t from, total; /* of Content-Range */
    bool ranged;
};

struct fetch {
    const struct vox_fetch_request *request;
    struct vox_fetch_part *part;
    CURL *easy;
    CURLM *multi;
    char detail[CURL_ERROR_SIZE];
    struct answer answer;
    uint64_t asked_from; /* of this attempt */
    size_t skipped;
    bool changed;       /* the server has another version: begin anew */
    enum vox_code code; /* why a callback gave up */
    struct vox_err err;
};

/* ---- what the server says ---- */

static bool take_header(const char *line, const char *name, char *out, size_t room)
{
    size_t length = strlen(name);
    if (strncasecmp(line, name, length) != 0 || line[length] != ':') {
        return false;
    }
    const char *value = line + length + 1;
    value += strspn(value, " \t");
    size_t size = strcspn(value, "\r\n");
    while (size > 0 && (value[size - 1] == ' ' || value[size - 1] == '\t')) {
        size--;
    }
    /* A value that is cut is another one. */
    if (size < room) {
        memcpy(out, value, size);
        out[size] = '\0';
    }
    return true;
}

static bool take_number(const char **at, uint64_t *out)
{
    if (**at < '0' || **at > '9') {
        return false;
    }
    char *end;
    unsigned long long value = strtoull(*at, &end, 10);
    *at = end;
    *out = value;
    return value < (unsigned long long)INT64_MAX;
}

/* "bytes 100-199/200" */
static void take_range(const char *value, struct answer *answer)
{
    uint64_t last;
    const char *at = value;
    if (strncasecmp(at, "bytes ", 6) != 0) {
        return;
    }
    at += 6;
    if (take_number(&at, &answer->from) && *at++ == '-' && take_number(&at, &last) &&
        *at++ == '/' && take_number(&at, &answer->total)) {
        answer->ranged = last >= answer->from && last < answer->total;
    }
}

static size_t on_header(char *data, size_t size, size_t count, void *context)
{
    struct fetch *fetch = context;
    struct answer *answer = &fetch->answer;
    char line[HEADER_BYTES], range[128] = "";
    size_t length = size * count;
    if (length >= sizeof(line)) {
        return length;
    }
    memcpy(line, data, length);
    line[length] = '\0';
    if (strncmp(line, "HTTP/", 5) == 0) {
        *answer = (struct answer){0}; /* of the next hop */
    } else if (take_header(line, "content-range", range, sizeof(range))) {
        take_range(range, answer);
    } else if (!take_header(line, "etag", answer->etag, sizeof(answer->etag))) {
        (void)take_header(line, "last-modified", answer->modified, sizeof(answer->modified));
    }
    return length;
}

/* A weak ETag does not promise the same bytes. */
static const char *version_of(const struct answer *answer)
{
    return answer->etag[0] == '"' ? answer->etag : answer->modified;
}

/* Whether a part is of the version that was begun. A response to a part may leave the date out. */
static bool is_same(const struct answer *answer, const char *version)
{
    const char *now = version[0] == '"' ? answer->etag : answer->modified;
    return now[0] == '\0' || strcmp(now, version) == 0;
}

/* ---- the bytes ---- */

static enum vox_code check_total(struct fetch *fetch, uint64_t total)
{
    const struct vox_fetch_request *request = fetch->request;
    if (total > request->max_size) {
        return vox_fail(&fetch->err, VOX_E_LIMIT,
                        "the server's file has %" PRIu64 " bytes, more than %" PRIu64, total,
                        request->max_size);
    }
    if (request->size != 0 && total != 0 && total != request->size) {
        return vox_fail(&fetch->err, VOX_E_FORMAT,
                        "the server's file has %" PRIu64 " bytes and not %" PRIu64
                        ": it is another one",
                        total, request->size);
    }
    return VOX_OK;
}

/* Before the first byte: does the server go on, or begin anew? */
static enum vox_code begin_body(struct fetch *fetch)
{
    const struct answer *answer = &fetch->answer;
    long status = 0;
    curl_off_t length = -1;
    curl_easy_getinfo(fetch->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(fetch->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    if (status == 206) {
        uint64_t total = vox_fetch_part_total(fetch->part);
        if (!answer->ranged || answer->from != fetch->asked_from ||
            (total != 0 && answer->total != total) ||
            !is_same(answer, vox_fetch_part_version(fetch->part))) {
            fetch->changed = true;
            return vox_fail_sys(&fetch->err, VOX_E_BUSY, (int)status,
                                "the server's file has changed");
        }
        return VOX_OK;
    }
    uint64_t total = length > 0 ? (uint64_t)length : 0;
    enum vox_code code = check_total(fetch, total);
    return code == VOX_OK
               ? vox_fetch_part_restart(fetch->part, version_of(answer), total, &fetch->err)
               : code;
}

static size_t on_body(char *data, size_t size, size_t count, void *context)
{
    struct fetch *fetch = context;
    size_t length = size * count;
    long status = 0;
    curl_easy_getinfo(fetch->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200 && status != 206) {
        fetch->skipped += length; /* a page that explains an error */
        return fetch->skipped <= SKIPPED_BYTES ? length : 0;
    }
    fetch->code = VOX_OK;
    if (!fetch->answer.begun) {
        fetch->answer.begun = true;
        fetch->code = begin_body(fetch);
    }
    /* Also where the server does not say, or not rightly, how much there is. */
    uint64_t most = fetch->request->size != 0 ? fetch->request->size : fetch->request->max_size;
    if (fetch->code == VOX_OK &&
        (length > most || vox_fetch_part_size(fetch->part) > most - length)) {
        fetch->code = vox_fail(&fetch->err, VOX_E_LIMIT,
                               "the server sends more than %" PRIu64 " bytes", most);
    }
    if (fetch->code == VOX_OK) {
        fetch->code = vox_fetch_part_add(fetch->part, data, length, &fetch->err);
    }
    return fetch->code == VOX_OK ? length : 0;
}

/* ---- one attempt ---- */

static bool is_cancelled(const struct fetch *fetch)
{
    return fetch->request->cancel != NULL && atomic_load(fetch->request->cancel) != 0;
}

/* Bytes that there should be; 0 where nobody knows. */
static uint64_t total_of(const struct fetch *fetch)
{
    uint64_t total = fetch->request->size;
    return total != 0 ? total : vox_fetch_part_total(fetch->part);
}

static void report(const struct fetch *fetch)
{
    const struct vox_fetch_request *request = fetch->request;
    if (request->progress != NULL) {
        request->progress(request->context, vox_fetch_part_size(fetch->part), total_of(fetch));
    }
}

static bool set_options(struct fetch *fetch, struct curl_slist *headers)
{
    const struct vox_fetch_request *request = fetch->request;
    CURL *easy = fetch->easy;
    bool ok = curl_easy_setopt(easy, CURLOPT_URL, request->url) == CURLE_OK &&
              curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https") == CURLE_OK &&
              curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "https") == CURLE_OK &&
              curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L) == CURLE_OK &&
              curl_easy_setopt(easy, CURLOPT_MAXREDIRS, (long)REDIRECTS) == CURLE_OK &&
              curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
              curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers) == CURLE_OK &&
              curl_easy_setopt(easy, CURLOPT_USERAGENT, "voxlabel/" VOX_VERSION) == CURLE_OK &&
              curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, fetch->detail) == CURLE_OK &&
              curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS) == CURLE_OK &&
              curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L) == CURLE_OK &&
              curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)STALL_SECONDS) == CURLE_OK &&
              curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK &&
              curl_easy_setopt(easy, CURLOPT_HEADERDATA, fetch) == CURLE_OK &&
              curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
              curl_easy_setopt(easy, CURLOPT_WRITEDATA, fetch) == CURLE_OK;
    if (ok && request->ca_file != NULL) {
        ok = curl_easy_setopt(easy, CURLOPT_CAINFO, request->ca_file) == CURLE_OK &&
             curl_easy_setopt(easy, CURLOPT_PROXY_CAINFO, request->ca_file) == CURLE_OK;
    }
    return ok;
}

/* Asks for the rest of the version that is there, or for all of the file. */
static bool make_headers(struct fetch *fetch, struct curl_slist **out)
{
    char line[HEADER_BYTES];
    const char *version = vox_fetch_part_version(fetch->part);
    fetch->asked_from = version[0] == '\0' ? 0 : vox_fetch_part_size(fetch->part);
    if (fetch->asked_from == 0) {
        return true;
    }
    snprintf(line, sizeof(line), "Range: bytes=%" PRIu64 "-", fetch->asked_from);
    *out = curl_slist_append(NULL, line);
    snprintf(line, sizeof(line), "If-Range: %s", version);
    struct curl_slist *more = *out == NULL ? NULL : curl_slist_append(*out, line);
    return more != NULL;
}

/* Until the transfer ends; returns what curl says of it. */
static CURLcode transfer(struct fetch *fetch)
{
    int running = 1;
    while (running > 0 && !is_cancelled(fetch)) {
        CURLMcode code = curl_multi_perform(fetch->multi, &running);
        if (code == CURLM_OK && running > 0) {
            report(fetch);
            code = curl_multi_poll(fetch->multi, NULL, 0, POLL_MS, NULL);
        }
        if (code != CURLM_OK) {
            return code == CURLM_OUT_OF_MEMORY ? CURLE_OUT_OF_MEMORY : CURLE_RECV_ERROR;
        }
    }
    int left;
    const CURLMsg *message = curl_multi_info_read(fetch->multi, &left);
    return message != NULL && message->msg == CURLMSG_DONE ? message->data.result
                                                           : CURLE_ABORTED_BY_CALLBACK;
}

static const char *detail_of(const struct fetch *fetch, CURLcode result)
{
    return fetch->detail[0] != '\0' ? fetch->detail : curl_easy_strerror(result);
}

static enum vox_code explain(const struct fetch *fetch, CURLcode result, struct vox_err *err)
{
    const char *detail = detail_of(fetch, result);
    int sys = (int)result;
    switch (result) {
    case CURLE_OUT_OF_MEMORY:
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    case CURLE_SSL_CACERT_BADFILE:
        return vox_fail(err, VOX_E_ARG, "the file of certificates cannot be read");
    case CURLE_URL_MALFORMAT:
        return vox_fail(err, VOX_E_ARG, "the address is none");
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
        return vox_fail_sys(err, VOX_E_BUSY, sys, "the server cannot be reached (%.160s)", detail);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
        return vox_fail_sys(err, VOX_E_BUSY, sys, "the server is not trusted (%.160s)", detail);
    case CURLE_UNSUPPORTED_PROTOCOL:
        return vox_fail_sys(err, VOX_E_BUSY, sys,
                            "the address, or one that it leads to, is not https");
    case CURLE_TOO_MANY_REDIRECTS:
        return vox_fail_sys(err, VOX_E_BUSY, sys, "the server sends from one address to the next");
    default:
        return vox_fail_sys(err, VOX_E_BUSY, sys, "the transfer failed (%.160s)", detail);
    }
}

static bool is_loss(CURLcode result)
{
    switch (result) {
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
        return true;
    default:
        return false;
    }
}

/* What became of a response that arrived whole. */
static enum vox_code judge(struct fetch *fetch, bool *again, struct vox_err *err)
{
    long status = 0;
    curl_easy_getinfo(fetch->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status == 200 || status == 206) {
        uint64_t size = vox_fetch_part_size(fetch->part);
        if (status == 200 && !fetch->answer.begun) {
            return vox_fail(err, VOX_E_FORMAT, "the server's file is empty");
        }
        uint64_t total = total_of(fetch);
        if (total != 0 && size != total) {
            *again = true;
            return vox_fail_sys(err, VOX_E_BUSY, CURLE_PARTIAL_FILE,
                                "the server sent %" PRIu64 " of %" PRIu64 " bytes", size, total);
        }
        return VOX_OK;
    }
    if (status == 416) {
        fetch->changed = true;
        return vox_fail_sys(err, VOX_E_BUSY, (int)status, "the server's file has changed");
    }
    *again = status == 429 || status >= 500;
    return vox_fail_sys(err, status == 404 || status == 410 ? VOX_E_NOT_FOUND : VOX_E_BUSY,
                        (int)status, "the server answers with HTTP status %ld", status);
}

/* Downloads as long as one connection lasts. *again: another attempt may bring more. */
static enum vox_code attempt(struct fetch *fetch, bool *again, struct vox_err *err)
{
    struct curl_slist *headers = NULL;
    enum vox_code code = VOX_E_NOMEM;
    *again = false;
    fetch->answer = (struct answer){0};
    fetch->code = VOX_OK;
    fetch->skipped = 0;
    fetch->changed = false;
    fetch->detail[0] = '\0';
    fetch->easy = curl_easy_init();
    if (fetch->easy == NULL || !make_headers(fetch, &headers) || !set_options(fetch, headers) ||
        curl_multi_add_handle(fetch->multi, fetch->easy) != CURLM_OK) {
        code = vox_fail(err, VOX_E_NOMEM, "out of memory, or libcurl lacks HTTPS");
    } else {
        CURLcode result = transfer(fetch);
        if (is_cancelled(fetch)) {
            /* Do not wait for a name that is being looked up. */
            curl_easy_setopt(fetch->easy, CURLOPT_QUICK_EXIT, 1L);
            code = vox_fail(err, VOX_E_CANCELLED, "cancelled");
        } else if (fetch->code != VOX_OK) {
            code = vox_fail_sys(err, fetch->code, fetch->err.sys, "%s", fetch->err.msg);
        } else if (result == CURLE_OK) {
            code = judge(fetch, again, err);
        } else {
            code = explain(fetch, result, err);
            *again = is_loss(result);
        }
        curl_multi_remove_handle(fetch->multi, fetch->easy);
    }
    curl_easy_cleanup(fetch->easy);
    curl_slist_free_all(headers);
    fetch->easy = NULL;
    return code;
}

/* ---- all attempts ---- */

static void wait_ms(const struct fetch *fetch, int ms)
{
    for (; ms > 0 && !is_cancelled(fetch); ms -= POLL_MS) {
        struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
        nanosleep(&pause, NULL);
        report(fetch);
    }
}

/* The server has another version than the one that was begun. */
static enum vox_code drop(struct fetch *fetch, struct vox_err *err)
{
    return vox_fetch_part_restart(fetch->part, "", 0, err);
}

static enum vox_code download(struct fetch *fetch, struct vox_err *err)
{
    int fruitless = 0, changes = 0;
    bool any = vox_fetch_part_size(fetch->part) > 0;
    for (;;) {
        bool again;
        struct vox_err why = {0};
        uint64_t before = vox_fetch_part_size(fetch->part);
        enum vox_code code = attempt(fetch, &again, &why);
        bool brought = fetch->answer.begun && vox_fetch_part_size(fetch->part) != before;
        any = any || brought;
        fruitless = brought ? 0 : fruitless + 1;
        if (code == VOX_OK) {
            return VOX_OK;
        }
        if (fetch->changed && changes++ == 0) {
            code = drop(fetch, &why);
            if (code == VOX_OK) {
                continue;
            }
        }
        if (code == VOX_E_CANCELLED || !again || !any || fruitless >= FRUITLESS) {
            return vox_fail_sys(err, code, why.sys, "%s", why.msg);
        }
        if (fetch->request->again != NULL) {
            fetch->request->again(fetch->request->context, &why);
        }
        wait_ms(fetch, FIRST_WAIT_MS << fruitless);
    }
}

/* Bytes of which nothing is missing need no server. */
static bool is_complete(const struct fetch *fetch)
{
    uint64_t size = vox_fetch_part_size(fetch->part);
    return size != 0 && size == total_of(fetch);
}

/* Whether an error says nothing of what was fetched. */
static bool is_passing(enum vox_code code)
{
    return code == VOX_E_NOMEM || code == VOX_E_IO || code == VOX_E_BUSY || code == VOX_E_CANCELLED;
}

static enum vox_code install(struct fetch *fetch, const char *part_path, struct vox_fetched *out,
                             struct vox_err *err)
{
    const struct vox_fetch_request *request = fetch->request;
    struct vox_fetched fetched = {.size = vox_fetch_part_size(fetch->part)};
    enum vox_code code = VOX_OK;
    vox_fetch_part_hash(fetch->part, fetched.sha256);
    if (request->sha256 != NULL && strcmp(request->sha256, fetched.sha256) != 0) {
        code = vox_fail(err, VOX_E_FORMAT,
                        "what arrived has the SHA-256 %s and not %s: it is damaged or another file",
                        fetched.sha256, request->sha256);
    }
    if (code == VOX_OK && request->check != NULL) {
        code = request->check(request->context, part_path, &fetched, err);
    }
    /* What is damaged or another file goes; where memory or the disk failed it stays for the next
     * time. */
    if (code != VOX_OK && !is_passing(code)) {
        vox_fetch_part_remove(fetch->part);
    }
    if (code != VOX_OK) {
        return code;
    }
    code = vox_fetch_part_finish(fetch->part, request->path, err);
    if (code == VOX_OK) {
        *out = fetched;
    }
    return code;
}

static enum vox_code run(struct fetch *fetch, const char *part_path, struct vox_fetched *out,
                         struct vox_err *err)
{
    enum vox_code code = vox_fetch_part_open(part_path, &fetch->part, err);
    if (code != VOX_OK) {
        return code;
    }
    uint64_t most = fetch->request->size != 0 ? fetch->request->size : fetch->request->max_size;
    if (vox_fetch_part_size(fetch->part) > most) {
        code = drop(fetch, err);
    }
    if (code == VOX_OK && !is_complete(fetch)) {
        code = download(fetch, err);
        if (code == VOX_E_FORMAT || code == VOX_E_LIMIT || vox_fetch_part_size(fetch->part) == 0) {
            vox_fetch_part_remove(fetch->part); /* none of it is of use */
        } else {
            struct vox_err ignored;
            enum vox_code kept = vox_fetch_part_keep(fetch->part, code == VOX_OK ? err : &ignored);
            code = code == VOX_OK ? kept : code;
        }
    }
    return code == VOX_OK ? install(fetch, part_path, out, err) : code;
}

static char *part_name(const char *path)
{
    size_t size = strlen(path) + sizeof(".part");
    char *name = vox_alloc(size);
    if (name != NULL) {
        snprintf(name, size, "%s.part", path);
    }
    return name;
}

enum vox_code vox_fetch(const struct vox_fetch_request *request, struct vox_fetched *out,
                        struct vox_err *err)
{
    struct fetch fetch = {.request = request};
    char *path = part_name(request->path);
    enum vox_code code = VOX_E_NOMEM;
    if (path == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        vox_free(path);
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    fetch.multi = curl_multi_init();
    if (fetch.multi == NULL) {
        code = vox_fail(err, VOX_E_NOMEM, "out of memory");
    } else {
        code = run(&fetch, path, out, err);
    }
    vox_fetch_part_close(fetch.part);
    curl_multi_cleanup(fetch.multi);
    curl_global_cleanup();
    vox_free(path);
    return code;
}
