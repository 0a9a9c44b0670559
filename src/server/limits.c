#include "server/limits.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

struct bound {
    const char *name;
    size_t offset;
    uint64_t value, least, most;
};

static const struct bound bounds[] = {
#define BOUND(member, value, least, most, name)                                                    \
    {name, offsetof(struct vox_http_limits, member), value, least, most},
    VOX_HTTP_LIMITS(BOUND)
#undef BOUND
};

void vox_http_limits_default(struct vox_http_limits *out)
{
    for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
        memcpy((char *)out + bounds[i].offset, &bounds[i].value, sizeof(uint64_t));
    }
}

enum vox_code vox_http_limits_set(struct vox_http_limits *limits, const char *name, uint64_t value,
                                  struct vox_err *err)
{
    for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
        const struct bound *bound = &bounds[i];
        if (strcmp(bound->name, name) != 0) {
            continue;
        }
        if (value < bound->least || value > bound->most) {
            return vox_fail(err, VOX_E_LIMIT, "%s must be from %" PRIu64 " to %" PRIu64,
                            bound->name, bound->least, bound->most);
        }
        memcpy((char *)limits + bound->offset, &value, sizeof(value));
        return VOX_OK;
    }
    return vox_fail(err, VOX_E_NOT_FOUND, "there is no limit of that name");
}
