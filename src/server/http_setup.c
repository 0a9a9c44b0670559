#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/http.h"
#include "server/http_parts.h"
#include "util/file.h"
#include "util/memory.h"

enum { BACKLOG = 512, MAX_PEM = 1 << 20 };

void vox_http_options_default(struct vox_http_options *out)
{
    *out = (struct vox_http_options){.host = "127.0.0.1", .port = 8000};
    vox_http_limits_default(&out->limits);
}

/* ---- the listening socket ---- */

static int listen_at(const struct addrinfo *address, int *sys)
{
    const int one = 1;
    const int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        *sys = errno;
        return -1;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (address->ai_family == AF_INET6) {
        /* "::" means all addresses of both kinds, as people expect of it. */
        const int zero = 0;
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
    }
    if (bind(fd, address->ai_addr, address->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
        *sys = errno;
        (void)close(fd);
        return -1;
    }
    return fd;
}

static int listen_at_first(const struct addrinfo *list, int family, int *sys)
{
    int fd = -1;
    for (const struct addrinfo *at = list; at != NULL && fd < 0; at = at->ai_next) {
        fd = at->ai_family == family ? listen_at(at, sys) : -1;
    }
    return fd;
}

static uint16_t port_of(int fd)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof(address);
    if (getsockname(fd, (struct sockaddr *)&address, &size) != 0) {
        return 0;
    }
    const void *any = &address;
    return address.ss_family == AF_INET6 ? ntohs(((const struct sockaddr_in6 *)any)->sin6_port)
                                         : ntohs(((const struct sockaddr_in *)any)->sin_port);
}

enum vox_code vox_http_listen(struct vox_http *http, const struct vox_http_options *options,
                              struct vox_err *err)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *list = NULL;
    char port[8];
    (void)snprintf(port, sizeof(port), "%u", (unsigned)options->port);
    if (getaddrinfo(options->host, port, &hints, &list) != 0) {
        return vox_fail(err, VOX_E_ARG, "the host is neither a name nor an address that is known");
    }
    int sys = EADDRNOTAVAIL;
    /* "localhost" is 127.0.0.1 to most clients, whatever the list begins with. */
    http->listener = listen_at_first(list, AF_INET, &sys);
    if (http->listener < 0 && sys != EADDRINUSE) {
        http->listener = listen_at_first(list, AF_INET6, &sys);
    }
    freeaddrinfo(list);
    if (http->listener < 0 && sys == EADDRINUSE) {
        return vox_fail_sys(err, VOX_E_BUSY, sys,
                            "port %u is taken by another program; stop it or choose another port",
                            (unsigned)options->port);
    }
    if (http->listener < 0) {
        return vox_fail_sys(err, sys == EADDRNOTAVAIL ? VOX_E_ARG : VOX_E_IO, sys,
                            "the address cannot be bound: %s", strerrordesc_np(sys));
    }
    const bool six = strchr(options->host, ':') != NULL;
    http->port = port_of(http->listener);
    (void)snprintf(http->url, sizeof(http->url), "%s://%s%.256s%s:%u",
                   options->tls_certificate != NULL ? "https" : "http", six ? "[" : "",
                   options->host, six ? "]" : "", (unsigned)http->port);
    return VOX_OK;
}

void vox_http_peer_text(const struct sockaddr *address, char out[VOX_PEER_BYTES])
{
    const void *any = address;
    const struct sockaddr_in6 *six = any;
    const struct sockaddr_in *four = any;
    out[0] = '\0';
    if (address == NULL) {
        return;
    }
    if (address->sa_family == AF_INET) {
        (void)inet_ntop(AF_INET, &four->sin_addr, out, VOX_PEER_BYTES);
    } else if (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr)) {
        (void)inet_ntop(AF_INET, &six->sin6_addr.s6_addr[12], out, VOX_PEER_BYTES);
    } else {
        (void)inet_ntop(AF_INET6, &six->sin6_addr, out, VOX_PEER_BYTES);
    }
}

/* ---- copies of options ---- */

static enum vox_code copy_text(const char *text, char **out, struct vox_err *err)
{
    *out = text != NULL ? vox_strdup(text) : NULL;
    return text == NULL || *out != NULL ? VOX_OK : vox_fail(err, VOX_E_NOMEM, "there is no memory");
}

