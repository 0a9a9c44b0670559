/* What the datastore says, as the JSON that MONAI Label's routes answer. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "store/checksums.h"
#include "store/datastore_parts.h"
#include "store/grow_text.h"
#include "store/info_text.h"
#include "store/store_ids.h"
#include "util/memory.h"

static enum vox_code no_memory(struct vox_err *err)
{
    return vox_fail(err, VOX_E_NOMEM, "out of memory");
}

static void put_number(struct vox_grow *text, uint64_t number)
{
    char digits[24];
    snprintf(digits, sizeof(digits), "%" PRIu64, number);
    vox_grow_put(text, digits);
}

/* --- counts --- */

/* Labels by tag, in the order in which tags come. */
struct tag_count {
    const char *tag;
    uint64_t n;
};

struct tag_counts {
    struct tag_count *at;
    size_t n, room;
};

static bool count_tag(struct tag_counts *counts, const char *tag)
{
    for (size_t i = 0; i < counts->n; i++) {
        if (strcmp(counts->at[i].tag, tag) == 0) {
            counts->at[i].n++;
            return true;
        }
    }
    if (counts->n == counts->room) {
        size_t room = counts->room == 0 ? 16 : counts->room * 2;
        struct tag_count *at =
            vox_realloc(counts->at, counts->room * sizeof(*at), room * sizeof(*at));
        if (at == NULL) {
            return false;
        }
        counts->at = at;
        counts->room = room;
    }
    counts->at[counts->n++] = (struct tag_count){tag, 1};
    return true;
}

static uint64_t count_checkouts(struct vox_datastore *store, const struct vox_index *index)
{
    uint64_t n = 0;
    size_t cursor = 0;
    const char *id;
    void *value;
    int64_t now = vox_now();
    pthread_mutex_lock(&store->lock);
    while ((id = vox_name_table_next(&store->checkouts, &cursor, &value)) != NULL) {
        const struct vox_checkout *checkout = value;
        int64_t place = vox_index_find(index, id);
        n += checkout->expires > now && place != VOX_INDEX_NONE &&
                     vox_entry_label(index->at[place], "final") == NULL
                 ? 1
                 : 0;
    }
    pthread_mutex_unlock(&store->lock);
    return n;
}

static void put_stats(struct vox_grow *text, uint64_t total, uint64_t completed,
                      const struct tag_counts *counts, uint64_t checked_out)
{
    vox_grow_put(text, "{\"total\": ");
    put_number(text, total);
    vox_grow_put(text, ", \"completed\": ");
    put_number(text, completed);
    vox_grow_put(text, ", \"label_tags\": {");
    for (size_t i = 0; i < counts->n; i++) {
        vox_grow_put(text, i == 0 ? "" : ", ");
        vox_grow_quote(text, counts->at[i].tag);
        vox_grow_put(text, ": ");
        put_number(text, counts->at[i].n);
    }
    vox_grow_put(text, "}, \"checked_out\": ");
    put_number(text, checked_out);
    vox_grow_put(text, "}");
}

enum vox_code vox_datastore_stats_json(struct vox_datastore *store, char **out, struct vox_err *err)
{
    struct vox_grow text = {0};
    struct tag_counts counts = {0};
    uint64_t total = 0, completed = 0;
    bool good = true;
    struct vox_index *index = vox_store_snapshot(store);
    for (size_t i = 0; i < index->n; i++) {
        const struct vox_entry *entry = index->at[i];
        if (!vox_store_is_decodable(store, entry)) {
            continue;
        }
        total++;
        completed += vox_entry_label(entry, "final") != NULL ? 1 : 0;
        for (size_t j = 0; j < entry->n_labels; j++) {
            good = good && count_tag(&counts, entry->labels[j].tag);
        }
    }
    put_stats(&text, total, completed, &counts, count_checkouts(store, index));
    text.lost = text.lost || !good;
    vox_free(counts.at);
    vox_index_unref(index);
    return vox_grow_take(&text, out, NULL, err);
}

/* --- everything --- */

static const char body_end[] = "\n    }";

/* An object as the file has it, with its checkout. */
static void put_object(struct vox_grow *text, const struct vox_entry *entry,
                       const struct vox_checkout *checkout)
{
    if (checkout == NULL) {
        vox_grow_add(text, entry->body, entry->body_size);
        return;
    }
    vox_grow_add(text, entry->body, entry->body_size - (sizeof(body_end) - 1));
    vox_grow_put(text, ",\n      \"checkout\": {\n        \"client_id\": ");
    vox_grow_quote(text, checkout->client);
    vox_grow_put(text, ",\n        \"since\": ");
    put_number(text, (uint64_t)checkout->since);
    vox_grow_put(text, ",\n        \"expires\": ");
    put_number(text, (uint64_t)checkout->expires);
    vox_grow_put(text, "\n      }");
    vox_grow_put(text, body_end);
}

