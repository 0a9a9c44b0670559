/* Downloads one file, for the tests that drive it:
 *
 *     fetch_tool URL PATH [--ca FILE] [--sha256 HEX] [--size N] [--max N] [--refuse]
 *
 * prints "bytes N" as bytes arrive, "again TEXT" where it tries again, and at the end "done SIZE
 * SHA256" or "failed CODE SYS TEXT". --refuse: the complete file is refused. SIGINT cancels. */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/fetch.h"

static atomic_int cancel;

static void on_signal(int number)
{
    (void)number;
    atomic_store(&cancel, 1);
}

static void on_progress(void *context, uint64_t done, uint64_t total)
{
    uint64_t *shown = context;
    if (done != *shown) {
        printf("bytes %llu of %llu\n", (unsigned long long)done, (unsigned long long)total);
        *shown = done;
    }
}

static void on_again(void *context, const struct vox_err *why)
{
    (void)context;
    printf("again %s\n", why->msg);
}

static enum vox_code refuse(void *context, const char *part, const struct vox_fetched *fetched,
                            struct vox_err *err)
{
    (void)context;
    FILE *there = fopen(part, "rb");
    printf("asked about %llu bytes %s\n", (unsigned long long)fetched->size,
           there != NULL ? "there" : "not there");
    if (there != NULL) {
        fclose(there);
    }
    return vox_fail(err, VOX_E_UNSUPPORTED, "refused");
}

static void read_option(const char *name, const char *value, struct vox_fetch_request *request)
{
    if (strcmp(name, "--ca") == 0) {
        request->ca_file = value;
    } else if (strcmp(name, "--sha256") == 0) {
        request->sha256 = value;
    } else if (strcmp(name, "--size") == 0) {
        request->size = strtoull(value, NULL, 10);
    } else if (strcmp(name, "--max") == 0) {
        request->max_size = strtoull(value, NULL, 10);
    }
}

int main(int argc, char **argv)
{
    uint64_t shown = 0;
    struct vox_err err = {0};
    struct vox_fetched fetched;
    if (argc < 3) {
        return 2;
    }
    struct vox_fetch_request request = {
        .url = argv[1],
        .path = argv[2],
        .max_size = UINT64_C(1) << 30,
        .cancel = &cancel,
        .progress = on_progress,
        .again = on_again,
        .context = &shown,
    };
    for (int i = 3; i < argc; i++) {
        if (strcmp(argv[i], "--refuse") == 0) {
            request.check = refuse;
        } else if (i + 1 < argc) {
            read_option(argv[i], argv[i + 1], &request);
            i++;
        }
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGINT, on_signal);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    enum vox_code code = vox_fetch(&request, &fetched, &err);
    if (code != VOX_OK) {
        printf("failed %s %d %s\n", vox_code_name(code), err.sys, err.msg);
        return 1;
    }
    printf("done %llu %s\n", (unsigned long long)fetched.size, fetched.sha256);
    return 0;
}