static enum vox_code read_pem(const char *path, const char *what, char **out, struct vox_err *err)
{
    struct vox_mapping file = {0};
    if (path == NULL) {
        return VOX_OK;
    }
    enum vox_code code = vox_file_map(path, &file, err);
    if (code != VOX_OK) {
        return vox_err_prefix(err, code, "%s", what);
    }
    char *text = file.size > 0 && file.size <= MAX_PEM ? vox_alloc(file.size + 1) : NULL;
    if (text != NULL) {
        memcpy(text, file.data, file.size);
        text[file.size] = '\0';
        *out = text;
    } else {
        code = vox_fail(err, VOX_E_ARG, "%s is empty or no PEM file", what);
    }
    vox_file_unmap(&file);
    return code;
}

static enum vox_code read_certificates(struct vox_http *http,
                                       const struct vox_http_options *options, struct vox_err *err)
{
    if ((options->tls_certificate == NULL) != (options->tls_key == NULL)) {
        return vox_fail(err, VOX_E_ARG, "TLS needs a certificate and its key, one is missing");
    }
    enum vox_code code =
        read_pem(options->tls_certificate, "the certificate", &http->certificate, err);
    if (code == VOX_OK) {
        code = read_pem(options->tls_key, "the certificate's key", &http->key, err);
    }
    if (code == VOX_OK) {
        code = read_pem(options->tls_ca, "the file of authorities", &http->ca, err);
    }
    return code == VOX_OK ? copy_text(options->tls_key_password, &http->key_password, err) : code;
}

static enum vox_code copy_origins(struct vox_http *http, const struct vox_http_options *options,
                                  struct vox_err *err)
{
    if (options->cors_origins == NULL) {
        return VOX_OK;
    }
    http->origins = vox_calloc(options->cors_count + 1, sizeof(*http->origins));
    if (http->origins == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "there is no memory");
    }
    enum vox_code code = VOX_OK;
    for (size_t i = 0; code == VOX_OK && i < options->cors_count; i++) {
        code = copy_text(options->cors_origins[i], &http->origins[i], err);
        http->origin_count = i + 1;
    }
    return code;
}

enum vox_code vox_http_build(struct vox_http *http, const struct vox_http_options *options,
                             void (*run)(struct vox_exchange *x), struct vox_err *err)
{
    http->limits = options->limits;
    http->app = options->app;
    http->allowed = options->allowed;
    http->done = options->done;
    http->context = options->context;
    enum vox_code code =
        copy_text(options->prefix != NULL ? options->prefix : "", &http->prefix, err);
    if (code == VOX_OK) {
        code = vox_router_new(options->families, http->prefix, &http->router, err);
    }
    if (code == VOX_OK) {
        code = copy_origins(http, options, err);
    }
    if (code == VOX_OK) {
        code = read_certificates(http, options, err);
    }
    if (code == VOX_OK) {
        code = vox_counters_new(vox_router_count(http->router), &http->counters, err);
    }
    if (code == VOX_OK) {
        code = vox_http_listen(http, options, err);
    }
    if (code == VOX_OK) {
        code = vox_spool_open(options->upload_dir, &http->spool, err);
    }
    if (code == VOX_OK) {
        code = vox_links_new(&http->links, err);
    }
    if (code == VOX_OK) {
        code =
            vox_workers_new(options->workers > 0 ? options->workers : 16, run, &http->workers, err);
    }
    return code;
}

static void forget(char *secret)
{
    if (secret != NULL) {
        explicit_bzero(secret, strlen(secret));
        vox_free(secret);
    }
}

void vox_http_release(struct vox_http *http)
{
    vox_workers_free(http->workers);
    vox_links_free(http->links);
    vox_spool_close(http->spool);
    vox_counters_free(http->counters);
    vox_router_free(http->router);
    if (http->listener >= 0) {
        (void)close(http->listener);
    }
    for (size_t i = 0; i < http->origin_count; i++) {
        vox_free(http->origins[i]);
    }
    vox_free(http->origins);
    vox_free(http->prefix);
    vox_free(http->certificate);
    vox_free(http->ca);
    forget(http->key);
    forget(http->key_password);
    vox_free(http);
}

/* ---- what others ask ---- */

uint16_t vox_http_port(const struct vox_http *http)
{
    return http->port;
}

const char *vox_http_url(const struct vox_http *http)
{
    return http->url;
}

const char *vox_http_prefix(const struct vox_http *http)
{
    return http->prefix;
}

bool vox_http_draining(const struct vox_http *http)
{
    return atomic_load(&http->draining);
}