static void put_head(struct vox_grow *text, const struct vox_index_head *head)
{
    const char *const members[][2] = {{"name", head->name},
                                      {"description", head->description},
                                      {"images_dir", head->images_dir},
                                      {"labels_dir", head->labels_dir},
                                      {"label_dir", head->labels_dir}};
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        vox_grow_put(text, i == 0 ? "{\n  " : ",\n  ");
        vox_grow_quote(text, members[i][0]);
        vox_grow_put(text, ": ");
        vox_grow_quote(text, members[i][1]);
    }
    /* The other members of the file, which are between braces. */
    size_t size = strlen(head->extra);
    if (size > 2) {
        vox_grow_put(text, ",\n  ");
        vox_grow_add(text, head->extra + 1, size - 2);
    }
    vox_grow_put(text, ",\n  \"objects\": {");
}

enum vox_code vox_datastore_all_json(struct vox_datastore *store, char **out, struct vox_err *err)
{
    struct vox_grow text = {0};
    struct vox_index *index = vox_store_snapshot(store);
    int64_t now = vox_now();
    const char *before = "\n    ";
    put_head(&text, &index->head);
    pthread_mutex_lock(&store->lock);
    for (size_t i = 0; i < index->n; i++) {
        const struct vox_entry *entry = index->at[i];
        if (entry->foreign) {
            continue;
        }
        const struct vox_checkout *checkout =
            store->checkouts.n == 0 ? NULL : vox_name_table_get(&store->checkouts, entry->id);
        bool live =
            checkout != NULL && checkout->expires > now && vox_entry_label(entry, "final") == NULL;
        vox_grow_put(&text, before);
        vox_grow_quote(&text, entry->id);
        vox_grow_put(&text, ": ");
        put_object(&text, entry, live ? checkout : NULL);
        before = ",\n    ";
    }
    pthread_mutex_unlock(&store->lock);
    vox_index_unref(index);
    vox_grow_put(&text, before[0] == ',' ? "\n  }\n}" : "}\n}");
    return vox_grow_take(&text, out, NULL, err);
}

static bool put_pair(struct vox_grow *text, const struct vox_datastore *store,
                     const struct vox_entry *entry, const struct vox_entry_label *label)
{
    char *image = vox_store_image_path(store, entry);
    char *path = vox_store_label_path(store, label->tag, entry->stem, label->ext);
    bool good = image != NULL && path != NULL;
    if (good) {
        vox_grow_put(text, text->size == 1 ? "" : ", ");
        vox_grow_put(text, "{\"image\": ");
        vox_grow_quote(text, image);
        vox_grow_put(text, ", \"label\": ");
        vox_grow_quote(text, path);
        vox_grow_put(text, "}");
    }
    vox_free(image);
    vox_free(path);
    return good;
}

enum vox_code vox_datastore_train_json(struct vox_datastore *store, char **out, struct vox_err *err)
{
    struct vox_grow text = {0};
    bool good = true;
    struct vox_index *index = vox_store_snapshot(store);
    vox_grow_put(&text, "[");
    for (size_t i = 0; good && i < index->n; i++) {
        const struct vox_entry_label *label = vox_entry_label(index->at[i], "final");
        if (label != NULL && !index->at[i]->foreign) {
            good = put_pair(&text, store, index->at[i], label);
        }
    }
    vox_grow_put(&text, "]");
    vox_index_unref(index);
    text.lost = text.lost || !good;
    return vox_grow_take(&text, out, NULL, err);
}

/* --- infos --- */

static enum vox_code give(const char *info, char **out, struct vox_err *err)
{
    char *copy = vox_strdup(info);
    if (copy == NULL) {
        return no_memory(err);
    }
    *out = copy;
    return VOX_OK;
}

enum vox_code vox_datastore_info_json(struct vox_datastore *store, const char *id, char **out,
                                      struct vox_err *err)
{
    struct vox_entry *entry;
    char checksum[VOX_CHECKSUM_SIZE];
    enum vox_code code = vox_store_find(store, id, &entry, err);
    if (code != VOX_OK) {
        return code == VOX_E_NOT_FOUND || code == VOX_E_ARG ? give("{}", out, err) : code;
    }
    char *path = vox_store_image_path(store, entry);
    if (path == NULL) {
        vox_entry_unref(entry);
        return no_memory(err);
    }
    struct vox_info_member members[2] = {{.key = "path", .text = path}};
    size_t n = 1;
    if (vox_checksums_known(store, path, strrchr(path, '/') + 1, checksum)) {
        members[n++] = (struct vox_info_member){.key = "checksum", .text = checksum};
    }
    code = vox_info_merge(entry->info, NULL, members, n, out, err);
    vox_free(path);
    vox_entry_unref(entry);
    return code;
}

enum vox_code vox_datastore_label_info_json(struct vox_datastore *store, const char *id,
                                            const char *tag, char **out, struct vox_err *err)
{
    struct vox_entry *entry;
    enum vox_code code = vox_store_find(store, id, &entry, err);
    if (code != VOX_OK) {
        return code == VOX_E_NOT_FOUND || code == VOX_E_ARG ? give("{}", out, err) : code;
    }
    const struct vox_entry_label *label = vox_entry_label(entry, tag);
    code = give(label == NULL ? "{}" : label->info, out, err);
    vox_entry_unref(entry);
    return code;
}
