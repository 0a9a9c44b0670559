#include "store/folder_look.h"

#include <stdlib.h>
#include <string.h>

#include "store/commit.h"
#include "store/image_probe.h"
#include "store/info_text.h"
#include "store/store_ids.h"
#include "util/memory.h"

/* Seconds after which a file is not young any more, and after which a damaged one is taken for what
 * it is. */
enum { YOUNG = 2, DAMAGED = 5 };

/* A file that was seen and is not in the datastore yet. */
struct arrival {
    struct vox_file_state state;
    double since;
    bool closed;
};

struct vox_folder_look {
    struct vox_name_table arrivals; /* by path */
};

/* One look. */
struct look {
    struct vox_change change;
    const struct vox_name_table *closed;
    bool eager, pending;
    bool images_changed;

    struct vox_datastore *store;
    struct vox_index *draft;
    bool changed;
};

struct vox_folder_look *vox_folder_look_new(void)
{
    struct vox_folder_look *look = vox_calloc(1, sizeof(*look));
    if (look != NULL) {
        look->arrivals.free_value = vox_free;
    }
    return look;
}

void vox_folder_look_free(struct vox_folder_look *look)
{
    if (look != NULL) {
        vox_name_table_fini(&look->arrivals);
        vox_free(look);
    }
}

/* --- is a new file complete? --- */

/* The record of a file that waits; NULL where there is no memory for one. */
static struct arrival *note_arrival(struct look *look, const char *path,
                                    const struct vox_file_state *state)
{
    struct vox_name_table *arrivals = &look->store->look->arrivals;
    struct arrival *arrival = vox_name_table_get(arrivals, path);
    if (arrival == NULL) {
        arrival = vox_calloc(1, sizeof(*arrival));
        if (arrival == NULL || vox_name_table_put(arrivals, path, arrival, NULL) != VOX_OK) {
            vox_free(arrival);
            return NULL;
        }
        arrival->since = vox_clock();
        arrival->state = *state;
    } else if (!vox_file_state_equal(&arrival->state, state)) {
        arrival->since = vox_clock();
        arrival->state = *state;
    }
    if (look->closed != NULL && vox_name_table_get(look->closed, path) != NULL) {
        arrival->closed = true;
    }
    return arrival;
}

enum verdict { COME_IN, WAIT, REFUSED };

/* A file is at rest when its writer closed it or it is not young. */
static enum verdict judge(struct look *look, const char *path, enum vox_probe probe,
                          const struct vox_file_state *state)
{
    struct vox_datastore *store = look->store;
    const struct arrival *arrival = note_arrival(look, path, state);
    double still = arrival == NULL ? 0.0 : vox_clock() - arrival->since;
    bool closed = arrival != NULL && arrival->closed;
    int64_t age = vox_now() - state->seconds;
    double rest = store->polled ? 0.8 * store->options.poll_seconds : 0.5;
    bool at_rest = closed || still > rest || age > YOUNG;
    if (probe == VOX_PROBE_WHOLE) {
        return at_rest || look->eager ? COME_IN : WAIT;
    }
    bool given_up = closed || age > DAMAGED || still > DAMAGED;
    if (!given_up) {
        return WAIT;
    }
    return probe == VOX_PROBE_PART ? COME_IN : REFUSED;
}

static enum verdict judge_file(struct look *look, const char *path, const char *file_name,
                               bool image)
{
    struct vox_datastore *store = look->store;
    struct vox_file_state state;
    enum vox_probe probe = VOX_PROBE_WHOLE;
    enum vox_code code;
    if (vox_file_state_read(path, &state, NULL) != VOX_OK || !state.there) {
        return REFUSED;
    }
    if (image) {
        pthread_mutex_lock(&store->lock);
        const struct vox_file_state *bad = vox_name_table_get(&store->undecodable, file_name);
        bool known = bad != NULL && vox_file_state_equal(bad, &state);
        pthread_mutex_unlock(&store->lock);
        if (known) {
            return REFUSED;
        }
        probe = vox_image_probe(path, &store->options.limits, &code, NULL);
    }
    enum verdict verdict = judge(look, path, probe, &state);
    if (verdict == WAIT) {
        look->pending = true;
    } else {
        vox_name_table_remove(&store->look->arrivals, path);
    }
    if (image) {
        vox_store_set_undecodable(store, file_name, verdict == REFUSED ? &state : NULL);
    }
    return verdict;
}

