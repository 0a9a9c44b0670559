#include "model/embedded_model.h"

#include <string.h>

#ifdef VOX_EMBEDDED_WEIGHTS

/* The assembler copies the file; the compiler that makes the rest of the object adds the notes on
 * stack and control flow that an object of the assembler alone would lack. */
__asm__(".pushsection .rodata.vox_embedded_nano, \"a\", %progbits\n"
        ".balign 64\n"
        ".globl vox_embedded_nano\n"
        ".hidden vox_embedded_nano\n"
        ".type vox_embedded_nano, %object\n"
        "vox_embedded_nano:\n"
        ".incbin \"" VOX_EMBEDDED_WEIGHTS "\"\n"
        ".size vox_embedded_nano, . - vox_embedded_nano\n"
        ".popsection\n");

extern const uint8_t vox_embedded_nano[VOX_EMBEDDED_SIZE] __attribute__((visibility("hidden")));

static const struct vox_embedded_model models[] = {
    {"voxlabel-nano", "nano", vox_embedded_nano, VOX_EMBEDDED_SIZE, VOX_EMBEDDED_SHA256},
    {NULL, NULL, NULL, 0, NULL},
};

#else

static const struct vox_embedded_model models[] = {
    {NULL, NULL, NULL, 0, NULL},
};

#endif

const struct vox_embedded_model *vox_embedded_model_at(int i)
{
    int n = 0;
    while (n < i && models[n].name != NULL) {
        n++;
    }
    return i >= 0 && models[n].name != NULL ? &models[n] : NULL;
}

const struct vox_embedded_model *vox_embedded_model_find(const char *name)
{
    const struct vox_embedded_model *model;
    for (int i = 0; (model = vox_embedded_model_at(i)) != NULL; i++) {
        if (strcmp(model->name, name) == 0 || strcmp(model->short_name, name) == 0) {
            return model;
        }
    }
    return NULL;
}
