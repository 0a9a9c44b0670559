#include "store/strategy.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "store/checkout.h"
#include "store/grow_text.h"
#include "store/info_text.h"
#include "store/strategy_note.h"
#include "store/strategy_rows.h"
#include "util/memory.h"

enum { CLIENT_MAX = 512 };

struct vox_strategies {
    struct vox_datastore *store;
    bool file_names;
    const struct vox_strategy **rows;
    size_t n;

    /* The text of info for a generation of the datastore. */
    pthread_mutex_t lock;
    char *text;
    size_t text_size;
    uint64_t generation;
};

/* --- the list --- */

enum vox_code vox_strategies_new(struct vox_datastore *store,
                                 const struct vox_strategies_options *options,
                                 struct vox_strategies **out, struct vox_err *err)
{
    size_t more = options == NULL ? 0 : options->n_more;
    struct vox_strategies *strategies = vox_calloc(1, sizeof(*strategies));
    const struct vox_strategy **rows = vox_calloc(more + 3, sizeof(struct vox_strategy *));
    if (strategies == NULL || rows == NULL || pthread_mutex_init(&strategies->lock, NULL) != 0) {
        vox_free(strategies);
        vox_free(rows);
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    strategies->store = store;
    strategies->file_names = options != NULL && options->file_names;
    strategies->rows = rows;
    rows[strategies->n++] = &vox_first_strategy;
    rows[strategies->n++] = &vox_random_strategy;
    for (size_t i = 0; i < more; i++) {
        rows[strategies->n++] = options->more[i];
    }
    rows[strategies->n++] = &vox_image_strategy;
    *out = strategies;
    return VOX_OK;
}

void vox_strategies_free(struct vox_strategies *strategies)
{
    if (strategies != NULL) {
        pthread_mutex_destroy(&strategies->lock);
        vox_free(strategies->rows);
        vox_free(strategies->text);
        vox_free(strategies);
    }
}

struct vox_strategy_keys {
    struct vox_grow text;
    bool any;
};

enum vox_code vox_strategy_keys_add(struct vox_strategy_keys *keys, const char *key,
                                    const char *description, struct vox_err *err)
{
    struct vox_grow *text = &keys->text;
    vox_grow_put(text, keys->any ? ", " : "");
    vox_grow_quote(text, key);
    vox_grow_put(text, ": {\"description\": ");
    vox_grow_quote(text, description);
    vox_grow_put(text, "}");
    keys->any = true;
    return text->lost ? vox_fail(err, VOX_E_NOMEM, "out of memory") : VOX_OK;
}

static enum vox_code write_info(const struct vox_strategies *s, char **out, size_t *size,
                                struct vox_err *err)
{
    struct vox_strategy_keys keys = {0};
    enum vox_code code = VOX_OK;
    vox_grow_put(&keys.text, "{");
    for (size_t i = 0; code == VOX_OK && i < s->n; i++) {
        const struct vox_strategy *row = s->rows[i];
        code = row->info != NULL ? row->info(s->store, s->file_names, &keys, err)
                                 : vox_strategy_keys_add(&keys, row->name, row->description, err);
    }
    vox_grow_put(&keys.text, "}");
    if (code != VOX_OK) {
        vox_grow_free(&keys.text);
        return code;
    }
    return vox_grow_take(&keys.text, out, size, err);
}

enum vox_code vox_strategies_info_json(struct vox_strategies *strategies, char **out,
                                       struct vox_err *err)
{
    enum vox_code code = VOX_OK;
    uint64_t generation = vox_datastore_generation(strategies->store);
    pthread_mutex_lock(&strategies->lock);
    if (strategies->text == NULL || strategies->generation != generation) {
        char *text;
        size_t size;
        code = write_info(strategies, &text, &size, err);
        if (code == VOX_OK) {
            vox_free(strategies->text);
            strategies->text = text;
            strategies->text_size = size;
            strategies->generation = generation;
        }
    }
    char *copy = code == VOX_OK ? vox_alloc(strategies->text_size + 1) : NULL;
    if (copy != NULL) {
        memcpy(copy, strategies->text, strategies->text_size + 1);
    }
    pthread_mutex_unlock(&strategies->lock);
    if (code == VOX_OK && copy == NULL) {
        code = vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    if (code == VOX_OK) {
        *out = copy;
    }
    return code;
}

/* --- the next image --- */

void vox_sample_free(struct vox_sample *sample)
{
    vox_free(sample->id);
    vox_free(sample->path);
    vox_free(sample->json);
    *sample = (struct vox_sample){0};
}

/* One sentence each, as a JSON array. */
struct warnings {
    struct vox_grow text;
    int n;
};

static void warn(struct warnings *warnings, const char *sentence)
{
    vox_grow_put(&warnings->text, warnings->n++ == 0 ? "[" : ", ");
    vox_grow_quote(&warnings->text, sentence);
}

static void warn_of_other(struct warnings *warnings, const struct vox_checkout *before)
{
    char sentence[VOX_CLIENT_MAX + 120];
    int64_t minutes = ((int64_t)time(NULL) - before->since) / 60;
    snprintf(sentence, sizeof(sentence),
             "this image was checked out by %s %lld min ago and is yours now", before->client,
             (long long)(minutes > 0 ? minutes : 0));
    warn(warnings, sentence);
}

static enum vox_code write_answer(const struct vox_image_record *image, const char *checksum,
                                  const struct vox_strategy_pick *pick, const char *warnings,
                                  char **out, struct vox_err *err)
{
    char weight[32];
    struct vox_info_member members[6] = {{.key = "id", .text = image->id}};
    size_t n = 1;
    if (pick->weighted) {
        snprintf(weight, sizeof(weight), "%.0f", pick->weight);
        members[n++] = (struct vox_info_member){.key = "weight", .raw = weight};
    }
    members[n++] = (struct vox_info_member){.key = "path", .text = image->path};
    members[n++] = (struct vox_info_member){.key = "name", .text = image->file_name};
    members[n++] = (struct vox_info_member){.key = "checksum", .text = checksum};
    if (warnings != NULL) {
        members[n++] = (struct vox_info_member){.key = "warnings", .raw = warnings};
    }
    /* The answer's own members come first and win over those of the info. */
    char *own = NULL;
    enum vox_code code = vox_info_merge("{}", NULL, members, n, &own, err);
    if (code == VOX_OK) {
        code = vox_info_merge(own, image->info, members, n, out, err);
    }
    vox_free(own);
    return code;
}

static enum vox_code take_warnings(struct warnings *warnings, char **out, struct vox_err *err)
{
    *out = NULL;
    if (warnings->n == 0) {
        return VOX_OK;
    }
    vox_grow_put(&warnings->text, "]");
    return vox_grow_take(&warnings->text, out, NULL, err);
}

/* Checks the image out, writes that down, and answers. */
static enum vox_code hand_out(const struct vox_strategies *s, const struct vox_strategy *row,
                              const struct vox_strategy_ask *ask,
                              const struct vox_strategy_pick *pick, struct vox_sample *out,
                              struct vox_err *err)
{
    struct vox_image_record image;
    struct vox_checkout before = {0};
    struct warnings warnings = {0};
    char checksum[VOX_CHECKSUM_SIZE];
    char key[VOX_STRATEGY_KEY];
    enum vox_code code = vox_datastore_image(s->store, pick->id, &image, err);
    if (code != VOX_OK) {
        return code;
    }
    code = vox_datastore_checksum(s->store, pick->id, checksum, err);
    if (code == VOX_OK) {
        code = vox_checkout_take(s->store, pick->id, ask->client, &before, err);
    }
    if (code == VOX_OK && before.client[0] != '\0') {
        warn_of_other(&warnings, &before);
    }
    vox_strategy_key(row, &image, ask->key, key);
    if (code == VOX_OK &&
        vox_strategy_note(s->store, pick->id, key, row->info != NULL ? row->name : NULL,
                          ask->client, NULL) != VOX_OK) {
        warn(&warnings, "that the image was handed out could not be written down");
    }
    char *told = NULL;
    struct vox_sample sample = {0};
    if (code == VOX_OK) {
        code = take_warnings(&warnings, &told, err);
    }
    if (code == VOX_OK) {
        code = write_answer(&image, checksum, pick, told, &sample.json, err);
    }
    vox_grow_free(&warnings.text);
    vox_free(told);
    if (code == VOX_OK) {
        sample.id = image.id;
        sample.path = image.path;
        image.id = image.path = NULL;
        *out = sample;
    }
    vox_image_record_free(&image);
    return code;
}

/* What there is when there is nothing: {} when all have their label, and why not otherwise. */
static enum vox_code hand_nothing(const struct vox_strategies *s, struct vox_sample *out,
                                  struct vox_err *err)
{
    struct vox_image_item *items = NULL;
    size_t n = 0;
    char text[200] = "{}";
    enum vox_code code = vox_datastore_list(s->store, VOX_IMAGES_UNLABELLED, &items, &n, err);
    if (code != VOX_OK) {
        return code;
    }
    vox_image_items_free(items, n);
    if (n > 0) {
        snprintf(
            text, sizeof(text),
            "{\"warnings\": [\"%zu image%s without a final label: others are working on %s\"]}", n,
            n == 1 ? " is" : "s are", n == 1 ? "it" : "them");
    }
    char *json = vox_strdup(text);
    if (json == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    *out = (struct vox_sample){.json = json};
    return VOX_OK;
}

static const struct vox_strategy *find_row(const struct vox_strategies *s, const char *key)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct vox_strategy *row = s->rows[i];
        bool named = row->info != NULL ? strncmp(key, row->name, strlen(row->name)) == 0
                                       : strcmp(key, row->name) == 0;
        if (named) {
            return row;
        }
    }
    return NULL;
}

/* Instead of the image that is passed over. Where there is no other, what happened to that one
 * stands. */
static enum vox_code hand_out_other(const struct vox_strategies *s, const struct vox_strategy *row,
                                    const struct vox_strategy_ask *ask, struct vox_sample *out,
                                    enum vox_code code, struct vox_err *err)
{
    struct vox_strategy_pick pick = {0};
    if (row->next(s->store, ask, &pick, NULL) == VOX_OK && pick.id != NULL) {
        *err = (struct vox_err){0};
        code = hand_out(s, row, ask, &pick, out, err);
    }
    vox_free(pick.id);
    return code;
}

enum vox_code vox_strategies_next(struct vox_strategies *strategies, const char *strategy,
                                  const char *client, struct vox_sample *out, struct vox_err *err)
{
    char name[CLIENT_MAX];
    snprintf(name, sizeof(name), "%s", client == NULL || client[0] == '\0' ? "admin" : client);
    struct vox_strategy_ask ask = {strategy, name, strategies->file_names, NULL};
    const struct vox_strategy *row = find_row(strategies, strategy);
    if (row == NULL) {
        /* The images' row knows what is near. */
        row = &vox_image_strategy;
    }
    struct vox_strategy_pick pick = {0};
    enum vox_code code = row->next(strategies->store, &ask, &pick, err);
    if (code == VOX_OK && pick.id == NULL) {
        return hand_nothing(strategies, out, err);
    }
    struct vox_err why = {0};
    if (code == VOX_OK) {
        code = hand_out(strategies, row, &ask, &pick, out, &why);
        if (row->info == NULL && (code == VOX_E_NOT_FOUND || code == VOX_E_BUSY)) {
            ask.passed = pick.id;
            code = hand_out_other(strategies, row, &ask, out, code, &why);
        }
        if (code != VOX_OK && err != NULL) {
            *err = why;
        }
    }
    vox_free(pick.id);
    return code;
}