/* --- images --- */

/* Objects whose image is gone leave, but are remembered, since it may come back. */
static enum vox_code drop_missing_images(struct look *look, const struct vox_name_table *files,
                                         struct vox_err *err)
{
    struct vox_index *draft = look->draft;
    for (size_t i = 0; i < draft->n; i++) {
        struct vox_entry *entry = draft->at[i];
        char *name = vox_path_file("", entry->stem, entry->ext);
        if (name == NULL) {
            return vox_fail(err, VOX_E_NOMEM, "out of memory");
        }
        bool there = entry->foreign || vox_name_table_get(files, name + 1) != NULL;
        vox_free(name);
        if (there) {
            continue;
        }
        enum vox_code code =
            vox_name_table_put(&look->store->gone, entry->stem, vox_entry_ref(entry), err);
        if (code != VOX_OK) {
            vox_entry_unref(entry);
            return code;
        }
        vox_index_drop(draft, i);
        look->changed = true;
        look->images_changed = true;
    }
    vox_index_close(draft);
    return VOX_OK;
}

/* {"ts", "name"}; the caller frees. NULL where there is no memory. */
static char *fresh_info(const char *stem, const char *ext)
{
    char *name = vox_path_file("", stem, ext);
    char *info = NULL;
    if (name != NULL) {
        const struct vox_info_member members[] = {{.key = "ts", .integer = vox_now()},
                                                  {.key = "name", .text = name + 1}};
        if (vox_info_merge("{}", NULL, members, 2, &info, NULL) != VOX_OK) {
            info = NULL;
        }
    }
    vox_free(name);
    return info;
}

/* The object for a new image: what was known of it when it went, or a new one. */
static struct vox_entry *make_entry(struct look *look, const char *id, const char *stem,
                                    const char *ext)
{
    struct vox_datastore *store = look->store;
    const struct vox_entry *known = vox_name_table_get(&store->gone, stem);
    if (known != NULL && strcmp(known->ext, ext) == 0) {
        return vox_entry_copy(known);
    }
    char *info = fresh_info(stem, ext);
    struct vox_entry *entry = info == NULL ? NULL : vox_entry_new(id, stem, ext, info);
    vox_free(info);
    return entry;
}

