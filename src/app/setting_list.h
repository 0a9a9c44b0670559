/* Every setting of the server, said once: its flag, its default, its bounds, its help. The
 * variable is the flag's name in capitals behind VOXLABEL_, the key of the file the flag's name
 * with underscores: --max-body, VOXLABEL_MAX_BODY, max_body. The tables of app/settings_table.c and
 * the options of the commands are made of this list.
 *
 * X(KIND, MEMBER, FLAG, VALUE, CHOICES, STANDARD, LEAST, MOST, HELP): MEMBER is one of struct
 * vox_serve_values; STANDARD is written as a user would; LEAST and MOST bound numbers, seconds and
 * sizes. What is said of the default stands in HELP, behind the last semicolon. */
#ifndef VOX_APP_SETTING_LIST_H
#define VOX_APP_SETTING_LIST_H

#define VOX_SETTING_DESCRIPTION "Interactive 3D segmentation with MedSAM2"

/* Of the studies and what is stored. */
#define VOX_SETTINGS_STUDIES(X)                                                                    \
    X(FOLDER, server.studies, "--studies", "DIR", NULL, "", 0, 0,                                  \
      "the folder of the images; datastore_v2.json and the labels are kept in it")                 \
    X(SWITCH, server.read_only, "--read-only", NULL, NULL, "off", 0, 0,                            \
      "change nothing in the folder of the images: labels cannot be saved")                        \
    X(CHOICE, server.watch, "--watch", "WAY", "auto inotify poll off", "auto", 0, 0,               \
      "how changes in the folder are noticed; auto: by the system, on network mounts by "          \
      "looking")                                                                                   \
    X(REAL, server.poll_interval, "--poll-interval", "SECONDS", NULL, "2", 0.1, 3600,              \
      "how often to look where changes are found by looking; 2")                                   \
    X(NUMBER, server.label_versions, "--label-versions", "N", NULL, "10", 0, 10000,                \
      "how many replaced versions of a label are kept; 10")                                        \
    X(CHOICE, server.uncertain_on_save, "--uncertain-on-save", "WAY", "keep drop merge", "keep",   \
      0, 0,                                                                                        \
      "what becomes of 'uncertain' voxels in a label that is saved: kept, dropped, or "            \
      "merged into the label; keep")                                                               \
    X(CHOICE, server.strategy_names, "--strategy-names", "WHAT", "key file", "key", 0, 0,          \
      "what clients that show the keys of strategies show: img_0007, or img_0007 with "            \
      "the file's name; key")                                                                      \
    X(NUMBER, server.checkout_expiry, "--checkout-expiry", "SECONDS", NULL, "3600", 1, 31536000,   \
      "after how long an image that somebody works on counts as free again; 3600")                 \
    X(ONOFF, server.offer_strategies, "--strategies", "on|off", "on off", "on", 0, 0,              \
      "whether clients are offered the next image; on")                                            \
    X(ONOFF, server.sessions, "--sessions", "on|off", "on off", "on", 0, 0,                        \
      "whether clients may upload images for a session; on")                                       \
    X(TEXT, server.work_dir, "--work-dir", "DIR", NULL, "", 0, 0,                                  \
      "where uploads, sessions and results are kept while the server runs; "                       \
      "voxlabel/server in the user's cache")                                                       \
    X(TEXT, server.session_dir, "--session-dir", "DIR", NULL, "", 0, 0,                            \
      "where the images of sessions are kept; in the folder of --work-dir")                        \
    X(TEXT, server.upload_dir, "--upload-dir", "DIR", NULL, "", 0, 0,                              \
      "where uploads are written while they come; in the folder of --work-dir")                    \
    X(NUMBER, server.session_expiry, "--session-expiry", "SECONDS", NULL, "3600", 1, 31536000,     \
      "how long a session lives after its last use, at most; 3600")                                \
    X(NUMBER, server.session_count, "--session-count", "N", NULL, "100", 1, 100000,                \
      "how many sessions there may be; 100")                                                       \
    X(SIZE, server.session_size, "--session-size", "SIZE", NULL, "4G", 1, 0,                       \
      "how large all files of a session may be; 4G")

