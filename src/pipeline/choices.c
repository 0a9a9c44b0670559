#include "pipeline/choices.h"

#include <string.h>

#include "pipeline/request.h"

/* In the order of the enums of pipeline/request.h. */
static const char *const broadcast_names[] = {"default", "propagate", "box"};
static const char *const points_as_names[] = {"clicks", "box"};
static const char *const extent_names[] = {"default", "strict", "free"};
static const char *const clip_names[] = {"default", "loose", "tight", "off"};
static const char *const passes_names[] = {"default", "intersection", "union",
                                           "forward", "backward",     "from_key"};

_Static_assert(VOX_BROADCAST_BOX == 2, "the last name");
_Static_assert(VOX_POINTS_AS_BOX == 1, "the last name");
_Static_assert(VOX_EXTENT_FREE == 2, "the last name");
_Static_assert(VOX_CLIP_OFF == 3, "the last name");
_Static_assert(VOX_PASSES_FROM_KEY == 5, "the last name");

const struct vox_choices vox_broadcast_choices = {broadcast_names, VOX_BROADCAST_BOX + 1};
const struct vox_choices vox_points_as_choices = {points_as_names, VOX_POINTS_AS_BOX + 1};
const struct vox_choices vox_extent_choices = {extent_names, VOX_EXTENT_FREE + 1};
const struct vox_choices vox_clip_choices = {clip_names, VOX_CLIP_OFF + 1};
const struct vox_choices vox_passes_choices = {passes_names, VOX_PASSES_FROM_KEY + 1};

int vox_choice_find(const struct vox_choices *choices, const char *name)
{
    for (int i = 0; i < choices->n; i++) {
        if (strcmp(choices->names[i], name) == 0) {
            return i;
        }
    }
    return -1;
}

static const char *name_of(const struct vox_choices *choices, int value)
{
    return value >= 0 && value < choices->n ? choices->names[value] : "unknown";
}

const char *vox_broadcast_name(enum vox_broadcast value)
{
    return name_of(&vox_broadcast_choices, (int)value);
}

const char *vox_extent_name(enum vox_extent value)
{
    return name_of(&vox_extent_choices, (int)value);
}

const char *vox_clip_name(enum vox_clip value)
{
    return name_of(&vox_clip_choices, (int)value);
}

const char *vox_passes_name(enum vox_passes value)
{
    return name_of(&vox_passes_choices, (int)value);
}

/* "default", value 0 of all of them, leaves the choice open and so is none. */
bool vox_broadcast_find(const char *name, enum vox_broadcast *out)
{
    int found = vox_choice_find(&vox_broadcast_choices, name);
    if (found > 0) {
        *out = (enum vox_broadcast)found;
    }
    return found > 0;
}

bool vox_extent_find(const char *name, enum vox_extent *out)
{
    int found = vox_choice_find(&vox_extent_choices, name);
    if (found > 0) {
        *out = (enum vox_extent)found;
    }
    return found > 0;
}

bool vox_clip_find(const char *name, enum vox_clip *out)
{
    int found = vox_choice_find(&vox_clip_choices, name);
    if (found > 0) {
        *out = (enum vox_clip)found;
    }
    return found > 0;
}

bool vox_passes_find(const char *name, enum vox_passes *out)
{
    int found = vox_choice_find(&vox_passes_choices, name);
    if (found > 0) {
        *out = (enum vox_passes)found;
    }
    return found > 0;
}
