/* What a server was told: one plain value per setting, whatever file, variable or flag it came
 * from. The application reads them (app/settings.h); docs/serving.md lists them.
 *
 * Texts are never NULL where the comment does not say so, and live as long as the struct, which is
 * read-only once the server runs. Sizes are bytes, times are seconds. */
#ifndef VOX_SERVER_SERVER_SETTINGS_H
#define VOX_SERVER_SERVER_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "server/limits.h"

struct vox_server_settings {
    /* studies */
    const char *studies; /* folder */
    bool read_only;
    int watch; /* enum vox_follow */
    double poll_interval;
    int64_t label_versions;  /* replaced labels that are kept; 0: none */
    int uncertain_on_save;   /* enum vox_uncertain */
    int strategy_names;      /* 1: with the file's name behind */
    int64_t checkout_expiry; /* after which an image counts as given back */
    bool offer_strategies;   /* false: /info/ lists none */
    const char *work_dir;    /* for what lives as long as the server */
    const char *session_dir;
    const char *upload_dir;
    bool sessions;          /* false: the feature answers 406 */
    int64_t session_expiry; /* the longest life after the last use */
    int64_t session_count;  /* at the same time */
    uint64_t session_size;  /* of all files of a session */

    /* address */
    const char *host;
    int64_t port; /* 0: any that is free */
    bool insecure;
    const char *api_prefix;      /* empty, or "/x" without a slash at its end */
    const char *tls_certificate; /* files; empty: plain HTTP */
    const char *tls_key;
    const char *tls_key_password; /* empty: none */
    const char *tls_ca;           /* clients must show a certificate of these; empty: none asked */
    const char *cors_origins;     /* divided by commas, no slash at their ends; empty: any */
    const char *app_name;         /* "name" of /info/ */
    const char *app_description;

    /* model */
    const char *checkpoint; /* file; empty: `weights` */
    const void *weights;    /* of a checkpoint in memory; NULL: the server has no model */
    uint64_t weights_size;
    const char *model_config; /* YAML; empty: a built-in one that fits */
    const char *model_label;  /* what the checkpoint was called: "medsam2"; in answers */
    const char *labels;       /* divided by commas, in the order of their values 1 ... n */
    const char *backend;      /* empty: the best */
    int64_t threads;          /* 0: one per CPU */
    uint64_t cache_memory;    /* 0: none */
    const char *cache_dir;    /* empty: none */
    uint64_t cache_size;
    uint64_t max_memory;

    /* jobs */
    int64_t queue_length;   /* jobs of each class that wait */
    int64_t clicks_running; /* clicks that take turns */
    int64_t jobs_kept;      /* finished ones that can be looked up */
    int64_t infer_timeout;  /* 0: none */
    bool prefetch;
    bool batch; /* false: batch inference is refused */

    /* requests */
    struct vox_http_limits limits;
    int64_t http_threads; /* that serve connections */
    int64_t http_workers; /* that run handlers which may wait */

    /* the rest */
    int64_t drain_timeout; /* for what runs to end when the server is told to */
    int64_t log_lines;     /* kept for /logs/ */
    int log_level;         /* enum vox_event_level */
};

#endif