/* Of the address and who may come. */
#define VOX_SETTINGS_ADDRESS(X)                                                                    \
    X(TEXT, server.host, "--host", "ADDRESS", NULL, "127.0.0.1", 0, 0,                             \
      "the address to listen at; 127.0.0.1, this machine alone")                                   \
    X(NUMBER, server.port, "--port", "N", NULL, "8000", 0, 65535,                                  \
      "the port; 0: any that is free; 8000")                                                       \
    X(SWITCH, server.insecure, "--insecure", NULL, NULL, "off", 0, 0,                              \
      "allow an address that other machines reach: everybody there can read and change "           \
      "all images and labels")                                                                     \
    X(TEXT, server.api_prefix, "--api-prefix", "PATH", NULL, "", 0, 0,                             \
      "what the paths of all routes begin with, as /monai; nothing")                               \
    X(FILE, server.tls_certificate, "--tls-certificate", "FILE", NULL, "", 0, 0,                   \
      "serve HTTPS with this certificate (PEM)")                                                   \
    X(FILE, server.tls_key, "--tls-key", "FILE", NULL, "", 0, 0, "its private key (PEM)")          \
    X(TEXT, server.tls_key_password, "--tls-key-password", "TEXT", NULL, "", 0, 0,                 \
      "the key's password; as a flag others on this machine can read it")                          \
    X(FILE, server.tls_ca, "--tls-ca", "FILE", NULL, "", 0, 0,                                     \
      "ask clients for a certificate that one of these has signed (PEM)")                          \
    X(LIST, server.cors_origins, "--cors-origins", "A,B,...", NULL, "", 0, 0,                      \
      "web pages of these origins may use the server, as https://viewer.example; of all")          \
    X(TEXT, server.app_name, "--app-name", "TEXT", NULL, "Voxlabel", 0, 0,                         \
      "how the server calls itself; Voxlabel")                                                     \
    X(TEXT, server.app_description, "--app-description", "TEXT", NULL, VOX_SETTING_DESCRIPTION, 0, \
      0, "what it says of itself")

/* Of the model and what it computes with. */
#define VOX_SETTINGS_MODEL(X)                                                                      \
    X(TEXT, model, "--model", "FILE|NAME", NULL, "", 0, 0,                                         \
      "checkpoint of a MedSAM2 model, .pt or .safetensors, or a name that 'voxlabel "              \
      "model list' shows")                                                                         \
    X(TEXT, models, "--models", "DIR", NULL, "", 0, 0,                                             \
      "the folder of models with names; the user's own")                                           \
    X(FILE, server.model_config, "--model-config", "FILE", NULL, "", 0, 0,                         \
      "the model's YAML; the one that came with the name, or a built-in one that fits")            \
    X(LIST, server.labels, "--labels", "A,B,...", NULL, "intersection", 0, 0,                      \
      "the labels, with the values 1, 2, ...; intersection")                                       \
    X(TEXT, server.backend, "--backend", "NAME", NULL, "", 0, 0,                                   \
      "what computes; the best that proves itself on this machine")                                \
    X(NUMBER, server.threads, "--threads", "N", NULL, "0", 0, 1024,                                \
      "threads that compute; one for each CPU")                                                    \
    X(SIZE, server.cache_memory, "--cache-memory", "SIZE", NULL, "1G", 0, 0,                       \
      "slice features and decoded images, each, kept in memory; 1G")                               \
    X(TEXT, server.cache_dir, "--cache-dir", "DIR", NULL, "", 0, 0,                                \
      "keep slice features in this folder too")                                                    \
    X(SIZE, server.cache_size, "--cache-size", "SIZE", NULL, "10G", 1, 0,                          \
      "how much that folder may hold; 10G")                                                        \
    X(SIZE, server.max_memory, "--max-memory", "SIZE", NULL, "16G", 1, 0,                          \
      "one image's voxels in memory, larger ones are read slice by slice; 16G")