static enum vox_code add_image(struct look *look, const char *stem, const char *ext,
                               struct vox_err *err)
{
    char *id = NULL;
    enum vox_code code = vox_stem_to_id(stem, look->store->ids, &id, err);
    if (code != VOX_OK) {
        return code;
    }
    /* Another file has this id. */
    bool taken = vox_index_find(look->draft, id) != VOX_INDEX_NONE;
    struct vox_entry *entry = NULL;
    if (!taken || vox_index_find(look->draft, stem) == VOX_INDEX_NONE) {
        entry = make_entry(look, taken ? stem : id, stem, ext);
        code = entry == NULL ? vox_fail(err, VOX_E_NOMEM, "out of memory")
                             : vox_draft_put(look->draft, entry, err);
        look->changed = true;
        look->images_changed = true;
    }
    vox_free(id);
    return code;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names of a listing that are files, sorted; they belong to the listing. The caller frees *out.
 */
static enum vox_code sort_names(const struct vox_name_table *files, const char ***out, size_t *n,
                                struct vox_err *err)
{
    size_t cursor = 0, found = 0;
    const char *name;
    void *value;
    const char **names = vox_calloc(files->n + 1, sizeof(*names));
    if (names == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    while ((name = vox_name_table_next(files, &cursor, &value)) != NULL) {
        if (vox_is_file_value(value)) {
            names[found++] = name;
        }
    }
    qsort(names, found, sizeof(*names), compare_names);
    *out = names;
    *n = found;
    return VOX_OK;
}

/* Whether the stem has a file with an ending that wins over `ext`. */
static bool is_outdone(const struct vox_name_table *files, const char *stem, const char *ext)
{
    bool behind = false;
    for (int i = 0; i < VOX_IMAGE_EXTS; i++) {
        char *name = behind ? vox_path_file("", stem, vox_image_exts[i]) : NULL;
        bool there = name != NULL && vox_is_file_value(vox_name_table_get(files, name + 1));
        vox_free(name);
        if (there) {
            return true;
        }
        behind = behind || strcmp(ext, vox_image_exts[i]) == 0;
    }
    return false;
}

static enum vox_code consider_image(struct look *look, const struct vox_name_table *files,
                                    const char *name, struct vox_err *err)
{
    const char *ext = vox_image_name_ext(name);
    if (ext == NULL) {
        return VOX_OK;
    }
    char *stem = vox_strdup(name);
    if (stem == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    stem[ext - name] = '\0';
    enum vox_code code = VOX_OK;
    if (vox_index_find_stem(look->draft, stem) == VOX_INDEX_NONE && !is_outdone(files, stem, ext)) {
        char *path = vox_path_join(look->store->images, name);
        if (path == NULL) {
            code = vox_fail(err, VOX_E_NOMEM, "out of memory");
        } else if (judge_file(look, path, name, true) == COME_IN) {
            code = add_image(look, stem, ext, err);
        }
        vox_free(path);
    }
    vox_free(stem);
    return code;
}

static enum vox_code look_at_images(struct look *look, struct vox_err *err)
{
    struct vox_name_table files = {0};
    const char **names = NULL;
    size_t n = 0;
    enum vox_code code = vox_folder_list(look->store->images, &files, err);
    if (code == VOX_OK) {
        code = drop_missing_images(look, &files, err);
    }
    if (code == VOX_OK) {
        code = sort_names(&files, &names, &n, err);
    }
    for (size_t i = 0; code == VOX_OK && i < n; i++) {
        code = consider_image(look, &files, names[i], err);
    }
    vox_free(names);
    vox_name_table_fini(&files);
    return code;
}

/* --- labels --- */

/* The listings of all tags' folders. */
static void free_listing(void *value)
{
    struct vox_name_table *files = value;
    vox_name_table_fini(files);
    vox_free(files);
}

static enum vox_code list_tag(const struct look *look, const char *tag, struct vox_name_table *tags,
                              struct vox_err *err)
{
    struct vox_name_table *files = vox_calloc(1, sizeof(*files));
    char *folder = vox_store_tag_folder(look->store, tag);
    enum vox_code code = files == NULL || folder == NULL
                             ? vox_fail(err, VOX_E_NOMEM, "out of memory")
                             : vox_folder_list(folder, files, err);
    vox_free(folder);
    if (code == VOX_OK) {
        code = vox_name_table_put(tags, tag, files, err);
    }
    if (code != VOX_OK && files != NULL) {
        free_listing(files);
    }
    return code;
}

static enum vox_code list_tags(const struct look *look, struct vox_name_table *tags,
                               struct vox_err *err)
{
    struct vox_name_table folders = {0};
    size_t cursor = 0;
    const char *tag;
    void *value;
    enum vox_code code = vox_folder_list(look->store->labels, &folders, err);
    while (code == VOX_OK && (tag = vox_name_table_next(&folders, &cursor, &value)) != NULL) {
        if (!vox_is_file_value(value) && vox_tag_check(tag, strlen(tag), NULL) == VOX_OK) {
            code = list_tag(look, tag, tags, err);
        }
    }
    vox_name_table_fini(&folders);
    return code;
}

static bool has_label_file(const struct vox_name_table *tags, const struct vox_entry *entry,
                           const struct vox_entry_label *label)
{
    const struct vox_name_table *files = vox_name_table_get(tags, label->tag);
    char *name = files == NULL ? NULL : vox_path_file("", entry->stem, label->ext);
    bool there = name != NULL && vox_name_table_get(files, name + 1) != NULL;
    vox_free(name);
    return there;
}

static enum vox_code drop_missing_labels(struct look *look, const struct vox_name_table *tags,
                                         struct vox_err *err)
{
    enum vox_code code = VOX_OK;
    for (size_t i = 0; code == VOX_OK && i < look->draft->n; i++) {
        const struct vox_entry *entry = look->draft->at[i];
        struct vox_entry *changed = NULL;
        for (size_t j = 0; !entry->foreign && j < entry->n_labels; j++) {
            const char *tag = entry->labels[j].tag;
            /* One with a tag that is not looked into stays as it is. */
            if (vox_tag_check(tag, strlen(tag), NULL) != VOX_OK ||
                has_label_file(tags, entry, &entry->labels[j])) {
                continue;
            }
            changed = changed == NULL ? vox_entry_copy(entry) : changed;
            if (changed == NULL) {
                return vox_fail(err, VOX_E_NOMEM, "out of memory");
            }
            vox_entry_drop_label(changed, tag);
        }
        if (changed != NULL) {
            code = vox_draft_put(look->draft, changed, err);
            look->changed = true;
        }
    }
    return code;
}

static enum vox_code add_label(struct look *look, const struct vox_entry *entry, const char *tag,
                               const char *ext, struct vox_err *err)
{
    char *info = fresh_info(entry->stem, ext);
    struct vox_entry *changed = info == NULL ? NULL : vox_entry_copy(entry);
    bool good = changed != NULL && vox_entry_set_label(changed, tag, ext, info);
    vox_free(info);
    if (!good) {
        vox_entry_unref(changed);
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    look->changed = true;
    return vox_draft_put(look->draft, changed, err);
}

/* The object that a label's file belongs to. "x.seg.nrrd" is that of an image "x.seg" if there is
 * one. */
static int64_t find_owner(const struct look *look, const char *name, const char **ext)
{
    int64_t place = VOX_INDEX_NONE;
    const char *ends[] = {vox_image_name_ext(name), vox_label_name_ext(name)};
    for (int i = 0; i < 2 && place == VOX_INDEX_NONE; i++) {
        char *stem = ends[i] == NULL ? NULL : vox_strdup(name);
        if (stem != NULL) {
            stem[ends[i] - name] = '\0';
            place = vox_index_find_stem(look->draft, stem);
            *ext = ends[i];
        }
        vox_free(stem);
    }
    return place;
}

static enum vox_code consider_label(struct look *look, const char *tag, const char *name,
                                    struct vox_err *err)
{
    const char *ext = "";
    int64_t place = find_owner(look, name, &ext);
    if (place == VOX_INDEX_NONE || vox_entry_label(look->draft->at[place], tag) != NULL) {
        return VOX_OK;
    }
    char *folder = vox_store_tag_folder(look->store, tag);
    char *path = folder == NULL ? NULL : vox_path_join(folder, name);
    vox_free(folder);
    if (path == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    bool come_in = judge_file(look, path, name, false) == COME_IN;
    vox_free(path);
    return come_in ? add_label(look, look->draft->at[place], tag, ext, err) : VOX_OK;
}

static enum vox_code add_labels(struct look *look, const struct vox_name_table *tags,
                                struct vox_err *err)
{
    size_t cursor = 0;
    const char *tag;
    void *value;
    enum vox_code code = VOX_OK;
    while (code == VOX_OK && (tag = vox_name_table_next(tags, &cursor, &value)) != NULL) {
        const char **names;
        size_t n;
        code = sort_names(value, &names, &n, err);
        if (code != VOX_OK) {
            return code;
        }
        for (size_t i = 0; code == VOX_OK && i < n; i++) {
            code = consider_label(look, tag, names[i], err);
        }
        vox_free(names);
    }
    return code;
}

static enum vox_code look_at_labels(struct look *look, struct vox_err *err)
{
    struct vox_name_table tags = {.free_value = free_listing};
    enum vox_code code = list_tags(look, &tags, err);
    if (code == VOX_OK) {
        code = drop_missing_labels(look, &tags, err);
    }
    if (code == VOX_OK) {
        code = add_labels(look, &tags, err);
    }
    vox_name_table_fini(&tags);
    return code;
}

/* --- the change --- */

static enum vox_code apply(struct vox_datastore *store, struct vox_change *change,
                           struct vox_index *draft, bool *changed, struct vox_err *err)
{
    struct look *look = (struct look *)(void *)change;
    look->store = store;
    look->draft = draft;
    look->pending = false;
    look->changed = false;
    enum vox_code code = look_at_images(look, err);
    if (code == VOX_OK) {
        code = look_at_labels(look, err);
    }
    *changed = look->changed;
    change->images = look->images_changed;
    return code;
}

enum vox_code vox_folder_look_now(struct vox_datastore *store, const struct vox_name_table *closed,
                                  bool eager, bool *pending, struct vox_err *err)
{
    struct look look = {
        .change = {.apply = apply, .looks = true}, .closed = closed, .eager = eager};
    enum vox_code code = vox_commit(store, &look.change, err);
    if (pending != NULL) {
        *pending = look.pending || code != VOX_OK;
    }
    return code;
}
