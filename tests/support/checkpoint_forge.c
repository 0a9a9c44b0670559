#include "support/checkpoint_forge.h"

#include <string.h>

void vox_forge_text(struct vox_bytes *pickle, const char *text)
{
    vox_bytes_text(pickle, "X");
    vox_bytes_number(pickle, strlen(text), 4);
    vox_bytes_text(pickle, text);
}

void vox_forge_int(struct vox_bytes *pickle, int64_t value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    if (value >= 0 && value < 256) {
        vox_bytes_text(pickle, "K");
        vox_bytes_number(pickle, bits, 1);
    } else {
        vox_bytes_text(pickle, "\x8a\x08");
        vox_bytes_number(pickle, bits, 8);
    }
}

void vox_forge_global(struct vox_bytes *pickle, const char *module, const char *name)
{
    vox_bytes_text(pickle, "c");
    vox_bytes_text(pickle, module);
    vox_bytes_text(pickle, "\n");
    vox_bytes_text(pickle, name);
    vox_bytes_text(pickle, "\n");
}

void vox_forge_begin(struct vox_forge *forge)
{
    *forge = (struct vox_forge){0};
    vox_bytes_text(&forge->pickle, "\x80\x02}");
    vox_forge_text(&forge->pickle, "model");
    vox_forge_global(&forge->pickle, "collections", "OrderedDict");
    vox_bytes_text(&forge->pickle, ")R(");
}

static void tuple(struct vox_bytes *pickle, int count, const int64_t *items)
{
    vox_bytes_text(pickle, "(");
    for (int i = 0; i < count; i++) {
        vox_forge_int(pickle, items[i]);
    }
    vox_bytes_text(pickle, "t");
}

void vox_forge_tensor(struct vox_forge *forge, const struct vox_forged_tensor *tensor)
{
    struct vox_bytes *pickle = &forge->pickle;
    vox_forge_text(pickle, tensor->name);
    vox_forge_global(pickle, "torch._utils", "_rebuild_tensor_v2");
    vox_bytes_text(pickle, "((");
    vox_forge_text(pickle, "storage");
    vox_forge_global(pickle, "torch", tensor->storage);
    vox_forge_text(pickle, tensor->key);
    vox_forge_text(pickle, "cpu");
    vox_forge_int(pickle, tensor->elements);
    vox_bytes_text(pickle, "tQ");
    vox_forge_int(pickle, tensor->offset);
    tuple(pickle, tensor->rank, tensor->sizes);
    tuple(pickle, tensor->rank, tensor->strides);
    vox_bytes_text(pickle, "\x89");
    vox_forge_global(pickle, "collections", "OrderedDict");
    vox_bytes_text(pickle, ")RtR");
}

void vox_forge_member(struct vox_forge *forge, const char *name, const void *data, size_t size)
{
    vox_zip_member(&forge->zip, &forge->archive, name, data, size);
}

struct vox_bytes vox_forge_end_with(struct vox_forge *forge, const void *pickle, size_t size)
{
    vox_forge_member(forge, "archive/data.pkl", pickle, size);
    vox_bytes_free(&forge->pickle);
    vox_zip_finish(&forge->zip, &forge->archive, 0);
    return forge->archive;
}

struct vox_bytes vox_forge_end(struct vox_forge *forge)
{
    vox_bytes_text(&forge->pickle, "us.");
    struct vox_bytes pickle = forge->pickle;
    forge->pickle = (struct vox_bytes){0};
    struct vox_bytes archive = vox_forge_end_with(forge, pickle.data, pickle.size);
    vox_bytes_free(&pickle);
    return archive;
}