/* Of jobs, limits, and the rest. */
#define VOX_SETTINGS_WORK(X)                                                                       \
    X(NUMBER, server.queue_length, "--queue-length", "N", NULL, "64", 1, 100000,                   \
      "inferences that may wait; 64")                                                              \
    X(NUMBER, server.clicks_running, "--clicks-running", "N", NULL, "8", 1, 32,                    \
      "clicks that take turns, slice by slice; 8")                                                 \
    X(NUMBER, server.jobs_kept, "--jobs-kept", "N", NULL, "256", 1, 100000,                        \
      "finished jobs that can be looked up; 256")                                                  \
    X(NUMBER, server.infer_timeout, "--infer-timeout", "SECONDS", NULL, "600", 0, 86400,           \
      "an inference that takes longer is given up, 0: never; 600")                                 \
    X(ONOFF, server.prefetch, "--prefetch", "on|off", "on off", "on", 0, 0,                        \
      "whether the slices of an image are encoded ahead of the first click; on")                   \
    X(ONOFF, server.batch, "--batch", "on|off", "on off", "on", 0, 0,                              \
      "whether clients may start inference over many images; on")                                  \
    X(LIMIT, server.limits.body, "--max-body", "SIZE", NULL, "", 0, 0, "the largest request; 4G")  \
    X(LIMIT, server.limits.text, "--max-text", "SIZE", NULL, "", 0, 0,                             \
      "the largest request that is JSON, and the texts of a form together; 8M")                    \
    X(LIMIT, server.limits.header, "--max-header", "SIZE", NULL, "", 0, 0,                         \
      "the largest head of a request; 16K")                                                        \
    X(LIMIT, server.limits.fields, "--max-fields", "N", NULL, "", 0, 0,                            \
      "values in an address or a form; 256")                                                       \
    X(LIMIT, server.limits.parts, "--max-parts", "N", NULL, "", 0, 0,                              \
      "fields and files of a multipart request; 256")                                              \
    X(LIMIT, server.limits.upload_memory, "--upload-memory", "SIZE", NULL, "", 0, 0,               \
      "what of a file is held in memory while it comes, the rest goes to the disk; 64K")           \
    X(LIMIT, server.limits.json_depth, "--json-depth", "N", NULL, "", 0, 0,                        \
      "how deep JSON may be nested; 32")                                                           \
    X(LIMIT, server.limits.json_values, "--json-values", "N", NULL, "", 0, 0,                      \
      "how many values it may have; 1000000")                                                      \
    X(LIMIT, server.limits.connections, "--max-connections", "N", NULL, "", 0, 0,                  \
      "connections at the same time; 512")                                                         \
    X(LIMIT, server.limits.connections_per_address, "--max-connections-per-address", "N", NULL,    \
      "", 0, 0, "of one address; 256")                                                             \
    X(LIMIT, server.limits.request_time, "--request-timeout", "SECONDS", NULL, "", 0, 0,           \
      "how long the head of a request may take to arrive; 60")                                     \
    X(LIMIT, server.limits.body_rate, "--min-body-rate", "SIZE", NULL, "", 0, 0,                   \
      "how much of a body must arrive in a second, after that time; 16K")                          \
    X(LIMIT, server.limits.idle_time, "--idle-timeout", "SECONDS", NULL, "", 0, 0,                 \
      "how long a client may take nothing of its answer; 60")                                      \
    X(LIMIT, server.limits.linger, "--linger-body", "SIZE", NULL, "", 0, 0,                        \
      "how much of a refused request is read, so that its sender sees the answer; 16M")            \
    X(LIMIT, server.limits.feed, "--max-event-queue", "SIZE", NULL, "", 0, 0,                      \
      "events that wait for a client that reads slowly; 8M")                                       \
    X(NUMBER, server.http_workers, "--http-workers", "N", NULL, "16", 1, 256,                      \
      "threads for answers that have to wait for something; 16")                                   \
    X(NUMBER, server.http_threads, "--http-threads", "N", NULL, "4", 1, 256,                       \
      "threads that answer; 4")                                                                    \
    X(NUMBER, server.drain_timeout, "--drain-timeout", "SECONDS", NULL, "30", 0, 3600,             \
      "how long running inferences may take when the server is told to stop; 30")                  \
    X(NUMBER, server.log_lines, "--log-lines", "N", NULL, "2000", 1, 100000,                       \
      "lines of the log that are kept for clients to read; 2000")                                  \
    X(CHOICE, server.log_level, "--log-level", "LEVEL", "debug info warning error", "info", 0, 0,  \
      "which lines of the log are written; info")

#define VOX_SETTINGS(X)                                                                            \
    VOX_SETTINGS_STUDIES(X)                                                                        \
    VOX_SETTINGS_ADDRESS(X)                                                                        \
    VOX_SETTINGS_MODEL(X)                                                                          \
    VOX_SETTINGS_WORK(X)

#endif
