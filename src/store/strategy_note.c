#include "store/strategy_note.h"

#include "store/commit.h"
#include "store/info_text.h"
#include "util/memory.h"

struct noting {
    struct vox_change change;
    const char *id, *strategy, *numbered, *client;
};

static enum vox_code apply(struct vox_datastore *store, struct vox_change *change,
                           struct vox_index *draft, bool *changed, struct vox_err *err)
{
    (void)store;
    const struct noting *n = (const struct noting *)(const void *)change;
    int64_t place = vox_index_find(draft, n->id);
    if (place == VOX_INDEX_NONE) {
        return vox_fail(err, VOX_E_NOT_FOUND, "no image of the datastore has this id");
    }
    char *info = NULL;
    enum vox_code code = vox_info_note_strategy(draft->at[place]->info, n->strategy, n->numbered,
                                                vox_now(), n->client, &info, err);
    if (code != VOX_OK) {
        return code;
    }
    struct vox_entry *entry = vox_entry_copy(draft->at[place]);
    if (entry == NULL || !vox_entry_set(&entry->info, info)) {
        vox_entry_unref(entry);
        vox_free(info);
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    vox_free(info);
    *changed = true;
    return vox_draft_put(draft, entry, err);
}

enum vox_code vox_strategy_note(struct vox_datastore *store, const char *id, const char *strategy,
                                const char *numbered, const char *client, struct vox_err *err)
{
    struct noting n = {.change = {.apply = apply, .id = id},
                       .id = id,
                       .strategy = strategy,
                       .numbered = numbered,
                       .client = client};
    return store->read_only ? VOX_OK : vox_commit(store, &n.change, err);
}
