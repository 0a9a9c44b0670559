#include "tensor/backend.h"

#include <string.h>

#include "tensor/plan.h"
#include "tensor/self_test.h"

struct entry {
    const char *name;
    enum vox_code (*open)(struct vox_pool *pool, struct vox_backend **out, struct vox_err *err);
    bool proves_itself;
};

/* Best first. */
static const struct entry entries[] = {
#ifdef VOX_HAVE_ONEDNN
    {"onednn", vox_onednn_open, true},
#endif
    {"ref", vox_ref_open, false},
};

enum { ENTRIES = (int)(sizeof(entries) / sizeof(entries[0])) };

const char *vox_backend_name(int i)
{
    return i >= 0 && i < ENTRIES ? entries[i].name : NULL;
}

static enum vox_code open_entry(const struct entry *entry, struct vox_pool *pool,
                                struct vox_backend **out, struct vox_err *err)
{
    struct vox_backend *be = NULL;
    enum vox_code code = entry->open(pool, &be, err);
    if (code == VOX_OK && entry->proves_itself) {
        code = vox_backend_self_test(be, err);
        if (code != VOX_OK) {
            vox_backend_close(be);
        }
    }
    if (code == VOX_OK) {
        *out = be;
    }
    return code;
}

enum vox_code vox_backend_open(const char *name, struct vox_pool *pool, struct vox_backend **out,
                               struct vox_err *err)
{
    for (int i = 0; i < ENTRIES; i++) {
        if (name == NULL) {
            enum vox_code code = open_entry(&entries[i], pool, out, err);
            if (code != VOX_E_BACKEND || i == ENTRIES - 1) {
                return code;
            }
        } else if (strcmp(name, entries[i].name) == 0) {
            return open_entry(&entries[i], pool, out, err);
        }
    }
    return vox_fail(err, VOX_E_ARG, "there is no backend of that name; this program has %s%s",
                    entries[0].name, ENTRIES > 1 ? " and ref" : "");
}
