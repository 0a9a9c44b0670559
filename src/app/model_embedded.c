#include "app/model_embedded.h"

#include <string.h>

/* One row a model; the last has no name. */
static const struct vox_embedded_model models[] = {
    {NULL, NULL, 0, NULL, 0},
};

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
        if (strcmp(model->name, name) == 0) {
            return model;
        }
    }
    return NULL;
}
