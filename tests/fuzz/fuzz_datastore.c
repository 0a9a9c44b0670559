/* datastore_v2.json: what is read is written, and read again says the same; infos merge. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "store/index.h"
#include "store/info_text.h"
#include "store/store_ids.h"
#include "util/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool good)
{
    if (!good) {
        abort();
    }
}

static enum vox_code name_stem(void *context, const char *stem, char **id, struct vox_err *err)
{
    (void)context;
    return vox_stem_to_id(stem, NULL, id, err);
}

static void check_entry(const struct vox_index *index, size_t i)
{
    const struct vox_entry *entry = index->at[i];
    char *merged = NULL, *again = NULL;
    if (!entry->foreign) {
        need(vox_index_find(index, entry->id) == (int64_t)i);
        need(vox_index_find_stem(index, entry->stem) == (int64_t)i);
    }
    /* An info merged with itself stays. */
    need(vox_info_merge(entry->info, entry->info, NULL, 0, &merged, NULL) == VOX_OK);
    need(strcmp(merged, entry->info) == 0);
    need(vox_info_note_strategy(merged, "img_0001", "img_", 7, "me", &again, NULL) == VOX_OK);
    need(vox_info_served(again, "img_0001") == 7);
    vox_free(merged);
    vox_free(again);
}

static void compare(const struct vox_index *a, const struct vox_index *b)
{
    need(a->n == b->n && vox_index_same_head(a, b));
    for (size_t i = 0; i < a->n; i++) {
        need(vox_entry_same(a->at[i], b->at[i]));
        need(strcmp(a->at[i]->body, b->at[i]->body) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vox_index *first = NULL, *second = NULL, *shared = NULL, *copy;
    struct vox_err err = {0};
    char *text = NULL;
    size_t written;
    enum vox_code code =
        vox_index_read((const char *)data, size, NULL, name_stem, NULL, &first, &err);
    need((code == VOX_OK) == (err.msg[0] == '\0'));
    if (code != VOX_OK) {
        return 0;
    }
    for (size_t i = 0; i < first->n; i++) {
        check_entry(first, i);
    }
    need(vox_index_write(first, &text, &written, NULL) == VOX_OK);
    need(vox_index_read(text, written, NULL, name_stem, NULL, &second, NULL) == VOX_OK);
    compare(first, second);
    /* What did not change is the same object. */
    need(vox_index_read(text, written, first, name_stem, NULL, &shared, NULL) == VOX_OK);
    for (size_t i = 0; i < first->n; i++) {
        need(first->at[i]->foreign || shared->at[i] == first->at[i]);
    }
    copy = vox_index_copy(first);
    need(copy != NULL);
    for (size_t i = 0; i < copy->n; i += 2) {
        vox_index_drop(copy, i);
    }
    vox_index_close(copy);
    need(copy->n == first->n / 2);
    for (size_t i = 0; i < copy->n; i++) {
        check_entry(copy, i);
    }
    vox_index_unref(copy);
    vox_index_unref(shared);
    vox_index_unref(second);
    vox_index_unref(first);
    vox_free(text);
    return 0;
}
